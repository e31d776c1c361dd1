// The search of the case clinic. Without this script every case is there, and the form is not shown.
(() => {
  "use strict";

  const DULL = new Set(("a an and are as at be but by can do does for from has have how i in is it its me my no not of on " +
    "or our so than that the then there they this to too was we what when where which why with you your one all any " +
    "each every some only also very get got using use am after before if im want need help").split(" "));
  const ENDING = /(?<=\w{3})(ies|es|s|ed|ing|y|e)$/;

  // Words without their endings, as in clinic/patients.py.
  const stems = (text) => [...new Set((text.toLowerCase().match(/[a-z0-9µ]+/g) || [])
    .filter((word) => !DULL.has(word))
    .map((word) => word.replace(ENDING, "")))];

  const start = () => {
    const form = document.getElementById("clinic-form");
    if (!form || !form.hidden) return;
    const cases = [...document.querySelectorAll("article.model[data-strong]")].map((element) => ({
      element,
      heading: element.querySelector("h3").textContent.replace(/[#\s]+$/, ""),
      strong: new Set(element.dataset.strong.split(" ")),
      weak: new Set(element.dataset.weak.split(" ")),
    }));
    const words = document.getElementById("clinic-words");
    const group = document.getElementById("clinic-group");
    const status = form.querySelector("[role=status]");
    const none = document.querySelector(".clinic-none");
    const headings = [...new Set(cases.map((item) => item.element.dataset.group))]
      .map((name) => [name, document.getElementById(`sec-clinic-${name}`)]);

    // Rare words count more than common ones; rounded, so that ties are those of clinic/patients.py.
    const weight = (word) => {
      const known = cases.filter((item) => item.strong.has(word) || item.weak.has(word)).length;
      return known ? Math.log(1 + cases.length / known) : 0;
    };
    const fit = (item, asked) => Math.round(1e6 * asked.reduce((sum, [word, rare]) =>
      sum + (item.strong.has(word) ? rare : item.weak.has(word) ? 0.3 * rare : 0), 0)) / 1e6;
    const update = () => {
      const asked = stems(words.value).map((word) => [word, weight(word)]);
      const scores = new Map(cases.map((item) => [item, asked.length ? fit(item, asked) : 1]));
      for (const [item, score] of scores) {
        item.element.hidden = score === 0 || (group.value && item.element.dataset.group !== group.value);
      }
      const shown = cases.filter((item) => !item.element.hidden).sort((a, b) => scores.get(b) - scores.get(a));
      status.textContent = `${shown.length} of ${cases.length} cases`;
      if (asked.length && shown.length) {
        let separator = "; the best: ";
        for (const item of shown.slice(0, 3)) {
          const link = document.createElement("a");
          link.href = `#${item.element.id}`;
          link.textContent = item.heading;
          status.append(separator, link);
          separator = ", ";
        }
      }
      for (const [name, heading] of headings) {
        const h2 = heading && (heading.matches("h2") ? heading : heading.querySelector("h2"));
        if (h2) h2.hidden = !shown.some((item) => item.element.dataset.group === name);
      }
      none.hidden = shown.length > 0;
    };
    // Whoever follows a link to a case sees it, whatever was searched before.
    const reveal = () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (!target || !target.hidden) return;
      form.reset();
      target.scrollIntoView();
    };

    form.addEventListener("input", update);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => {
      words.value = group.value = "";
      update();
    });
    window.addEventListener("hashchange", reveal);
    form.hidden = false;
    update(); // a browser may have kept what was chosen before the page was loaded again
    reveal();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
