/* <unet-explorer>: a U-Net drawn to order, with shapes, parameters, receptive field and memory computed live.
 * Needs base.js before it.
 *
 * The network is nets.UNet (two 3×3 convolutions with batch normalisation a block, 2×2 pooling, 2×2 transposed
 * convolutions, one channel in, three scores out); without padding it is that of Ronneberger et al. 2015.
 *
 * @name unet
 * @about A U-Net to order: shapes at each level, parameters, receptive field and memory (chapter 10).
 * @poster click paper */
(() => {
  "use strict";
  const { define, number } = window.CourseExplorable;

  const CHANNELS = 1, OUTPUTS = 3, SMALLEST = 16, LARGEST = 1024;

  /* Follow the side of the image through the network; `broken` is the level at which it cannot go on. */
  function follow(n, depth, padded) {
    const lost = padded ? 0 : 4; // two 3×3 convolutions
    const down = [], up = [];
    let side = n;
    for (let level = 0; level < depth; level++) {
      side -= lost;
      down.push(side);
      if (side <= 0 || side % 2) return { down, up, broken: level };
      side /= 2;
    }
    const bottom = side - lost;
    if (bottom <= 0) return { down, up, bottom, broken: depth };
    side = bottom;
    for (let level = depth - 1; level >= 0; level--) {
      const grown = 2 * side;
      side = grown - lost;
      up[level] = { grown, side };
      if (side <= 0) return { down, up, bottom, broken: level };
    }
    return { down, up, bottom, output: side };
  }

  /* Learnt numbers; batch normalisation has two for each channel, a convolution one bias. */
  function parameters(depth, width, adds) {
    const block = (a, b) => 9 * a * b + 9 * b * b + 2 * b + 4 * b;
    let count = width * OUTPUTS + OUTPUTS, before = CHANNELS;
    for (let level = 0; level < depth; level++) {
      const w = width * 2 ** level;
      count += block(before, w) + 4 * 2 * w * w + w + block(adds ? w : 2 * w, w);
      before = w;
    }
    return count + block(before, 2 * before);
  }

  /* Pixels of the image, along one axis, that one output pixel can depend on, and how far it looks to one side: the
   * most over all places of the pooling grid. */
  function receptiveField(depth) {
    let field = 0, reach = 0;
    for (let at = 0; at < 2 ** depth; at++) {
      let [a, b] = [at - 2, at + 2]; // the last block
      for (let level = 0; level < depth; level++) [a, b] = [Math.floor(a / 2) - 2, Math.floor(b / 2) + 2];
      for (let level = 0; level < depth; level++) [a, b] = [2 * a - 2, 2 * b + 1 + 2];
      field = Math.max(field, b - a + 1);
      reach = Math.max(reach, at - a, b - at);
    }
    return { field, reach };
  }

  /* Values of all feature maps: both convolutions of each block and the enlarged maps. */
  function values(sides, width, padded) {
    const between = padded ? 0 : 2; // the first convolution of a block leaves two more than the second
    const two = (side) => (side + between) ** 2 + side ** 2;
    let sum = 0;
    sides.down.forEach((side, level) => { sum += width * 2 ** level * two(side); });
    sides.up.forEach(({ grown, side }, level) => { sum += width * 2 ** level * (two(side) + grown ** 2); });
    return sum + width * 2 ** sides.down.length * two(sides.bottom) + OUTPUTS * sides.output ** 2;
  }

  const bytes = (n) => (n >= 1e9 ? `${number(n / 1e9, 1)} GB` : `${number(n / 1e6, n < 1e7 ? 1 : 0)} MB`);
  const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

  class UNetExplorer extends window.CourseExplorable {
    static label = "A U-Net to order";
    static help = "Sliders and buttons, with the pointer or the arrow keys.";

    build() {
      this.plot = this.stage({ label: "", view: [0, 100, 0, 84], aspect: 100 / 84, draw: (context) => this.draw(context) });
      this.note = this.text("note", this.stages);
      this.padding = this.choice({
        name: "padding", label: "Padding of the convolutions",
        options: { same: "padding", valid: "no padding" }, change: () => {},
      });
      this.joining = this.choice({
        name: "skip", label: "Skip connections", options: { concatenate: "skips stacked", add: "skips added" }, change: () => {},
      });
      this.side = this.slider({ name: "side", label: "side of the image (pixels)", min: SMALLEST, max: LARGEST, step: 4,
        change: () => {} });
      this.depth = this.slider({ name: "depth", label: "poolings", min: 1, max: 5, change: () => {} });
      this.width = this.slider({ name: "width", label: "channels at the top", min: 3, max: 6, format: (v) => String(2 ** v),
        change: () => {} });
      this.numbers({ output: "output", parameters: "parameters", field: "receptive field", reach: "reach to one side", memory: "feature maps" });
      const row = this.row();
      this.button({ name: "paper", label: "As in the paper", parent: row, click: () => this.set(572, 4, 6, "valid", "concatenate") });
      this.button({ name: "course", label: "The course's", parent: row, click: () => this.set(128, 4, 4, "same", "concatenate") });
    }

    reset() { this.set(128, 4, 4, "same", "concatenate"); }

    set(side, depth, width, padding, skip) {
      this.side.value = side;
      this.depth.value = depth;
      this.width.value = width;
      this.padding.value = padding;
      this.joining.value = skip;
    }

    get channels() { return 2 ** this.width.value; }
    get padded() { return this.padding.value === "same"; }

    /* The nearest sides that work, below and above. */
    neighbours() {
      const works = (n) => n >= 1 && follow(n, this.depth.value, this.padded).output;
      const found = [];
      for (const step of [-1, 1]) {
        for (let n = this.side.value; n > 0 && n <= 2 * LARGEST; n += step) if (works(n)) { found.push(n); break; }
      }
      return found;
    }

    update() {
      const n = this.side.value, depth = this.depth.value, adds = this.joining.value === "add";
      const sides = this.sides = follow(n, depth, this.padded);
      const { field, reach } = receptiveField(depth), stride = 2 ** depth, count = parameters(depth, this.channels, adds);
      this.show("output", sides.output ? `${sides.output} × ${sides.output}` : "–");
      this.show("parameters", grouped(count));
      this.show("field", `${field} pixels`);
      this.show("reach", `${reach} pixels`);
      const memory = sides.output ? 4 * values(sides, this.channels, this.padded) : 0;
      this.show("memory", memory ? bytes(memory) : "–");
      let text;
      if (!sides.output) {
        const side = sides.broken < depth ? sides.down[sides.broken] : sides.bottom;
        const near = this.neighbours();
        text = (side > 0 ? `On level ${sides.broken + 1} the maps have ${side} pixels a side: an odd number cannot be halved. `
          : "The image is too small: nothing is left of it on the way. ")
          + `Sides that work: ${near.join(" and ")}.`;
      } else if (this.padded) {
        text = `The output has the size of the image. An output pixel can see at most ${field} × ${field} pixels`
          + (field > n ? ", more than the image has." : ".")
          + ` Windows need a margin of ${Math.ceil(reach / stride) * stride}: at least the reach, and a multiple of ${stride}.`;
      } else {
        text = `${(n - sides.output) / 2} pixels on each side are context only. `
          + `The top skip is cropped from ${sides.down[0]} to ${sides.up[0].grown} pixels.`;
      }
      text += adds ? " Added skips need as many channels on both sides." : "";
      this.note.textContent = text;
      this.plot.label = `U-Net with ${depth} poolings. Sides on the way down: ${sides.down.join(", ")}; bottom `
        + `${sides.bottom ?? "not reached"}; output ${sides.output ?? "none"}.`;
      this.say(sides.output ? `Output ${sides.output} pixels, ${grouped(count)} parameters, receptive field ${field} pixels, reach ${reach} pixels.` : text);
    }

    // ---------------------------------------------------------------- picture
    /* Centre, width and height of the box of a level; way -1 is down, 1 up, 0 the bottom. */
    box(level, way, side) {
      const depth = this.depth.value, n = this.side.value;
      const y = 15 + level * 60 / depth;
      const x = 50 + way * (depth - level) * 40 / depth;
      const wide = 2.4 + 0.5 * (this.width.value + level);
      const high = Math.max(1.2, 14 * Math.sqrt(Math.max(side, 0) / n) * Math.min(1, 4 / depth));
      return { x, y, wide, high };
    }

    draw(context) {
      const { plot, sides } = this, depth = this.depth.value;
      const ink = this.colour("ink"), unit = plot.width / 100;
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, plot.width, plot.height);
      const size = Math.max(10, Math.min(14, unit * 2.1));
      context.font = `${size}px system-ui, sans-serif`;
      context.textAlign = "center";
      const line = (a, b, colour, dash = []) => {
        context.strokeStyle = colour;
        context.lineWidth = 2;
        context.setLineDash(dash);
        context.beginPath(); context.moveTo(plot.x(a[0]), plot.y(a[1])); context.lineTo(plot.x(b[0]), plot.y(b[1])); context.stroke();
        context.setLineDash([]);
        const angle = Math.atan2(b[1] - a[1], b[0] - a[0]), [x, y] = [plot.x(b[0]), plot.y(b[1])];
        context.fillStyle = colour;
        context.beginPath();
        for (const turn of [0, 2.6, -2.6]) context.lineTo(x + 7 * Math.cos(angle + turn), y + 7 * Math.sin(angle + turn));
        context.fill();
      };
      const words = []; // written last, with a halo, over the arrows
      const box = (level, way, side, colour, text) => {
        const { x, y, wide, high } = this.box(level, way, side);
        context.fillStyle = colour;
        context.fillRect(plot.x(x - wide / 2), plot.y(y - high / 2), wide * unit, high * unit);
        words.push([text, plot.x(x), plot.y(y + high / 2) + size * 1.15]);
      };
      const blue = this.colour("blue"), orange = this.colour("orange"), green = this.colour("green"), red = this.colour("vermilion");
      sides.down.forEach((side, level) => {
        const here = this.box(level, -1, side), way = level + 1 < depth ? -1 : 0;
        const broken = sides.broken === level && level < depth && !sides.up.length;
        if (!broken && (level + 1 < sides.down.length || sides.bottom !== undefined)) {
          const next = this.box(level + 1, way, sides.down[level + 1] ?? sides.bottom);
          line([here.x + here.wide / 2, here.y], [next.x - next.wide / 2 - 0.8, next.y - next.high / 4], blue);
        }
        const right = sides.up[level];
        if (right) {
          const there = this.box(level, 1, right.side);
          line([here.x + here.wide / 2, here.y], [there.x - there.wide / 2 - 0.8, there.y], green, this.padded ? [] : [5, 4]);
          if (depth - level > 1 || depth < 3) {
            context.fillStyle = ink;
            const label = this.padded ? `${this.channels * 2 ** level} channels` : `crop ${side} → ${right.grown}`;
            context.fillText(label, plot.x(50), plot.y(here.y) - 5);
          }
        }
        box(level, -1, side, broken ? red : blue, `${side}² × ${this.channels * 2 ** level}`);
      });
      if (sides.bottom !== undefined) {
        box(depth, 0, sides.bottom, sides.bottom > 0 ? blue : red, `${sides.bottom}² × ${this.channels * 2 ** depth}`);
      }
      for (let level = depth - 1; level >= 0; level--) {
        const right = sides.up[level];
        if (!right) continue;
        const below = level + 1 < depth ? this.box(level + 1, 1, sides.up[level + 1].side) : this.box(depth, 0, sides.bottom);
        const here = this.box(level, 1, right.side);
        line([below.x + below.wide / 2, below.y - below.high / 4], [here.x - here.wide / 2 - 0.8, here.y + here.high / 4], orange);
        box(level, 1, right.side, orange, `${right.side}² × ${this.channels * 2 ** level}`);
      }
      context.strokeStyle = this.colour("surface");
      context.lineWidth = 4;
      context.fillStyle = ink;
      for (const [text, x, y] of words) {
        context.strokeText(text, x, y);
        context.fillText(text, x, y);
      }
      // what goes in and comes out
      const top = this.box(0, -1, sides.down[0]);
      context.textAlign = "left";
      context.fillText(`image ${this.side.value}²`, plot.x(1), plot.y(top.y - top.high / 2) - 6);
      if (sides.output) {
        context.textAlign = "right";
        context.fillText(`${OUTPUTS} scores ${sides.output}²`, plot.x(99), plot.y(top.y - top.high / 2) - 6);
      }
    }
  }

  define("unet-explorer", UNetExplorer);
})();
