/* <verdict-explorer>: a test for saturation is tried on sick and healthy images; its limit and their number move.
 * Needs base.js before it. The images are synthetic; what was measured in them is written by a script.
 *
 * @name verdict
 * @about A test and its limit, tried on sick and healthy images: who is convicted (chapter 19).
 * @poster fill limit 30 */
(() => {
  "use strict";
  const { define, number } = window.CourseExplorable;

  // patch: begin (written by `python -m coursebook.explorable_data`)
  const PATIENTS = {
    share: {"sick": [0.02875, 0.1446, 0.0899, 0.04736, 0.2205, 0.0686, 0.09662, 0.08984, 0.06873, 0.183, 0.1791, 0.1859], "healthy": [6.104e-05, 0.0001221, 6.104e-05, 6.104e-05, 6.104e-05, 6.104e-05, 6.104e-05, 6.104e-05, 6.104e-05, 6.104e-05, 6.104e-05, 6.104e-05]},
    highest: {"sick": [4095.0, 4095.0, 4095.0, 4095.0, 4095.0, 4095.0, 4095.0, 4095.0, 4095.0, 4095.0, 4095.0, 4095.0], "healthy": [1792.0, 2667.0, 4095.0, 4095.0, 4095.0, 1715.0, 4095.0, 1961.0, 4095.0, 4095.0, 4095.0, 4095.0]},
    mean: {"sick": [563.2, 1224.0, 1399.0, 934.1, 1571.0, 919.0, 841.6, 1094.0, 610.3, 1521.0, 1511.0, 1327.0], "healthy": [516.8, 1209.0, 1292.0, 800.1, 334.1, 471.3, 882.9, 799.3, 1614.0, 786.8, 593.5, 1185.0]},
  };
  // patch: end

  /* What is measured, and its value at a place of the axis, 0 to 100. */
  const TESTS = {
    share: { text: "share of pixels with the highest value", at: (p) => 10 ** (p / 20 - 5), place: (v) => 20 * (Math.log10(v) + 5),
      ticks: [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1], format: (v) => (v < 0.01 ? v.toExponential(0).replace("-", "\u2212") : v.toPrecision(2)) },
    highest: { text: "highest value", at: (p) => 42 * p, place: (v) => v / 42, ticks: [0, 1000, 2000, 3000, 4000], format: (v) => number(v, 0) },
    mean: { text: "mean of all pixels", at: (p) => 20 * p, place: (v) => v / 20, ticks: [0, 500, 1000, 1500, 2000], format: (v) => number(v, 0) },
  };
  const MOST = 12;

  class VerdictExplorer extends window.CourseExplorable {
    static label = "Convict or acquit";
    static help = "Choose a test, the number of images and the limit. All controls work with the keyboard.";

    build() {
      this.line = this.stage({
        label: "", view: [-4, 107, 0, 3], aspect: 1.3, draw: (context, stage) => this.draw(context, stage),
        drag: (x) => { this.limit.value = Math.round(Math.min(Math.max(x, 0), 100)); },
      });
      this.test = this.choice({
        name: "test", label: "what is measured", options: { share: "share at top", highest: "highest", mean: "mean" },
        change: () => { this.limit.value = this.limit.value; }, // shown in the test's own numbers
      });
      this.count = this.slider({ name: "count", label: "images on each side", min: 1, max: MOST, change: () => {} });
      this.limit = this.slider({
        name: "limit", label: "convict above", min: 0, max: 100, change: () => {},
        format: (p) => TESTS[this.test?.value ?? "share"].format(TESTS[this.test?.value ?? "share"].at(p)),
      });
      this.numbers({ convicted: "saturated ones convicted", acquitted: "healthy ones acquitted", mistakes: "mistakes" });
      this.note = this.text("note");
    }

    reset() {
      this.test.value = "mean";
      this.count.value = MOST;
      this.limit.value = 25;
    }

    /* Sick ones that are missed and healthy ones that are convicted, among the first `count`. */
    mistakes(count = this.count.value) {
      const limit = TESTS[this.test.value].at(this.limit.value), { sick, healthy } = PATIENTS[this.test.value];
      const missed = sick.slice(0, count).filter((v) => v <= limit).length;
      const accused = healthy.slice(0, count).filter((v) => v > limit).length;
      return { missed, accused, sum: missed + accused };
    }

    update() {
      const n = this.count.value, { missed, accused, sum } = this.mistakes(), test = TESTS[this.test.value];
      const limit = test.format(test.at(this.limit.value));
      this.show("convicted", `${n - missed} of ${n}`);
      this.show("acquitted", `${n - accused} of ${n}`);
      this.show("mistakes", String(sum));
      this.note.textContent = sum ? `${missed} missed, ${accused} convicted though healthy.`
        : n < MOST ? `No mistake among ${2 * n} images. Would it hold for more?` : "No mistake among all 24 images.";
      this.line.label = `${test.text}, limit ${limit}: ${n - missed} of ${n} saturated images lie above it, `
        + `and ${accused} of ${n} healthy ones.`;
      this.say(`Limit ${limit}: ${sum} mistakes.`);
    }

    draw(context, stage) {
      const test = TESTS[this.test.value], n = this.count.value, ink = this.colour("ink");
      context.font = "13px system-ui, sans-serif";
      context.fillStyle = this.colour("muted");
      context.textAlign = "center";
      for (const tick of test.ticks) context.fillText(test.format(tick), stage.x(test.place(tick)), stage.y(2.75));
      context.fillStyle = ink;
      context.textAlign = "left";
      context.fillText("saturated", stage.x(-3), stage.y(0.22));
      context.fillText("healthy", stage.x(-3), stage.y(1.42));
      context.textAlign = "right";
      context.fillText(test.text, stage.x(105), stage.y(0.22));
      context.strokeStyle = this.colour("line");
      context.lineWidth = 1;
      context.beginPath();
      for (const y of [1.25, 2.45]) { context.moveTo(stage.x(-3), stage.y(y)); context.lineTo(stage.x(105), stage.y(y)); }
      context.stroke();
      for (const [kind, row, colour] of [["sick", 0, "vermilion"], ["healthy", 1, "blue"]]) {
        PATIENTS[this.test.value][kind].slice(0, n).forEach((value, i) => {
          this.mark(context, stage.x(test.place(value)), stage.y(1.13 + 1.2 * row - 0.065 * i), kind === "sick", this.colour(colour));
        });
      }
      const x = stage.x(this.limit.value);
      context.strokeStyle = ink;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x, stage.y(0.3));
      context.lineTo(x, stage.y(2.5));
      context.stroke();
    }

    /* Saturated ones are full circles, healthy ones open squares. */
    mark(context, x, y, full, colour) {
      context.beginPath();
      context.fillStyle = context.strokeStyle = colour;
      context.lineWidth = 2;
      if (full) { context.arc(x, y, 5, 0, 2 * Math.PI); context.fill(); }
      else context.strokeRect(x - 4, y - 4, 8, 8);
    }
  }

  define("verdict-explorer", VerdictExplorer);
})();
