/* <convolution-explorer>: a kernel slides over a small image; products, sum and the growing output are shown.
 * Needs base.js before it.
 *
 * The image: 64×64 pixels (rows 268–331, columns 300–363) of StarDist's sample image of nuclei, each 4×4 pixels
 * averaged and rounded to grey values (tests/test_explorable_04.py repeats this). BSD 3-Clause, notice in
 * LICENSE-stardist.txt; the image itself is BBBC038, CC0.
 *
 * @name convolution
 * @about A kernel slides over a small image: weights, padding, stride, dilation and pooling (chapter 4).
 * @poster check padding-zeros; fill position 169 */
(() => {
  "use strict";
  const { define, number, clamp, make } = window.CourseExplorable;

  const SIDE = 16;
  const IMAGE = [
    20, 22, 24, 24, 23, 22, 24, 25, 27, 31, 35, 28, 23, 20, 20, 15,
    21, 24, 27, 28, 31, 32, 30, 25, 26, 24, 23, 24, 22, 18, 20, 18,
    22, 25, 31, 46, 53, 50, 46, 31, 21, 22, 20, 20, 20, 15, 19, 18,
    24, 34, 56, 61, 70, 62, 52, 34, 24, 20, 22, 19, 19, 20, 20, 19,
    29, 50, 61, 70, 68, 64, 53, 30, 24, 23, 21, 23, 20, 17, 19, 20,
    34, 54, 63, 69, 66, 58, 42, 29, 23, 25, 24, 25, 23, 23, 23, 21,
    38, 50, 57, 57, 50, 39, 29, 25, 25, 26, 27, 29, 29, 28, 28, 26,
    25, 30, 38, 35, 29, 26, 23, 25, 28, 32, 43, 51, 56, 58, 53, 38,
    20, 22, 24, 23, 23, 22, 24, 27, 35, 58, 71, 80, 89, 92, 76, 61,
    19, 20, 22, 22, 23, 24, 27, 32, 57, 86, 98, 106, 109, 106, 94, 71,
    20, 23, 21, 20, 23, 22, 28, 38, 69, 88, 103, 105, 107, 97, 82, 57,
    19, 22, 20, 22, 22, 25, 28, 38, 62, 83, 95, 97, 93, 84, 63, 41,
    19, 21, 24, 26, 28, 28, 32, 36, 42, 64, 87, 93, 87, 80, 68, 50,
    23, 26, 32, 45, 46, 51, 45, 42, 46, 77, 83, 90, 87, 80, 66, 51,
    27, 43, 54, 66, 70, 78, 68, 63, 51, 71, 88, 86, 85, 71, 55, 36,
    38, 55, 70, 74, 77, 79, 73, 63, 46, 55, 69, 68, 60, 46, 32, 28
  ];
  const times = (factor, weights) => weights.map((weight) => weight * factor);
  const KERNELS = {
    sobelX: ["Edges, left to right (Sobel)", [-1, 0, 1, -2, 0, 2, -1, 0, 1]],
    sobelY: ["Edges, top to bottom (Sobel)", [-1, -2, -1, 0, 0, 0, 1, 2, 1]],
    laplace: ["Spots and outlines (Laplace)", [0, -1, 0, -1, 4, -1, 0, -1, 0]],
    mean: ["Mean", times(1 / 9, [1, 1, 1, 1, 1, 1, 1, 1, 1])],
    gauss: ["Gaussian", times(1 / 16, [1, 2, 1, 2, 4, 2, 1, 2, 1])],
    sharpen: ["Sharpen", [0, -1, 0, -1, 5, -1, 0, -1, 0]],
    identity: ["Nothing (identity)", [0, 0, 0, 0, 1, 0, 0, 0, 0]],
    own: ["Your own weights", null],
    max: ["Max pooling, 2×2", null],
    average: ["Average pooling, 2×2", null],
  };
  const LARGEST = 99; // weights

  class ConvolutionExplorer extends window.CourseExplorable {
    static label = "A kernel slides over an image";
    static help = "Drag the round handle over the image, or focus it and use the arrow keys. Change a weight: type, or arrow keys.";

    build() {
      const pair = make("div", { class: "pair" });
      this.stages.append(make("style", {}, `
        .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 12px; align-items: end; }
        .window { display: grid; gap: 6px; justify-content: center; }
        .cell { background: var(--surface); border-radius: 8px; padding: 4px 6px; text-align: center; min-width: 76px;
          font-variant-numeric: tabular-nums; line-height: 1.35; }
        .cell[data-role=chosen] { outline: 2px solid var(--accent); }
        .cell[data-role=outside] .pixel { color: var(--muted); font-style: italic; }
        .cell input { width: 58px; min-height: 26px; font: inherit; text-align: center; color: var(--ink);
          background: var(--paper); border: 1px solid var(--line); border-radius: 5px; }
        .cell .product { font-weight: 600; }`), pair);
      this.input = this.stage({ label: "", view: [0, SIDE, 0, SIDE], draw: (c) => this.drawInput(c), parent: pair,
        drag: (x, y) => this.aim(x, y) });
      this.output = this.stage({ label: "", view: [0, SIDE, 0, SIDE], draw: (c) => this.drawOutput(c), parent: pair });
      pair.append(make("div", { class: "key" }, "input"), make("div", { class: "key" }, "output"));
      this.handle(this.input, {
        name: "window", label: "Move the window", colour: "orange", range: [0, 999],
        where: () => this.corner(),
        drag: (x, y) => this.aim(x - this.reach / 2, y - this.reach / 2),
        keys: (dx, dy) => this.go(clamp(this.outRow - dy, 0, this.size - 1) * this.size + clamp(this.outColumn + dx, 0, this.size - 1)),
        now: () => this.position, value: () => `row ${this.outRow + 1}, column ${this.outColumn + 1} of the output`,
      });
      this.cells = make("div", { class: "window" });
      this.stages.append(this.cells);
      this.note = this.text("note", this.stages);

      this.kernel = this.select({
        name: "kernel", label: "What the window computes",
        options: Object.fromEntries(Object.entries(KERNELS).map(([key, [label]]) => [key, label])),
        change: (key) => this.choose(key),
      });
      this.padding = this.choice({
        name: "padding", label: "Padding", options: { none: "no padding", zeros: "zeros", mirror: "mirror" },
        change: (value) => this.change({ pad: value }),
      });
      this.stride = this.slider({ name: "stride", label: "stride s", min: 1, max: 4,
        change: (value) => this.change({ s: value }) });
      this.dilation = this.slider({ name: "dilation", label: "dilation d", min: 1, max: 4,
        change: (value) => this.change({ d: value }) });
      this.place = this.slider({ name: "position", label: "position", min: 0, max: 1,
        format: (v) => `${v + 1} of ${this.size ** 2}`, change: (value) => this.go(value) });
      this.numbers({ sum: "this pixel", size: "output" });
      this.formula = this.text("formula");
      const row = this.row();
      this.button({ name: "step", label: "One step", main: true, parent: row, click: () => { this.stop(); this.next(); } });
      this.runButton = this.button({ name: "run", label: "Run", parent: row, click: () => this.toggle() });
    }

    reset() {
      Object.assign(this, { pad: "none", s: 1, d: 1, reached: 0 });
      this.choose("sobelX");
      this.padding.value = "none";
      this.go(4 * this.size + 4);
    }

    // ---------------------------------------------------------------- state
    /* Another kernel or kind of pooling; pooling usually moves by its own size. */
    choose(key) {
      const before = this.pools;
      this.mode = key;
      this.kernel.value = key;
      if (KERNELS[key][1]) this.w = [...KERNELS[key][1]];
      else if (!this.pools && !this.w) this.w = [...KERNELS.identity[1]];
      if (this.pools !== before) {
        this.s = this.pools ? 2 : 1;
        if (this.pools) Object.assign(this, { d: 1, pad: "none" });
      }
      this.change({});
    }

    get pools() { return this.mode === "max" || this.mode === "average"; }
    get k() { return this.pools ? 2 : 3; }
    get p() { return this.pad === "none" ? 0 : Math.floor(this.d * (this.k - 1) / 2); } // "same" at stride 1
    get reach() { return this.d * (this.k - 1) + 1; } // pixels from one side of the window to the other
    get outRow() { return Math.floor(this.position / this.size); }
    get outColumn() { return this.position % this.size; }

    /* Settings changed: keep the place of the window and how far the output had grown. */
    change(settings) {
      this.stop();
      const finished = this.size && this.reached >= this.size ** 2 - 1;
      const [row, column] = this.size ? [this.outRow / this.size, this.outColumn / this.size] : [0, 0];
      Object.assign(this, settings);
      this.size = Math.floor((SIDE + 2 * this.p - this.d * (this.k - 1) - 1) / this.s) + 1;
      this.results = Array.from({ length: this.size ** 2 }, (_, i) => this.result(i));
      this.position = Math.floor(row * this.size) * this.size + Math.floor(column * this.size);
      this.reached = finished ? this.size ** 2 - 1 : this.position;
    }

    setWeight(i, text) {
      const value = Number(text);
      if (text.trim() === "" || !Number.isFinite(value)) return;
      this.w[i] = clamp(value, -LARGEST, LARGEST);
      this.fresh = true; // write it back although the box has the focus
      this.mode = "own";
      this.kernel.value = "own";
      this.change({});
    }

    go(position) {
      this.position = clamp(position, 0, this.size ** 2 - 1);
      this.reached = Math.max(this.reached, this.position);
    }

    aim(x, y) {
      this.stop();
      const index = (v) => clamp(Math.round((v + this.p - this.reach / 2) / this.s), 0, this.size - 1);
      this.go(index(y) * this.size + index(x));
    }

    next() {
      if (this.position >= this.size ** 2 - 1) return false;
      this.go(this.position + 1);
      return true;
    }

    toggle() {
      if (this.running) return this.stop();
      if (this.position >= this.size ** 2 - 1) this.position = this.reached = 0;
      this.run(() => this.next(), Math.max(16, 6000 / this.size ** 2));
    }

    // ---------------------------------------------------------------- the calculation
    /* Grey value at a row and column that may lie outside; null where there is none to be read. */
    pixel(y, x) {
      if (y >= 0 && y < SIDE && x >= 0 && x < SIDE) return IMAGE[y * SIDE + x];
      if (this.pad === "zeros") return 0;
      const mirror = (v) => (v < 0 ? -v : v >= SIDE ? 2 * (SIDE - 1) - v : v);
      return IMAGE[mirror(y) * SIDE + mirror(x)];
    }

    /* The pixels under the window for one place of the output: [row, column, grey value]. */
    under(position) {
      const top = Math.floor(position / this.size) * this.s - this.p, left = position % this.size * this.s - this.p;
      return Array.from({ length: this.k ** 2 }, (_, i) => {
        const y = top + Math.floor(i / this.k) * this.d, x = left + i % this.k * this.d;
        return [y, x, this.pixel(y, x)];
      });
    }

    result(position) {
      const values = this.under(position).map(([, , value]) => value);
      if (this.mode === "max") return Math.max(...values);
      if (this.mode === "average") return values.reduce((a, b) => a + b) / values.length;
      return values.reduce((sum, value, i) => sum + value * this.w[i], 0);
    }

    // ---------------------------------------------------------------- the page
    /* Lower right corner of the window, where the handle covers none of its pixels. */
    corner() {
      return [this.outColumn * this.s - this.p + this.reach, this.outRow * this.s - this.p + this.reach];
    }

    update() {
      const { k, p, s, d, size } = this, here = this.results[this.position];
      this.input.view = [-p, SIDE + p, -p, SIDE + p];
      this.place.input.max = size ** 2 - 1;
      this.place.value = this.position;
      this.stride.value = s;
      this.dilation.value = d;
      this.padding.value = this.pad;
      this.table();
      this.show("sum", short(here));
      this.show("size", `${size} × ${size}`);
      this.formula.innerHTML = `output = ⌊(${SIDE} + 2·${p} − ${d}·(${k} − 1) − 1) / ${s}⌋ + 1 = <b>${size}</b>`;
      const [low, high] = [Math.min(...this.results), Math.max(...this.results)];
      const outside = this.under(this.position).filter(([y, x]) => y < 0 || x < 0 || y >= SIDE || x >= SIDE).length;
      const what = { max: "the largest", average: "the mean" }[this.mode] ?? "the sum of the products";
      this.note.textContent = `The output pixel in row ${this.outRow + 1}, column ${this.outColumn + 1} is ${what}: ${short(here)}. `
        + `In the output black is ${short(low)} and white ${short(high)}.`
        + (outside ? ` ${outside} of ${k * k} pixels lie outside the image and are made up.` : "");
      this.runButton.textContent = this.running ? "Stop" : "Run";
      this.input.label = `Image of nuclei, ${SIDE} by ${SIDE} pixels; the window covers ${k} by ${k} pixels, ${d} apart.`;
      this.output.label = `Output of ${size} by ${size} pixels, ${this.reached + 1} of ${size ** 2} computed.`;
      if (!this.running) this.say(`Output ${this.outRow + 1}, ${this.outColumn + 1} is ${short(here)}; the output has ${size} by ${size} pixels.`);
    }

    /* The window's pixels, weights and products. Boxes are made once for each window size. */
    table() {
      if (this.made !== this.k) {
        this.made = this.k;
        this.cells.style.gridTemplateColumns = `repeat(${this.k}, auto)`;
        this.boxes = Array.from({ length: this.k ** 2 }, (_, i) => {
          const pixel = make("span", { class: "pixel" }), product = make("div", { class: "product", "data-product": i });
          const weight = this.pools ? null : make("input", { type: "text", inputmode: "decimal", autocomplete: "off",
            "data-name": `weight-${i}`, "aria-label": `weight in row ${Math.floor(i / 3) + 1}, column ${i % 3 + 1}` });
          weight?.addEventListener("change", () => { this.setWeight(i, weight.value.replace("−", "-").replace(",", ".")); this.changed(); });
          weight?.addEventListener("keydown", (event) => {
            const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
            if (step) { event.preventDefault(); this.setWeight(i, String(Math.round((this.w[i] + step) * 1000) / 1000)); this.changed(); }
          });
          const box = make("div", { class: "cell" }, make("div", {}, pixel, ...(weight ? [" × ", weight] : [])), product);
          return { box, pixel, weight, product };
        });
        this.cells.replaceChildren(...this.boxes.map(({ box }) => box));
      }
      const values = this.under(this.position), here = this.results[this.position];
      values.forEach(([y, x, value], i) => {
        const { box, pixel, weight, product } = this.boxes[i];
        const outside = y < 0 || x < 0 || y >= SIDE || x >= SIDE;
        pixel.textContent = value;
        const chosen = this.mode === "max" && value === here;
        box.dataset.role = chosen ? "chosen" : outside ? "outside" : "";
        if (weight && (this.fresh || this.shadowRoot.activeElement !== weight)) weight.value = short(this.w[i]);
        product.textContent = this.pools ? (chosen ? "largest" : this.mode === "average" ? "÷ 4" : "") : `= ${short(value * this.w[i])}`;
      });
      this.fresh = false;
    }

    drawInput(context) {
      const { input, p } = this, unit = input.x(1) - input.x(0);
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, input.width, input.height);
      for (let y = -p; y < SIDE + p; y++) {
        for (let x = -p; x < SIDE + p; x++) {
          const grey = Math.round(clamp(this.pixel(y, x) / 110, 0, 1) * 255);
          context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
          context.fillRect(input.x(x), input.y(y), unit + 0.5, unit + 0.5);
        }
      }
      if (p) {
        context.strokeStyle = this.colour("sky");
        context.lineWidth = 1.5;
        context.setLineDash([4, 3]);
        context.strokeRect(input.x(0), input.y(0), SIDE * unit, SIDE * unit);
        context.setLineDash([]);
      }
      context.strokeStyle = "#E69F00";
      context.lineWidth = 2;
      for (const [y, x] of this.under(this.position)) context.strokeRect(input.x(x) + 1, input.y(y) + 1, unit - 2, unit - 2);
    }

    drawOutput(context) {
      const { output, size } = this;
      output.view = [0, size, 0, size];
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, output.width, output.height);
      // Pixels as large as those of the input, so that a smaller output looks smaller.
      const unit = output.width / (SIDE + 2 * this.p), edge = (output.width - unit * size) / 2;
      const low = Math.min(...this.results), span = Math.max(...this.results) - low || 1;
      for (let i = 0; i <= this.reached; i++) {
        const grey = Math.round((this.results[i] - low) / span * 255);
        context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
        context.fillRect(edge + i % size * unit, edge + Math.floor(i / size) * unit, unit + 0.5, unit + 0.5);
      }
      context.strokeStyle = this.colour("line");
      context.lineWidth = 1;
      context.strokeRect(edge, edge, unit * size, unit * size);
      context.strokeStyle = "#E69F00";
      context.lineWidth = 2;
      context.strokeRect(edge + this.outColumn * unit + 1, edge + this.outRow * unit + 1, Math.max(unit - 2, 1), Math.max(unit - 2, 1));
    }
  }

  /* A number with at most two decimals, and a real minus sign. */
  const short = (value) => number(value, Number.isInteger(Math.round(value * 100) / 100) ? 0 : 2);

  define("convolution-explorer", ConvolutionExplorer);
})();
