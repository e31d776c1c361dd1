/* <blocks-explorer>: an image in blocks with a halo: which objects come out whole, cut, twice or not at all?
 * Needs base.js before it.
 *
 * The objects are drawn at random in the page. The "method" that segments them is perfect, but it sees only the
 * crop it is given; all numbers are counted from the pixels.
 *
 * @name blocks
 * @about An image in blocks with a halo: which objects are whole, cut, counted twice or lost (chapter 16).
 * @poster check side-48; fill halo 3 */
(() => {
  "use strict";
  const { define, number, make, random } = window.CourseExplorable;

  const SIDE = 192, SIDES = [32, 48, 64, 96];
  const STATES = {
    whole: { name: "whole", colour: "green", mark: "" },
    cut: { name: "cut", colour: "orange", mark: "/" },
    twice: { name: "counted twice or more", colour: "purple", mark: "×" },
    lost: { name: "lost", colour: "vermilion", mark: "○" },
  };
  const RULES = { cut: "cut at the line", all: "every block", centre: "its centre" };

  /* Ellipses that do not touch, drawn into a label image; a few of them are long. */
  function drawObjects() {
    const draw = random(16).uniform, truth = new Uint8Array(SIDE * SIDE), objects = [];
    for (let attempt = 0; attempt < 4000 && objects.length < 60; attempt++) {
      const long = objects.length < 6 ? 15 + 2 * draw() : 4 + 5 * draw(), short = objects.length < 6 ? 5 : long * (0.65 + 0.35 * draw());
      const angle = Math.PI * draw(), cy = SIDE * draw(), cx = SIDE * draw(), c = Math.cos(angle), s = Math.sin(angle);
      const pixels = [], reach = Math.ceil(long) + 2;
      let free = true, inside = 0;
      for (let y = Math.floor(cy - reach); y <= cy + reach; y++) {
        for (let x = Math.floor(cx - reach); x <= cx + reach; x++) {
          const u = (x - cx) * c + (y - cy) * s, v = (y - cy) * c - (x - cx) * s;
          const r = (u / long) ** 2 + (v / short) ** 2, near = (u / (long + 2)) ** 2 + (v / (short + 2)) ** 2;
          if (r <= 1) inside++;
          if (y < 0 || x < 0 || y >= SIDE || x >= SIDE) continue;
          if (near <= 1 && truth[y * SIDE + x]) free = false;
          if (r <= 1) pixels.push(y * SIDE + x);
        }
      }
      if (!free || pixels.length < 0.6 * inside || pixels.length < 30) continue;
      objects.push({ pixels });
      for (const p of pixels) truth[p] = objects.length;
    }
    for (const o of objects) {
      const ys = o.pixels.map((p) => Math.floor(p / SIDE)), xs = o.pixels.map((p) => p % SIDE);
      o.box = [Math.min(...ys), Math.max(...ys) + 1, Math.min(...xs), Math.max(...xs) + 1];
      o.centre = [ys.reduce((a, b) => a + b) / ys.length, xs.reduce((a, b) => a + b) / xs.length];
      o.length = Math.max(o.box[1] - o.box[0], o.box[3] - o.box[2]);
    }
    return { truth, objects };
  }

  class BlocksExplorer extends window.CourseExplorable {
    static label = "Blocks and halo";
    static help = "Change blocks, halo and rule; click a block, or choose it with the slider, to see what it sees and keeps.";

    build() {
      Object.assign(this, drawObjects());
      this.longest = Math.max(...this.objects.map((o) => o.length));
      this.map = this.stage({ label: "", view: [0, SIDE, 0, SIDE], aspect: 1, draw: (c) => this.draw(c), drag: (x, y) => this.pick(x, y) });
      this.key = this.text("key", this.stages);
      this.key.innerHTML = Object.values(STATES).map((s) => `<span><svg width="16" height="16" aria-hidden="true"><circle cx="8" cy="8" r="7"
        fill="var(--${s.colour})"/><text x="8" y="12" text-anchor="middle" font-size="12" fill="#000">${s.mark}</text></svg>${s.name}</span>`).join("");
      this.note = this.text("note", this.stages);
      this.panel.append(make("p", { class: "muted" }, "Side of a block (pixels):"));
      this.sideChoice = this.choice({ name: "side", label: "Side of a block", options: Object.fromEntries(SIDES.map((s) => [s, String(s)])),
        change: (v) => { this.block = Number(v); this.clip(); } });
      this.haloSlider = this.slider({ name: "halo", label: "halo", min: 0, max: 48, format: (v) => `${v} px`,
        change: (v) => { this.halo = v; this.clip(); } });
      this.panel.append(make("p", { class: "muted" }, "Who keeps an object on the line?"));
      this.ruleChoice = this.choice({ name: "rule", label: "Who keeps an object on the line", options: RULES, change: (v) => { this.rule = v; } });
      this.shown = this.slider({ name: "block", label: "block shown", min: 1, max: 36, format: (v) => `${v} of ${this.count ** 2}`,
        change: (v) => { this.current = v - 1; this.clip(); } });
      this.workersSlider = this.slider({ name: "workers", label: "workers", min: 1, max: 8, change: (v) => { this.workers = v; } });
      this.numbers({ whole: "whole", cut: "cut", twice: "twice or more", lost: "lost", overhead: "pixels computed", rounds: "rounds of work" });
    }

    reset() {
      Object.assign(this, { block: 64, halo: 0, rule: "centre", current: 4, workers: 2 });
      this.clip();
    }

    /* Keep the state within what the block size allows, and the controls in line with it. */
    clip() {
      this.halo = Math.min(this.halo, this.block, 48);
      this.current = Math.min(this.current, this.count ** 2 - 1);
    }

    get count() { return SIDE / this.block; }

    pick(x, y) {
      const at = (v) => Math.min(Math.max(Math.floor(v / this.block), 0), this.count - 1);
      this.current = at(y) * this.count + at(x);
    }

    // ---------------------------------------------------------------- the calculation
    /* Core and crop of a block, each [top, bottom, left, right]. */
    rectangles(index) {
      const row = Math.floor(index / this.count), column = index % this.count, { block, halo } = this;
      const core = [row * block, (row + 1) * block, column * block, (column + 1) * block];
      return { core, crop: core.map((v, i) => (i % 2 ? Math.min(v + halo, SIDE) : Math.max(v - halo, 0))) };
    }

    /* What a block keeps: for each object it sees, is it kept, and completely? */
    keeps(index) {
      const { core, crop } = this.rectangles(index), kept = [];
      this.objects.forEach((o, i) => {
        if (o.box[0] >= crop[1] || o.box[1] <= crop[0] || o.box[2] >= crop[3] || o.box[3] <= crop[2]) return;
        let seen = 0, own = 0, sumY = 0, sumX = 0;
        for (const p of o.pixels) {
          const y = Math.floor(p / SIDE), x = p % SIDE;
          if (y < crop[0] || y >= crop[1] || x < crop[2] || x >= crop[3]) continue;
          seen++; sumY += y; sumX += x;
          if (y >= core[0] && y < core[1] && x >= core[2] && x < core[3]) own++;
        }
        if (!seen) return;
        const y = Math.floor(sumY / seen), x = Math.floor(sumX / seen);
        const mine = this.rule === "centre" ? y >= core[0] && y < core[1] && x >= core[2] && x < core[3] : own > 0;
        if (mine) kept.push([i, (this.rule === "cut" ? own : seen) === o.pixels.length]);
      });
      return kept;
    }

    // ---------------------------------------------------------------- the page
    update() {
      const { block, halo, rule, current, workers, count } = this, blocks = count ** 2;
      this.sideChoice.value = String(block);
      this.haloSlider.value = halo;
      this.ruleChoice.value = rule;
      this.shown.input.max = blocks;
      this.shown.value = current + 1;
      this.workersSlider.value = workers;
      const claims = this.objects.map(() => []);
      let pixels = 0;
      for (let i = 0; i < blocks; i++) {
        const { crop } = this.rectangles(i);
        pixels += (crop[1] - crop[0]) * (crop[3] - crop[2]);
        for (const [object, complete] of this.keeps(i)) claims[object].push(complete);
      }
      this.states = claims.map((c) => (!c.length ? "lost" : c.length === 1 ? (c[0] ? "whole" : "cut") : rule === "cut" ? "cut" : "twice"));
      this.mine = new Set(this.keeps(current).map(([i]) => i));
      const tally = Object.fromEntries(Object.keys(STATES).map((s) => [s, this.states.filter((t) => t === s).length]));
      for (const [state, n] of Object.entries(tally)) this.show(state, state === "whole" ? `${n} of ${claims.length}` : n);
      this.show("overhead", `× ${number(pixels / SIDE ** 2, 2)}`);
      this.show("rounds", Math.ceil(blocks / workers));
      const all = tally.whole === claims.length;
      this.note.textContent = (all
        ? `All ${claims.length} objects are whole. `
        : `${tally.whole} of ${claims.length} objects are whole; ${tally.cut} cut, ${tally.twice} counted twice or more, ${tally.lost} lost. `)
        + `The longest object measures ${this.longest} pixels` + (halo >= this.longest && rule === "centre" ? ": the halo is wide enough for any place of the lines."
          : all ? ", more than the halo: it went well by luck." : ".")
        + ` Each crop is up to ${Math.min(block + 2 * halo, SIDE)} pixels wide.`;
      this.map.label = `${claims.length} objects and a grid of ${blocks} blocks of ${block} pixels, halo ${halo}. Block ${current + 1} keeps ${this.mine.size} objects. ${this.note.textContent}`;
      this.say(this.note.textContent);
    }

    draw(c) {
      const { map, objects, states, block, count } = this, unit = map.width / SIDE;
      if (!states) return;
      const image = new ImageData(SIDE, SIDE), rgb = {};
      for (const [state, s] of Object.entries(STATES)) rgb[state] = this.rgb(this.colour(s.colour));
      const paper = this.rgb(this.colour("surface"));
      for (let p = 0; p < SIDE * SIDE; p++) {
        const label = this.truth[p], tint = label ? rgb[states[label - 1]] : paper;
        const faint = label && !this.mine.has(label - 1) ? 0.55 : 1;
        for (let k = 0; k < 3; k++) image.data[4 * p + k] = faint * tint[k] + (1 - faint) * paper[k];
        image.data[4 * p + 3] = 255;
      }
      this.canvas ??= Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
      this.canvas.getContext("2d").putImageData(image, 0, 0);
      c.imageSmoothingEnabled = false;
      c.drawImage(this.canvas, 0, 0, map.width, map.height);
      c.textAlign = "center";
      c.textBaseline = "middle";
      c.font = `600 ${Math.max(10, 7 * unit)}px system-ui, sans-serif`;
      c.fillStyle = "#000";
      objects.forEach((o, i) => c.fillText(STATES[states[i]].mark, map.x(o.centre[1] + 0.5), map.y(o.centre[0] + 0.5)));
      c.strokeStyle = this.colour("muted");
      c.lineWidth = 1;
      c.setLineDash([4, 4]);
      for (let i = 1; i < count; i++) {
        for (const [x0, y0, x1, y1] of [[i * block, 0, i * block, SIDE], [0, i * block, SIDE, i * block]]) {
          c.beginPath();
          c.moveTo(map.x(x0), map.y(y0));
          c.lineTo(map.x(x1), map.y(y1));
          c.stroke();
        }
      }
      const { core, crop } = this.rectangles(this.current);
      for (const [[top, bottom, left, right], dash, tint] of [[core, [], "ink"], [crop, [7, 5], "accent"]]) {
        c.setLineDash(dash);
        c.lineWidth = 2.5;
        c.strokeStyle = this.colour(tint);
        c.strokeRect(map.x(left) + 1, map.y(top) + 1, (right - left) * unit - 2, (bottom - top) * unit - 2);
      }
      c.setLineDash([]);
    }

    /* "#rrggbb" as three numbers. */
    rgb(text) { return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16)); }
  }

  define("blocks-explorer", BlocksExplorer);
})();
