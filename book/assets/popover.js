/* Glossary terms and citations explain themselves where they stand.
   A link to glossary.html#term shows the definition when it is pointed at or focused; a click still
   follows it. Works from file:// (the preview brings the definitions as a script) and over http
   (they are read from the glossary page). */
(() => {
  "use strict";
  const start = () => {
    let box, owner, timer, pages = {};
    const glossary = /(^|\/)glossary\.html#./;

    const citation = (link) => {
      const id = link.getAttribute("href").split("#")[1];
      const entry = id && document.getElementById(id);
      return entry && !entry.contains(link) ? entry.cloneNode(true) : null;
    };
    const definition = async (link) => {
      const id = decodeURIComponent(link.hash.slice(1));
      const local = window.COURSE_GLOSSARY && window.COURSE_GLOSSARY[id];
      if (local) return fragment(local);
      if (!location.protocol.startsWith("http")) return null;
      const address = link.href.split("#")[0];
      pages[address] ||= fetch(address).then((answer) => answer.text())
        .then((text) => new DOMParser().parseFromString(text, "text/html"));
      const target = (await pages[address]).getElementById(id);
      if (!target) return null;
      const term = target.closest("dt");
      if (term) return term.nextElementSibling.cloneNode(true);
      const copy = target.cloneNode(true);
      copy.querySelector("h1, h2, h3, h4")?.remove();
      return copy;
    };
    const fragment = (html) => {
      const holder = document.createElement("div");
      holder.innerHTML = html;
      return holder;
    };

    const hide = () => {
      clearTimeout(timer);
      if (box) box.remove();
      if (owner) owner.removeAttribute("aria-describedby");
      box = owner = null;
    };
    const show = async (link) => {
      if (owner === link) return clearTimeout(timer);
      const isTerm = glossary.test(link.getAttribute("href") || "");
      const content = isTerm ? await definition(link) : citation(link);
      hide();
      if (!content || !link.matches(":hover, :focus")) return;
      content.querySelectorAll("[id]").forEach((element) => element.removeAttribute("id"));
      box = document.createElement("div");
      box.className = "course-popover";
      box.id = "course-popover";
      box.setAttribute("role", "tooltip");
      box.append(...content.childNodes);
      (document.querySelector("main") || document.body).append(box);
      const at = link.getClientRects()[0];
      const width = Math.min(box.offsetWidth, document.documentElement.clientWidth - 16);
      const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8));
      const below = at.bottom + box.offsetHeight + 12 < window.innerHeight;
      box.style.left = `${left + window.scrollX}px`;
      box.style.top = `${(below ? at.bottom + 6 : at.top - box.offsetHeight - 6) + window.scrollY}px`;
      box.addEventListener("mouseenter", () => clearTimeout(timer));
      box.addEventListener("mouseleave", hide);
      link.setAttribute("aria-describedby", box.id);
      owner = link;
    };
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(hide, 200);
    };
    document.querySelectorAll("main a").forEach((link) => {
      const href = link.getAttribute("href") || "";
      const term = glossary.test(href) && !/(^|\/)glossary\.html$/.test(location.pathname);
      if (!term && link.getAttribute("role") !== "doc-biblioref") return;
      if (term) link.classList.add("glossary-term");
      link.addEventListener("mouseenter", () => show(link));
      link.addEventListener("focus", () => show(link));
      link.addEventListener("mouseleave", later);
      link.addEventListener("blur", hide);
    });
    document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
