/* Light and dark. The page follows the system; the switch keeps the reader's choice on this machine.
   Runs in the head of every page, before anything is painted, in both engines. */
(() => {
  "use strict";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try {
      return localStorage.getItem("course-theme");
    } catch {
      return null; // some browsers keep no storage for pages opened from a file
    }
  };
  const store = (name) => {
    try {
      if (name) localStorage.setItem("course-theme", name);
      else localStorage.removeItem("course-theme");
    } catch {
      /* the choice then lasts as long as the page */
    }
  };
  const isDark = () => root.dataset.theme === "dark";
  const apply = (name) => {
    root.dataset.theme = name || (system.matches ? "dark" : "light");
    root.dataset.bsTheme = root.dataset.theme;
    document.dispatchEvent(new CustomEvent("course-theme", { detail: root.dataset.theme }));
  };
  apply(stored());
  system.addEventListener("change", () => apply(stored()));

  document.addEventListener("DOMContentLoaded", () => {
    const place = document.querySelector(".course-tools, .sidebar-tools-main, #quarto-sidebar .sidebar-title");
    if (!place || document.querySelector(".course-theme-button")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "course-theme-button";
    const label = () => {
      button.setAttribute("aria-label", isDark() ? "Switch to the light theme" : "Switch to the dark theme");
      button.title = button.getAttribute("aria-label");
    };
    button.innerHTML =
      '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">' +
      '<circle cx="12" cy="12" r="8.5" fill="none" stroke="currentColor" stroke-width="2"/>' +
      '<path d="M12 3.5a8.5 8.5 0 0 1 0 17z" fill="currentColor"/></svg>';
    button.addEventListener("click", () => {
      const name = isDark() ? "light" : "dark";
      store(name === (system.matches ? "dark" : "light") ? null : name);
      apply(name);
    });
    document.addEventListener("course-theme", label);
    label();
    place.append(button);
  });
})();
