/* <cellpose-explorer>: heat spreads in masks, particles follow the flow, and crowds at the end are objects (Stringer
 * et al. 2021, https://doi.org/10.1038/s41592-020-01018-x). Everything is computed in the page. Needs base.js.
 *
 * @name cellpose
 * @about Heat spreads in masks, particles follow the flow, crowds at the end are objects (chapter 12).
 * @poster fill steps 8 */
(() => {
  "use strict";
  const { define, clamp } = window.CourseExplorable;
  const SIDE = 48, MOST_HEAT = 300, MOST_STEPS = 120;

  // ------------------------------------------------------------------ masks
  const disc = (row, column, radius) => (y, x) => (y - row) ** 2 + (x - column) ** 2 <= radius ** 2;
  const ellipse = (row, column, a, b, degrees) => {
    const c = Math.cos(degrees * Math.PI / 180), s = Math.sin(degrees * Math.PI / 180);
    return (y, x) => {
      const u = (x - column) * c + (y - row) * s, v = -(x - column) * s + (y - row) * c;
      return (u / a) ** 2 + (v / b) ** 2 <= 1;
    };
  };
  const bent = (y, x) => {
    const row = 0.72 * SIDE, column = (SIDE - 1) / 2, radius = 0.3 * SIDE, width = 0.1 * SIDE;
    return (Math.abs(Math.hypot(y - row, x - column) - radius) <= width && y <= row)
      || disc(row, column - radius, width)(y, x) || disc(row, column + radius, width)(y, x);
  };
  const MASKS = {
    two: [disc(0.5 * SIDE, 0.32 * SIDE, 0.2 * SIDE), disc(0.5 * SIDE, 0.68 * SIDE, 0.2 * SIDE)],
    bent: [bent],
    rod: [ellipse(23.5, 23.5, 22, 4, 30)],
    crowd: [disc(14, 13, 8), ellipse(14, 29, 9, 7, 0), ellipse(30, 12, 7, 9, 0), disc(29, 28, 9), ellipse(27, 41, 4, 12, 10)],
  };

  /* Labels of a mask: where shapes overlap the first one has it; a border of one pixel stays free. */
  function paint(shapes) {
    const labels = new Uint8Array(SIDE * SIDE);
    for (let y = 1; y < SIDE - 1; y++) {
      for (let x = 1; x < SIDE - 1; x++) labels[y * SIDE + x] = 1 + shapes.findIndex((inside) => inside(y, x));
    }
    return labels;
  }

  // ------------------------------------------------------------------ the method
  /* The pixel of each label that is nearest to its centre of mass, where the flame is. */
  function middles(labels) {
    const sums = new Map();
    labels.forEach((label, i) => {
      if (!label) return;
      const sum = sums.get(label) ?? [0, 0, 0];
      sums.set(label, [sum[0] + Math.floor(i / SIDE), sum[1] + i % SIDE, sum[2] + 1]);
    });
    return [...sums].map(([label, [y, x, n]]) => {
      let best = -1, least = Infinity;
      labels.forEach((other, i) => {
        const d = (Math.floor(i / SIDE) - Math.round(y / n)) ** 2 + (i % SIDE - Math.round(x / n)) ** 2;
        if (other === label && d < least) [best, least] = [i, d];
      });
      return best;
    });
  }

  const AROUND = [-SIDE - 1, -SIDE, -SIDE + 1, -1, 0, 1, SIDE - 1, SIDE, SIDE + 1];

  /* Temperature after some steps: add 1 at each flame, then take the mean of 3 × 3 pixels of the same label. */
  function diffuse(labels, steps) {
    const flames = middles(labels), inside = [];
    labels.forEach((label, i) => { if (label) inside.push(i); });
    let now = new Float64Array(SIDE * SIDE), next = new Float64Array(SIDE * SIDE);
    for (let step = 0; step < steps; step++) {
      for (const flame of flames) now[flame] += 1;
      for (const i of inside) {
        let sum = 0;
        for (const d of AROUND) if (labels[i + d] === labels[i]) sum += now[i + d];
        next[i] = sum / 9;
      }
      [now, next] = [next, now];
    }
    return now;
  }

  /* Arrows of length 1 towards where it is warmer; none where it is as cold on all sides. */
  function flow(labels, heat) {
    const dy = new Float64Array(SIDE * SIDE), dx = new Float64Array(SIDE * SIDE);
    labels.forEach((label, i) => {
      if (!label) return;
      const at = (d) => (labels[i + d] === label ? heat[i + d] : 0);
      const a = at(SIDE) - at(-SIDE), b = at(1) - at(-1), length = Math.sqrt(a * a + b * b);
      if (length > 0) { dy[i] = a / length; dx[i] = b / length; }
    });
    return { dy, dx };
  }

  /* Where the particles are after some steps: [y0, x0, y1, x1, …]. */
  function follow(labels, { dy, dx }, steps) {
    const places = [];
    labels.forEach((label, i) => { if (label) places.push(Math.floor(i / SIDE), i % SIDE); });
    for (let step = 0; step < steps; step++) {
      for (let k = 0; k < places.length; k += 2) {
        const i = Math.round(places[k]) * SIDE + Math.round(places[k + 1]);
        places[k] = clamp(places[k] + dy[i], 0, SIDE - 1);
        places[k + 1] = clamp(places[k + 1] + dx[i], 0, SIDE - 1);
      }
    }
    return places;
  }

  /* Separate crowds: particles within two pixels, directly or by way of others, are one. */
  function crowds(places) {
    const taken = new Uint8Array(SIDE * SIDE);
    for (let k = 0; k < places.length; k += 2) {
      const y = Math.round(places[k]), x = Math.round(places[k + 1]);
      for (const [a, b] of [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]]) {
        if (y + a >= 0 && y + a < SIDE && x + b >= 0 && x + b < SIDE) taken[(y + a) * SIDE + x + b] = 1;
      }
    }
    let count = 0;
    for (let start = 0; start < taken.length; start++) {
      if (!taken[start]) continue;
      count++;
      const stack = [start];
      taken[start] = 0;
      while (stack.length) {
        const i = stack.pop(), y = Math.floor(i / SIDE), x = i % SIDE;
        for (let v = Math.max(0, y - 1); v <= Math.min(SIDE - 1, y + 1); v++) {
          for (let u = Math.max(0, x - 1); u <= Math.min(SIDE - 1, x + 1); u++) {
            if (taken[v * SIDE + u]) { taken[v * SIDE + u] = 0; stack.push(v * SIDE + u); }
          }
        }
      }
    }
    return count;
  }

  const HUES = ["blue", "vermilion", "green", "purple", "orange"];
  const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

  class CellposeExplorer extends window.CourseExplorable {
    static label = "Cellpose: follow the flow";
    static help = "Choose a mask, let heat spread, then let the particles run. To draw, press on the picture and move, or "
      + "move the brush with the arrow keys and press “Paint here”.";

    build() {
      const view = [-0.5, SIDE - 0.5, -0.5, SIDE - 0.5];
      this.image = this.stage({
        label: "", view, draw: (context) => this.draw(context), drag: (x, y) => this.brushing && this.dab(x, y),
      });
      this.handle(this.image, {
        name: "brush", label: "Brush, arrow keys move it", colour: "yellow",
        where: () => (this.brushing ? [this.x, this.y] : null),
        drag: (x, y) => this.dab(x, y), keys: (dx, dy) => this.move(this.x + dx, this.y - dy),
        value: () => `column ${this.x}, row ${this.y}`,
      });
      this.note = this.text("note", this.stages);

      this.shape = this.select({
        name: "shape", label: "mask", change: (value) => this.choose(value),
        options: { two: "two touching cells", bent: "a bent cell", rod: "a long rod", crowd: "five cells, touching", draw: "draw your own" },
      });
      this.drawing = this.row();
      this.tool = this.choice({
        name: "tool", label: "What the brush does", parent: this.drawing, change: () => {},
        options: { 1: "cell 1", 2: "cell 2", 3: "cell 3", 0: "rub out" },
      });
      this.button({ name: "paint", label: "Paint here", parent: this.drawing, click: () => this.dab(this.x, this.y) });
      this.numbers({ objects: "crowds = objects", cells: "cells in the mask", cold: "pixels without arrow" });
      this.heat = this.slider({
        name: "heat", label: "steps of heat", min: 0, max: MOST_HEAT, step: 5, change: () => this.respread(),
      });
      this.steps = this.slider({
        name: "steps", label: "steps of the particles", min: 0, max: MOST_STEPS, change: () => this.stop(),
      });
      const row = this.row();
      this.go = this.button({ name: "run", label: "Run", main: true, parent: row, click: () => this.toggle() });
      this.button({ name: "back", label: "Back to start", parent: row, click: () => { this.stop(); this.steps.value = 0; } });
      this.show_ = this.choice({
        name: "show", label: "What lies below the particles", options: { arrows: "Arrows", warmth: "Heat" }, change: () => {},
      });
    }

    reset() {
      this.heat.value = 150;
      this.steps.value = 0;
      this.tool.value = "1";
      this.show_.value = "arrows";
      this.x = this.y = SIDE / 2;
      this.shape.value = "two";
      this.choose("two");
    }

    get brushing() { return this.shape.value === "draw"; }

    choose(name) {
      this.stop();
      this.steps.value = 0;
      if (name !== "draw") this.labels = paint(MASKS[name]);
      this.drawing.hidden = name !== "draw";
      this.respread();
    }

    move(x, y) {
      this.x = clamp(Math.round(x), 0, SIDE - 1);
      this.y = clamp(Math.round(y), 0, SIDE - 1);
    }

    /* Paint or rub out a small disc. */
    dab(x, y) {
      this.move(x, y);
      const label = Number(this.tool.value);
      for (let v = Math.max(1, this.y - 2); v <= Math.min(SIDE - 2, this.y + 2); v++) {
        for (let u = Math.max(1, this.x - 2); u <= Math.min(SIDE - 2, this.x + 2); u++) {
          if ((v - this.y) ** 2 + (u - this.x) ** 2 <= 5) this.labels[v * SIDE + u] = label;
        }
      }
      this.respread();
    }

    respread() {
      this.temperature = diffuse(this.labels, this.heat.value);
      this.flow = flow(this.labels, this.temperature);
    }

    toggle() {
      if (this.running) return this.stop();
      if (this.steps.value >= MOST_STEPS) this.steps.value = 0;
      this.run(() => {
        this.steps.value = Math.min(MOST_STEPS, this.steps.value + 1);
        return this.steps.value < MOST_STEPS;
      }, 40);
    }

    update() {
      const { labels } = this, { dy, dx } = this.flow;
      this.places = follow(labels, this.flow, this.steps.value);
      const cells = new Set(labels.filter((label) => label)).size, objects = crowds(this.places);
      const cold = labels.reduce((sum, label, i) => sum + (label > 0 && dy[i] === 0 && dx[i] === 0), 0);
      this.show("objects", objects);
      this.show("cells", cells);
      this.show("cold", cold);
      this.go.textContent = this.running ? "Stop" : "Run";
      this.note.textContent = this.verdict(cells, objects, cold);
      this.image.label = `${plural(cells, "cell")} of ${this.places.length / 2} pixels; after ${plural(this.steps.value, "step")} their `
        + `particles form ${plural(objects, "crowd")}.`;
      if (!this.running) this.say(`${plural(objects, "crowd")}, ${plural(cells, "cell")} in the mask.`);
    }

    verdict(cells, objects, cold) {
      if (!cells) return "The mask is empty: choose a cell for the brush and paint.";
      if (!this.steps.value) return `${this.places.length / 2} particles, one on each pixel of the mask. Let them run.`;
      if (cold > cells) return `${cold} pixels have no arrow: the heat has not reached them, so their particles stay. More steps of heat.`;
      if (objects === cells) return `${plural(objects, "crowd")} for ${plural(cells, "cell")}: pixels whose particles met belong together.`;
      if (objects > cells) return `${plural(objects, "crowd")} for ${plural(cells, "cell")}: not all have arrived, or a cell consists of parts. More steps.`;
      return `${plural(objects, "crowd")} for ${plural(cells, "cell")}: crowds still touch. More steps, or the cells are too small to be told apart.`;
    }

    draw(context) {
      const { image, labels } = this, size = image.width / SIDE;
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, image.width, image.height);
      const warmest = Math.max(...this.temperature, 1e-9);
      labels.forEach((label, i) => {
        if (!label) return;
        const x = image.x(i % SIDE), y = image.y(Math.floor(i / SIDE));
        context.fillStyle = this.colour("line");
        context.fillRect(x - size / 2, y - size / 2, size + 0.5, size + 0.5);
        if (this.show_.value === "warmth" && this.temperature[i] > 0) {
          context.globalAlpha = clamp(1 + Math.log10(this.temperature[i] / warmest) / 9, 0, 1);
          context.fillStyle = this.colour("orange");
          context.fillRect(x - size / 2, y - size / 2, size + 0.5, size + 0.5);
          context.globalAlpha = 1;
        }
      });
      if (this.show_.value === "arrows") this.drawArrows(context, size);
      this.drawBorders(context, size);
      this.drawParticles(context, size);
    }

    drawArrows(context, size) {
      const { image, labels } = this, { dy, dx } = this.flow;
      context.strokeStyle = this.colour("muted");
      context.lineWidth = 1;
      context.beginPath();
      labels.forEach((label, i) => {
        const column = i % SIDE, row = Math.floor(i / SIDE);
        if (!label || column % 2 || row % 2 || (dx[i] === 0 && dy[i] === 0)) return;
        const a = 0.8 * size, x = image.x(column), y = image.y(row), u = dx[i] * a, v = dy[i] * a;
        context.moveTo(x - u, y - v);
        context.lineTo(x + u, y + v);
        context.lineTo(x + 0.4 * u - 0.4 * v, y + 0.4 * v + 0.4 * u);
        context.moveTo(x + u, y + v);
        context.lineTo(x + 0.4 * u + 0.4 * v, y + 0.4 * v - 0.4 * u);
      });
      context.stroke();
    }

    /* Lines between pixels of different labels. */
    drawBorders(context, size) {
      const { image, labels } = this;
      context.strokeStyle = this.colour("ink");
      context.lineWidth = 1.5;
      context.beginPath();
      for (let i = SIDE; i < labels.length - SIDE; i++) {
        const x = image.x(i % SIDE), y = image.y(Math.floor(i / SIDE));
        if (labels[i] !== labels[i + 1]) { context.moveTo(x + size / 2, y - size / 2); context.lineTo(x + size / 2, y + size / 2); }
        if (labels[i] !== labels[i + SIDE]) { context.moveTo(x - size / 2, y + size / 2); context.lineTo(x + size / 2, y + size / 2); }
      }
      context.stroke();
    }

    /* Every particle in the colour and shape of its cell. */
    drawParticles(context, size) {
      const { image, places } = this, r = clamp(0.32 * size, 1.2, 3);
      let k = 0;
      this.labels.forEach((label) => {
        if (!label) return;
        const y = image.y(places[k]), x = image.x(places[k + 1]);
        k += 2;
        context.fillStyle = this.colour(HUES[(label - 1) % HUES.length]);
        context.beginPath();
        if (label % 3 === 1) context.arc(x, y, r, 0, 6.3);
        else if (label % 3 === 2) context.rect(x - r, y - r, 2 * r, 2 * r);
        else { context.moveTo(x, y - 1.2 * r); context.lineTo(x + 1.2 * r, y + r); context.lineTo(x - 1.2 * r, y + r); }
        context.fill();
      });
    }
  }

  define("cellpose-explorer", CellposeExplorer);
})();
