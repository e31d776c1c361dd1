/* <folding-explorer>: two hidden neurons with lines to drag over simulated T cells, and beside them the same cells in the
 * space of the two neurons' outputs, where one more line has to separate them. Needs base.js before it.
 *
 * @name folding
 * @about Two hidden lines over cells, and the space that they fold, with step, tanh or ReLU (chapters 1 and 2).
 * @poster check activation-relu; click best */
(() => {
  "use strict";
  const { define, random, number, clamp, make } = window.CourseExplorable;
  const VIEW = [-1.9, 1.9, 1.9, -1.9], CLOUD = 20, SPREAD = 0.22, FINE = 96, ANGLES = 120;
  const COLOURS = ["blue", "orange"]; // none or both; exactly one
  const ACTIVATIONS = {
    step: { label: "step", f: (z) => (z >= 0 ? 1 : 0), range: () => [0, 1],
      words: "The step keeps nothing but the side of each line: all cells land on at most four spots (spread here, so that they can be seen)." },
    tanh: { label: "tanh", f: Math.tanh, range: () => [-1, 1],
      words: "tanh keeps the distance near a line and forgets it far away: small weights hardly bend the plane, large ones make a step." },
    relu: { label: "ReLU", f: (z) => Math.max(0, z), range: (size) => [0, 2.6 * size],
      words: "ReLU folds: what lies behind a line lands on an axis, what lies before it stays flat." },
  };

  /* Simulated intensities of CD4 and CD8, log scale, centred: neither, one, the other, both. */
  const { normal } = random(4);
  const POINTS = Array.from({ length: 4 * CLOUD }, (_, i) => {
    const a = i & 1, b = (i >> 1) & 1;
    return { x: 2 * a - 1 + SPREAD * normal(), y: 2 * b - 1 + SPREAD * normal(), kind: a ^ b, at: i >> 2 };
  });

  class FoldingExplorer extends window.CourseExplorable {
    static label = "Two lines fold the plane, a third cuts it";
    static help = "Drag the round handles (one moves a line, the other turns it), or focus them and use the arrow keys.";

    build() {
      const columns = "repeat(auto-fit, minmax(min(100%, 250px), 1fr))";
      this.stages.style.cssText = `flex: 1 1 100%; grid-template-columns: ${columns};`;
      this.panel.style.cssText = `flex: 1 1 100%; grid-template-columns: ${columns}; column-gap: 24px;`;
      const [controls, results] = [0, 1].map(() => {
        const column = make("div");
        column.style.cssText = "display: grid; gap: 12px; align-content: start; min-width: 0;";
        this.panel.append(column);
        return column;
      });
      this.plane = this.stage({ label: "", view: VIEW, draw: (context) => this.drawPlane(context) });
      this.space = this.stage({ label: "", view: VIEW, draw: (context) => this.drawSpace(context) });
      this.lines = [0, 1, 2].map((i) => ({ stage: i < 2 ? this.plane : this.space, angle: 0, offset: 0 }));
      this.lines.forEach((line, i) => this.handles(line, ["hidden line 1", "hidden line 2", "output line"][i], ["first", "second", "output"][i]));
      const wide = (element) => { element.style.gridColumn = "1 / -1"; return element; };
      this.key = wide(this.text("key", this.stages));
      this.note = wide(this.text("note", this.stages));

      controls.append(make("p", { class: "muted" }, "Activation of the hidden neurons:"));
      this.activation = this.choice({
        name: "activation", label: "Activation of the hidden neurons",
        options: Object.fromEntries(Object.entries(ACTIVATIONS).map(([key, { label }]) => [key, label])),
        change: () => this.centre(), parent: controls,
      });
      this.size = this.slider({
        name: "size", label: "size of the hidden weights", min: 0.5, max: 6, step: 0.5, format: (v) => number(v, 1),
        change: () => { if (this.activation.value === "relu") this.centre(); }, parent: controls,
      });
      this.numbers({ errors: "errors", possible: "best output line" }, results);
      const row = this.row(results);
      this.button({ name: "best", label: "Best output line", main: true, parent: row, click: () => Object.assign(this.lines[2], this.search()) });
      this.button({ name: "swap", label: "Swap its sides", parent: row, click: () => this.swap() });
    }

    /* Two handles of a line: its place, and the direction of its weights. */
    handles(line, label, name) {
      const colour = name === "output" ? "green" : "accent";
      const step = () => (line.stage.view[1] - line.stage.view[0]) / 76;
      this.handle(line.stage, {
        name: `${name}-move`, label: `Move ${label}`, colour, where: () => this.foot(line),
        drag: (x, y) => { line.offset = x * Math.cos(line.angle) + y * Math.sin(line.angle); },
        keys: (dx, dy) => { line.offset += (dx + dy) * step(); this.keep(line); },
        value: () => `${number(line.offset)} from the origin`,
      });
      this.handle(line.stage, {
        name: `${name}-turn`, label: `Turn ${label}`, colour: "purple", where: () => this.tip(line),
        drag: (x, y) => { const [fx, fy] = this.foot(line); this.turn(line, Math.atan2(y - fy, x - fx)); },
        keys: (dx, dy) => this.turn(line, line.angle + (dy - dx) * Math.PI / 60),
        value: () => `weights point at ${this.degrees(line)} degrees`,
      });
    }

    reset() {
      this.activation.value = "step";
      this.size.value = 2;
      Object.assign(this.lines[0], { angle: 0, offset: 0.4 });
      Object.assign(this.lines[1], { angle: Math.PI / 2, offset: -0.3 });
      this.lines[2].angle = Math.PI / 3; // no spot of the step lies on it
      this.centre();
    }

    // ---------------------------------------------------------------- lines
    degrees(line) { return Math.round(line.angle * 180 / Math.PI); }

    middle(stage) { const [x0, x1, y1, y0] = stage.view; return [(x0 + x1) / 2, (y0 + y1) / 2]; }

    /* The point of a line nearest to the middle of its picture. */
    foot(line) {
      const [x, y] = this.middle(line.stage), c = Math.cos(line.angle), s = Math.sin(line.angle), far = x * c + y * s - line.offset;
      const [x0, x1, y1, y0] = line.stage.view;
      return [clamp(x - far * c, x0, x1), clamp(y - far * s, y0, y1)];
    }

    tip(line) {
      const [x, y] = this.foot(line), long = (line.stage.view[1] - line.stage.view[0]) * 0.14;
      return [x + long * Math.cos(line.angle), y + long * Math.sin(line.angle)];
    }

    /* Turn about the foot. */
    turn(line, angle) {
      const [x, y] = this.foot(line);
      line.angle = Math.atan2(Math.sin(angle), Math.cos(angle));
      line.offset = x * Math.cos(line.angle) + y * Math.sin(line.angle);
    }

    /* A line stays where it can be seen. */
    keep(line) {
      const [x, y] = this.middle(line.stage), at = x * Math.cos(line.angle) + y * Math.sin(line.angle);
      const far = (line.stage.view[1] - line.stage.view[0]) / 2;
      line.offset = clamp(line.offset, at - far, at + far);
    }

    swap() {
      const line = this.lines[2];
      line.angle = Math.atan2(-Math.sin(line.angle), -Math.cos(line.angle));
      line.offset *= -1;
    }

    /* The output line through the middle of the folded space, which has another size for each activation. */
    centre() {
      const [low, high] = ACTIVATIONS[this.activation.value].range(this.size.value), edge = 0.3 * (high - low);
      this.space.view = [low - edge, high + edge, high + edge, low - edge];
      const [x, y] = this.middle(this.space), line = this.lines[2];
      line.offset = x * Math.cos(line.angle) + y * Math.sin(line.angle);
    }

    // ---------------------------------------------------------------- the network
    hidden(x, y) {
      const { f } = ACTIVATIONS[this.activation.value];
      return [0, 1].map((i) => {
        const { angle, offset } = this.lines[i];
        return f(this.size.value * (x * Math.cos(angle) + y * Math.sin(angle) - offset));
      });
    }

    cut([a, b]) {
      const { angle, offset } = this.lines[2];
      return a * Math.cos(angle) + b * Math.sin(angle) - offset >= 0 ? 1 : 0;
    }

    get points() { return POINTS; }
    get places() { return POINTS.map(({ x, y }) => this.hidden(x, y)); }

    /* Of all output lines (three degrees apart) one with the fewest errors, and of these one with the widest gap. */
    search() {
      const { places } = this;
      let best = { errors: Infinity, gap: 0 };
      for (let k = 0; k < ANGLES; k++) {
        const angle = 2 * Math.PI * k / ANGLES, c = Math.cos(angle), s = Math.sin(angle);
        const along = POINTS.map(({ kind }, i) => [places[i][0] * c + places[i][1] * s, kind]).sort((a, b) => a[0] - b[0]);
        let errors = along.filter(([, kind]) => !kind).length; // all are called "exactly one"
        for (let i = 0; i + 1 < along.length; i++) {
          errors += along[i][1] ? 1 : -1;
          const gap = along[i + 1][0] - along[i][0];
          if (gap > 1e-9 && (errors < best.errors || (errors === best.errors && gap > best.gap + 1e-9))) {
            best = { errors, gap, angle: Math.atan2(s, c), offset: (along[i][0] + along[i + 1][0]) / 2 };
          }
        }
      }
      return Number.isFinite(best.errors) ? best : { ...this.lines[2], errors: POINTS.length / 2 };
    }

    // ---------------------------------------------------------------- the page
    update() {
      const { places } = this;
      this.wrong = POINTS.map(({ kind }, i) => this.cut(places[i]) !== kind);
      this.errors = this.wrong.filter(Boolean).length;
      const possible = this.search().errors;
      this.show("errors", `${this.errors} of ${POINTS.length}`);
      this.show("possible", `${possible} wrong`);
      const { words, label } = ACTIVATIONS[this.activation.value];
      this.note.textContent = (this.errors === 0 ? "No cell is on the wrong side. "
        : possible === 0 ? "An output line could separate the cells now: move it, or press the button. "
          : `As the cells lie now, no output line does better than ${possible} errors: move the hidden lines. `) + words;
      this.setKey();
      const hidden = [0, 1].map((i) => `line ${i + 1} at ${this.degrees(this.lines[i])} degrees`).join(", ");
      this.plane.label = `${POINTS.length} cells in four clouds, CD4 across and CD8 up, with two hidden lines: ${hidden}. ${this.errors} cells are on the wrong side of the network's boundary.`;
      this.space.label = `The same cells by the outputs of the two hidden neurons (${label}) and the output line at ${this.degrees(this.lines[2])} degrees; the best line there leaves ${possible} errors.`;
      this.say(`${this.errors} of ${POINTS.length} on the wrong side; best line ${possible}.`);
    }

    setKey() {
      if (this.key.childElementCount) return;
      const line = (dash, text) => `<span><svg width="26" height="10" aria-hidden="true"><line x1="1" x2="25" y1="5" y2="5" stroke="var(--ink)" stroke-width="2.5" stroke-dasharray="${dash}"/></svg>${text}</span>`;
      const mark = (shape, text) => `<span><svg width="16" height="16" aria-hidden="true">${shape}</svg>${text}</span>`;
      this.key.innerHTML = mark('<circle cx="8" cy="8" r="5" fill="var(--blue)"/>', "none or both of CD4 and CD8")
        + mark('<rect x="3.5" y="3.5" width="9" height="9" fill="var(--orange)"/>', "exactly one")
        + mark('<circle cx="8" cy="8" r="6.8" fill="none" stroke="var(--ink)" stroke-width="1.7"/>', "wrong")
        + line("", "hidden line 1") + line("7 4", "hidden line 2") + line("2 3", "output line");
    }

    /* Tint what the network calls "exactly one", and what it does not. */
    tint(context, stage, answer) {
      const [x0, x1, y1, y0] = stage.view;
      this.sheet ??= Object.assign(make("canvas"), { width: FINE, height: FINE });
      const sheet = this.sheet.getContext("2d");
      for (let r = 0; r < FINE; r++) {
        for (let c = 0; c < FINE; c++) {
          const kind = answer(x0 + (c + 0.5) / FINE * (x1 - x0), y1 + (r + 0.5) / FINE * (y0 - y1));
          sheet.fillStyle = this.colour(COLOURS[kind]);
          sheet.fillRect(c, r, 1, 1);
        }
      }
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, stage.width, stage.height);
      context.globalAlpha = 0.2;
      context.imageSmoothingEnabled = false;
      context.drawImage(this.sheet, 0, 0, stage.width, stage.height);
      context.globalAlpha = 1;
    }

    /* A line across its picture, and an arrow to the side of its weights. */
    stroke(context, line, dash, text) {
      const { stage } = line, [fx, fy] = this.foot(line), [tx, ty] = this.tip(line), far = 3 * (stage.view[1] - stage.view[0]);
      const [dx, dy] = [-Math.sin(line.angle) * far, Math.cos(line.angle) * far];
      context.strokeStyle = this.colour("ink");
      context.lineWidth = 2.4;
      context.setLineDash(dash);
      path(context, [[stage.x(fx - dx), stage.y(fy - dy)], [stage.x(fx + dx), stage.y(fy + dy)]]);
      context.setLineDash([]);
      context.strokeStyle = this.colour("purple");
      path(context, [[stage.x(fx), stage.y(fy)], [stage.x(tx), stage.y(ty)]]);
      context.font = "600 14px system-ui, sans-serif";
      context.fillStyle = this.colour("ink");
      context.textAlign = "center";
      context.fillText(text, clamp(stage.x(2.5 * tx - 1.5 * fx), 8, stage.width - 8), clamp(stage.y(2.5 * ty - 1.5 * fy) + 5, 14, stage.height - 22));
    }

    marks(context, stage, place) {
      POINTS.forEach((point, i) => {
        const [x, y] = place(point, i), px = stage.x(x), py = stage.y(y);
        context.fillStyle = this.colour(COLOURS[point.kind]);
        context.strokeStyle = this.colour("paper");
        context.lineWidth = 1;
        context.beginPath();
        if (point.kind) context.rect(px - 3.6, py - 3.6, 7.2, 7.2); else context.arc(px, py, 4.2, 0, 7);
        context.fill(); context.stroke();
        if (!this.wrong[i]) return;
        context.strokeStyle = this.colour("ink");
        context.lineWidth = 1.5;
        context.beginPath(); context.arc(px, py, 7, 0, 7); context.stroke();
      });
    }

    axes(context, stage, right, up) {
      context.font = "600 13px system-ui, sans-serif";
      context.fillStyle = this.colour("ink");
      context.textAlign = "right"; context.fillText(`${right} →`, stage.width - 6, stage.height - 7);
      context.textAlign = "left"; context.fillText(`↑ ${up}`, 6, 17);
    }

    drawPlane(context) {
      const { plane } = this;
      this.tint(context, plane, (x, y) => this.cut(this.hidden(x, y)));
      this.grid(context, plane, (x, y) => [x, y]);
      this.stroke(context, this.lines[0], [], "1");
      this.stroke(context, this.lines[1], [9, 6], "2");
      this.marks(context, plane, ({ x, y }) => [x, y]);
      this.axes(context, plane, "CD4", "CD8");
    }

    drawSpace(context) {
      const { space, places } = this, stepping = this.activation.value === "step", wide = space.view[1] - space.view[0];
      this.tint(context, space, (a, b) => this.cut([a, b]));
      if (!stepping) this.grid(context, space, (x, y) => this.hidden(x, y));
      this.stroke(context, this.lines[2], [2, 5], "");
      // Cells on one spot are spread over a small spiral: a cloud's cells in turn, so that all four are seen.
      const spread = ({ at }, i) => { const turn = 2.4 * (4 * at + i % 4), r = stepping ? 0.011 * wide * Math.sqrt(4 * at + i % 4) : 0; return [r * Math.cos(turn), r * Math.sin(turn)]; };
      this.marks(context, space, (point, i) => { const [dx, dy] = spread(point, i), [a, b] = places[i]; return [a + dx, b + dy]; });
      this.axes(context, space, "hidden neuron 1", "hidden neuron 2");
    }

    /* A net of thin lines over the plane, and what becomes of it. */
    grid(context, stage, place) {
      context.strokeStyle = this.colour("muted");
      context.lineWidth = 0.8;
      context.globalAlpha = 0.6;
      for (let k = -4; k <= 4; k++) {
        for (const turn of [false, true]) {
          path(context, Array.from({ length: 49 }, (_, i) => {
            const [u, v] = [k * 0.45, -1.8 + i * 0.075], [a, b] = turn ? place(v, u) : place(u, v);
            return [stage.x(a), stage.y(b)];
          }));
        }
      }
      context.globalAlpha = 1;
    }
  }

  function path(context, points) {
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
  }

  define("folding-explorer", FoldingExplorer);
})();
