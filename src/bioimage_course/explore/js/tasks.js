/* Tasks of the explorables: what to reach, how it is judged, and what this browser remembers of it.
 *
 * A task is data: a name, one sentence, and a question to the explorable's state. base.js asks after each update
 * (`judge`), the list stands below the explorable. What has been reached stays reached; it is kept in this browser
 * only, where the browser keeps anything. book/assets/record.js prints the record of all pages.
 * Python reads the names and sentences from the lines below (`explore.tasks`), so each task begins with
 * `"name": ["One sentence.", `. Comes after base.js, where there is one; may run several times. */
(() => {
  "use strict";
  if (window.CourseTasks) return;

  /* The text of a number of an explorable, and its value. */
  const shown = (e, name) => e.shadowRoot.querySelector(`[data-number=${name}]`).textContent;
  const value = (e, name) => parseFloat(shown(e, name).replace("\u2212", "-"));
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  const solved = (ball, task) => ball.task.value === task && ball.note.textContent.startsWith("Solved");
  const says = (network) => network.result.chances.indexOf(Math.max(...network.result.chances));
  const changed = (cnn) => Object.entries(cnn.state)
    .filter(([key, v]) => v !== (/zoom|light/.test(key) ? 1 : 0)).map(([key]) => key).join();
  const shapley = (e, feature) => sum(ORDERS.map((order) => e.gains(order)[feature])) / ORDERS.length;
  const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  const averaged = (e) => e.blind.value === "yes" && e.strength.value > 0 && e.sums.masks >= 300;
  const surest = (sam) => sam.all.reduce((best, mask) => (mask.predicted > best.predicted ? mask : best));
  const first = (ranking) => ranking.ranking.filter((row) => row.place === 1).map((row) => row.id).join(" ");

  // tasks: begin, in the order of the book
  const TASKS = {
    "pixel-explorer": {
      "two-tones": ["Let the display show nothing but pure black and pure white, both of them, and leave the stored values alone.",
        (e) => e.mode.value === "display" && [0, 255].every((tone) => e.data.some((v) => e.grey(v) === tone))
          && e.data.every((v) => [0, 255].includes(e.grey(v)))],
      "gamma": ["Show the value 100 as a grey of 190 to 210, with black still at 0 and white still at 255.",
        (e) => e.low.value === 0 && e.high.value === 255 && e.grey(100) >= 190 && e.grey(100) <= 210],
      "few-bits": ["Throw away as many bits as you can while at least 40 different values are left in the patch.",
        (e) => e.mode.value === "bits" && e.bits.value === 6],
    },
    "perceptron-explorer": {
      "by-hand": ["Separate the separable nuclei without an error by hand, without a single correction by the rule.",
        (e) => e.data.value === "nuclei" && e.updates === 0 && !e.wrong.length],
      "xor": ["XOR: be wrong for only one of the four points.", (e) => e.data.value === "xor" && e.wrong.length === 1],
      "overlap": ["Overlapping nuclei: at most three of 40 on the wrong side.",
        (e) => e.data.value === "overlap" && e.wrong.length <= 3],
    },
    "folding-explorer": {
      "step": ["Step: two hidden lines and an output line that leave no cell on the wrong side.",
        (e) => e.activation.value === "step" && e.errors === 0],
      "fold": ["ReLU: no cell on the wrong side.", (e) => e.activation.value === "relu" && e.errors === 0],
      "same-way": ["No error, though the handles of both hidden lines point the same way, within 15 degrees.",
        (e) => e.errors === 0 && Math.cos(e.lines[0].angle - e.lines[1].angle) >= Math.cos(15 * Math.PI / 180)],
    },
    "ball-explorer": {
      "fast": ["Solve the task “least loss in at most ten steps”.", (e) => solved(e, "fast")],
      "never": ["Solve the task “a rate that never arrives”.", (e) => solved(e, "never")],
      "plateau": ["Solve the task “leave the plateau in 20 steps”.", (e) => solved(e, "plateau")],
    },
    "activation-explorer": {
      "two-neurons": ["XOR without an error, with two hidden neurons.",
        (e) => e.data.value === "xor" && e.neurons.value === 2 && e.steps > 0 && e.state.errors === 0],
      "interleaved": ["The interleaved nuclei without an error, in at most 500 steps.",
        (e) => e.data.value === "arms" && e.steps > 0 && e.steps <= 500 && e.state.errors === 0],
      "silent": ["Train ReLU neurons until at least four of them have no gradient at any nucleus.",
        (e) => e.activation.value === "relu" && e.steps > 0 && e.state.silent.filter(Boolean).length >= 4],
    },
    "backprop-explorer": {
      "saturated": ["The neuron: choose inputs so that all three gradients are smaller than 0.01, and step until they are shown.",
        (e) => e.mode === "graph" && e.pick.value === "neuron" && e.step === e.last
          && ["a", "b", "c"].every((name) => Math.abs(e.state().at[name].gradient) < 0.01)],
      "updates": ["The graph with a loss: bring the loss below 0.01 by updates alone, with x and y as they are.",
        (e) => e.mode === "graph" && e.pick.value === "loss" && e.updates > 4 && e.inputs.x === 1 && e.inputs.y === 0.8
          && e.state().at.L.value < 0.01],
      "rate": ["Standardised pixels: let plain gradient descent come within 0.001 of the lowest loss in at most 20 updates.",
        (e) => e.mode === "descent" && e.ground.value === "bowl" && e.runners[0].t > 0 && e.runners[0].t <= 20
          && String(e.start) === String(e.surface.start) && e.runners[0].losses.at(-1) < e.lowest + 0.001],
    },
    "cnn-explorer": {
      "turn": ["The metaphase nucleus: another answer, with nothing changed but the turn.",
        (e) => e.result && e.name === "metaphase" && !e.mirror && changed(e) === "turn" && says(e) !== 1],
      "sure": ["The metaphase nucleus, neither moved nor dimmed nor brightened: another answer, at least 95 % sure, and no warning.",
        (e) => e.result && e.name === "metaphase" && !e.mirror && !/dx|dy|light/.test(changed(e)) && says(e) !== 1
          && Math.max(...e.result.chances) >= 0.95 && e.warning.hidden],
      "padding": ["Put one of the nuclei where the padding alone decides: the answer with mirror is another than with zeros.",
        (e) => e.result && e.name !== "own" && e.pad === "mirror" && says(e) !== says({ result: e.zeros })],
    },
    "convolution-explorer": {
      "size": ["Weights, no pooling: without padding and with a stride of 2, an output of exactly 4 × 4.",
        (e) => !e.pools && e.pad === "none" && e.s === 2 && e.size === 4],
      "flat": ["Weights of your own, not all zero, that answer 0 wherever the image is even.",
        (e) => e.mode === "own" && e.w.some(Boolean) && Math.abs(sum(e.w)) < 0.02],
      "shift": ["Weights of your own that move the image by one pixel and change nothing else.",
        (e) => e.mode === "own" && e.w[4] === 0 && sum(e.w) === 1 && e.w.filter((w) => w === 1).length === 1
          && e.w.filter((w) => w === 0).length === 8],
    },
    "overfitting-explorer": {
      "by-heart": ["After 800 epochs: a training loss below 0.01, and a validation loss above 1.",
        (e) => e.done && e.train.at(-1) < 0.01 && e.validation.at(-1) > 1],
      "cured": ["24 units, noise 0.45: after 800 epochs let the validation loss end within 0.05 of its lowest.",
        (e) => e.done && e.network.units === 24 && e.noise.value === 0.45 && e.validation.at(-1) < e.best.loss + 0.05],
      "too-small": ["40 examples, noise 0.45: after 800 epochs let both losses end within 0.03 of each other.",
        (e) => e.done && e.data.count === 40 && e.noise.value === 0.45
          && Math.abs(e.validation.at(-1) - e.train.at(-1)) < 0.03],
    },
    "grad-cam-explorer": {
      "fooled": ["Get one of the networks to call the platelet a white cell, without covering anything.",
        (e) => e.name === "platelet" && !e.covers && e.kindOfNet !== "random" && says(e) === 1],
      "reason": ["Keep the white square, and make the network that it misled call the white cell something else.",
        (e) => e.name === "white" && e.kindOfNet === "marked" && e.square.value && says(e) !== 1],
      "unlikely": ["Network as usual: choose a class below 1 % whose map lies on the corner, with more than 10 × at “map on the corner”.",
        (e) => e.kindOfNet === "clean" && e.result.chances[e.kind] < 0.01 && value(e, "ratio") > 10],
    },
    "shapley-explorer": {
      "no-gain": ["Find a nucleus and an order in which a feature adds less than 0.02 although its Shapley value is at least 0.05.",
        (e) => e.known.length === 3 && e.walked.length === 6
          && e.gains(e.known).some((gain, i) => Math.abs(gain) < 0.02 && Math.abs(shapley(e, i)) >= 0.05)],
      "company": ["The first nucleus: make the Shapley value of its mean intensity smaller than 0.03, all six orders walked.",
        (e) => e.nucleus.value === "0" && e.walked.length === 6 && Math.abs(shapley(e, 1)) < 0.03],
    },
    "denoising-explorer": {
      "fail": ["Make Noise2Void fail: blind spots, 300 sets, a loss below half the variance of the noise, and nothing gained.",
        (e) => averaged(e) && e.sums.loss < 0.5 * e.sums.noise && e.sums.truth >= e.sums.noise],
      "harm": ["Independent noise, blind spots, 300 sets: find noise so weak that asking the neighbours does more harm than good.",
        (e) => averaged(e) && e.kind.value === "pixels" && e.predictor.value !== "identity" && e.strength.value > 0
          && e.sums.truth > e.sums.noise],
    },
    "threshold-explorer": {
      "best-cut": ["Reach an AP@0.5 of at least 0.65.", (e) => e.outcome.ap >= 0.65],
      "mask-only": ["An IoU of the masks of at least 0.84, and an AP@0.5 below 0.18.",
        (e) => e.outcome.iou >= 0.84 && e.outcome.ap < 0.18],
    },
    "unet-explorer": {
      "output": ["Without padding and with four poolings, an output of exactly 100 × 100 pixels.",
        (e) => !e.padded && e.depth.value === 4 && e.sides.output === 100],
      "view": ["Let an output pixel see at least 100 pixels along an axis, with fewer than 150,000 parameters.",
        (e) => Boolean(e.sides.output) && value(e, "field") >= 100 && Number(shown(e, "parameters").replace(/,/g, "")) < 150000],
    },
    "stardist-explorer": {
      "eight-rays": ["Describe a nucleus with eight rays only, at an IoU of at least 0.93.",
        (e) => e.mode === "rays" && e.rays.value === 8 && value(e, "iou") >= 0.93],
      "no-star": ["64 rays from a point inside a nucleus, and an IoU below 0.5.",
        (e) => e.mode === "rays" && e.rays.value === 64 && e.label > 0 && value(e, "iou") < 0.5],
      "lost": ["Suppression: lose one of the eight nuclei with the probability threshold at 0.40.",
        (e) => e.mode === "suppression" && e.probability.value === 0.4 && e.kept.length > 0 && !e.left.length
          && value(e, "found") < 8],
    },
    "cellpose-explorer": {
      "apart": ["120 steps of the particles, and one cell of the mask ends as two objects or more.",
        (e) => e.steps.value === 120 && value(e, "cells") === 1 && value(e, "objects") > 1],
      "least-heat": ["The long rod: as few steps of heat as possible, and no pixel without an arrow.",
        (e) => e.shape.value === "rod" && e.heat.value === 20],
    },
    "sam-explorer": {
      "sure": ["A click on a nucleus: SAM predicts an IoU of at least 0.90, and the true one is below 0.10.",
        (e) => e.mode === "click" && e.label > 0 && e.now.predicted >= 0.9 && value(e, "true") < 0.1],
      "rescue": ["A click whose surest mask is far too large, and another of the three with a true IoU of at least 0.75.",
        (e) => e.mode === "click" && value(e, "true") >= 0.75 && surest(e).size > 3 * e.now.size],
      "box": ["A box: SAM predicts an IoU of at least 0.88, and the true one is below 0.35.",
        (e) => e.mode === "box" && e.now.predicted >= 0.88 && value(e, "true") < 0.35],
    },
    "decision-explorer": {
      "scratch": ["Describe a project with single objects for which a network from scratch comes first, alone.",
        (e) => ["count", "outlines", "brightness"].includes(e.answers.output) && first(e) === "scratch"],
      "tie": ["Answer all questions so that three kinds of methods or more share the first place.",
        (e) => shown(e, "open") === "0" && first(e).split(" ").length >= 3],
    },
    "mask-explorer": {
      "silent": ["Keep the label doctor silent, though fewer than five of the twelve masks still match.",
        (e) => e.told === 0 && e.matched < 5],
      "early": ["Let the doctor name a shift while eleven of the twelve masks still match.",
        (e) => e.told === 1 && e.matched >= 11],
      "unsure": ["Let the doctor say that it cannot judge.", (e) => e.told === 4],
    },
    "score-explorer": {
      "dice": ["At a threshold of 0.50: a Dice of at least 0.75 and an AP of 0.",
        (e) => e.threshold.value === 0.5 && value(e, "dice") >= 0.75 && e.now.ap === 0],
      "small": ["At a threshold of 0.50: miss one of three objects, at a Dice of at least 0.92.",
        (e) => e.threshold.value === 0.5 && !e.merge.value && e.now.fn === 1 && value(e, "dice") >= 0.92],
    },
    "replicate-explorer": {
      "alike": ["No effect, at least four wells a condition with 50 cells each, and counting cells raises no more alarms than promised.",
        (e) => e.effect === 0 && e.wells >= 4 && e.cells >= 50 && e.alarms <= 0.055],
      "crowd": ["No effect, and only a twentieth of the variance lies between wells: more than half of the experiments are false alarms if cells are counted.",
        (e) => e.effect === 0 && Math.abs(e.icc - 0.05) < 0.01 && e.alarms > 0.5],
      "wells": ["An effect of half a standard deviation, a fifth of the variance between wells: with as few wells as will do, the test on wells finds it in 60 % of the experiments.",
        (e) => Math.abs(e.effect - 0.5) < 0.01 && Math.abs(e.icc - 0.2) < 0.01 && e.powerShare() >= 0.6 && e.powerShare(e.wells - 1) < 0.6],
    },
    "verdict-explorer": {
      "faultless": ["Twelve images on each side: convict all the saturated ones and no healthy one.",
        (e) => e.count.value === 12 && e.mistakes().sum === 0],
      "too-few": ["No mistake with two images on each side, by a test and a limit that make more than five with all twelve.",
        (e) => e.count.value === 2 && e.mistakes().sum === 0 && e.mistakes(12).sum > 5],
      "best-mean": ["Twelve images on each side, judged by their mean: as few mistakes as any limit makes.",
        (e) => e.count.value === 12 && e.test.value === "mean" && e.mistakes().sum <= 7],
    },
    "blocks-explorer": {
      "luck": ["Blocks of 64 pixels, kept by the centre: the smallest halo with which all objects are whole.",
        (e) => e.block === 64 && e.rule === "centre" && e.halo === 12],
      "safe": ["Kept by the centre: the smallest halo that is safe wherever the lines may lie.",
        (e) => e.rule === "centre" && e.halo === e.longest],
      "cheap": ["All objects whole, with at most 1.4 times the pixels computed.",
        (e) => e.states.every((state) => state === "whole") && parseFloat(shown(e, "overhead").slice(1)) <= 1.4],
    },
  };
  // tasks: end

  // ------------------------------------------------------------------ what this browser remembers
  const STORE = "course-tasks";
  let unsaved = {}; // where nothing can be kept it lasts as long as the page

  /* What has been reached: {"perceptron-explorer/by-hand": "2026-11-29", …}. */
  function reached() {
    try {
      const kept = JSON.parse(localStorage.getItem(STORE));
      return { ...(kept && typeof kept === "object" ? kept : {}), ...unsaved };
    } catch {
      return { ...unsaved }; // a private window, a page opened from a file, or something else wrote there
    }
  }

  /* Replace the record; says whether the browser keeps it. */
  function keep(record) {
    unsaved = record;
    try {
      localStorage.setItem(STORE, JSON.stringify(record));
      unsaved = {};
    } catch { /* it stays in `unsaved` */ }
    document.dispatchEvent(new CustomEvent("course-tasks"));
    return unsaved !== record;
  }

  /* Local date, as 2026-11-29. */
  function today() {
    const now = new Date(), two = (n) => String(n).padStart(2, "0");
    return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  }

  // ------------------------------------------------------------------ the list below an explorable
  const STYLE = `
    .tasks { border-top: 1px solid var(--line); margin-top: 12px; padding-top: 10px; font-size: 14px; }
    .tasks .title { margin: 0 0 4px; }
    .tasks ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 4px; }
    .tasks li { padding-left: 26px; position: relative; }
    .tasks svg { position: absolute; left: 2px; top: 2px; fill: none; stroke: var(--muted); stroke-width: 1.6; }
    .tasks svg path { visibility: hidden; stroke: var(--accent); stroke-width: 2.6; }
    .tasks [data-reached] svg path { visibility: visible; }`;
  const BOX = '<svg width="16" height="16" aria-hidden="true"><rect x="1" y="1" width="14" height="14" rx="3"/>'
    + '<path d="M3.5 8.5l3 3 6-7"/></svg><span class="sr"></span> <span></span>';
  const lists = new WeakMap();

  class List {
    constructor(explorable, tasks) {
      const { make } = window.CourseExplorable;
      this.tag = explorable.localName;
      this.head = make("p", { class: "title" });
      this.live = make("p", { class: "sr", "aria-live": "polite" });
      this.items = Object.fromEntries(Object.entries(tasks).map(([name, [sentence]]) => {
        const item = make("li", { "data-task": name });
        item.innerHTML = BOX;
        item.lastChild.textContent = sentence;
        return [name, item];
      }));
      const list = make("ul", {}, ...Object.values(this.items));
      explorable.shadowRoot.append(make("style", {}, STYLE));
      explorable.shadowRoot.querySelector(".app").append(make("div", { class: "tasks" }, this.head, list, this.live));
      document.addEventListener("course-tasks", () => this.show());
      this.show();
    }

    show() {
      const done = reached(), items = Object.entries(this.items);
      for (const [name, item] of items) {
        const is = Boolean(done[`${this.tag}/${name}`]);
        item.toggleAttribute("data-reached", is);
        item.querySelector(".sr").textContent = is ? "Reached:" : "Not yet reached:";
      }
      this.head.textContent = `Tasks: ${items.filter(([name]) => done[`${this.tag}/${name}`]).length} of ${items.length} reached`;
    }
  }

  /* Called by base.js after each update of an explorable. An attribute `no-tasks` leaves the list out. */
  function judge() {
    const tasks = TASKS[this.localName];
    if (!tasks || this.hasAttribute("no-tasks")) return;
    if (!lists.has(this)) lists.set(this, new List(this, tasks));
    const done = reached();
    for (const [name, [sentence, isReached]] of Object.entries(tasks)) {
      const id = `${this.localName}/${name}`;
      if (done[id] || !isReached(this)) continue;
      done[id] = today();
      keep(done);
      lists.get(this).live.textContent = `Task reached: ${sentence}`;
    }
  }

  if (window.CourseExplorable) window.CourseExplorable.prototype.judge = judge;
  window.CourseTasks = { tasks: TASKS, reached, keep, today };

  // In the book this file comes last: the explorables are there already, and may have been drawn.
  for (const tag of Object.keys(TASKS)) for (const element of document.querySelectorAll(tag)) element.changed?.();
})();
