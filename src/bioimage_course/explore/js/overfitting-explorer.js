/* <overfitting-explorer>: a small network is trained in the page, with training and validation loss.
 * Two classes of simulated nuclei; two hidden layers, tanh, cross-entropy, Adam (Kingma and Ba 2015) on the whole
 * training set at once. Needs base.js before it.
 *
 * @name overfitting
 * @about A small network trained live: model size, noise, number of examples, both losses (chapter 5).
 * @poster click train */
(() => {
  "use strict";
  const { define, random, number, clamp } = window.CourseExplorable;
  const SIZES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]; // units in each of the two hidden layers
  const COUNTS = [10, 20, 30, 40, 60, 80, 120, 160, 240, 320]; // training examples
  const VALIDATION = 200, EPOCHS = 800, RATE = 0.002;
  const GRID = 56; // cells of the map along each axis
  const COLOURS = ["blue", "orange"];
  const KINDS = ["interphase", "dividing"];
  const VIEW = [-2.9, 2.9, 2.7, -2.7];

  /* Nuclei of two classes on two interlocking crescents, shifted by noise. */
  function nuclei(count, noise, seed) {
    const { uniform, normal } = random(seed);
    const x = new Float64Array(2 * count), y = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const kind = i % 2, angle = Math.PI * uniform(), side = kind ? 1 : -1; // dividing: small and bright
      x[2 * i] = side * (1.25 * Math.cos(angle) - 0.62) + noise * normal();
      x[2 * i + 1] = side * (1.5 * Math.sin(angle) - 0.4) + noise * normal();
      y[i] = kind;
    }
    return { x, y, count };
  }

  /* 2 inputs → units → units → 1 score. All weights in one array, so that Adam is one loop. */
  class Network {
    constructor(units, seed) {
      const h = this.units = units, { normal } = random(seed);
      this.at = { w1: 0, b1: 2 * h, w2: 3 * h, b2: 3 * h + h * h, w3: 4 * h + h * h, b3: 5 * h + h * h };
      const size = this.size = 5 * h + h * h + 1, p = this.p = new Float64Array(size);
      const fill = (from, to, scale) => { for (let i = from; i < to; i++) p[i] = scale * normal(); };
      fill(this.at.w1, this.at.b1, 0.7);
      fill(this.at.b1, this.at.w2, 0.5);
      fill(this.at.w2, this.at.b2, 1 / Math.sqrt(h));
      fill(this.at.w3, this.at.b3, 1 / Math.sqrt(h));
      [this.g, this.m, this.v] = [0, 1, 2].map(() => new Float64Array(size));
      [this.a, this.c, this.da, this.dc] = [0, 1, 2, 3].map(() => new Float64Array(h));
      this.steps = 0;
    }

    /* Score of one example before the sigmoid; leaves the hidden values in a and c. */
    score(x0, x1, p = this.p) {
      const { units: h, at, a, c } = this;
      for (let j = 0; j < h; j++) a[j] = Math.tanh(p[2 * j] * x0 + p[2 * j + 1] * x1 + p[at.b1 + j]);
      let score = p[at.b3];
      for (let k = 0; k < h; k++) {
        let z = p[at.b2 + k];
        for (let j = 0, w = at.w2 + k * h; j < h; j++) z += p[w + j] * a[j];
        c[k] = Math.tanh(z);
        score += p[at.w3 + k] * c[k];
      }
      return score;
    }

    /* Mean cross-entropy and the number of right answers. */
    judge({ x, y, count }, p = this.p) {
      let loss = 0, right = 0;
      for (let i = 0; i < count; i++) {
        const s = this.score(x[2 * i], x[2 * i + 1], p);
        loss += softplus(s) - y[i] * s;
        right += (s >= 0 ? 1 : 0) === y[i];
      }
      return { loss: loss / count, right };
    }

    /* The gradient of the mean loss, by the chain rule from the back to the front; returns the loss. */
    gradient({ x, y, count }) {
      const { units: h, at, p, g, a, c, da, dc } = this;
      let loss = 0;
      g.fill(0);
      for (let i = 0; i < count; i++) {
        const x0 = x[2 * i], x1 = x[2 * i + 1], s = this.score(x0, x1);
        loss += softplus(s) - y[i] * s;
        const d = (1 / (1 + Math.exp(-s)) - y[i]) / count;
        g[at.b3] += d;
        da.fill(0);
        for (let k = 0; k < h; k++) {
          g[at.w3 + k] += d * c[k];
          const z = dc[k] = d * p[at.w3 + k] * (1 - c[k] * c[k]);
          g[at.b2 + k] += z;
          for (let j = 0, w = at.w2 + k * h; j < h; j++) { g[w + j] += z * a[j]; da[j] += z * p[w + j]; }
        }
        for (let j = 0; j < h; j++) {
          const z = da[j] * (1 - a[j] * a[j]);
          g[2 * j] += z * x0; g[2 * j + 1] += z * x1; g[at.b1 + j] += z;
        }
      }
      return loss / count;
    }

    /* One step of Adam on the whole training set; returns the loss before it. */
    step(data) {
      const loss = this.gradient(data), { p, g, m, v } = this, t = ++this.steps;
      const rate = RATE * Math.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t);
      for (let i = 0; i < this.size; i++) {
        m[i] = 0.9 * m[i] + 0.1 * g[i];
        v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
        p[i] -= rate * m[i] / (Math.sqrt(v[i]) + 1e-8);
      }
      return loss;
    }
  }

  const softplus = (s) => (s > 0 ? s + Math.log1p(Math.exp(-s)) : Math.log1p(Math.exp(s)));

  class OverfittingExplorer extends window.CourseExplorable {
    static label = "A network trained before your eyes";
    static help = "Change a slider, then train. Afterwards compare the boundary now with the one that early stopping would keep.";

    build() {
      this.map = this.stage({ label: "", view: VIEW, aspect: 1.25, draw: (context) => this.drawMap(context) });
      this.mapKey = this.text("key", this.stages);
      this.plot = this.stage({ label: "", view: [0, EPOCHS, 1, 0], aspect: 2.2, draw: (context) => this.drawCurves(context) });
      this.curveKey = this.text("key", this.stages);

      const slider = (name, label, max, format) => this.slider({ name, label, min: 0, max, format, change: () => this.restart() });
      this.units = slider("units", "units in each hidden layer", SIZES.length - 1, (i) => String(SIZES[i]));
      this.noise = this.slider({
        name: "noise", label: "noise", min: 0.1, max: 0.8, step: 0.05, format: (v) => v.toFixed(2), change: () => this.restart(),
      });
      this.count = slider("count", "training examples", COUNTS.length - 1, (i) => String(COUNTS[i]));
      const row = this.row();
      this.trainButton = this.button({ name: "train", label: "Train", main: true, parent: row, click: () => this.toggle() });
      this.button({ name: "step", label: "10 epochs", parent: row, click: () => { this.stop(); this.epochs(10); } });
      this.shown = this.choice({
        name: "shown", label: "Boundary shown", options: { now: "boundary now", best: "at early stopping" },
        change: () => { this.cells = null; },
      });
      this.numbers({ epoch: "epoch", best: "best epoch", train: "training loss", validation: "validation loss",
        right: "training right", validated: "validation right" });
      this.note = this.text("note");
    }

    reset() {
      this.units.value = SIZES.indexOf(24);
      this.noise.value = 0.45;
      this.count.value = COUNTS.indexOf(40);
      this.restart();
    }

    /* New data and new first weights, the same for the same settings. */
    restart() {
      this.stop();
      this.shown.value = "now";
      this.data = nuclei(COUNTS[this.count.value], this.noise.value, 14); // the first ten stay when there are more
      this.held = nuclei(VALIDATION, this.noise.value, 1234);
      this.network = new Network(SIZES[this.units.value], 3);
      this.epoch = 0;
      Object.assign(this, { train: [], validation: [], best: null, cells: null });
      this.record();
    }

    /* Note both losses, measured with the same weights, and keep the weights if they are the best so far. */
    record() {
      const train = this.network.judge(this.data), validation = this.network.judge(this.held);
      this.train.push(train.loss);
      this.validation.push(validation.loss);
      Object.assign(this, { right: train.right, validated: validation.right });
      if (!this.best || validation.loss < this.best.loss) {
        this.best = { epoch: this.epoch, weights: this.network.p.slice(), ...validation };
      }
      this.cells = null;
    }

    epochs(count) {
      for (let i = 0; i < count && this.epoch < EPOCHS; i++) {
        this.network.step(this.data);
        this.epoch += 1;
        this.record();
      }
      return this.epoch < EPOCHS;
    }

    toggle() {
      if (this.running) return this.stop();
      if (this.epoch >= EPOCHS) this.restart();
      this.shown.value = "now";
      // As many epochs a frame as fit into some milliseconds; what is computed does not depend on it.
      const work = (this.data.count * 3 + VALIDATION) * this.network.size;
      const each = clamp(Math.round(600000 / work), 1, 8);
      this.run(() => this.epochs(each), 16);
    }

    // ---------------------------------------------------------------- what the curves say
    get verdict() {
      const train = this.train[this.epoch], validation = this.validation[this.epoch], { best } = this;
      if (this.epoch === 0) return "The weights are random. Press “Train” and watch both curves.";
      const worse = validation - best.loss;
      if (worse > 0.08 && validation - train > 0.15) {
        return `Overfitting: since epoch ${best.epoch} the validation loss has risen from ${number(best.loss)} to `
          + `${number(validation)}, while the training loss fell to ${number(train)}. Look for bays and islands in the `
          + "map that serve single training examples.";
      }
      if (this.epoch < 60 && !this.done) return "Both losses are moving. Go on.";
      if (train > 0.2 && validation - train < 0.18) {
        return `Both losses stay well above zero, close together (${number(train)} and ${number(validation)}): underfitting, if a larger `
          + "network does better. If it does not, the classes overlap, and nobody could do better.";
      }
      return validation - train < 0.18
        ? `A good fit: both losses are low (${number(train)} and ${number(validation)}), and validation is only a little worse.`
        : `The network does better on its training examples (${number(train)}) than on new ones (${number(validation)}): the gap is `
          + "what it has learnt by heart.";
    }

    get done() { return this.epoch >= EPOCHS; }

    update() {
      const { best, data } = this, kept = this.shown.value === "best";
      const train = this.train[this.epoch], validation = this.validation[this.epoch];
      this.show("epoch", this.epoch);
      this.show("best", best.epoch);
      this.show("train", number(train, 3));
      this.show("validation", number(validation, 3));
      this.show("right", `${this.right} of ${data.count}`);
      this.show("validated", `${this.validated} of ${VALIDATION}`);
      this.trainButton.textContent = this.running ? "Pause" : this.done ? "Train again" : "Train";
      this.note.textContent = kept
        ? `Early stopping keeps the weights of epoch ${best.epoch}: validation loss ${number(best.loss, 3)}, `
          + `${best.right} of ${VALIDATION} right.`
        : this.verdict;
      const line = (colour, dash) => `<svg width="26" height="10" aria-hidden="true"><line x1="1" x2="25" y1="5" y2="5" `
        + `stroke="${this.colour(colour)}" stroke-width="2.5" stroke-dasharray="${dash}"/></svg>`;
      this.mapKey.innerHTML = KINDS.map((kind, i) => `<span>${mark(i, this.colour(COLOURS[i]))} ${kind}</span>`).join("")
        + `<span>small, pale: validation</span>`;
      this.curveKey.innerHTML = `<span>${line("blue", "")} training loss</span><span>${line("vermilion", "6 4")} validation loss</span>`
        + `<span>${line("ink", "2 3")} early stopping</span>`;
      this.map.label = `Map of what the network of ${this.network.size} weights answers ${kept ? "at early stopping" : "now"}, with `
        + `${data.count} training and ${VALIDATION} validation nuclei of two classes.`;
      this.plot.label = `Training loss ${number(train)} and validation loss ${number(validation)} after ${this.epoch} epochs; the lowest `
        + `validation loss was ${number(best.loss)} in epoch ${best.epoch}.`;
      if (!this.running) this.say(this.note.textContent);
    }

    // ---------------------------------------------------------------- pictures
    drawMap(context) {
      const { map, data, held } = this, [x0, x1, y1, y0] = VIEW, X = map.x, Y = map.y;
      if (!this.cells) {
        const weights = this.shown.value === "best" ? this.best.weights : this.network.p;
        this.cells = new Float64Array(GRID * GRID);
        for (let r = 0; r < GRID; r++) {
          for (let c = 0; c < GRID; c++) {
            this.cells[r * GRID + c] = this.network.score(x0 + (c + 0.5) / GRID * (x1 - x0), y1 + (r + 0.5) / GRID * (y0 - y1), weights);
          }
        }
      }
      const [w, h] = [map.width / GRID, map.height / GRID];
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, map.width, map.height);
      // Eight shades are enough, and let the browser fill each with one path.
      for (const kind of [0, 1]) {
        context.fillStyle = this.colour(COLOURS[kind]);
        for (let shade = 1; shade <= 4; shade++) {
          context.globalAlpha = 0.085 * shade;
          context.beginPath();
          for (let i = 0; i < this.cells.length; i++) {
            const s = this.cells[i];
            if ((s >= 0 ? 1 : 0) !== kind || Math.min(4, Math.floor(Math.abs(s) * 1.3) + 1) !== shade) continue;
            context.rect(i % GRID * w, Math.floor(i / GRID) * h, w + 0.5, h + 0.5);
          }
          context.fill();
        }
      }
      context.globalAlpha = 0.45;
      for (let i = 0; i < held.count; i++) {
        context.fillStyle = this.colour(COLOURS[held.y[i]]);
        dot(context, X(held.x[2 * i]), Y(held.x[2 * i + 1]), held.y[i], 2.2);
        context.fill();
      }
      context.globalAlpha = 1;
      context.strokeStyle = this.colour("ink");
      context.lineWidth = 2;
      context.beginPath();
      this.boundary(context);
      context.stroke();
      context.lineWidth = 1.2;
      for (let i = 0; i < data.count; i++) {
        context.fillStyle = this.colour(COLOURS[data.y[i]]);
        context.strokeStyle = this.colour("paper");
        dot(context, X(data.x[2 * i]), Y(data.x[2 * i + 1]), data.y[i], data.count > 150 ? 3.8 : 5);
        context.fill(); context.stroke();
      }
      context.fillStyle = this.colour("ink");
      context.font = "600 13px system-ui, sans-serif";
      context.textAlign = "right"; context.fillText("area →", map.width - 6, map.height - 7);
      context.textAlign = "left"; context.fillText("↑ intensity", 6, 17);
    }

    /* The line where the score is zero: in each square between four cell centres (marching squares). */
    boundary(context) {
      const { map, cells } = this, [w, h] = [map.width / GRID, map.height / GRID];
      const cross = (a, b) => a / (a - b);
      for (let r = 0; r + 1 < GRID; r++) {
        for (let c = 0; c + 1 < GRID; c++) {
          const i = r * GRID + c, [a, b, d, e] = [cells[i], cells[i + 1], cells[i + GRID], cells[i + GRID + 1]];
          const ends = [];
          if (a >= 0 !== b >= 0) ends.push([cross(a, b), 0]);
          if (b >= 0 !== e >= 0) ends.push([1, cross(b, e)]);
          if (d >= 0 !== e >= 0) ends.push([cross(d, e), 1]);
          if (a >= 0 !== d >= 0) ends.push([0, cross(a, d)]);
          for (let k = 0; k + 1 < ends.length; k += 2) {
            context.moveTo((c + 0.5 + ends[k][0]) * w, (r + 0.5 + ends[k][1]) * h);
            context.lineTo((c + 0.5 + ends[k + 1][0]) * w, (r + 0.5 + ends[k + 1][1]) * h);
          }
        }
      }
    }

    drawCurves(context) {
      const { plot, best } = this, left = 34, bottom = plot.height - 22, top = 30, right = plot.width - 8;
      const highest = Math.max(1, Math.min(3, Math.ceil(2 * Math.max(...this.validation.slice(-1), ...this.train.slice(0, 1), 0.9)) / 2));
      const X = (epoch) => left + epoch / EPOCHS * (right - left);
      const Y = (loss) => bottom - clamp(loss, 0, highest) / highest * (bottom - top);
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, plot.width, plot.height);
      context.font = "12px system-ui, sans-serif";
      context.lineWidth = 1;
      context.strokeStyle = this.colour("line");
      context.fillStyle = this.colour("muted");
      for (let loss = 0; loss <= highest + 1e-9; loss += 0.5) {
        context.beginPath(); context.moveTo(left, Y(loss)); context.lineTo(right, Y(loss)); context.stroke();
        context.textAlign = "right"; context.fillText(loss.toFixed(1), left - 5, Y(loss) + 4);
      }
      context.textAlign = "center";
      for (let epoch = 0; epoch < EPOCHS; epoch += 200) context.fillText(epoch, X(epoch), plot.height - 6);
      context.textAlign = "right"; context.fillText("epoch →", right, plot.height - 6);
      const line = (values, colour, dash) => {
        context.strokeStyle = this.colour(colour);
        context.setLineDash(dash);
        context.lineWidth = 2.5;
        context.beginPath();
        values.forEach((loss, epoch) => context.lineTo(X(epoch), Y(loss)));
        context.stroke();
        context.setLineDash([]);
      };
      line(this.train, "blue", []);
      line(this.validation, "vermilion", [7, 4]);
      if (this.epoch > 0) {
        context.strokeStyle = this.colour("ink");
        context.lineWidth = 1.5;
        context.setLineDash([2, 3]);
        context.beginPath(); context.moveTo(X(best.epoch), top); context.lineTo(X(best.epoch), bottom); context.stroke();
        context.setLineDash([]);
        context.fillStyle = this.colour("ink");
        const room = X(best.epoch) < right - 140;
        context.textAlign = room ? "left" : "right";
        context.fillText(`best epoch ${best.epoch}`, X(best.epoch) + (room ? 5 : -5), top - 3);
        context.beginPath(); context.arc(X(best.epoch), Y(best.loss), 4.5, 0, 7); context.fill();
      }
      context.fillStyle = this.colour("ink");
      context.font = "600 13px system-ui, sans-serif";
      context.textAlign = "left"; context.fillText("loss", 4, 13);
    }
  }

  /* Path of a mark: a circle for class 0, a square for class 1. */
  function dot(context, x, y, kind, radius) {
    context.beginPath();
    if (kind) context.rect(x - 0.88 * radius, y - 0.88 * radius, 1.76 * radius, 1.76 * radius);
    else context.arc(x, y, radius, 0, 7);
  }

  /* Small picture of a mark, for the key. */
  function mark(kind, colour) {
    const shape = kind ? `<rect x="3.4" y="3.4" width="9.2" height="9.2" fill="${colour}"/>`
      : `<circle cx="8" cy="8" r="5.2" fill="${colour}"/>`;
    return `<svg width="16" height="16" aria-hidden="true">${shape}</svg>`;
  }

  define("overfitting-explorer", OverfittingExplorer);
})();
