/* Base class of all explorables: one look, one way to make controls, one way to be accessible.
 *
 * A classic script that may run several times on a page and also as part of a module (in a notebook):
 * no top-level `this`, no document.currentScript, no network. How to use it: ../README.md.
 */
(() => {
  "use strict";
  if (window.CourseExplorable) return;

  // Colours come from the page where it defines them (book/assets/course.css); a notebook has none.
  // The palette is Okabe and Ito's; on dark paper the dark blue and the black would not be seen.
  const COLOURS = {
    paper: ["#ffffff", "#1b1e23"],
    surface: ["#f4f6f8", "#262a31"],
    ink: ["#1f2328", "#e8eaed"],
    muted: ["#57606a", "#a9b1bb"],
    line: ["#d0d7de", "#434a54"],
    accent: ["#005a92", "#7cc4f0"],
    "on-accent": ["#ffffff", "#10181f"],
    blue: ["#0072B2", "#56B4E9"],
    orange: ["#E69F00", "#E69F00"],
    green: ["#009E73", "#2BC49A"],
    vermilion: ["#D55E00", "#F0803C"],
    sky: ["#56B4E9", "#56B4E9"],
    purple: ["#CC79A7", "#CC79A7"],
    yellow: ["#F0E442", "#F0E442"],
  };
  const variables = (dark) =>
    Object.entries(COLOURS).map(([name, pair]) => `--${name}: var(--course-${name}, ${pair[dark]});`).join(" ");

  const STYLE = `
    :host { display: block; ${variables(0)} color-scheme: light; margin: 0; text-align: left; }
    :host([data-dark]) { ${variables(1)} color-scheme: dark; }
    :host([hidden]) { display: none; }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    .app { font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: var(--ink);
      background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 16px; }
    .columns { display: flex; flex-wrap: wrap; gap: 16px 24px; align-items: flex-start; }
    .stages { flex: 1.4 1 300px; min-width: 0; display: grid; gap: 12px; }
    .panel { flex: 1 1 230px; min-width: 0; display: grid; gap: 12px; align-content: start; }
    .title { font-weight: 600; margin: 0 0 10px; }
    p { margin: 0; }
    .muted { color: var(--muted); font-size: 13.5px; }
    .sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

    .stage { position: relative; }
    .stage canvas { display: block; width: 100%; border-radius: 6px; touch-action: pan-y; }
    .handle { position: absolute; width: 32px; height: 32px; margin: -16px 0 0 -16px; border-radius: 50%;
      cursor: grab; touch-action: none; }
    .handle::before { content: ""; position: absolute; inset: 7px; border-radius: 50%; border: 2.5px solid #fff;
      background: var(--handle, var(--accent)); box-shadow: 0 0 0 1.5px #1f2328; }
    .handle:hover::before { inset: 5px; }
    .handle:active { cursor: grabbing; }
    @media (prefers-reduced-motion: no-preference) { .handle::before { transition: inset .12s; } }

    :is(button, input, select, textarea, .handle):focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .control { display: grid; grid-template-columns: 1fr auto; gap: 2px 8px; }
    .control label { color: var(--ink); }
    .control output { font-variant-numeric: tabular-nums; font-weight: 600; }
    .control :is(input, select) { grid-column: 1 / -1; width: 100%; margin: 0; accent-color: var(--accent); font: inherit; }
    input[type=range] { height: 24px; cursor: pointer; }
    select, button { color: var(--ink); background: var(--surface); border: 1px solid var(--line); border-radius: 7px;
      padding: 6px 12px; min-height: 36px; font: inherit; cursor: pointer; }
    button:hover:not(:disabled), select:hover { border-color: var(--accent); }
    button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
    button:disabled { opacity: .5; cursor: default; }
    .row { display: flex; flex-wrap: wrap; gap: 8px; }
    .tick { display: flex; gap: 8px; align-items: center; min-height: 28px; }
    .tick input { flex: none; width: 18px; height: 18px; margin: 0; accent-color: var(--accent); }

    fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
    legend { padding: 0; margin-bottom: 4px; }
    .choices { display: flex; flex-wrap: wrap; gap: 4px; background: var(--surface); border: 1px solid var(--line);
      border-radius: 9px; padding: 3px; }
    .choices label { flex: 1 1 auto; position: relative; }
    .choices input { position: absolute; inset: 0; width: 100%; height: 100%; opacity: 0; margin: 0; cursor: pointer; }
    .choices span { display: block; text-align: center; padding: 5px 10px; border-radius: 6px; }
    .choices input:checked + span { background: var(--accent); color: var(--on-accent); font-weight: 600; }
    .choices input:focus-visible + span { outline: 3px solid var(--accent); outline-offset: 2px; }

    .numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(112px, 1fr)); gap: 8px; margin: 0; }
    .numbers > div { background: var(--surface); border-radius: 8px; padding: 7px 10px; }
    .numbers dt { color: var(--muted); font-size: 13px; line-height: 1.25; }
    .numbers dd { margin: 0; font-size: 19px; font-weight: 600; white-space: nowrap; font-variant-numeric: tabular-nums; }
    .note { background: var(--surface); border-left: 4px solid var(--accent); border-radius: 0 8px 8px 0;
      padding: 8px 12px; min-height: 3.9em; }
    .formula { font-family: "STIX Two Math", "Cambria Math", Georgia, "Times New Roman", serif; font-size: 17px; }
    .formula b { font-variant-numeric: tabular-nums; }
    .key { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13.5px; color: var(--muted); }
    .key span { display: inline-flex; align-items: center; gap: 6px; }
    .key svg { flex: none; }
    .foot { display: flex; flex-wrap: wrap; gap: 6px 16px; justify-content: space-between; align-items: center;
      margin-top: 12px; }
    .foot .muted { flex: 1 1 220px; }

    .picture { display: none; }
    @media print { .picture:not([hidden]) { display: block; } .picture:not([hidden]) ~ .app { display: none; } }
  `;

  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const night = window.matchMedia("(prefers-color-scheme: dark)");

  /* Is the page dark? What the page says counts (book, Quarto, JupyterLab, VS Code, Colab), then the system. */
  function isDark() {
    const root = document.documentElement, body = document.body;
    const theme = root.dataset.theme || root.getAttribute("theme");
    if (theme === "dark" || theme === "light") return theme === "dark";
    if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
    if (body.dataset.vscodeThemeKind) return !body.dataset.vscodeThemeKind.includes("light");
    if (body.classList.contains("quarto-dark")) return true;
    if (body.classList.contains("quarto-light")) return false;
    return night.matches;
  }

  /* Make an element: make("p", {class: "muted"}, "text", child, …). */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== null && value !== false) {
        element.setAttribute(name, value === true ? "" : value);
      }
    }
    element.append(...children);
    return element;
  }

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  let count = 0; // for ids that are unique on the page

  class CourseExplorable extends HTMLElement {
    // ------------------------------------------------------------------ what an explorable defines
    /* Name shown above and read out. */
    static label = "Explorable";
    /* One line below: what can be done with pointer and keys. */
    static help = "";
    /* Make the controls (called once). */
    build() {}
    /* Set the state to its first values (called once after build, and by the reset button). */
    reset() {}
    /* Bring numbers, texts and canvases in line with the state (called at most once a frame). */
    update() {}

    // ------------------------------------------------------------------ life
    static define(tag, explorable) {
      if (!customElements.get(tag)) customElements.define(tag, explorable);
    }

    connectedCallback() {
      if (!this.shadowRoot) this.#frame();
      this.#watcher = new MutationObserver(() => this.#theme());
      for (const element of [document.documentElement, document.body]) {
        this.#watcher.observe(element, { attributes: true });
      }
      this.#onTheme = () => this.#theme();
      night.addEventListener("change", this.#onTheme);
      this.#theme();
    }

    disconnectedCallback() {
      this.#watcher.disconnect();
      night.removeEventListener("change", this.#onTheme);
      this.stop();
    }

    #watcher; #onTheme; #frameRequest = 0; #timer = 0; #spoken = ""; #speech = 0; #palette = {}; #stages = [];
    #numbers = {};

    #frame() {
      const root = this.attachShadow({ mode: "open" });
      const { label, help } = this.constructor;
      const picture = make("div", { class: "picture", hidden: !this.childElementCount }, make("slot"));
      this.stages = make("div", { class: "stages" });
      this.panel = make("div", { class: "panel" });
      this.live = make("div", { class: "sr", role: "status", "aria-live": "polite" });
      const reset = make("button", { type: "button", "data-name": "reset" }, "Reset");
      reset.addEventListener("click", () => { this.stop(); this.reset(); this.changed(); });
      root.append(
        make("style", {}, STYLE),
        picture,
        make("div", { class: "app", role: "group", "aria-label": label },
          make("p", { class: "title" }, label),
          make("div", { class: "columns" }, this.stages, this.panel),
          make("div", { class: "foot" }, make("p", { class: "muted" }, help), reset),
          this.live),
      );
      this.build();
      this.reset();
      this.changed();
    }

    #theme() {
      this.toggleAttribute("data-dark", isDark());
      this.#palette = {};
      this.changed();
    }

    /* Ask for an update: the next frame does it, however often this is called before. */
    changed() {
      if (!this.#frameRequest) {
        this.#frameRequest = requestAnimationFrame(() => { this.#frameRequest = 0; this.update(); this.redraw(); this.judge?.(); });
      }
    }

    redraw() { for (const stage of this.#stages) stage.redraw(); }

    /* A colour of the look, for canvases: "ink", "paper", "muted", "line", "accent", "blue", "orange" … */
    colour(name) {
      return (this.#palette[name] ??= getComputedStyle(this).getPropertyValue(`--${name}`).trim());
    }

    get reducedMotion() { return still.matches; }

    /* Call `step` every `interval` ms until it returns false. With reduced motion all steps are done at once. */
    run(step, interval = 120) {
      this.stop();
      if (this.reducedMotion) {
        for (let i = 0; i < 10000 && step() !== false; i++);
        this.changed();
        return;
      }
      this.#timer = setInterval(() => { if (step() === false) this.stop(); this.changed(); }, interval);
    }

    stop() { clearInterval(this.#timer); this.#timer = 0; this.changed(); }

    get running() { return this.#timer !== 0; }

    /* Have a screen reader say something, once things are quiet. */
    say(text) {
      clearTimeout(this.#speech);
      this.#speech = setTimeout(() => {
        if (text !== this.#spoken && this.#spoken) this.live.textContent = text;
        this.#spoken = text;
      }, 500);
    }

    // ------------------------------------------------------------------ controls
    /* Each returns an object whose `value` can be read and set; setting does not call `change`. */

    slider({ name, label, min, max, step = 1, format = String, change, parent = this.panel }) {
      const id = `course-${++count}`;
      const input = make("input", { type: "range", id, min, max, step, "data-name": name });
      const output = make("output", { for: id });
      let value = min; // kept apart, because the input rounds to its steps
      const show = () => { output.textContent = format(value); input.setAttribute("aria-valuetext", format(value)); };
      input.addEventListener("input", () => { value = Number(input.value); show(); change(value); this.changed(); });
      const element = make("div", { class: "control" }, make("label", { for: id }, label), output, input);
      parent.append(element);
      return {
        element, input,
        get value() { return value; },
        set value(next) { value = next; input.value = next; show(); },
      };
    }

    select({ name, label, options, change, parent = this.panel }) {
      const id = `course-${++count}`;
      const input = make("select", { id, "data-name": name },
        ...Object.entries(options).map(([value, text]) => make("option", { value }, text)));
      input.addEventListener("change", () => { change(input.value); this.changed(); });
      const element = make("div", { class: "control" }, make("label", { for: id }, label), input);
      parent.append(element);
      return { element, input, get value() { return input.value; }, set value(next) { input.value = next; } };
    }

    /* A few alternatives side by side (radio buttons). */
    choice({ name, label, options, change, parent = this.panel }) {
      const group = `course-${++count}`;
      const inputs = Object.entries(options).map(([value, text]) => {
        const input = make("input", { type: "radio", name: group, value, "data-name": `${name}-${value}` });
        input.addEventListener("change", () => { change(value); this.changed(); });
        return [input, make("label", {}, input, make("span", {}, text))];
      });
      const element = make("fieldset", {}, make("legend", { class: "sr" }, label),
        make("div", { class: "choices" }, ...inputs.map((pair) => pair[1])));
      parent.append(element);
      return {
        element,
        get value() { return inputs.find(([input]) => input.checked)?.[0].value; },
        set value(next) { for (const [input] of inputs) input.checked = input.value === next; },
      };
    }

    checkbox({ name, label, change, parent = this.panel }) {
      const input = make("input", { type: "checkbox", "data-name": name });
      input.addEventListener("change", () => { change(input.checked); this.changed(); });
      const element = make("label", { class: "tick" }, input, label);
      parent.append(element);
      return { element, input, get value() { return input.checked; }, set value(next) { input.checked = next; } };
    }

    button({ name, label, click, main = false, parent = this.panel }) {
      const element = make("button", { type: "button", class: main ? "main" : null, "data-name": name }, label);
      element.addEventListener("click", () => { click(); this.changed(); });
      parent.append(element);
      return element;
    }

    row(parent = this.panel) {
      const element = make("div", { class: "row" });
      parent.append(element);
      return element;
    }

    /* Boxes with numbers: numbers({errors: "Errors"}), later show("errors", 3). */
    numbers(labels, parent = this.panel) {
      const list = make("dl", { class: "numbers" });
      for (const [name, label] of Object.entries(labels)) {
        this.#numbers[name] = make("dd", { "data-number": name }, "–");
        list.append(make("div", {}, make("dt", {}, label), this.#numbers[name]));
      }
      parent.append(list);
      return list;
    }

    show(name, value) {
      const text = String(value);
      if (this.#numbers[name].textContent !== text) this.#numbers[name].textContent = text;
    }

    /* A paragraph whose text is set later; kind: "note", "formula", "muted", "key". */
    text(kind, parent = this.panel) {
      const element = make("div", { class: kind, "data-text": kind });
      parent.append(element);
      return element;
    }

    // ------------------------------------------------------------------ canvases
    /* A canvas with coordinates of its own, sharp on every screen.
     *
     * view: [x0, x1, y0, y1], what lies at the left, right, top and bottom edge.
     * aspect: width divided by height. draw(context, stage) paints it, in CSS pixels.
     * drag(x, y), optional: the pointer pressed or moved on the canvas, in coordinates of the view.
     */
    stage({ label, view, aspect = 1, draw, drag, parent = this.stages }) {
      const canvas = make("canvas", { role: "img", "aria-label": label });
      canvas.style.aspectRatio = String(aspect);
      const element = make("div", { class: "stage" }, canvas);
      parent.append(element);
      const context = canvas.getContext("2d");
      const handles = [];
      const stage = {
        element, canvas, view, width: 0, height: 0,
        set label(text) { canvas.setAttribute("aria-label", text); },
        x(value) { const [a, b] = stage.view; return (value - a) / (b - a) * stage.width; },
        y(value) { const [, , a, b] = stage.view; return (value - a) / (b - a) * stage.height; },
        /* Coordinates of a pointer event. */
        at(event) {
          const box = canvas.getBoundingClientRect(), [x0, x1, y0, y1] = stage.view;
          return [x0 + (event.clientX - box.left) / box.width * (x1 - x0),
            y0 + (event.clientY - box.top) / box.height * (y1 - y0)];
        },
        handles,
        redraw() {
          const width = canvas.clientWidth, height = canvas.clientHeight, density = window.devicePixelRatio || 1;
          if (!width || !height) return;
          stage.width = width; stage.height = height;
          const [w, h] = [Math.round(width * density), Math.round(height * density)];
          if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
          context.setTransform(w / width, 0, 0, h / height, 0, 0);
          context.clearRect(0, 0, width, height);
          context.lineJoin = context.lineCap = "round";
          draw(context, stage);
          for (const handle of handles) handle.place();
        },
      };
      if (drag) {
        const follow = (event) => { drag(...stage.at(event)); this.changed(); };
        canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); follow(event); });
        canvas.addEventListener("pointermove", (event) => {
          if (canvas.hasPointerCapture(event.pointerId)) follow(event);
        });
      }
      // Left to an update that is on its way: before the first one there is nothing to draw.
      new ResizeObserver(() => { if (!this.#frameRequest) stage.redraw(); }).observe(canvas);
      this.#stages.push(stage);
      return stage;
    }

    /* A point on a stage that is dragged, or moved by the arrow keys when it has the focus.
     *
     * where(): its place [x, y] in coordinates of the view, or null to hide it.
     * drag(x, y): the pointer moved it. keys(dx, dy): an arrow key was pressed; steps to the right and up
     * (±1, with Shift ±10). value(): its state in words. now(), range: a number for role "slider"; without
     * them the role is "application".
     */
    handle(stage, { name, label, where, drag, keys, value, now, range, colour }) {
      const element = make("div", {
        class: "handle", tabindex: 0, "data-name": name, "aria-label": label,
        role: now ? "slider" : "application", "aria-roledescription": now ? null : "movable point",
        "aria-valuemin": range?.[0], "aria-valuemax": range?.[1],
      });
      if (colour) element.style.setProperty("--handle", `var(--${colour})`);
      element.addEventListener("pointerdown", (event) => {
        element.setPointerCapture(event.pointerId);
        element.focus();
        event.preventDefault();
      });
      element.addEventListener("pointermove", (event) => {
        if (element.hasPointerCapture(event.pointerId)) { drag(...stage.at(event)); this.changed(); }
      });
      const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      element.addEventListener("keydown", (event) => {
        const arrow = arrows[event.key];
        if (!arrow || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        const size = event.shiftKey ? 10 : 1;
        keys(arrow[0] * size, arrow[1] * size);
        this.changed();
      });
      stage.element.append(element);
      const handle = {
        element,
        place() {
          const at = where();
          element.hidden = !at;
          if (!at) return;
          element.style.left = `${clamp(stage.x(at[0]), 0, stage.width)}px`;
          element.style.top = `${clamp(stage.y(at[1]), 0, stage.height)}px`;
          const words = value();
          if (now) { element.setAttribute("aria-valuenow", now()); element.setAttribute("aria-valuetext", words); }
          else element.setAttribute("aria-label", `${label}: ${words}`);
        },
      };
      stage.handles.push(handle);
      return handle;
    }

    // ------------------------------------------------------------------ small things
    /* Random numbers that are the same for the same seed (mulberry32): uniform() and normal(). */
    static random(seed) {
      let state = seed >>> 0;
      const uniform = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
      };
      const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
      return { uniform, normal };
    }

    /* A number with a real minus sign and a fixed number of decimals. */
    static number(value, digits = 2) {
      const text = value.toFixed(digits);
      return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "\u2212");
    }

    static clamp(value, low, high) { return clamp(value, low, high); }
    static make(tag, attributes, ...children) { return make(tag, attributes, ...children); }
  }

  window.CourseExplorable = CourseExplorable;
})();
