/* What is wider than the page scrolls by itself, and can be scrolled with the keyboard. The preview puts each
   table into a box that scrolls; Quarto does not, so it happens here. Both engines load this file. */
(() => {
  "use strict";
  const WIDE = ".table-scroll, pre, div.sourceCode, span.equation, main span[id^=eq-], p:has(> math[display=block])";
  const start = () => {
    document.querySelectorAll("main.content table").forEach((table) => {
      if (table.closest(".table-scroll")) return;
      const box = document.createElement("div");
      box.className = "table-scroll";
      table.replaceWith(box);
      box.append(table);
    });
    const boxes = [...document.querySelectorAll(WIDE)];
    const mark = () => boxes.forEach((box) => {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
    mark();
    window.addEventListener("resize", mark);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
