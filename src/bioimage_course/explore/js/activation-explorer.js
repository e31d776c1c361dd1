/* <activation-explorer>: activation functions with their gradients, and a network with one hidden layer that is
 * trained in the page by full-batch gradient descent. Needs base.js before it.
 *
 * @name activation
 * @about Activation functions, their gradients, and a small network trained with them (chapter 2).
 * @poster click train */
(() => {
  "use strict";
  const { define, random, number, clamp } = window.CourseExplorable;
  const VIEW = [-2.5, 2.5, 2.5, -2.5];
  const POINTS = 160, GRID = 64, BATCH = 16, LONGEST = 4000; // steps of descent a tick, and of one training
  const RATES = [0.03, 0.1, 0.3, 1, 3, 10];
  const COLOURS = ["blue", "orange"];

  // ---------------------------------------------------------------- activation functions and their derivatives
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  /* Error function, formula 7.1.26 of Abramowitz and Stegun (1964); its error is below 1.5e-7. */
  function erf(x) {
    const t = 1 / (1 + 0.3275911 * Math.abs(x));
    const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return Math.sign(x) * (1 - sum * Math.exp(-x * x));
  }
  const below = (z) => 0.5 * (1 + erf(z / Math.SQRT2)); // Φ(z) of the normal distribution
  const FUNCTIONS = {
    identity: { label: "Identity", f: (z) => z, g: () => 1, words: "f(z) = z" },
    step: { label: "Step", f: (z) => (z >= 0 ? 1 : 0), g: () => 0, words: "f(z) = 1 if z ≥ 0, else 0" },
    sigmoid: { label: "Sigmoid", f: sigmoid, g: (z) => sigmoid(z) * (1 - sigmoid(z)), words: "f(z) = 1 / (1 + e<sup>−z</sup>)" },
    tanh: { label: "tanh", f: Math.tanh, g: (z) => 1 - Math.tanh(z) ** 2, words: "f(z) = tanh z" },
    relu: { label: "ReLU", f: (z) => (z > 0 ? z : 0), g: (z) => (z > 0 ? 1 : 0), words: "f(z) = max(0, z)" },
    leaky: { label: "Leaky ReLU", f: (z) => (z > 0 ? z : 0.01 * z), g: (z) => (z > 0 ? 1 : 0.01), words: "f(z) = max(0.01 z, z)" },
    gelu: { label: "GELU", f: (z) => z * below(z), words: "f(z) = z Φ(z)",
      g: (z) => below(z) + z * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) },
  };

  // ---------------------------------------------------------------- data
  /* Nuclei of two simulated populations, features standardised: four clouds (XOR), or two arms around each other. */
  function nuclei(kind) {
    const { uniform, normal } = random(kind === "xor" ? 5 : 8);
    return Array.from({ length: POINTS }, (_, i) => {
      if (kind === "xor") {
        const a = i & 1, b = (i >> 1) & 1;
        return { x: 2.2 * a - 1.1 + 0.32 * normal(), y: 2.2 * b - 1.1 + 0.32 * normal(), kind: a ^ b };
      }
      const t = Math.sqrt(0.06 + 0.94 * uniform()), angle = 3 * Math.PI * t + Math.PI * (i & 1);
      return { x: 2.1 * t * Math.cos(angle) + 0.08 * normal(), y: 2.1 * t * Math.sin(angle) + 0.08 * normal(), kind: i & 1 };
    });
  }
  const DATA = { xor: nuclei("xor"), arms: nuclei("arms") };

  // ---------------------------------------------------------------- the network
  /* Two inputs, `hidden` neurons with an activation, one output neuron whose sigmoid is the probability of class 1. */
  class Network {
    constructor(hidden, seed) {
      const { normal } = random(seed), row = () => Float64Array.from({ length: hidden }, () => normal());
      [this.w1, this.w2, this.b] = [row(), row(), row()];
      this.v = row().map((v) => v / Math.sqrt(hidden));
      this.c = 0;
    }

    /* Score of a point: above zero for class 1. */
    score(x, y, f) {
      let sum = this.c;
      for (let j = 0; j < this.v.length; j++) sum += this.v[j] * f(this.w1[j] * x + this.w2[j] * y + this.b[j]);
      return sum;
    }

    /* One step of gradient descent on the mean cross-entropy of all points: forward, backward, update. */
    descend(points, { f, g }, rate) {
      const size = this.v.length, row = () => new Float64Array(size);
      const [dw1, dw2, db, dv] = [row(), row(), row(), row()];
      let dc = 0;
      for (const { x, y, kind } of points) {
        const error = (sigmoid(this.score(x, y, f)) - kind) / points.length; // dL/dscore
        dc += error;
        for (let j = 0; j < size; j++) {
          const z = this.w1[j] * x + this.w2[j] * y + this.b[j];
          dv[j] += error * f(z);
          const back = error * this.v[j] * g(z);
          dw1[j] += back * x; dw2[j] += back * y; db[j] += back;
        }
      }
      for (let j = 0; j < size; j++) {
        this.w1[j] -= rate * dw1[j]; this.w2[j] -= rate * dw2[j]; this.b[j] -= rate * db[j]; this.v[j] -= rate * dv[j];
      }
      this.c -= rate * dc;
    }

    /* Mean cross-entropy, number of points on the wrong side, and which neurons have no gradient at any point. */
    judge(points, { f, g }) {
      let loss = 0, errors = 0;
      for (const { x, y, kind } of points) {
        const score = this.score(x, y, f);
        loss += Math.max(score, 0) - score * kind + Math.log1p(Math.exp(-Math.abs(score)));
        errors += (score >= 0 ? 1 : 0) !== kind;
      }
      const silent = Array.from(this.v, (_, j) =>
        points.every(({ x, y }) => g(this.w1[j] * x + this.w2[j] * y + this.b[j]) === 0));
      return { loss: loss / points.length, errors, silent };
    }
  }

  class ActivationExplorer extends window.CourseExplorable {
    static label = "Activation functions, and what a network draws with them";
    static help = "Drag the point on the curve, or focus it and use the arrow keys. Every activation starts from the same weights.";

    build() {
      this.plot = this.stage({ label: "", view: VIEW, aspect: 1.1, draw: (context) => this.drawNetwork(context) });
      this.key = this.text("key", this.stages);
      this.curve = this.stage({ label: "", view: [0, 1, 1.05, -0.12], aspect: 4.2, draw: (context) => this.drawLoss(context) });
      this.numbers({ loss: "loss", errors: "errors", steps: "steps", silent: "without gradient" }, this.stages);
      this.note = this.text("note", this.stages);
      this.shades = document.createElement("canvas");
      this.shades.width = this.shades.height = GRID;

      this.activation = this.select({
        name: "activation", label: "Activation of the hidden neurons",
        options: Object.fromEntries(Object.entries(FUNCTIONS).map(([key, { label }]) => [key, label])),
        change: () => this.restart(),
      });
      this.graph = this.stage({ label: "", view: [-5, 5, 2.4, -1.3], aspect: 1.5, parent: this.panel, draw: (context) => this.drawFunction(context) });
      this.handle(this.graph, {
        name: "point", label: "Input z of the activation function", colour: "blue", range: [-5, 5],
        where: () => [this.z, clamp(this.phi.f(this.z), -1.3, 2.4)],
        drag: (x) => { this.z = clamp(Math.round(x * 20) / 20, -5, 5); },
        keys: (dx, dy) => { this.z = clamp(Math.round((this.z + 0.1 * (dx || dy)) * 20) / 20, -5, 5); },
        now: () => this.z.toFixed(2), value: () => `z ${number(this.z)}, f ${number(this.phi.f(this.z), 3)}, gradient ${number(this.phi.g(this.z), 3)}`,
      });
      this.formula = this.text("formula");
      this.numbers({ value: "function f(z)", slope: "gradient f′(z)" });
      this.data = this.choice({ name: "data", label: "Nuclei", options: { xor: "XOR", arms: "Interleaved" }, change: () => this.restart() });
      this.neurons = this.slider({ name: "hidden", label: "hidden neurons", min: 2, max: 16, change: () => this.restart() });
      this.rate = this.slider({
        name: "rate", label: "learning rate", min: 0, max: RATES.length - 1, format: (i) => String(RATES[i]), change: () => this.restart(),
      });
      const row = this.row();
      this.trainButton = this.button({ name: "train", label: "Train", main: true, parent: row, click: () => this.toggle() });
      this.button({ name: "step", label: "One step", parent: row, click: () => { this.stop(); this.descend(1); } });
      this.button({ name: "weights", label: "New weights", parent: row, click: () => { this.seed += 1; this.restart(); } });
    }

    reset() {
      this.activation.value = "tanh";
      this.data.value = "arms";
      this.neurons.value = 12;
      this.rate.value = 2;
      Object.assign(this, { z: 1, seed: 1 });
      this.restart();
    }

    get phi() { return FUNCTIONS[this.activation.value]; }
    get points() { return DATA[this.data.value]; }

    /* Back to the start weights, which depend on the seed and the number of neurons only. */
    restart() {
      this.stop();
      this.net = new Network(this.neurons.value, this.seed);
      this.steps = 0;
      this.state = this.net.judge(this.points, this.phi);
      this.losses = [[0, this.state.loss]];
    }

    /* Returns false when the loss is no number any more. */
    descend(times) {
      for (let i = 0; i < times; i++) this.net.descend(this.points, this.phi, RATES[this.rate.value]);
      this.steps += times;
      this.state = this.net.judge(this.points, this.phi);
      this.losses.push([this.steps, this.state.loss]);
      return Number.isFinite(this.state.loss);
    }

    toggle() {
      if (this.running) return this.stop();
      const end = this.steps + LONGEST;
      this.run(() => this.descend(BATCH) && this.steps < end, 16);
    }

    // ---------------------------------------------------------------- words and numbers
    message() {
      const silent = this.state.silent.filter(Boolean).length, { value } = this.activation;
      if (!Number.isFinite(this.state.loss)) return "The loss is no longer a number: the learning rate was too high.";
      if (!this.steps) return "Start weights, drawn at random. Press Train and watch the boundary, then try another activation.";
      if (value === "identity") return "A straight line, however long you train: two linear layers are one linear layer.";
      if (value === "step") return "The thin lines of the hidden neurons never move: the gradient of a step is zero, so only the output neuron learns.";
      if (silent) return `${silent} of ${this.neurons.value} hidden neurons have no gradient at any nucleus (dotted lines, if they cross the picture): they cannot learn any more.`;
      if (value === "sigmoid") return "It learns, but slowly: the gradient of the sigmoid is at most ¼. Compare with tanh after as many steps.";
      if (value === "relu" || value === "leaky") return "Thin lines: where the sum of a hidden neuron is zero. Between them everything is linear, so the boundary is made of straight pieces.";
      return "Thin lines: where the sum of a hidden neuron is zero. The boundary is smooth, because the activation is.";
    }

    update() {
      const { loss, errors, silent } = this.state, { phi, points } = this;
      this.show("value", number(phi.f(this.z), 3));
      this.show("slope", number(phi.g(this.z), 3));
      this.show("loss", Number.isFinite(loss) ? loss.toFixed(3) : "not a number");
      this.show("errors", `${errors} of ${points.length}`);
      this.show("steps", this.steps);
      this.show("silent", `${silent.filter(Boolean).length} of ${silent.length}`);
      this.formula.innerHTML = `${phi.words}; &nbsp;z = <b>${number(this.z)}</b>`;
      this.note.textContent = this.message();
      this.trainButton.textContent = this.running ? "Stop" : "Train";
      if (this.keyColour !== this.colour("ink")) { // made anew only when the theme changes
        this.keyColour = this.colour("ink");
        const [blue, orange, ink, muted] = ["blue", "orange", "ink", "muted"].map((name) => this.colour(name));
        this.key.innerHTML = [
          [`<circle cx="8" cy="8" r="4.6" fill="${blue}"/>`, "population 0"],
          [`<rect x="4" y="4" width="8" height="8" fill="${orange}"/>`, "population 1"],
          [`<circle cx="8" cy="8" r="6.6" fill="none" stroke="${ink}" stroke-width="1.6"/>`, "wrong"],
          [`<path d="M0 8h16" stroke="${ink}" stroke-width="2.6"/>`, "boundary"],
          [`<path d="M0 8h16" stroke="${muted}"/>`, "hidden neuron at z = 0"],
        ].map(([shape, text]) => `<span><svg width="16" height="16" aria-hidden="true">${shape}</svg>${text}</span>`).join("");
      }
      this.plot.label = `${points.length} nuclei of two populations and the decision boundary of the network: ${errors} on the wrong side.`;
      this.curve.label = `Loss over ${this.steps} steps of training, now ${number(loss, 3)}.`;
      this.graph.label = `${phi.label} and its gradient. At z ${number(this.z)} the function is ${number(phi.f(this.z), 3)} and the gradient ${number(phi.g(this.z), 3)}.`;
      if (!this.running) this.say(`${errors} of ${points.length} wrong, loss ${number(loss, 3)}, after ${this.steps} steps.`);
    }

    // ---------------------------------------------------------------- pictures
    drawNetwork(context) {
      const { plot, net, points } = this, { f } = this.phi, [x0, x1, y1, y0] = VIEW;
      const at = (i) => x0 + (x1 - x0) * i / (GRID - 1), up = (i) => y1 + (y0 - y1) * i / (GRID - 1);
      const scores = new Float64Array(GRID * GRID);
      for (let i = 0; i < GRID; i++) for (let j = 0; j < GRID; j++) scores[i * GRID + j] = net.score(at(j), up(i), f);

      // Tint: the surer the network, the stronger.
      const small = this.shades.getContext("2d"), tint = small.createImageData(GRID, GRID);
      const rgb = COLOURS.map((name) => {
        small.fillStyle = this.colour(name);
        return [1, 3, 5].map((k) => parseInt(small.fillStyle.slice(k, k + 2), 16));
      });
      scores.forEach((score, i) => {
        tint.data.set(rgb[score >= 0 ? 1 : 0], 4 * i);
        tint.data[4 * i + 3] = 20 + 100 * Math.abs(sigmoid(score) - 0.5);
      });
      small.putImageData(tint, 0, 0);
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, plot.width, plot.height);
      const [cw, ch] = [plot.width / (GRID - 1), plot.height / (GRID - 1)]; // the grid's points are centres of its pixels
      context.drawImage(this.shades, -cw / 2, -ch / 2, plot.width + cw, plot.height + ch);

      // Where each hidden neuron's sum is zero.
      context.strokeStyle = this.colour("muted");
      context.lineWidth = 1;
      for (let j = 0; j < net.v.length; j++) {
        const [a, b, c] = [net.w1[j], net.w2[j], net.b[j]], size = a * a + b * b, far = 10 / Math.sqrt(size);
        if (!(size > 1e-12)) continue;
        context.setLineDash(this.state.silent[j] ? [1, 5] : []);
        context.globalAlpha = this.state.silent[j] ? 1 : 0.55;
        stroke(context, [[-c * a / size - far * b, -c * b / size + far * a], [-c * a / size + far * b, -c * b / size - far * a]]
          .map(([x, y]) => [plot.x(x), plot.y(y)]));
      }
      context.setLineDash([]);
      context.globalAlpha = 1;

      context.strokeStyle = this.colour("ink");
      context.lineWidth = 2.4;
      context.beginPath();
      for (const [a, b] of zeroLine(scores)) { context.moveTo(a[0] * cw, a[1] * ch); context.lineTo(b[0] * cw, b[1] * ch); }
      context.stroke();

      for (const { x, y, kind } of points) {
        const [px, py] = [plot.x(x), plot.y(y)];
        context.fillStyle = this.colour(COLOURS[kind]);
        context.strokeStyle = this.colour("paper");
        context.lineWidth = 1;
        context.beginPath();
        if (kind) context.rect(px - 3.8, py - 3.8, 7.6, 7.6); else context.arc(px, py, 4.4, 0, 7);
        context.fill(); context.stroke();
        if ((net.score(x, y, f) >= 0 ? 1 : 0) === kind) continue;
        context.strokeStyle = this.colour("ink");
        context.lineWidth = 1.6;
        context.beginPath(); context.arc(px, py, 7.6, 0, 7); context.stroke();
      }
      context.font = "600 13px system-ui, sans-serif";
      context.fillStyle = this.colour("ink");
      context.textAlign = "right"; context.fillText("feature 1 →", plot.width - 6, plot.height - 7);
      context.textAlign = "left"; context.fillText("↑ feature 2", 6, 17);
    }

    drawLoss(context) {
      const { curve, losses } = this, last = Math.max(this.steps, 500), top = Math.max(1, losses[0][1]);
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, curve.width, curve.height);
      context.strokeStyle = this.colour("line");
      context.lineWidth = 1;
      stroke(context, [[0, curve.y(0)], [curve.width, curve.y(0)]]);
      context.strokeStyle = this.colour("accent");
      context.lineWidth = 2.2;
      stroke(context, losses.filter(([, loss]) => Number.isFinite(loss))
        .map(([step, loss]) => [curve.x(step / last), curve.y(Math.min(loss / top, 1.05))]));
      context.font = "12px system-ui, sans-serif";
      context.fillStyle = this.colour("muted");
      context.textAlign = "left"; context.fillText(`loss (top ${number(top, 1)}, line 0)`, 6, 15);
      context.textAlign = "right"; context.fillText(`steps 0 to ${last} →`, curve.width - 6, 15);
    }

    drawFunction(context) {
      const { graph, phi } = this, [x0, x1, y1, y0] = graph.view;
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, graph.width, graph.height);
      context.font = "12px system-ui, sans-serif";
      context.lineWidth = 1;
      for (const v of [-4, -2, 0, 2, 4]) {
        context.strokeStyle = this.colour("line");
        context.globalAlpha = v ? 0.5 : 1;
        stroke(context, [[graph.x(v), 0], [graph.x(v), graph.height]]);
        context.globalAlpha = 1;
        context.fillStyle = this.colour("muted");
        context.textAlign = "center"; context.fillText(number(v, 0), graph.x(v), graph.height - 5);
      }
      for (const v of [-1, 0, 1, 2]) {
        context.strokeStyle = this.colour("line");
        context.globalAlpha = v ? 0.5 : 1;
        stroke(context, [[0, graph.y(v)], [graph.width, graph.y(v)]]);
        context.globalAlpha = 1;
        context.fillStyle = this.colour("muted");
        context.textAlign = "left"; context.fillText(number(v, 0), 4, graph.y(v) - 3);
      }
      const line = (h) => Array.from({ length: 301 }, (_, i) => x0 + (x1 - x0) * i / 300)
        .map((z) => [graph.x(z), graph.y(clamp(h(z), y0 - 1, y1 + 1))]);
      context.lineWidth = 2.4;
      context.strokeStyle = this.colour("vermilion");
      context.setLineDash([6, 5]);
      stroke(context, line(phi.g));
      context.setLineDash([]);
      context.strokeStyle = this.colour("blue");
      stroke(context, line(phi.f));
      // The tangent at the point, whose slope is the gradient, and the gradient itself.
      const value = phi.f(this.z), slope = phi.g(this.z);
      context.strokeStyle = this.colour("ink");
      context.lineWidth = 1.4;
      stroke(context, [-1, 1].map((d) => [graph.x(this.z + d), graph.y(value + d * slope)]));
      context.fillStyle = this.colour("vermilion");
      context.beginPath(); context.arc(graph.x(this.z), graph.y(slope), 5, 0, 7); context.fill();
      context.font = "600 13px system-ui, sans-serif";
      context.textAlign = "left";
      context.fillStyle = this.colour("blue"); context.fillText("— f", 20, 17);
      context.fillStyle = this.colour("vermilion"); context.fillText("- - f′", 60, 17);
    }
  }

  /* Pieces of the line on which a grid of scores is zero (marching squares), in steps of the grid. */
  function zeroLine(scores) {
    const pieces = [];
    for (let i = 0; i < GRID - 1; i++) {
      for (let j = 0; j < GRID - 1; j++) {
        const corners = [[j, i], [j + 1, i], [j + 1, i + 1], [j, i + 1]];
        const value = corners.map(([x, y]) => scores[y * GRID + x]), crossings = [];
        for (let k = 0; k < 4; k++) {
          const [a, b] = [value[k], value[(k + 1) % 4]], [p, q] = [corners[k], corners[(k + 1) % 4]];
          if ((a >= 0) === (b >= 0)) continue;
          const t = a / (a - b);
          crossings.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
        }
        for (let k = 0; k + 1 < crossings.length; k += 2) pieces.push([crossings[k], crossings[k + 1]]);
      }
    }
    return pieces;
  }

  function stroke(context, points) {
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
  }

  define("activation-explorer", ActivationExplorer);
})();
