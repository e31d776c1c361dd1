/* <replicate-explorer>: wells, cells and how alike the cells of a well are: what a test makes of it, by cells and by wells.
 * Needs base.js before it.
 *
 * Cells are drawn at random in the page, values with a standard deviation of 1. The two p-values are Student's t
 * test on what is shown. Shares of alarms are not counted but computed: the difference of the means is normal and
 * independent of the sums of squares, over which the page averages (quantiles of chi square by Wilson and Hilferty).
 *
 * @name replicate
 * @about Cells in wells: p by cells and by wells, and how often each raises a false alarm (chapter 18).
 * @poster fill icc 0.2 */
(() => {
  "use strict";
  const { define, number, random } = window.CourseExplorable;

  // ------------------------------------------------------------------ distributions
  /* Logarithm of the gamma function (Lanczos). */
  const C = [76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155, 1.208650973866179e-3, -5.395239384953e-6];
  function logGamma(x) {
    let sum = 1.000000000190015;
    C.forEach((c, i) => { sum += c / (x + 1 + i); });
    return (x + 0.5) * Math.log(x + 5.5) - (x + 5.5) + Math.log(2.5066282746310005 * sum / x);
  }

  /* Regularised incomplete beta function, by its continued fraction. */
  function beta(x, a, b) {
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a);
    const tiny = 1e-30, front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a;
    let f = 1, c = 1, d = 0;
    for (let i = 0; i <= 300; i++) {
      const m = i >> 1;
      const term = !i ? 1 : i % 2 ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 + term * d;
      d = 1 / (Math.abs(d) < tiny ? tiny : d);
      c = 1 + term / c;
      if (Math.abs(c) < tiny) c = tiny;
      f *= c * d;
      if (Math.abs(1 - c * d) < 1e-10) break;
    }
    return front * (f - 1);
  }
  const twoSided = (t, df) => beta(df / (df + t * t), df / 2, 0.5);

  /* The t that p = 0.05 needs. */
  function limit(df) {
    let low = 0, high = 100;
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (twoSided(middle, df) > 0.05) low = middle; else high = middle;
    }
    return low;
  }

  /* Normal distribution: above x, and the quantile by bisection. */
  const above = (x) => {
    const p = 0.5 * (x * x > 1400 ? 0 : 1 - beta(x * x / (x * x + 1e7), 0.5, 5e6));
    return x >= 0 ? p : 1 - p;
  };
  const QUANTILES = 40;
  const MIDDLES = Array.from({ length: QUANTILES }, (_, i) => (i + 0.5) / QUANTILES);
  const NORMAL = MIDDLES.map((p) => {
    let low = -6, high = 6;
    for (let i = 0; i < 50; i++) {
      const middle = (low + high) / 2;
      if (above(middle) > 1 - p) low = middle; else high = middle;
    }
    return low;
  });
  /* Chi square divided by its degrees of freedom, at the middles. */
  const scaled = (df) => (df === 2 ? MIDDLES.map((p) => -Math.log(1 - p))
    : NORMAL.map((z) => Math.max(0, 1 - 2 / (9 * df) + z * Math.sqrt(2 / (9 * df))) ** 3));
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const squares = (values, middle) => values.reduce((sum, v) => sum + (v - middle) ** 2, 0);

  const TINTS = ["blue", "orange", "green", "purple", "vermilion", "sky"];

  class ReplicateExplorer extends window.CourseExplorable {
    static label = "Cells, wells and n";
    static help = "Change wells, cells, what wells share, and the effect; draw a new experiment.";

    build() {
      this.plot = this.stage({ label: "", view: [-0.5, 1.5, 3.6, -3.6], aspect: 1.35, draw: (c) => this.draw(c) });
      this.note = this.text("note", this.stages);
      const slider = (given) => this.slider({ ...given, change: (v) => { this[given.name] = v; } });
      this.controls = {
        wells: slider({ name: "wells", label: "wells a condition", min: 2, max: 12, step: 1, format: String }),
        cells: slider({ name: "cells", label: "cells a well", min: 2, max: 200, step: 2, format: String }),
        icc: slider({ name: "icc", label: "variance between wells (share)", min: 0, max: 0.5, step: 0.05, format: (v) => number(v, 2) }),
        effect: slider({ name: "effect", label: "true effect (SD of cells)", min: 0, max: 1.5, step: 0.1, format: (v) => number(v, 1) }),
      };
      this.button({ name: "again", label: "New experiment", main: true, click: () => { this.experiment++; } });
      this.numbers({
        pCells: "p, n = cells", pWells: "p, n = wells", effective: "worth independent cells",
        alarmCells: "false alarms, n = cells", alarmWells: "false alarms, n = wells", power: "effect found, n = wells",
      });
    }

    reset() { Object.assign(this, { wells: 4, cells: 50, icc: 0.2, effect: 0, experiment: 1 }); }

    // ---------------------------------------------------------------- the calculation
    /* values[condition][well][cell]; the same experiment number gives the same cells. */
    drawn() {
      const { normal } = random(1000 * this.experiment + 7), between = Math.sqrt(this.icc), within = Math.sqrt(1 - this.icc);
      return [0, this.effect].map((level) => Array.from({ length: this.wells }, () => {
        const well = level + between * normal();
        return Array.from({ length: this.cells }, () => well + within * normal());
      }));
    }

    /* p of Student's t test for two groups of the same size. */
    static test(a, b) {
      const [x, y] = [mean(a), mean(b)], df = 2 * a.length - 2;
      return twoSided((y - x) / Math.sqrt((squares(a, x) + squares(b, y)) / df * 2 / a.length), df);
    }

    /* Variance of the mean of a well. */
    get ofMean() { return this.icc + (1 - this.icc) / this.cells; }

    /* Share of experiments without an effect in which the test on cells says p < 0.05. */
    alarmShare() {
      const { wells, cells, icc, ofMean } = this, df = 2 * wells * cells - 2, critical = limit(df), deviation = Math.sqrt(2 * ofMean / wells);
      const between = scaled(2 * wells - 2).map((q) => q * (2 * wells - 2) * cells * ofMean);
      const within = scaled(2 * wells * (cells - 1)).map((q) => q * 2 * wells * (cells - 1) * (1 - icc));
      let sum = 0;
      for (const b of between) for (const w of within) sum += 2 * above(critical * Math.sqrt((b + w) / df * 2 / (wells * cells)) / deviation);
      return sum / (between.length * within.length);
    }

    /* Share of experiments in which the test on wells finds the effect. */
    powerShare(wells = this.wells) {
      const df = 2 * wells - 2, critical = limit(df), shift = this.effect / Math.sqrt(2 * this.ofMean / wells);
      return mean(scaled(df).map((q) => above(critical * Math.sqrt(q) - shift) + above(critical * Math.sqrt(q) + shift)));
    }

    /* So many independent cells would know the mean of a condition as well. */
    get effective() { return this.wells / this.ofMean; }

    // ---------------------------------------------------------------- the page
    update() {
      for (const [name, control] of Object.entries(this.controls)) control.value = this[name];
      this.values = this.drawn();
      this.means = this.values.map((wells) => wells.map(mean));
      this.pCells = ReplicateExplorer.test(...this.values.map((wells) => wells.flat()));
      this.pWells = ReplicateExplorer.test(...this.means);
      this.alarms = this.alarmShare();
      const p = (value) => (value < 0.001 ? "< 0.001" : value.toFixed(3)), share = (value) => `${(100 * value).toFixed(0)} %`;
      this.show("pCells", p(this.pCells));
      this.show("pWells", p(this.pWells));
      this.show("effective", `${Math.round(this.effective)} of ${this.wells * this.cells}`);
      this.show("alarmCells", share(this.alarms));
      this.show("alarmWells", "5 %");
      this.show("power", this.effect ? share(this.powerShare()) : "–");
      const [cells, wells] = [this.pCells < 0.05, this.pWells < 0.05];
      this.note.textContent = this.effect
        ? `There is an effect of ${number(this.effect, 1)} standard deviations. In this experiment the test on wells ${wells ? "finds it" : "does not find it"}.`
        : cells ? `Nothing was done to any well, and yet p is ${p(this.pCells).replace("<", "below")} if cells are counted. ${wells ? "This time the test on wells is fooled, too." : "The test on wells is not fooled."}`
          : `Nothing was done to any well, and ${wells ? "only the test on wells is fooled, as it is in 5 of 100 experiments" : "neither test says otherwise this time"}.`;
      this.plot.label = `Two columns of dots, control and treated, ${this.wells} wells of ${this.cells} cells each. Means of the control wells from `
        + `${number(Math.min(...this.means[0]), 1)} to ${number(Math.max(...this.means[0]), 1)}, of the treated from ${number(Math.min(...this.means[1]), 1)} to ${number(Math.max(...this.means[1]), 1)}.`;
      this.say(`p by cells ${p(this.pCells)}, by wells ${p(this.pWells)}. False alarms with cells as n: ${share(this.alarms)}.`);
    }

    draw(c) {
      if (!this.values) return;
      const { plot } = this, { uniform } = random(3);
      c.strokeStyle = this.colour("line");
      c.lineWidth = 1;
      for (let y = -3; y <= 3; y++) {
        c.beginPath();
        c.moveTo(0, plot.y(y));
        c.lineTo(plot.width, plot.y(y));
        c.stroke();
      }
      this.values.forEach((wells, condition) => wells.forEach((cells, k) => {
        c.fillStyle = this.colour(TINTS[k % TINTS.length]);
        c.globalAlpha = 0.35;
        for (const value of cells) c.fillRect(plot.x(condition + 0.66 * (uniform() - 0.5)) - 1.5, plot.y(value) - 1.5, 3, 3);
        c.globalAlpha = 1;
      }));
      this.means.forEach((means, condition) => {
        means.forEach((value, k) => this.symbol(c, plot.x(condition + 0.5 * ((k + 0.5) / means.length - 0.5)), plot.y(value), k));
        c.strokeStyle = this.colour("ink");
        c.lineWidth = 2.5;
        c.beginPath();
        c.moveTo(plot.x(condition - 0.36), plot.y(mean(means)));
        c.lineTo(plot.x(condition + 0.36), plot.y(mean(means)));
        c.stroke();
      });
      c.fillStyle = this.colour("ink");
      c.font = "600 14px system-ui, sans-serif";
      c.textAlign = "center";
      ["control", "treated"].forEach((name, condition) => c.fillText(name, plot.x(condition), plot.height - 8));
    }

    /* The mean of a well: colour and shape are its own. */
    symbol(c, x, y, k) {
      const corners = [0, 4, 3, 5][k % 4], radius = corners === 0 ? 7 : 8.5;
      c.beginPath();
      if (corners === 0) c.arc(x, y, radius, 0, 2 * Math.PI);
      for (let i = 0; i < corners; i++) c.lineTo(x + radius * Math.sin(2 * Math.PI * i / corners), y - radius * Math.cos(2 * Math.PI * i / corners));
      c.closePath();
      c.fillStyle = this.colour(TINTS[k % TINTS.length]);
      c.fill();
      c.strokeStyle = this.colour("ink");
      c.lineWidth = 1.5;
      c.stroke();
    }
  }

  define("replicate-explorer", ReplicateExplorer);
})();
