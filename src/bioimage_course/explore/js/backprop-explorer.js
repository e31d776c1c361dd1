/* <backprop-explorer>: forward and backward through a small graph, and three optimisers on one loss surface.
 * Needs base.js before it.
 *
 * PIXELS and INSIDE count pixels of StarDist's example image img2d.tif and of its annotation mask2d.tif (see
 * LICENSE-stardist.txt in this folder): grey values 0-4, 5-9, …; a test counts them again.
 *
 * @name backprop
 * @about Forward and back through a small graph, and three optimisers on one loss surface (chapter 3).
 * @modes graph descent
 * @poster click next 6
 * @poster check mode-descent; click step 45 */
(() => {
  "use strict";
  const { define, number, clamp } = window.CourseExplorable;

  // ------------------------------------------------------------------ mode 1: graphs
  /* Operations: value from the inputs' values, local derivatives, and how these are written. */
  const OPS = {
    "×": { value: (a, b) => a * b, slopes: (a, b) => [b, a], why: "the other factor" },
    "+": { value: (a, b) => a + b, slopes: () => [1, 1], why: "1 for a sum" },
    "−": { value: (a, b) => a - b, slopes: () => [1, -1], why: "1 and −1 for a difference" },
    tanh: { value: Math.tanh, slopes: (a) => [1 - Math.tanh(a) ** 2], why: "1 − tanh²" },
    square: { value: (a) => a * a, slopes: (a) => [2 * a], why: "twice the number that is squared" },
  };
  /* Nodes in the order of computing: [name, x, y, start value] for inputs, [name, x, y, operation, parents] else.
   * x from 0 to 2, y counts rows from the top. */
  const GRAPHS = {
    neuron: { label: "A neuron: tanh(a·b + c)", nodes: [
      ["a", 0, 0, 2], ["b", 1, 0, -1], ["c", 2, 1, 1.5],
      ["m", 0.5, 1, "×", ["a", "b"]], ["d", 1.1, 2, "+", ["m", "c"]], ["f", 1.1, 3, "tanh", ["d"]]] },
    twice: { label: "Used twice: a·b + a", nodes: [
      ["a", 0.2, 0, 2], ["b", 1.8, 0, 0.5], ["m", 1.3, 1, "×", ["a", "b"]], ["f", 0.8, 2, "+", ["m", "a"]]] },
    loss: { label: "With a loss: (tanh(w·x + b) − y)²", learns: ["w", "b"], nodes: [
      ["w", 0, 0, -0.5], ["x", 1, 0, 1], ["b", 2, 1, 0.2], ["y", 2, 3, 0.8],
      ["m", 0.5, 1, "×", ["w", "x"]], ["d", 0.9, 2, "+", ["m", "b"]], ["ŷ", 0.9, 3, "tanh", ["d"]],
      ["e", 1.2, 4, "−", ["ŷ", "y"]], ["L", 1.2, 5, "square", ["e"]]] },
  };
  const RATE = 0.5; // of the update button

  /* All values, local derivatives and gradients of a graph, and the gradients as they stand after `back` backward steps
   * (the first one puts 1 at the output). */
  function compute(graph, inputs, back = Infinity) {
    const at = {};
    for (const [name, , , kind, parents = []] of graph.nodes) {
      const values = parents.map((parent) => at[parent].value);
      at[name] = parents.length
        ? { value: OPS[kind].value(...values), slopes: OPS[kind].slopes(...values), parents, op: kind, gradient: 0 }
        : { value: inputs[name], parents, gradient: 0 };
    }
    const order = graph.nodes.filter((node) => node[4]).map((node) => node[0]).reverse();
    if (back > 0) at[order[0]].gradient = 1;
    order.slice(0, Math.max(0, back - 1)).forEach((name) => {
      at[name].parents.forEach((parent, i) => { at[parent].gradient += at[name].gradient * at[name].slopes[i]; });
    });
    return { at, order };
  }

  // ------------------------------------------------------------------ mode 2: surfaces
  const PIXELS = [495, 5315, 25573, 53682, 55012, 33457, 17023, 10598, 8698, 8265, 7506, 6880, 6014, 5006, 3927, 3025,
    2359, 1946, 1581, 1105, 835, 626, 461, 337, 266, 224, 162, 127, 110, 92, 77, 91, 92, 82, 88, 54, 72, 67, 51, 68, 114,
    177, 165, 136, 69, 26, 7, 1];
  const INSIDE = [0, 0, 0, 8, 58, 271, 1003, 2320, 3930, 5395, 5757, 5732, 5401, 4592, 3665, 2849, 2230, 1855, 1492,
    1061, 809, 607, 449, 328, 264, 223, 162, 127, 109, 92, 77, 91, 92, 82, 88, 54, 72, 67, 51, 68, 114, 177, 165, 136, 69,
    26, 7, 1];
  const GREY = PIXELS.map((_, i) => 5 * i + 2);
  const ALL = PIXELS.reduce((a, b) => a + b);
  const MEAN = GREY.reduce((sum, g, i) => sum + g * PIXELS[i], 0) / ALL;
  const SPREAD = Math.sqrt(GREY.reduce((sum, g, i) => sum + (g - MEAN) ** 2 * PIXELS[i], 0) / ALL);

  /* One neuron looks at the grey value of each pixel; mean cross-entropy over the image. */
  function classifier(unit) {
    const x = GREY.map(unit);
    return (w, b) => {
      let loss = 0, dw = 0, db = 0;
      for (let i = 0; i < x.length; i++) {
        const z = w * x[i] + b, p = 1 / (1 + Math.exp(-z)), difference = PIXELS[i] * p - INSIDE[i];
        loss += PIXELS[i] * (Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)))) - INSIDE[i] * z;
        dw += difference * x[i];
        db += difference;
      }
      return [loss / ALL, dw / ALL, db / ALL];
    };
  }
  /* Two weights in a row, v · tanh(w · x), shall imitate tanh(1.5 x). */
  function chain(w, v) {
    let loss = 0, dw = 0, dv = 0;
    for (let i = 0; i < 11; i++) {
      const x = (i - 5) / 2.5, h = Math.tanh(w * x), e = v * h - Math.tanh(1.5 * x);
      loss += e * e / 11;
      dv += 2 * e * h / 11;
      dw += 2 * e * v * (1 - h * h) * x / 11;
    }
    return [loss, dw, dv];
  }
  const SURFACES = {
    valley: { label: "Pixels, grey values / 100", f: classifier((g) => g / 100), view: [-6, 28, 6, -16],
      start: [-3, 2], names: ["weight w", "bias b"], rate: 0.5 },
    bowl: { label: "Pixels, standardised", f: classifier((g) => (g - MEAN) / SPREAD), view: [-4, 8, 4, -7],
      start: [-3, 2], names: ["weight w", "bias b"], rate: 0 },
    saddle: { label: "Two weights, a saddle", f: chain, view: [-3, 3, 2.2, -2.2], start: [0.15, -0.1],
      names: ["weight w", "weight v"], rate: -1 },
  };
  const METHODS = [
    { name: "gradient descent", key: "plain", colour: "blue", dash: [], mark: "circle" },
    { name: "momentum", key: "momentum", colour: "orange", dash: [7, 4], mark: "square" },
    { name: "Adam", key: "adam", colour: "green", dash: [2, 4], mark: "triangle" },
  ];
  const LONGEST = 300; // updates of one run

  /* One update of a runner (in place). */
  function advance(runner, f, rate) {
    const gradient = f(...runner.at).slice(1);
    runner.t += 1;
    runner.at = runner.at.map((value, i) => {
      const g = gradient[i];
      if (runner.key === "plain") return value - rate * g;
      if (runner.key === "momentum") {
        runner.m[i] = 0.9 * runner.m[i] + g;
        return value - rate * runner.m[i];
      }
      runner.m[i] = 0.9 * runner.m[i] + 0.1 * g;
      runner.v[i] = 0.999 * runner.v[i] + 0.001 * g * g;
      return value - rate * (runner.m[i] / (1 - 0.9 ** runner.t)) / (Math.sqrt(runner.v[i] / (1 - 0.999 ** runner.t)) + 1e-8);
    });
    runner.path.push(runner.at);
    runner.losses.push(f(...runner.at)[0]);
  }

  const FONT = "system-ui, sans-serif";
  const MARKS = {
    circle: (c, x, y, r) => c.arc(x, y, r, 0, 7),
    square: (c, x, y, r) => c.rect(x - r * 0.9, y - r * 0.9, 1.8 * r, 1.8 * r),
    triangle: (c, x, y, r) => { c.moveTo(x, y - 1.2 * r); c.lineTo(x + 1.1 * r, y + 0.8 * r); c.lineTo(x - 1.1 * r, y + 0.8 * r); c.closePath(); },
  };

  class BackpropExplorer extends window.CourseExplorable {
    static label = "Backpropagation, and what to do with gradients";
    static help = "Step with the buttons, move the sliders; in the second mode drag the start, or use the arrow keys.";

    build() {
      this.modes = this.choice({ name: "mode", label: "What to see", options: { graph: "A graph", descent: "Optimisers" },
        change: (mode) => this.choose(mode) });

      // The graph
      this.sheet = this.stage({ label: "", view: [0, 1, 0, 1], aspect: 0.95, draw: (context) => this.drawGraph(context) });
      const group = () => { const box = document.createElement("div"); box.style.display = "grid"; box.style.gap = "12px"; this.panel.append(box); return box; };
      this.graphPanel = group();
      const here = { parent: this.graphPanel };
      this.pick = this.select({ name: "graph", label: "Graph", ...here,
        options: Object.fromEntries(Object.entries(GRAPHS).map(([key, graph]) => [key, graph.label])),
        change: (key) => this.load(key) });
      this.sliders = [0, 1, 2, 3].map((i) => this.slider({ name: `input${i}`, label: "", min: -3, max: 3, step: 0.1, ...here,
        format: (v) => number(v, 1), change: (v) => { this.stop(); this.inputs[this.names[i]] = v; } }));
      const row = this.row(this.graphPanel);
      this.next = this.button({ name: "next", label: "Step", main: true, parent: row, click: () => { this.stop(); this.go(1); } });
      this.back = this.button({ name: "back", label: "Undo", parent: row, click: () => { this.stop(); this.go(-1); } });
      this.play = this.button({ name: "play", label: "Play", parent: row, click: () => this.toggleGraph() });
      this.learn = this.button({ name: "learn", label: "Update w and b", parent: row, click: () => this.learnOnce() });
      const results = this.numbers({ output: "output", gradient0: "", gradient1: "", gradient2: "", gradient3: "" }, this.graphPanel);
      this.results = [...results.children];
      this.note = this.text("note", this.stages);

      // The surface
      this.map = this.stage({ label: "", view: SURFACES.valley.view, aspect: 1.15, draw: (context) => this.drawMap(context) });
      this.curves = this.stage({ label: "", view: [0, 1, 1, 0], aspect: 2.9, draw: (context) => this.drawCurves(context) });
      this.key = this.text("key", this.stages);
      this.origin = this.handle(this.map, { name: "start", label: "Start", colour: "purple",
        where: () => (this.mode === "descent" ? this.start : null),
        drag: (x, y) => this.restart([x, y]),
        keys: (dx, dy) => { const [x0, x1, y1, y0] = this.surface.view; this.restart([this.start[0] + dx * (x1 - x0) / 60, this.start[1] + dy * (y1 - y0) / 60]); },
        value: () => `at ${number(this.start[0], 1)}, ${number(this.start[1], 1)}` });
      this.mapPanel = group();
      const there = { parent: this.mapPanel };
      this.ground = this.select({ name: "surface", label: "Loss surface", ...there,
        options: Object.fromEntries(Object.entries(SURFACES).map(([key, surface]) => [key, surface.label])),
        change: (key) => this.visit(key) });
      this.rate = this.slider({ name: "rate", label: "learning rate", min: -3, max: 2, step: 0.1, ...there,
        format: (v) => (10 ** v).toPrecision(2).replace(/e\+1$/, "0"), change: () => this.restart(this.start) });
      const buttons = this.row(this.mapPanel);
      this.descend = this.button({ name: "run", label: "Play", main: true, parent: buttons, click: () => this.toggleDescent() });
      this.button({ name: "step", label: "One update", parent: buttons, click: () => { this.stop(); this.advance(); } });
      this.button({ name: "restart", label: "Back to start", parent: buttons, click: () => this.restart(this.start) });
      this.numbers({ updates: "updates", plain: "gradient descent", momentum: "momentum", adam: "Adam", lowest: "lowest loss" }, this.mapPanel);
    }

    reset() {
      this.load("neuron");
      this.visit("valley");
      this.choose(this.getAttribute("mode") === "descent" ? "descent" : "graph");
    }

    choose(mode) {
      this.stop();
      this.mode = this.modes.value = mode;
      const graph = mode === "graph";
      for (const part of [this.sheet.element, this.graphPanel, this.note]) part.hidden = !graph;
      for (const part of [this.map.element, this.curves.element, this.key, this.mapPanel]) part.hidden = graph;
    }

    // ---------------------------------------------------------------- mode 1
    load(key) {
      this.stop();
      this.pick.value = key;
      this.graph = GRAPHS[key];
      const inputs = this.graph.nodes.filter((node) => !node[4]);
      this.names = inputs.map((node) => node[0]);
      this.inputs = Object.fromEntries(inputs.map((node) => [node[0], node[3]]));
      this.operations = this.graph.nodes.length - inputs.length;
      this.sliders.forEach((slider, i) => {
        slider.element.hidden = i >= inputs.length;
        slider.element.querySelector("label").textContent = this.names[i] ? `input ${this.names[i]}` : "unused";
      });
      this.rows = 1 + Math.max(...this.graph.nodes.map((node) => node[2]));
      this.sheet.canvas.style.aspectRatio = String(Math.min(0.95, 4.2 / this.rows)); // a row keeps its height
      this.step = this.updates = 0;
    }

    /* Steps 1 … n compute the operations, step n + 1 puts 1 at the output, the last n go back. */
    get last() { return 2 * this.operations + 1; }

    go(direction) {
      const to = clamp(this.step + direction, 0, this.last);
      const moved = to !== this.step;
      this.step = to;
      return moved;
    }

    toggleGraph() {
      if (this.running) return this.stop();
      if (this.step === this.last) this.step = 0;
      this.run(() => this.go(1) && this.step < this.last, 900);
    }

    learnOnce() {
      this.stop();
      const { at } = compute(this.graph, this.inputs);
      for (const name of this.graph.learns) this.inputs[name] = clamp(this.inputs[name] - RATE * at[name].gradient, -3, 3);
      this.updates += 1;
      this.step = 0;
    }

    state() {
      const back = Math.max(0, this.step - this.operations);
      const { at, order } = compute(this.graph, this.inputs, back);
      const operations = [...order].reverse();
      const done = new Set([...this.names, ...operations.slice(0, this.step)]);
      const arrived = new Set(back > 0 ? [order[0]] : []);
      for (const name of order.slice(0, Math.max(0, back - 1))) for (const parent of at[name].parents) arrived.add(parent);
      const forward = this.step > 0 && this.step <= this.operations ? operations[this.step - 1] : null;
      const backward = back > 1 ? order[back - 2] : null;
      return { at, order, done, arrived, back, forward, backward, seed: back === 1 };
    }

    tell({ at, order, forward, backward, seed }) {
      const value = (name) => number(at[name].value);
      const out = order[0];
      if (forward) {
        const { op, parents } = at[forward];
        const sum = op === "tanh" ? `tanh(${value(parents[0])})` : op === "square" ? `(${value(parents[0])})²`
          : `${value(parents[0])} ${op} ${at[parents[1]].value < 0 ? `(${value(parents[1])})` : value(parents[1])}`;
        return `Forward: ${forward} = ${sum} = ${value(forward)}. On its edges stand the local derivatives (${OPS[op].why}).`;
      }
      if (seed) return `Backward begins: ${out} changes exactly as fast as ${out} itself, so its gradient is 1.`;
      if (backward) {
        const { parents, slopes, gradient } = at[backward];
        const parts = parents.map((parent, i) => `${parent} gets ${number(gradient)} × ${number(slopes[i])} = ${number(gradient * slopes[i])}`
          + (this.graph.nodes.filter((node) => node[4]?.includes(parent)).length > 1 ? ", added to what arrives on its other edge" : ""));
        const end = this.step === this.last ? this.proof(at, out) : "";
        return `Backward through ${backward}: ${parts.join("; ")}.${end}`;
      }
      return this.updates ? `${this.updates === 1 ? "One update" : `${this.updates} updates`} made: w and b went against their gradients, `
        + `learning rate ${RATE}. Step on and see what became of the loss.`
        : "The inputs are given. Step forward until the output is known, then back until each input has its gradient.";
    }

    /* What nudging says, computed for real. */
    proof(at, out) {
      const name = this.names[0], nudged = compute(this.graph, { ...this.inputs, [name]: this.inputs[name] + 0.001 });
      return ` The proof: raise ${name} by 0.001, and ${out} changes by ${number(1000 * (nudged.at[out].value - at[out].value))} thousandths.`;
    }

    updateGraph() {
      const now = this.state(), { at, order, done, arrived } = now, out = order[0];
      this.sliders.forEach((slider, i) => { if (this.names[i]) slider.value = this.inputs[this.names[i]]; });
      this.results[0].querySelector("dt").textContent = `output ${out}`;
      this.show("output", done.has(out) ? number(at[out].value, 3) : "–");
      for (let i = 0; i < 4; i++) {
        const name = this.names[i];
        this.results[i + 1].hidden = !name;
        this.results[i + 1].querySelector("dt").textContent = name ? `gradient of ${name}` : "gradient";
        this.show(`gradient${i}`, name && arrived.has(name) ? number(at[name].gradient, 3) : "–");
      }
      this.next.disabled = this.step === this.last;
      this.back.disabled = this.step === 0;
      this.play.textContent = this.running ? "Stop" : "Play";
      this.learn.hidden = !this.graph.learns;
      this.learn.disabled = this.step !== this.last;
      this.note.textContent = this.tell(now);
      this.sheet.label = `Graph ${this.graph.label}. Known values: ${[...done].map((n) => `${n} ${number(at[n].value)}`).join(", ")}. `
        + `Gradients: ${[...arrived].map((n) => `${n} ${number(at[n].gradient)}`).join(", ") || "none yet"}.`;
      if (!this.running) this.say(this.note.textContent);
    }

    drawGraph(context) {
      if (this.mode !== "graph") return;
      const { at, done, arrived, forward, backward, seed, order } = this.state(), { width, height } = this.sheet;
      const { rows } = this;
      const boxW = Math.min(112, width / 3 - 8), boxH = Math.min(46, height / rows * 0.56);
      const small = boxH < 40 ? 12 : 13;
      const place = Object.fromEntries(this.graph.nodes.map(([name, x, y]) =>
        [name, [boxW / 2 + 4 + x / 2 * (width - boxW - 8), (y + 0.5) * height / rows]]));
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, width, height);
      context.textAlign = "center";
      const labels = [];
      for (const [name, , , , parents] of this.graph.nodes) {
        (parents || []).forEach((parent, i) => {
          const [x0, y0] = place[parent], [x1, y1] = place[name], back = backward === name, active = back || forward === name;
          // From the lower edge of the parent to the upper edge of the child, or between the sides if they share a row.
          const level = Math.abs(y1 - y0) < 1;
          const a = level ? [x0 + Math.sign(x1 - x0) * boxW / 2, y0] : [x0, y0 + boxH / 2];
          const b = level ? [x1 - Math.sign(x1 - x0) * boxW / 2, y1] : [x1 + clamp((x0 - x1) * 0.3, -boxW * 0.35, boxW * 0.35), y1 - boxH / 2];
          context.strokeStyle = context.fillStyle = this.colour(back ? "vermilion" : active ? "blue" : "muted");
          context.lineWidth = active ? 3.5 : 1.5;
          arrow(context, ...(back ? [b, a] : [a, b]));
          if (done.has(name)) {
            labels.push([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, `× ${number(at[name].slopes[i])}`, active, back]);
          }
        });
      }
      for (const [x, y, text, active, back] of labels) {
        context.font = `${active ? 600 : 400} ${small - 0.5}px ${FONT}`;
        const w = context.measureText(text).width + 10;
        context.fillStyle = this.colour("paper");
        context.strokeStyle = this.colour(back ? "vermilion" : active ? "blue" : "line");
        context.lineWidth = 1;
        context.beginPath(); context.roundRect(x - w / 2, y - 9, w, 18, 9); context.fill(); context.stroke();
        context.fillStyle = this.colour("ink");
        context.fillText(text, x, y + 4.2);
      }
      for (const [name, , , op, parents] of this.graph.nodes) {
        const [x, y] = place[name], know = done.has(name);
        const here = forward === name || (seed && name === order[0]);
        const lit = backward && at[backward].parents.includes(name);
        context.fillStyle = this.colour("paper");
        context.strokeStyle = this.colour(lit || (seed && here) ? "vermilion" : here ? "blue" : know ? "ink" : "line");
        context.lineWidth = here || lit ? 3 : 1.5;
        context.beginPath(); context.roundRect(x - boxW / 2, y - boxH / 2, boxW, boxH, parents ? boxH / 2.2 : 5);
        context.fill(); context.stroke();
        const title = parents ? `${name} (${op === "square" ? "²" : op})` : name;
        context.font = `600 ${small}px ${FONT}`;
        context.fillStyle = this.colour(know ? "ink" : "muted");
        context.fillText(know ? `${title} ${number(at[name].value)}` : title, x, arrived.has(name) ? y - 3 : y + 4.5, boxW - 10);
        if (arrived.has(name)) {
          context.fillStyle = this.colour("vermilion");
          context.fillText(`grad ${number(at[name].gradient)}`, x, y + small + 1);
        }
      }
    }

    // ---------------------------------------------------------------- mode 2
    visit(key) {
      this.ground.value = key;
      this.surface = SURFACES[key];
      this.map.view = this.surface.view;
      this.rate.value = this.surface.rate;
      this.picture = null;
      this.lowest = this.minimum();
      this.restart(this.surface.start);
    }

    /* Lowest loss of the surface, by Adam with a falling rate. */
    minimum() {
      const runner = { key: "adam", at: this.surface.start, m: [0, 0], v: [0, 0], t: 0, path: [], losses: [] };
      for (let i = 0; i < 1500; i++) advance(runner, this.surface.f, 0.995 ** i);
      return Math.min(...runner.losses);
    }

    restart(start) {
      this.stop();
      const [x0, x1, y1, y0] = this.surface.view;
      this.start = [clamp(start[0], x0, x1), clamp(start[1], y0, y1)];
      const loss = this.surface.f(...this.start)[0];
      this.runners = METHODS.map((method) => ({ ...method, at: this.start, m: [0, 0], v: [0, 0], t: 0, path: [this.start], losses: [loss] }));
    }

    advance() {
      if (this.runners[0].t >= LONGEST) return false;
      for (const runner of this.runners) advance(runner, this.surface.f, 10 ** this.rate.value);
      return this.runners[0].t < LONGEST;
    }

    toggleDescent() {
      if (this.running) return this.stop();
      if (this.runners[0].t >= LONGEST) this.restart(this.start);
      this.run(() => this.advance(), 40);
    }

    updateMap() {
      const loss = (value) => (value < 100 ? value.toFixed(4) : value < 1e6 ? value.toFixed(0) : "diverged");
      this.show("updates", this.runners[0].t);
      for (const { key, losses } of this.runners) this.show(key, loss(losses.at(-1)));
      this.show("lowest", loss(this.lowest));
      this.descend.textContent = this.running ? "Stop" : "Play";
      this.key.innerHTML = METHODS.map(({ name, colour, mark }) => `<span>${sample(mark, this.colour(colour))} ${name}</span>`).join("")
        + "<span>lighter ground: lower loss</span>";
      const words = this.runners.map(({ name, losses }) => `${name} ${loss(losses.at(-1))}`).join(", ");
      this.map.label = `Contour map of the loss over ${this.surface.names.join(" and ")} with the paths of three optimisers after ${this.runners[0].t} updates. Losses: ${words}.`;
      this.curves.label = `Loss over updates, logarithmic: ${words}; the lowest possible is ${loss(this.lowest)}.`;
      if (!this.running && this.runners[0].t) this.say(`After ${this.runners[0].t} updates: ${words}.`);
    }

    /* The ground, painted once for each surface, size and theme. */
    paintGround() {
      const { width, height } = this.map, name = [this.ground.value, width, height, this.colour("paper")].join();
      if (this.picture?.name === name) return this.picture.canvas;
      const canvas = document.createElement("canvas"), w = canvas.width = Math.ceil(width), h = canvas.height = Math.ceil(height);
      const context = canvas.getContext("2d"), image = context.createImageData(w, h), [x0, x1, y1, y0] = this.surface.view;
      const paper = rgb(this.colour("paper")), dark = rgb(this.colour("muted"));
      const cell = 4, columns = Math.ceil(w / cell) + 2, level = [];
      for (let j = 0; j * cell <= h + cell; j++) {
        for (let i = 0; i < columns; i++) {
          const loss = this.surface.f(x0 + i * cell / w * (x1 - x0), y1 + j * cell / h * (y0 - y1))[0];
          level.push(2.6 * Math.log2((loss + 0.02) / (this.lowest + 0.02)));
        }
      }
      const levelAt = (x, y) => { // bilinear between the computed points
        const i = Math.floor(x / cell), j = Math.floor(y / cell), u = x / cell - i, v = y / cell - j, k = j * columns + i;
        return (level[k] * (1 - u) + level[k + 1] * u) * (1 - v) + (level[k + columns] * (1 - u) + level[k + columns + 1] * u) * v;
      };
      for (let y = 0; y < h; y++) {
        for (let x = 0; x < w; x++) {
          const here = Math.floor(levelAt(x, y));
          const edge = here !== Math.floor(levelAt(x + 1, y)) || here !== Math.floor(levelAt(x, y + 1));
          const shade = edge ? Math.min(0.2 + here * 0.05, 0.95) : Math.min(0.03 + here * 0.045, 0.75);
          for (let c = 0; c < 3; c++) image.data[4 * (y * w + x) + c] = paper[c] + (dark[c] - paper[c]) * shade;
          image.data[4 * (y * w + x) + 3] = 255;
        }
      }
      context.putImageData(image, 0, 0);
      this.picture = { name, canvas };
      return canvas;
    }

    drawMap(context) {
      if (this.mode !== "descent") return;
      const { width, height } = this.map, limit = 20 * width;
      context.drawImage(this.paintGround(), 0, 0, width, height);
      for (const { path, colour, dash, mark } of this.runners) {
        const points = path.map(([x, y]) => [this.map.x(x), this.map.y(y)].map((p) => clamp(p, -limit, limit)));
        context.lineWidth = 4; context.strokeStyle = this.colour("paper"); context.setLineDash([]);
        line(context, points);
        context.lineWidth = 2; context.strokeStyle = this.colour(colour); context.setLineDash(dash);
        line(context, points);
        context.setLineDash([]);
        const [x, y] = points.at(-1);
        context.fillStyle = this.colour(colour); context.strokeStyle = this.colour("ink"); context.lineWidth = 1.5;
        context.beginPath(); MARKS[mark](context, clamp(x, 4, width - 4), clamp(y, 4, height - 4), 6.5); context.fill(); context.stroke();
      }
      context.font = `600 13px ${FONT}`;
      context.fillStyle = this.colour("ink");
      context.textAlign = "right"; context.fillText(`${this.surface.names[0]} →`, width - 6, height - 7);
      context.textAlign = "left"; context.fillText(`↑ ${this.surface.names[1]}`, 6, 17);
    }

    drawCurves(context) {
      if (this.mode !== "descent") return;
      const { width, height } = this.curves, left = 34, bottom = height - 20;
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, width, height);
      const longest = Math.max(40, this.runners[0].t), top = Math.max(this.runners[0].losses[0] * 1.5, 1);
      const Y = (loss) => bottom - clamp(Math.log(loss / this.bottomLoss) / Math.log(top / this.bottomLoss), -0.02, 1) * (bottom - 8);
      const X = (t) => left + t / longest * (width - left - 8);
      context.font = `12px ${FONT}`;
      context.fillStyle = this.colour("muted");
      context.textAlign = "right";
      for (const tick of [0.01, 0.03, 0.1, 0.3, 1, 3, 10].filter((loss) => loss > this.bottomLoss * 1.1 && loss < top)) {
        context.strokeStyle = this.colour("line"); context.lineWidth = 1;
        line(context, [[left, Y(tick)], [width, Y(tick)]]);
        context.fillText(String(tick), left - 5, Y(tick) + 4);
      }
      context.textAlign = "left"; context.fillText("loss", 4, 13);
      context.textAlign = "right"; context.fillText(`update ${longest}`, width - 6, height - 5);
      for (const { losses, colour, dash } of this.runners) {
        context.lineWidth = 2; context.strokeStyle = this.colour(colour); context.setLineDash(dash);
        line(context, losses.map((loss, t) => [X(t), Y(Math.max(loss, 1e-9))]));
      }
      context.setLineDash([]);
    }

    get bottomLoss() { return Math.max(this.lowest * 0.9, 0.003); }

    update() { if (this.mode === "graph") this.updateGraph(); else this.updateMap(); }
  }

  function line(context, points) {
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
  }

  function arrow(context, [x0, y0], [x1, y1]) {
    line(context, [[x0, y0], [x1, y1]]);
    const angle = Math.atan2(y1 - y0, x1 - x0);
    context.beginPath();
    for (const turn of [0, 2.6, -2.6]) {
      const size = turn ? 9 : 0;
      context.lineTo(x1 + size * Math.cos(angle + turn), y1 + size * Math.sin(angle + turn));
    }
    context.fill();
  }

  const rgb = (colour) => {
    const full = colour.length === 4 ? colour.replace(/[0-9a-f]/gi, "$&$&") : colour;
    return [1, 3, 5].map((i) => parseInt(full.slice(i, i + 2), 16));
  };

  /* Small picture of a mark, for the key. */
  function sample(mark, colour) {
    const shape = { circle: `<circle cx="8" cy="8" r="5.5"`, square: `<rect x="3" y="3" width="10" height="10"`,
      triangle: `<path d="M8 2l6 11H2z"` }[mark];
    return `<svg width="16" height="16" aria-hidden="true">${shape} fill="${colour}"/></svg>`;
  }

  define("backprop-explorer", BackpropExplorer);
})();
