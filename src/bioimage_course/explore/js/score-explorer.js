/* <score-explorer>: move and grow predicted objects and watch all scores of a segmentation follow.
 * Needs base.js before it. Everything is counted pixel by pixel in the page.
 *
 * @name scores
 * @about Move and grow predicted objects and watch accuracy, Dice, IoU, AP and panoptic quality (chapter 15).
 * @poster fill threshold 0.75 */
(() => {
  "use strict";
  const { define, clamp } = window.CourseExplorable;

  const SIDE = 72;
  /* Three true objects: two that touch, and a small one. Column, row, half axes, tilt. */
  const OBJECTS = {
    a: { x: 22, y: 27, long: 14, short: 10, tilt: 0.5 },
    b: { x: 42, y: 36, long: 12, short: 9, tilt: -0.6 },
    c: { x: 52, y: 60, long: 5, short: 5, tilt: 0 },
  };
  const NAMES = Object.keys(OBJECTS);

  /* Label image of ellipses; where two overlap, the earlier keeps the pixel. */
  function paint(shapes) {
    const labels = new Uint8Array(SIDE * SIDE);
    for (const { label, x, y, long, short, tilt } of shapes) {
      const cosine = Math.cos(tilt), sine = Math.sin(tilt);
      for (let row = 0; row < SIDE; row++) {
        for (let column = 0; column < SIDE; column++) {
          const u = (column - x) * cosine + (row - y) * sine, v = (row - y) * cosine - (column - x) * sine;
          if (!labels[row * SIDE + column] && (u / long) ** 2 + (v / short) ** 2 <= 1) labels[row * SIDE + column] = label;
        }
      }
    }
    return labels;
  }

  const TRUTH = paint(NAMES.map((name, i) => ({ label: i + 1, ...OBJECTS[name] })));

  /* IoUs of all true with all predicted objects: {truth: [labels], found: [labels], ious: [[…], …]}. */
  function overlaps(prediction) {
    const areas = [new Map(), new Map()], common = new Map();
    for (let i = 0; i < TRUTH.length; i++) {
      const t = TRUTH[i], p = prediction[i];
      if (t) areas[0].set(t, (areas[0].get(t) || 0) + 1);
      if (p) areas[1].set(p, (areas[1].get(p) || 0) + 1);
      if (t && p) common.set(t * 10 + p, (common.get(t * 10 + p) || 0) + 1);
    }
    const [truth, found] = areas.map((area) => [...area.keys()].sort());
    const ious = truth.map((t) => found.map((p) => {
      const shared = common.get(t * 10 + p) || 0;
      return shared / (areas[0].get(t) + areas[1].get(p) - shared);
    }));
    return { truth, found, ious };
  }

  /* The most pairs with at least this IoU, each object in one of them; of several such sets that of largest sum. */
  function match({ truth, found, ious }, threshold) {
    let best = { pairs: [], sum: 0 };
    const go = (row, pairs, sum) => {
      if (row === truth.length) {
        if (pairs.length > best.pairs.length || (pairs.length === best.pairs.length && sum > best.sum)) best = { pairs, sum };
        return;
      }
      go(row + 1, pairs, sum);
      found.forEach((p, column) => {
        const iou = ious[row][column];
        if (iou > 0 && iou >= threshold && !pairs.some((pair) => pair[1] === p)) go(row + 1, [...pairs, [truth[row], p]], sum + iou);
      });
    };
    go(0, [], 0);
    const tp = best.pairs.length, fp = found.length - tp, fn = truth.length - tp;
    return { ...best, tp, fp, fn, ap: tp / (tp + fp + fn), pq: best.sum / (tp + (fp + fn) / 2) };
  }

  function pixels(prediction) {
    let tp = 0, fp = 0, fn = 0;
    for (let i = 0; i < TRUTH.length; i++) {
      if (TRUTH[i] && prediction[i]) tp++;
      else if (prediction[i]) fp++;
      else if (TRUTH[i]) fn++;
    }
    return { accuracy: 1 - (fp + fn) / TRUTH.length, dice: 2 * tp / (2 * tp + fp + fn), iou: tp / (tp + fp + fn) };
  }

  class ScoreExplorer extends window.CourseExplorable {
    static label = "One prediction, all scores";
    static help = "Drag the point to move the chosen prediction; with the point in focus, arrow keys move it by one pixel.";

    build() {
      const view = [-0.5, SIDE - 0.5, -0.5, SIDE - 0.5];
      this.image = this.stage({
        label: "", view, aspect: 1.15, draw: (context) => this.drawImage(context),
        drag: (x, y) => this.go(x, y),
      });
      this.image.view = [-0.5 - 0.075 * SIDE, SIDE - 0.5 + 0.075 * SIDE, -0.5, SIDE - 0.5];
      this.handle(this.image, {
        name: "point", label: "Middle of the chosen prediction, arrow keys move it", colour: "orange",
        where: () => (this.nothing.value ? null : [this.chosen.x, this.chosen.y]),
        drag: (x, y) => this.go(x, y), keys: (dx, dy) => this.go(this.chosen.x + dx, this.chosen.y - dy),
        value: () => `column ${this.chosen.x}, row ${this.chosen.y}`,
      });
      this.key = this.text("key", this.stages);
      this.chart = this.stage({ label: "", view: [0, 1, 1.05, -0.05], aspect: 2.6, draw: (context) => this.drawChart(context) });

      this.which = this.choice({
        name: "which", label: "Prediction to change", options: { a: "first", b: "second", c: "small one" },
        change: () => this.pick(),
      });
      this.size = this.slider({
        name: "size", label: "its size", min: 40, max: 200, step: 5, format: (v) => `${v} %`,
        change: (value) => { this.chosen.size = value; },
      });
      this.threshold = this.slider({
        name: "threshold", label: "IoU threshold", min: 0.1, max: 0.95, step: 0.05, format: (v) => v.toFixed(2), change: () => {},
      });
      this.merge = this.checkbox({ name: "merge", label: "first and second are one object", change: () => {} });
      this.nothing = this.checkbox({ name: "nothing", label: "predict nothing at all", change: () => {} });
      this.numbers({
        accuracy: "accuracy (pixels)", counts: "TP / FP / FN", dice: "Dice (pixels)", ap: "AP",
        iou: "IoU (pixels)", pq: "panoptic quality",
      });
      this.note = this.text("note");
    }

    reset() {
      const moves = { a: [3, -2, 100], b: [-1, 1, 95], c: [1, 1, 100] };
      this.predicted = Object.fromEntries(NAMES.map((name) => {
        const [dx, dy, size] = moves[name], { x, y } = OBJECTS[name];
        return [name, { x: x + dx, y: y + dy, size }];
      }));
      this.which.value = "a";
      this.threshold.value = 0.5;
      this.merge.value = false;
      this.nothing.value = false;
      this.pick();
    }

    get chosen() { return this.predicted[this.which.value]; }

    pick() { this.size.value = this.chosen.size; }

    go(x, y) {
      this.chosen.x = clamp(Math.round(x), 0, SIDE - 1);
      this.chosen.y = clamp(Math.round(y), 0, SIDE - 1);
    }

    get truth() { return TRUTH; }

    predict() {
      if (this.nothing.value) return new Uint8Array(SIDE * SIDE);
      return paint(NAMES.map((name, i) => {
        const { long, short, tilt } = OBJECTS[name], { x, y, size } = this.predicted[name];
        const label = this.merge.value && name === "b" ? 1 : i + 1;
        return { label, x, y, long: long * size / 100, short: short * size / 100, tilt };
      }));
    }

    update() {
      const prediction = this.prediction = this.predict();
      const table = this.table = overlaps(prediction), threshold = this.threshold.value;
      const now = this.now = match(table, threshold), masks = pixels(prediction);
      for (const name of ["accuracy", "dice", "iou"]) this.show(name, masks[name].toFixed(3));
      this.show("counts", `${now.tp} / ${now.fp} / ${now.fn}`);
      this.show("ap", now.ap.toFixed(3));
      this.show("pq", now.pq.toFixed(3));
      this.curve = Array.from({ length: 91 }, (_, i) => 0.05 + i / 100).map((t) => [t, match(table, t).ap]);
      const best = table.truth.map((_, row) => Math.max(0, ...table.ious[row]));
      this.note.textContent = `Largest IoU of the three true objects: ${best.map((v) => v.toFixed(2)).join(", ")}. `
        + (this.nothing.value ? "The accuracy is that of the background." : `At a threshold of ${threshold.toFixed(2)}, ${now.tp} of 3 are found.`);
      this.setKey();
      this.image.label = `Three true objects. ${now.tp} predictions matched, ${now.fp} without partner, ${now.fn} objects missed.`;
      this.chart.label = `AP over the IoU threshold; at ${threshold.toFixed(2)} it is ${now.ap.toFixed(2)}.`;
      this.say(`AP ${now.ap.toFixed(2)}, Dice ${masks.dice.toFixed(2)}, accuracy ${masks.accuracy.toFixed(2)}`);
    }

    setKey() {
      if (this.key.childElementCount) return;
      const dash = { TP: "", FP: "5 3", FN: "1 3" };
      const rows = [["TP", "blue", "prediction with partner"], ["FP", "vermilion", "prediction without"], ["FN", "ink", "missed object"]];
      for (const [kind, tint, words] of rows) {
        const part = document.createElement("span");
        part.innerHTML = `<svg width="26" height="10" aria-hidden="true"><line x1="1" y1="5" x2="25" y2="5" stroke="var(--${tint})"
          stroke-width="3" stroke-dasharray="${dash[kind]}"/></svg>${kind}: ${words}`;
        this.key.append(part);
      }
      const grey = document.createElement("span");
      grey.innerHTML = `<svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" fill="var(--line)"/></svg>truth`;
      this.key.append(grey);
    }

    /* The border of one object, along the edges of its pixels, as closed paths: so a broken line keeps its rhythm. */
    outline(context, labels, number, tint, dash) {
      const { image } = this, next = new Map(), corner = (x, y) => y * (SIDE + 1) + x;
      const inside = (x, y) => x >= 0 && y >= 0 && x < SIDE && y < SIDE && labels[y * SIDE + x] === number;
      const edge = (from, to) => next.set(from, [...(next.get(from) || []), to]);
      for (let y = 0; y < SIDE; y++) {
        for (let x = 0; x < SIDE; x++) { // clockwise around every pixel, where the neighbour is another
          if (!inside(x, y)) continue;
          if (!inside(x, y - 1)) edge(corner(x, y), corner(x + 1, y));
          if (!inside(x + 1, y)) edge(corner(x + 1, y), corner(x + 1, y + 1));
          if (!inside(x, y + 1)) edge(corner(x + 1, y + 1), corner(x, y + 1));
          if (!inside(x - 1, y)) edge(corner(x, y + 1), corner(x, y));
        }
      }
      const at = (place) => [image.x(place % (SIDE + 1) - 0.5), image.y(Math.floor(place / (SIDE + 1)) - 0.5)];
      context.strokeStyle = this.colour(tint);
      context.lineWidth = 2.5;
      context.setLineDash(dash);
      context.beginPath();
      for (const start of next.keys()) {
        let here = start;
        if (next.get(here).length) context.moveTo(...at(here));
        while (next.get(here).length) { here = next.get(here).pop(); context.lineTo(...at(here)); }
      }
      context.stroke();
      context.setLineDash([]);
    }

    write(context, labels, number, text, tint, below) {
      let x = 0, y = 0, n = 0, top = SIDE, bottom = 0;
      labels.forEach((label, i) => {
        if (label !== number) return;
        const row = Math.floor(i / SIDE);
        x += i % SIDE; y += row; n++; top = Math.min(top, row); bottom = Math.max(bottom, row);
      });
      if (!n) return;
      context.font = "600 13px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = below ? "top" : "bottom";
      context.fillStyle = this.colour(tint);
      const at = below ? Math.min(this.image.y(bottom + 1) + 2, this.image.height - 16) : Math.max(this.image.y(top - 1) - 2, 15);
      context.fillText(text, this.image.x(x / n), at);
    }

    drawImage(context) {
      const { image, prediction, now } = this;
      const [left, top, right, bottom] = [image.x(-0.5), image.y(-0.5), image.x(SIDE - 0.5), image.y(SIDE - 0.5)];
      context.fillStyle = this.colour("surface");
      context.fillRect(left, top, right - left, bottom - top);
      context.fillStyle = this.colour("line");
      const width = image.x(1) - image.x(0), height = image.y(1) - image.y(0);
      TRUTH.forEach((label, i) => {
        if (label) context.fillRect(image.x(i % SIDE - 0.5) - 0.3, image.y(Math.floor(i / SIDE) - 0.5) - 0.3, width + 0.6, height + 0.6);
      });
      for (const t of this.table.truth) {
        if (now.pairs.some((pair) => pair[0] === t)) continue;
        this.outline(context, TRUTH, t, "ink", [1, 5]);
        this.write(context, TRUTH, t, "FN", "ink", true);
      }
      for (const p of this.table.found) {
        const matched = now.pairs.some((pair) => pair[1] === p);
        this.outline(context, prediction, p, matched ? "blue" : "vermilion", matched ? [] : [9, 7]);
        this.write(context, prediction, p, matched ? "TP" : "FP", matched ? "blue" : "vermilion", false);
      }
    }

    drawChart(context) {
      const { chart } = this, small = "12px system-ui, sans-serif";
      chart.view = [-0.09, 1.06, 1.4, -0.2];
      context.strokeStyle = this.colour("line");
      context.fillStyle = this.colour("muted");
      context.font = small;
      context.lineWidth = 1;
      for (const value of [0, 0.5, 1]) {
        context.beginPath();
        context.moveTo(chart.x(0), chart.y(value));
        context.lineTo(chart.x(1), chart.y(value));
        context.stroke();
        context.textAlign = "right";
        context.textBaseline = "middle";
        context.fillText(value.toFixed(1), chart.x(0) - 5, chart.y(value));
        context.textAlign = "center";
        context.textBaseline = "top";
        context.fillText(value.toFixed(1), chart.x(value), chart.y(0) + 3);
      }
      context.textAlign = "left";
      context.fillText("AP over the IoU threshold", chart.x(0), 0);
      context.strokeStyle = this.colour("accent");
      context.lineWidth = 2.5;
      context.beginPath();
      this.curve.forEach(([t, ap], i) => (i ? context.lineTo(chart.x(t), chart.y(ap)) : context.moveTo(chart.x(t), chart.y(ap))));
      context.stroke();
      context.strokeStyle = this.colour("ink");
      context.lineWidth = 1.5;
      context.setLineDash([4, 4]);
      context.beginPath();
      context.moveTo(chart.x(this.threshold.value), chart.y(0));
      context.lineTo(chart.x(this.threshold.value), chart.y(1.05));
      context.stroke();
      context.setLineDash([]);
    }
  }

  define("score-explorer", ScoreExplorer);
})();
