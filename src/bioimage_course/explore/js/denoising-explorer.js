/* <denoising-explorer>: blind spots on a small noisy image; what a predictor sees, answers, and how it is judged.
 * Needs base.js before it.
 *
 * The image: 72×72 pixels (rows 268–339, columns 300–371) of StarDist's sample image of nuclei, each 3×3 pixels
 * averaged and rounded to grey values (tests/test_explorable_08.py repeats this). BSD 3-Clause, notice in
 * LICENSE-stardist.txt; the image itself is BBBC038, CC0.
 *
 * @name denoising
 * @about Blind spots on a small noisy image: what a predictor sees and answers, how it is judged (chapter 8).
 * @poster click run */
(() => {
  "use strict";
  const { define, number, clamp, make, random } = window.CourseExplorable;

  const SIDE = 24, SHARE = 0.04, MASKS = 300;
  const IMAGE = [
    23, 22, 25, 23, 23, 23, 23, 21, 24, 25, 25, 29, 32, 39, 36, 29, 24, 19, 19, 19, 14, 21, 16, 15,
    19, 21, 21, 26, 25, 25, 28, 26, 25, 25, 26, 26, 24, 26, 25, 24, 24, 21, 20, 19, 14, 18, 19, 16,
    20, 24, 25, 29, 31, 32, 39, 38, 34, 30, 24, 23, 21, 24, 23, 20, 21, 16, 19, 20, 19, 17, 17, 17,
    23, 24, 25, 35, 47, 57, 56, 54, 51, 38, 26, 21, 22, 21, 18, 21, 21, 18, 14, 20, 19, 16, 19, 18,
    23, 27, 39, 58, 60, 66, 66, 61, 54, 43, 27, 25, 20, 20, 20, 18, 20, 22, 18, 20, 18, 17, 13, 20,
    25, 37, 54, 63, 69, 73, 70, 65, 58, 37, 29, 22, 23, 24, 21, 23, 21, 17, 16, 20, 21, 17, 17, 17,
    31, 44, 57, 61, 69, 65, 66, 60, 53, 36, 27, 23, 24, 22, 22, 22, 20, 21, 20, 23, 21, 19, 19, 19,
    32, 49, 58, 66, 69, 66, 66, 56, 42, 32, 24, 24, 24, 24, 26, 25, 24, 22, 23, 23, 22, 18, 19, 19,
    37, 48, 53, 60, 61, 57, 47, 40, 30, 26, 27, 24, 27, 23, 28, 28, 29, 27, 26, 27, 27, 23, 20, 21,
    29, 33, 40, 47, 43, 37, 32, 29, 27, 23, 24, 24, 28, 32, 35, 36, 39, 40, 41, 38, 32, 26, 20, 20,
    22, 26, 28, 30, 28, 29, 27, 24, 24, 23, 24, 31, 35, 50, 59, 67, 72, 77, 74, 64, 51, 34, 24, 23,
    20, 22, 21, 24, 24, 19, 23, 22, 26, 27, 29, 39, 58, 72, 75, 85, 91, 91, 92, 76, 64, 46, 26, 20,
    18, 19, 23, 23, 23, 24, 25, 25, 25, 26, 40, 60, 84, 95, 97, 108, 109, 105, 103, 93, 75, 51, 30, 27,
    23, 21, 23, 20, 19, 21, 22, 24, 26, 30, 45, 71, 86, 106, 105, 107, 112, 105, 98, 84, 68, 40, 29, 22,
    19, 21, 21, 21, 23, 17, 22, 22, 30, 29, 51, 68, 84, 93, 99, 102, 105, 100, 88, 75, 53, 36, 29, 22,
    16, 24, 19, 22, 23, 20, 24, 26, 26, 33, 47, 63, 83, 89, 97, 98, 91, 85, 73, 59, 42, 35, 27, 21,
    17, 22, 20, 24, 24, 24, 28, 28, 31, 34, 37, 44, 62, 79, 92, 92, 87, 81, 76, 67, 51, 31, 27, 23,
    24, 22, 24, 27, 34, 35, 35, 40, 36, 36, 36, 45, 68, 80, 87, 90, 89, 86, 75, 65, 60, 33, 23, 23,
    20, 27, 34, 42, 54, 57, 61, 61, 57, 55, 45, 50, 73, 91, 87, 90, 88, 81, 72, 63, 52, 31, 27, 25,
    26, 37, 53, 60, 71, 65, 80, 80, 68, 71, 60, 50, 67, 83, 84, 88, 89, 73, 64, 49, 34, 26, 19, 21,
    36, 49, 60, 69, 75, 75, 82, 78, 74, 68, 59, 46, 55, 70, 73, 71, 67, 55, 46, 33, 29, 28, 22, 22,
    40, 45, 58, 72, 76, 71, 70, 73, 69, 62, 44, 36, 41, 44, 48, 46, 37, 34, 30, 27, 23, 23, 21, 19,
    32, 36, 49, 55, 61, 63, 63, 60, 52, 45, 36, 32, 33, 29, 33, 31, 28, 28, 24, 27, 24, 24, 19, 20,
    26, 31, 32, 39, 40, 40, 36, 35, 33, 31, 28, 27, 26, 28, 25, 22, 23, 23, 19, 21, 18, 21, 20, 18
  ];
  const median = (values) => {
    const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  };
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const AROUND = [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]];
  /* Name, which pixels it looks at, what it makes of them. */
  const PREDICTORS = {
    identity: ["The pixel itself", [[0, 0]], mean],
    median9: ["Median of 3×3, with the middle", [...AROUND, [0, 0]], median],
    median8: ["Median of the 8 neighbours", AROUND, median],
    mean8: ["Mean of the 8 neighbours", AROUND, mean],
    vertical: ["Mean of the pixels above and below", [[-1, 0], [1, 0]], mean],
  };
  const mirror = (v) => (v < 0 ? -v : v >= SIDE ? 2 * (SIDE - 1) - v : v); // the border pixel is not repeated

  class DenoisingExplorer extends window.CourseExplorable {
    static label = "Blind spots";
    static help = "Choose a pixel: click, or focus the round handle and use the arrow keys. Run draws 300 sets of blind spots and averages.";

    build() {
      const pair = make("div", { class: "pair" });
      this.stages.append(make("style", {}, `.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 12px; }`), pair);
      const view = [0, SIDE, 0, SIDE];
      this.seen = this.stage({ label: "", view, parent: pair, draw: (c) => this.draw(c, this.seen, this.masked, true),
        drag: (x, y) => this.look(Math.floor(y), Math.floor(x)) });
      this.answered = this.stage({ label: "", view, parent: pair, draw: (c) => this.draw(c, this.answered, this.answer, false) });
      pair.append(make("div", { class: "key" }, "what the predictor sees"), make("div", { class: "key" }, "its answer"));
      this.handle(this.seen, {
        name: "pixel", label: "Pixel to look at", colour: "orange", range: [0, SIDE * SIDE - 1],
        where: () => [this.chosenColumn + 1, this.chosenRow + 1],
        drag: (x, y) => this.look(Math.floor(y - 0.5), Math.floor(x - 0.5)),
        keys: (dx, dy) => this.look(this.chosenRow - dy, this.chosenColumn + dx),
        now: () => this.at, value: () => `row ${this.chosenRow + 1}, column ${this.chosenColumn + 1}`,
      });
      this.note = this.text("note", this.stages);

      this.predictor = this.select({
        name: "predictor", label: "Predictor", options: Object.fromEntries(Object.entries(PREDICTORS).map(([k, [text]]) => [k, text])),
        change: () => this.recompute(),
      });
      this.blind = this.choice({
        name: "blind", label: "Blind spots", options: { yes: "blind spots", no: "nothing hidden" }, change: () => this.newSpots(this.spotSeed),
      });
      this.kind = this.choice({
        name: "noise", label: "Noise", options: { pixels: "independent noise", columns: "noise of columns" }, change: () => this.newNoise(),
      });
      this.strength = this.slider({ name: "strength", label: "noise (standard deviation)", min: 0, max: 40,
        change: () => this.newNoise() });
      const row = this.row();
      this.button({ name: "spots", label: "New spots", parent: row, click: () => { this.stop(); this.next(); } });
      this.runButton = this.button({ name: "run", label: "Run", main: true, parent: row, click: () => this.toggle() });
      this.tick = this.checkbox({ name: "here", label: "the chosen pixel is a blind spot", change: (on) => this.toggleSpot(on) });
      this.numbers({ loss: "loss (noisy image)", truth: "true error", noise: "variance of the noise", masks: "sets of spots" });
    }

    reset() {
      this.predictor.value = "median8";
      this.blind.value = "yes";
      this.kind.value = "pixels";
      this.strength.value = 20;
      this.spotSeed = 1;
      this.newNoise();
      this.at = this.spots[Math.floor(this.spots.length / 2)];
    }

    // ---------------------------------------------------------------- state
    get chosenRow() { return Math.floor(this.at / SIDE); }
    get chosenColumn() { return this.at % SIDE; }

    look(row, column) { this.at = clamp(row, 0, SIDE - 1) * SIDE + clamp(column, 0, SIDE - 1); }

    newNoise() {
      const { normal } = random(8), size = this.strength.value;
      const columns = Array.from({ length: SIDE }, normal);
      this.noise = IMAGE.map((_, i) => size * (this.kind.value === "columns" ? columns[i % SIDE] : normal()));
      this.noisy = IMAGE.map((v, i) => v + this.noise[i]);
      this.newSpots(this.spotSeed);
    }

    /* Blind spots drawn with a seed: the averages start anew. */
    newSpots(seed) {
      this.sums = { loss: 0, truth: 0, noise: 0, masks: 0 };
      this.drawSpots(seed);
    }

    drawSpots(seed) {
      this.spotSeed = seed;
      const { uniform } = random(100 + seed);
      this.spots = IMAGE.map((_, i) => i).filter(() => uniform() < SHARE);
      this.choose = uniform;
      this.fill();
    }

    /* Put a neighbour's value into every blind spot, let the predictor answer, and judge it at the spots. */
    fill() {
      this.masked = [...this.noisy];
      this.from = new Map();
      for (const i of this.spots) {
        const [dy, dx] = AROUND[Math.floor(this.choose() * 8)];
        const from = mirror(Math.floor(i / SIDE) + dy) * SIDE + mirror(i % SIDE + dx);
        this.from.set(i, from);
        if (this.blind.value === "yes") this.masked[i] = this.noisy[from];
      }
      this.answer = this.predict(this.masked);
      const squared = (values, judge) => (this.spots.length ? mean(this.spots.map((i) => (values[i] - judge[i]) ** 2)) : 0);
      const now = { loss: squared(this.answer, this.noisy), truth: squared(this.answer, IMAGE), noise: squared(this.noisy, IMAGE), masks: 1 };
      for (const key of Object.keys(now)) this.sums[key] += now[key];
    }

    recompute() { this.stop(); this.newSpots(this.spotSeed); }

    predict(image) {
      const [, where, combine] = PREDICTORS[this.predictor.value];
      return image.map((_, i) => {
        const y = Math.floor(i / SIDE), x = i % SIDE;
        return combine(where.map(([dy, dx]) => image[mirror(y + dy) * SIDE + mirror(x + dx)]));
      });
    }

    toggleSpot(on) {
      this.stop();
      this.spots = on ? [...this.spots, this.at].sort((a, b) => a - b) : this.spots.filter((i) => i !== this.at);
      this.sums = { loss: 0, truth: 0, noise: 0, masks: 0 };
      this.fill();
    }

    next() { this.drawSpots(this.spotSeed + 1); return this.sums.masks < MASKS; }

    toggle() {
      if (this.running) return this.stop();
      if (this.sums.masks >= MASKS) this.newSpots(1);
      this.run(() => this.next(), 25);
    }

    // ---------------------------------------------------------------- the page
    update() {
      const average = (key) => this.sums[key] / this.sums.masks, i = this.at;
      for (const key of ["loss", "truth", "noise"]) this.show(key, number(average(key), 0));
      this.show("masks", this.sums.masks);
      const spot = this.spots.includes(i), hidden = spot && this.blind.value === "yes";
      this.tick.value = spot;
      this.runButton.textContent = this.running ? "Stop" : "Run";
      const r = (v) => number(v, 0);
      const place = `Row ${this.chosenRow + 1}, column ${this.chosenColumn + 1}`;
      this.note.textContent = (hidden
        ? `${place} is a blind spot: recorded was ${r(this.noisy[i])}, but the predictor sees ${r(this.masked[i])}, a neighbour's value. `
        : `${place}: the predictor sees what was recorded, ${r(this.noisy[i])}. `)
        + `It answers ${r(this.answer[i])}; the truth is ${r(IMAGE[i])}. ${this.verdict(average)}`;
      this.seen.label = `Noisy image of nuclei, ${SIDE} by ${SIDE} pixels, ${this.spots.length} blind spots outlined.`;
      this.answered.label = `The predictor's answer: ${PREDICTORS[this.predictor.value][0]}.`;
      if (!this.running) this.say(`Loss ${r(average("loss"))}, true error ${r(average("truth"))}, after ${this.sums.masks} sets of spots.`);
    }

    verdict(average) {
      const loss = average("loss"), truth = average("truth"), noise = average("noise");
      if (loss < 1e-9 && noise > 0) return "The loss is 0, and all the noise is still there.";
      if (noise > 0 && loss < 0.7 * noise) return "The loss is below the variance of the noise: the predictor sees the noise it is asked for.";
      return `Loss − true error = ${number(loss - truth, 0)}${noise > 0 ? ", the variance of the noise, if you average long enough." : "."}`;
    }

    draw(context, stage, values, marks) {
      const unit = stage.width / SIDE;
      values.forEach((value, i) => {
        const grey = Math.round(clamp((value + 20) / 160, 0, 1) * 255);
        context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
        context.fillRect(i % SIDE * unit, Math.floor(i / SIDE) * unit, unit + 0.5, unit + 0.5);
      });
      const frame = (i, colour, width) => {
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.strokeRect(i % SIDE * unit + 1, Math.floor(i / SIDE) * unit + 1, unit - 2, unit - 2);
      };
      if (marks && this.blind.value === "yes") {
        for (const i of this.spots) frame(i, "#56B4E9", 1.5);
        if (this.from.has(this.at)) { // where the value in the chosen spot comes from
          const from = this.from.get(this.at), centre = (v) => [(v % SIDE + 0.5) * unit, (Math.floor(v / SIDE) + 0.5) * unit];
          context.strokeStyle = "#F0E442";
          context.lineWidth = 2;
          context.beginPath();
          context.moveTo(...centre(from));
          context.lineTo(...centre(this.at));
          context.stroke();
        }
      }
      frame(this.at, "#E69F00", 2.5);
    }
  }

  define("denoising-explorer", DenoisingExplorer);
})();
