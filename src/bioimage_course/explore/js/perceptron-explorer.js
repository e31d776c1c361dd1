/* <perceptron-explorer>: a neuron with two inputs, its decision boundary, and the perceptron rule
 * (Rosenblatt 1958). Needs base.js before it.
 *
 * @name perceptron
 * @about Weights, bias and decision boundary of one neuron, and the perceptron rule (chapter 1).
 * @poster click step 3 */
(() => {
  "use strict";
  const { define, random, number, clamp } = window.CourseExplorable;
  const LARGEST = 6; // range of the sliders
  const PATIENCE = 100; // corrections after which "run" gives up

  /* Simulated nuclei of two classes: area and roundness, standardised. Mitotic ones are small and elongated.
   * With a gap, points in a band along the diagonal are left out, so that a line can separate the classes. */
  function nuclei(seed, count, distance, gap) {
    const { normal } = random(seed);
    const points = [];
    while (points.length < count) {
      const kind = points.length % 2;
      const centre = (kind ? -1 : 1) * distance;
      const point = { x: centre + 0.75 * normal(), y: 0.8 * centre + 0.75 * normal(), kind };
      const side = (kind ? -1 : 1) * (point.x + 0.9 * point.y);
      if (side > gap && Math.abs(point.x) < 2.8 && Math.abs(point.y) < 2.8) points.push(point);
    }
    return points;
  }
  const gate = (truth) => truth.map((kind, i) => ({ x: i >> 1, y: i & 1, kind }));

  const FEATURES = { x: "area", y: "roundness", kinds: ["interphase", "mitotic"], view: [-3.2, 3.2, 3.2, -3.2], ticks: 1,
    start: [1, -1, 0.5] };
  const INPUTS = { x: "x₁", y: "x₂", kinds: ["0", "1"], view: [-0.7, 1.7, 1.7, -0.7], ticks: 0.5, start: [-1, 0.5, 0.2] };
  const DATA = {
    nuclei: { ...FEATURES, label: "Simulated nuclei, separable by a line", points: nuclei(4, 40, 0.9, 0.15) },
    overlap: { ...FEATURES, label: "Simulated nuclei whose classes overlap", points: nuclei(3, 40, 0.7, -9) },
    and: { ...INPUTS, label: "AND", points: gate([0, 0, 0, 1]) },
    or: { ...INPUTS, label: "OR", points: gate([0, 1, 1, 1]) },
    xor: { ...INPUTS, label: "XOR", points: gate([0, 1, 1, 0]) },
  };
  const COLOURS = ["blue", "orange"];

  class PerceptronExplorer extends window.CourseExplorable {
    static label = "A perceptron with two inputs";
    static help = "Drag the round handles (one moves the line, the other turns it), or focus them and use the arrow keys.";

    build() {
      this.plot = this.stage({ label: "", view: FEATURES.view, draw: (context) => this.draw(context) });
      this.key = this.text("key", this.stages);
      this.note = this.text("note", this.stages);
      this.move = this.handle(this.plot, {
        name: "move", label: "Move the line", colour: "accent", range: [-LARGEST, LARGEST],
        where: () => this.size && this.foot(),
        drag: (x, y) => this.set({ b: -(this.w1 * x + this.w2 * y) }),
        keys: (dx, dy) => this.set({ b: this.b - 0.05 * (dx + dy) * this.size }),
        now: () => this.b.toFixed(2), value: () => `bias ${number(this.b)}`,
      });
      this.turn = this.handle(this.plot, {
        name: "turn", label: "Turn the line", colour: "purple", range: [-180, 180],
        where: () => this.size && this.tip(),
        drag: (x, y) => { const [fx, fy] = this.foot(); this.point(Math.atan2(y - fy, x - fx)); },
        keys: (dx, dy) => this.point(this.angle + (dy - dx) * Math.PI / 60),
        now: () => Math.round(this.angle * 180 / Math.PI),
        value: () => `weights point at ${Math.round(this.angle * 180 / Math.PI)} degrees`,
      });

      this.data = this.select({
        name: "data", label: "Data",
        options: Object.fromEntries(Object.entries(DATA).map(([key, set]) => [key, set.label])),
        change: (key) => this.choose(key),
      });
      this.numbers({ errors: "errors", updates: "corrections" });
      this.formula = this.text("formula");
      const weight = (name, label) => this.slider({
        name, label, min: -LARGEST, max: LARGEST, step: 0.1, format: (v) => number(v),
        change: (value) => this.set({ [name]: value }),
      });
      this.sliders = { w1: weight("w1", "weight w₁"), w2: weight("w2", "weight w₂"), b: weight("b", "bias b") };
      const row = this.row();
      this.button({ name: "step", label: "One step of the rule", main: true, parent: row, click: () => this.once() });
      this.runButton = this.button({ name: "run", label: "Run", parent: row, click: () => this.toggle() });
    }

    reset() { this.choose("nuclei"); }

    choose(key) {
      this.stop();
      this.data.value = key;
      this.task = DATA[key];
      this.plot.view = this.task.view;
      [this.w1, this.w2, this.b] = this.task.start;
      Object.assign(this, { updates: 0, next: 0, last: null });
      this.message = "Find a line with as few errors as possible, by hand or with the rule.";
    }

    // ---------------------------------------------------------------- the neuron
    predict({ x, y }) { return this.w1 * x + this.w2 * y + this.b >= 0 ? 1 : 0; }
    get wrong() { return this.task.points.filter((point) => this.predict(point) !== point.kind); }
    get size() { return Math.hypot(this.w1, this.w2); }
    get angle() { return Math.atan2(this.w2, this.w1); }

    /* Weights changed by hand. */
    set(values) {
      this.stop();
      Object.assign(this, values, { last: null });
      this.b = clamp(this.b, -4 * LARGEST, 4 * LARGEST);
      this.message = "The line is where w₁x₁ + w₂x₂ + b = 0. The arrow shows the weights: it points to the side called "
        + `“${this.task.kinds[1]}”.`;
    }

    /* Turn the weights about the foot of the arrow. */
    point(angle) {
      const [x, y] = this.foot(), size = this.size;
      const w1 = size * Math.cos(angle), w2 = size * Math.sin(angle);
      this.set({ w1, w2, b: -(w1 * x + w2 * y) });
    }

    /* One step of the perceptron rule: the next point on the wrong side corrects the weights by ±x and the bias by ±1.
     * Returns false when there is nothing left to correct. */
    once() {
      const { points, kinds, x: nameX, y: nameY } = this.task;
      for (let i = 0; i < points.length; i++) {
        const point = points[(this.next + i) % points.length];
        const difference = point.kind - this.predict(point);
        if (!difference) continue;
        this.w1 += difference * point.x;
        this.w2 += difference * point.y;
        this.b += difference;
        this.next = (this.next + i + 1) % points.length;
        this.last = point;
        this.updates += 1;
        const sign = difference > 0 ? "added to" : "subtracted from";
        this.message = `Correction ${this.updates}: a point of class “${kinds[point.kind]}” (${nameX} ${number(point.x, 1)}, `
          + `${nameY} ${number(point.y, 1)}) lay on the wrong side, so it was ${sign} the weights.`;
        return true;
      }
      this.last = null;
      this.message = `No errors: nothing left to correct after ${this.updates} corrections.`;
      return false;
    }

    toggle() {
      if (this.running) return this.stop();
      const end = this.updates + PATIENCE;
      this.run(() => {
        if (this.once() === false) return false;
        if (this.updates < end) return true;
        this.message = `Still ${this.wrong.length} errors after ${this.updates} corrections: no line separates these `
          + "classes, so the rule never comes to rest.";
        return false;
      }, 160);
    }

    // ---------------------------------------------------------------- the picture
    /* The point of the line nearest to the middle of the plot, kept inside it. */
    foot() {
      const [x0, x1, y1, y0] = this.task.view;
      const cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
      const far = (this.w1 * cx + this.w2 * cy + this.b) / this.size ** 2;
      return [clamp(cx - far * this.w1, x0, x1), clamp(cy - far * this.w2, y0, y1)];
    }

    /* Tip of the arrow: a fixed length, because only the direction of the weights matters for the line. */
    tip() {
      const [x, y] = this.foot(), [x0, x1] = this.task.view, length = (x1 - x0) * 0.2;
      return [x + length * this.w1 / this.size, y + length * this.w2 / this.size];
    }

    update() {
      const { points, kinds, x, y, ticks } = this.task, wrong = this.wrong.length;
      for (const name of ["w1", "w2", "b"]) this.sliders[name].value = this[name];
      this.show("errors", `${wrong} of ${points.length}`);
      this.show("updates", this.updates);
      const term = (value, name) => ` ${value < 0 ? "−" : "+"}\u00a0<b>${Math.abs(value).toFixed(2)}</b>`
        + (name ? `\u00a0·\u00a0${name}` : "");
      this.formula.innerHTML = `ŷ = “${kinds[1]}” if <b>${number(this.w1)}</b>\u00a0·\u00a0${x}${term(this.w2, y)}${term(this.b)}\u00a0≥\u00a00`;
      this.note.textContent = this.message;
      this.runButton.textContent = this.running ? "Stop" : "Run";
      const key = kinds.map((kind, i) => `<span>${mark(i, this.colour(COLOURS[i]))} ${kind}</span>`);
      key.push(`<span>${mark(2, this.colour("ink"))} on the wrong side</span>`);
      if (ticks === 1) key.push("<span>axes in standard deviations</span>");
      this.key.innerHTML = key.join("");
      this.plot.label = `${points.length} points, ${x} across and ${y} up, and the decision boundary: ${wrong} on the wrong side.`;
      this.say(`${wrong} of ${points.length} on the wrong side.`);
    }

    draw(context) {
      const { points, view: [x0, x1, y1, y0], ticks, x: nameX, y: nameY, kinds } = this.task;
      const { plot } = this, X = plot.x, Y = plot.y;
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, plot.width, plot.height);
      this.halves(context);

      // Grid, axes and their names.
      context.lineWidth = 1;
      context.font = "12px system-ui, sans-serif";
      for (let v = Math.ceil(x0 / ticks) * ticks; v <= x1; v += ticks) {
        context.strokeStyle = this.colour("line");
        context.globalAlpha = Math.abs(v) < 1e-9 ? 1 : 0.45;
        stroke(context, [[X(v), 0], [X(v), plot.height]]);
        stroke(context, [[0, Y(v)], [plot.width, Y(v)]]);
        context.globalAlpha = 1;
        context.fillStyle = this.colour("muted");
        if (v > x0 + 0.1 && v < x1 - ticks * 0.9) {
          context.textAlign = "center"; context.fillText(number(v, ticks < 1 ? 1 : 0), X(v), plot.height - 6);
        }
        if (v > y0 + 0.25 * ticks + 0.2 && v < y1 - ticks * 0.9) {
          context.textAlign = "left"; context.fillText(number(v, ticks < 1 ? 1 : 0), 5, Y(v) + 4);
        }
      }
      context.font = "600 13px system-ui, sans-serif";
      context.fillStyle = this.colour("ink");
      context.textAlign = "right"; context.fillText(`${nameX} →`, plot.width - 6, plot.height - 7);
      context.textAlign = "left"; context.fillText(`↑ ${nameY}`, 6, 17);

      // The decision boundary and the weights.
      if (this.size > 1e-9) {
        const [fx, fy] = this.foot(), far = 10 * (x1 - x0) / this.size;
        context.strokeStyle = this.colour("ink");
        context.lineWidth = 2.5;
        stroke(context, [[X(fx - far * this.w2), Y(fy + far * this.w1)], [X(fx + far * this.w2), Y(fy - far * this.w1)]]);
        const [tx, ty] = this.tip(), angle = Math.atan2(Y(ty) - Y(fy), X(tx) - X(fx));
        context.strokeStyle = this.colour("purple");
        context.lineWidth = 3;
        stroke(context, [[X(fx), Y(fy)], [X(tx), Y(ty)]]);
        context.fillStyle = this.colour("ink");
        context.font = "italic 600 16px Georgia, serif";
        context.textAlign = "center";
        context.fillText("w", clamp(X(tx) + 20 * Math.cos(angle), 10, plot.width - 10),
          clamp(Y(ty) + 20 * Math.sin(angle) + 5, 14, plot.height - 22));
      }

      const large = points.length < 10 ? 1.6 : 1;
      for (const point of points) {
        const [px, py] = [X(point.x), Y(point.y)];
        if (this.predict(point) !== point.kind) {
          context.strokeStyle = this.colour("ink");
          context.lineWidth = 1.8;
          context.beginPath(); context.arc(px, py, 5.5 + 3.5 * large, 0, 7); context.stroke();
        }
        if (point === this.last) {
          context.strokeStyle = this.colour("purple");
          context.lineWidth = 3;
          context.beginPath(); context.arc(px, py, 9 + 4.5 * large, 0, 7); context.stroke();
        }
        context.fillStyle = this.colour(COLOURS[point.kind]);
        context.strokeStyle = this.colour("paper");
        context.lineWidth = 1;
        context.beginPath();
        if (point.kind) context.rect(px - 4.6 * large, py - 4.6 * large, 9.2 * large, 9.2 * large);
        else context.arc(px, py, 5.4 * large, 0, 7);
        context.fill(); context.stroke();
        if (points.length < 10) {
          context.fillStyle = point.kind ? "#000000" : this.hasAttribute("data-dark") ? "#000000" : "#ffffff";
          context.font = "600 12px system-ui, sans-serif";
          context.textAlign = "center"; context.fillText(kinds[point.kind], px, py + 4.4);
        }
      }
    }

    /* Tint the two sides of the line. */
    halves(context) {
      const { plot } = this, [x0, x1, y1, y0] = this.task.view;
      const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
      const score = ([x, y]) => this.w1 * x + this.w2 * y + this.b;
      for (const kind of [0, 1]) {
        const inside = (corner) => (score(corner) >= 0 ? 1 : 0) === kind;
        const area = []; // the rectangle cut along the line
        corners.forEach((a, i) => {
          const b = corners[(i + 1) % 4];
          if (inside(a)) area.push(a);
          if (inside(a) !== inside(b)) {
            const t = score(a) / (score(a) - score(b));
            area.push([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
          }
        });
        if (area.length < 3) continue;
        context.globalAlpha = 0.16;
        context.fillStyle = this.colour(COLOURS[kind]);
        context.beginPath();
        for (const [x, y] of area) context.lineTo(plot.x(x), plot.y(y));
        context.fill();
        context.globalAlpha = 1;
      }
    }
  }

  function stroke(context, points) {
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
  }

  /* Small picture of a mark, for the key. */
  function mark(kind, colour) {
    const shape = [`<circle cx="8" cy="8" r="5.4" fill="${colour}"/>`,
      `<rect x="3.4" y="3.4" width="9.2" height="9.2" fill="${colour}"/>`,
      `<circle cx="8" cy="8" r="7" fill="none" stroke="${colour}" stroke-width="1.8"/>`][kind];
    return `<svg width="16" height="16" aria-hidden="true">${shape}</svg>`;
  }

  define("perceptron-explorer", PerceptronExplorer);
})();
