/* <%TAG%>: WRITE: what can be turned, and what it shows. Needs base.js before it.
 *
 * @name %FUNCTION%
 * @about WRITE: one sentence about what it shows (chapter %NUMBER%).
 * @poster fill slope 3 */
(() => {
  "use strict";
  const { define, number } = window.CourseExplorable;

  class %CLASS% extends window.CourseExplorable {
    static label = "WRITE: its title";
    static help = "Move the slider, with the pointer or the arrow keys.";

    build() {
      this.plot = this.stage({ label: "", view: [-6, 6, 1.1, -0.1], aspect: 1.6, draw: (context) => this.draw(context) });
      this.slope = this.slider({
        name: "slope", label: "slope w", min: -4, max: 4, step: 0.1, format: (w) => number(w, 1), change: () => {},
      });
      this.numbers({ value: "sigmoid of w · 1" });
    }

    reset() { this.slope.value = 1; }

    at(x) { return 1 / (1 + Math.exp(-this.slope.value * x)); }

    update() {
      this.show("value", this.at(1).toFixed(3));
      this.plot.label = `Sigmoid curve with slope ${number(this.slope.value, 1)}.`;
      this.say(`The value at 1 is ${this.at(1).toFixed(3)}.`);
    }

    draw(context) {
      context.strokeStyle = this.colour("blue");
      context.lineWidth = 3;
      context.beginPath();
      for (let x = -6; x <= 6; x += 0.1) context.lineTo(this.plot.x(x), this.plot.y(this.at(x)));
      context.stroke();
    }
  }

  define("%TAG%", %CLASS%);
})();
