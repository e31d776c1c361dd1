/* The page frame of the preview: menu, search, tabs, copy buttons. A classic script without
   dependencies, so that it runs when the page is opened by double-clicking the file. */
(() => {
  "use strict";
  const me = document.querySelector("script[data-index]");
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // The list of chapters behind a button on narrow screens.
  const menu = find(".course-menu-button");
  if (menu) {
    menu.hidden = false;
    document.documentElement.classList.add("course-js");
    const toggle = (open) => {
      menu.setAttribute("aria-expanded", String(open));
      document.documentElement.classList.toggle("course-menu-open", open);
    };
    menu.addEventListener("click", () => toggle(menu.getAttribute("aria-expanded") !== "true"));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && menu.getAttribute("aria-expanded") === "true") {
        toggle(false);
        menu.focus();
      }
    });
  }
  const contents = find("#TOC details");
  if (contents && window.matchMedia("(max-width: 75rem)").matches) contents.open = false;

  // Tabs: panes that are plain sections without this script.
  const groups = {};
  all(".panel-tabset").forEach((set, number) => {
    const panes = all(":scope > .tab-content > .tab-pane", set);
    const list = make("div", { className: "nav nav-tabs" });
    list.setAttribute("role", "tablist");
    const tabs = panes.map((pane) => {
      const title = find(".tab-title", pane);
      const tab = make("button", { type: "button", className: "nav-link", id: pane.id + "-tab" });
      tab.innerHTML = title.innerHTML;
      title.remove();
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", pane.id);
      pane.setAttribute("role", "tabpanel");
      pane.setAttribute("aria-labelledby", tab.id);
      pane.tabIndex = 0;
      list.append(tab);
      return tab;
    });
    const show = (chosen) => tabs.forEach((tab, n) => {
      tab.setAttribute("aria-selected", String(n === chosen));
      tab.classList.toggle("active", n === chosen);
      tab.tabIndex = n === chosen ? 0 : -1;
      panes[n].hidden = n !== chosen;
    });
    const group = set.dataset.group;
    const names = tabs.map((tab) => tab.textContent.trim());
    if (group) (groups[group] ||= []).push((name) => names.includes(name) && show(names.indexOf(name)));
    const choose = (n) => (group ? groups[group].forEach((other) => other(names[n])) : show(n));
    tabs.forEach((tab, n) => {
      tab.addEventListener("click", () => choose(n));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: n + 1, ArrowLeft: n - 1, Home: 0, End: tabs.length - 1 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const next = (step + tabs.length) % tabs.length;
        choose(next);
        tabs[next].focus();
      });
    });
    set.prepend(list);
    show(Math.max(0, panes.findIndex((pane) => pane.classList.contains("active"))));
    set.dataset.number = number;
  });
  // A link into a hidden tab or a closed box opens it.
  const reveal = () => {
    let target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const goal = target;
    for (; target; target = target.parentElement) {
      if (target.tagName === "DETAILS") target.open = true;
      if (target.getAttribute("role") === "tabpanel" && target.hidden) document.getElementById(target.id + "-tab").click();
    }
    if (goal) goal.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  // Copy buttons, and keyboard access to whatever scrolls sideways.
  all("div.sourceCode, main pre:not(.sourceCode)").forEach((block) => {
    if (block.closest(".cell-output")) return;
    const wrap = block.matches("div") ? block : make("div", { className: "code-plain" });
    if (wrap !== block) block.replaceWith(wrap), wrap.append(block);
    const button = make("button", { type: "button", className: "code-copy-button", textContent: "Copy" });
    button.setAttribute("aria-label", "Copy the code");
    button.addEventListener("click", async () => {
      const text = find("code", wrap).innerText;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const area = make("textarea", { value: text });
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    wrap.append(button);
  });

  // A link sign behind each heading that has an address.
  all("main section[id] > :is(h1, h2, h3, h4)").forEach((heading) => {
    const link = make("a", { className: "anchorjs-link", href: "#" + heading.parentElement.id, textContent: "#" });
    link.setAttribute("aria-label", "Link to this section");
    heading.append(link);
  });

  // The section being read is marked in the contents of the page.
  const entries = new Map(all("#TOC a").map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
  if (entries.size && "IntersectionObserver" in window) {
    const headings = [...entries.keys()].map((id) => document.getElementById(id)).filter(Boolean);
    const mark = () => {
      const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 140);
      const current = passed.at(-1) || headings[0];
      entries.forEach((link, id) => link.classList.toggle("active", current && id === current.id));
    };
    new IntersectionObserver(mark, { rootMargin: "-120px 0px 0px", threshold: [0, 1] }).observe(document.body);
    document.addEventListener("scroll", mark, { passive: true });
    mark();
  }

  // Search. The index is a script of its own, fetched when the search is opened for the first time.
  const dialog = find(".course-search");
  const opener = find(".course-search-button");
  if (!dialog || !opener || !me) return;
  const field = find("input", dialog), count = find(".course-search-count", dialog), list = find("ol", dialog);
  opener.hidden = false;
  let loading;
  const index = () => (loading ||= new Promise((done) => {
    const script = make("script", { src: me.dataset.index });
    script.onload = () => done(window.COURSE_SEARCH.map((record) => ({
      ...record, title: (record.s + " " + record.p).toLowerCase(), text: record.t.toLowerCase(),
    })));
    script.onerror = () => done([]);
    document.head.append(script);
  }));
  const marked = (text, words) => {
    const pattern = new RegExp("(" + words.map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|") + ")", "gi");
    return text.split(pattern).map((piece, n) => (n % 2 ? make("mark", { textContent: piece }) : piece));
  };
  const search = async () => {
    const records = await index();
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    if (!words.length) { count.textContent = ""; return; }
    const found = [];
    for (const record of records) {
      let score = 0;
      for (const word of words) {
        const inTitle = record.title.includes(word), inText = record.text.includes(word);
        if (!inTitle && !inText) { score = 0; break; }
        score += (inTitle ? 10 : 0) + (inText ? Math.min(5, record.text.split(word).length - 1) : 0);
      }
      if (score) found.push([score, record]);
    }
    found.sort((a, b) => b[0] - a[0]);
    count.textContent = found.length === 1 ? "1 place" : `${found.length || "No"} places`;
    for (const [, record] of found.slice(0, 30)) {
      const at = Math.max(0, Math.min(...words.map((w) => record.text.indexOf(w)).filter((p) => p >= 0).concat(record.t.length)) - 60);
      const snippet = at < record.t.length ? (at ? "…" : "") + record.t.slice(at, at + 200) + (at + 200 < record.t.length ? "…" : "") : "";
      const link = make("a", { href: me.dataset.root + record.u }, make("strong", {}, ...marked(record.s || record.p, words)));
      if (record.s) link.append(make("small", { textContent: record.p }));
      link.append(make("span", {}, ...marked(snippet, words)));
      link.addEventListener("click", () => dialog.close());
      list.append(make("li", {}, link));
    }
  };
  const open = () => { dialog.showModal(); index(); field.select(); };
  opener.addEventListener("click", open);
  field.addEventListener("input", search);
  find("form", dialog).addEventListener("submit", (event) => {
    if (event.submitter && document.activeElement !== field) return;
    event.preventDefault();
    const first = find("a", list);
    if (first) first.click();
  });
  find("form button", dialog).addEventListener("click", (event) => { event.preventDefault(); dialog.close(); });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { // in a search field it would only empty the field
      event.preventDefault();
      dialog.close();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const stops = [field, ...all("a", list)];
    const at = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    stops[Math.max(0, Math.min(stops.length - 1, at))].focus();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.composedPath()[0].closest?.("input, textarea, select, [contenteditable]");
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing;
    if (!dialog.open && (slash || (event.key === "k" && (event.ctrlKey || event.metaKey)))) {
      event.preventDefault();
      open();
    }
  });
})();
