// The filters of the model atlas. Without this script every model is there, and the filters are not shown.
(() => {
  "use strict";

  const start = () => {
    const form = document.querySelector(".model-filters");
    if (!form || !form.hidden) return;
    const models = [...document.querySelectorAll("article.model")];
    const selects = [...form.querySelectorAll("select")];
    const status = form.querySelector("[role=status]");
    const none = document.querySelector(".model-none");
    const families = new Map();
    for (const model of models) {
      // The heading of its family: the last heading of level 2 before it.
      const heading = [...document.querySelectorAll("main h2")]
        .filter((h2) => h2.compareDocumentPosition(model) & Node.DOCUMENT_POSITION_FOLLOWING).pop();
      if (heading) families.set(heading, [...(families.get(heading) || []), model]);
    }

    const fits = (model, select) => {
      const values = model.dataset[select.name].split("|");
      return !select.value || values.includes(select.value) || values.includes("any");
    };
    const update = () => {
      for (const model of models) model.hidden = !selects.every((select) => fits(model, select));
      for (const [heading, members] of families) heading.hidden = members.every((model) => model.hidden);
      const shown = models.filter((model) => !model.hidden).length;
      status.textContent = `${shown} of ${models.length} models`;
      none.hidden = shown > 0;
    };
    // Whoever follows a link to a model sees it, whatever was filtered before.
    const reveal = () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (!target || !target.hidden) return;
      form.reset();
      target.scrollIntoView();
    };

    form.addEventListener("change", update);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => {
      for (const select of selects) select.value = "";
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
