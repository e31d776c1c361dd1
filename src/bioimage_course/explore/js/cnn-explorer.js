/* <cnn-explorer>: a small trained network classifies a nucleus in the page. Needs base.js before it, and the weights
 * in cnn-weights.js beside it, which it adds to the page when it opens (a notebook hands them over).
 *
 * The network of training/nuclear_states.py: three blocks of 3×3 convolution, ReLU and 2×2 max pooling, the mean of each
 * map, a linear layer; batch normalisation is folded in. tests/test_explorable_cnn.py compares it with PyTorch.
 *
 * @name cnn
 * @about A small trained network classifies a nucleus that you move, turn and blur; its feature maps follow (chapter 4).
 * @data cnn-weights
 * @poster check block-2; fill map 9; check sees */
(() => {
  "use strict";
  const { define, number, clamp, make } = window.CourseExplorable;

  const TAG = "cnn-explorer", SIDE = 32, WIDTHS = [1, 8, 16, 32], CLASSES = ["interphase", "metaphase", "apoptotic"];
  const DARK = 0.06; // what the background of a picture becomes, as in the training crops
  const NEUTRAL = { dx: 0, dy: 0, turn: 0, zoom: 1, blur: 0, light: 1 };
  const SMALLEST = 8, LARGEST = 1 << 24; // sides and pixels of a reader's picture
  // Anchors of matplotlib's "viridis" and, for differences, of "PuOr".
  const VIRIDIS = ramp([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]]);
  const PURPLE_ORANGE = ramp([[84, 39, 136], [178, 171, 210], [247, 247, 247], [253, 184, 99], [179, 88, 6]]);
  const GREYS = ramp([[0, 0, 0], [255, 255, 255]]);

  /* 256 colours between the anchors. */
  function ramp(anchors) {
    return Array.from({ length: 256 }, (_, i) => {
      const at = i / 255 * (anchors.length - 1), low = Math.min(Math.floor(at), anchors.length - 2);
      return [0, 1, 2].map((c) => Math.round(anchors[low][c] + (at - low) * (anchors[low + 1][c] - anchors[low][c])));
    });
  }

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  // ------------------------------------------------------------------ the network
  /* Convolutions and head, {w: weights, b: biases} each, from whole numbers and a factor for each filter. */
  function unpack({ whole, floats }) {
    const numbers = new Int16Array(bytes(whole).buffer), factors = new Float32Array(bytes(floats).buffer);
    let n = 0, f = 0;
    return [...WIDTHS.slice(1).map((outputs, l) => [outputs, WIDTHS[l] * 9]), [CLASSES.length, 32]].map(([outputs, size]) => {
      const w = Float32Array.from({ length: outputs * size }, (_, i) => numbers[n + i] * factors[f + Math.floor(i / size)]);
      const b = factors.slice(f + outputs, f + 2 * outputs);
      n += outputs * size;
      f += 2 * outputs;
      return { w, b };
    });
  }

  /* For each row or column of a padded map the one that it copies; −1 is a zero. */
  const sources = (side, mirror) => Array.from({ length: side + 2 },
    (_, i) => (i > 0 && i <= side ? i - 1 : !mirror ? -1 : i ? side - 2 : 1));

  /* 3×3 cross-correlation of maps that are padded by one pixel, plus bias. */
  function convolve(x, { w, b }, inputs, outputs, side, mirror) {
    const wide = side + 2, area = side * side, from = sources(side, mirror);
    const padded = new Float32Array(inputs * wide * wide), y = new Float32Array(outputs * area);
    for (let i = 0; i < inputs; i++) for (let r = 0; r < wide; r++) for (let c = 0; c < wide; c++) {
      if (from[r] >= 0 && from[c] >= 0) padded[(i * wide + r) * wide + c] = x[i * area + from[r] * side + from[c]];
    }
    for (let o = 0; o < outputs; o++) {
      y.fill(b[o], o * area, (o + 1) * area);
      for (let i = 0; i < inputs; i++) for (let k = 0; k < 9; k++) {
        const weight = w[(o * inputs + i) * 9 + k], first = (i * wide + Math.floor(k / 3)) * wide + k % 3;
        for (let r = 0; r < side; r++) {
          for (let c = 0, to = o * area + r * side, at = first + r * wide; c < side; c++) y[to + c] += weight * padded[at + c];
        }
      }
    }
    return y;
  }

  /* The way back: what a change of each input would change, given the same of each output. */
  function convolveBack(gradient, { w }, inputs, outputs, side, mirror) {
    const area = side * side, from = sources(side, mirror), back = new Float32Array(inputs * area);
    for (let o = 0; o < outputs; o++) for (let r = 0; r < side; r++) for (let c = 0; c < side; c++) {
      const g = gradient[o * area + r * side + c];
      if (!g) continue;
      for (let i = 0; i < inputs; i++) for (let k = 0; k < 9; k++) {
        const row = from[r + Math.floor(k / 3)], column = from[c + k % 3];
        if (row >= 0 && column >= 0) back[i * area + row * side + column] += g * w[(o * inputs + i) * 9 + k];
      }
    }
    return back;
  }

  /* All maps on the way to the scores: sums before ReLU, maps after it, where pooling found its maxima. */
  function forward(net, image, mirror) {
    const sums = [], maps = [], places = [];
    let x = image;
    for (let l = 0; l < 3; l++) {
      const side = SIDE >> l, half = side / 2, z = convolve(x, net[l], WIDTHS[l], WIDTHS[l + 1], side, mirror);
      const a = z.map((v) => Math.max(0, v)), at = new Int32Array(a.length / 4);
      for (let i = 0; i < at.length; i++) {
        const first = 2 * Math.floor(i / half) * side + 2 * (i % half); // rows of all maps below each other
        let best = first;
        for (const j of [first + 1, first + side, first + side + 1]) if (a[j] > a[best]) best = j;
        at[i] = best;
      }
      sums.push(z);
      maps.push(a);
      places.push(at);
      x = Float32Array.from(at, (j) => a[j]);
    }
    const means = Array.from({ length: 32 }, (_, k) => x.subarray(16 * k, 16 * k + 16).reduce((s, v) => s + v) / 16);
    const scores = CLASSES.map((_, c) => means.reduce((s, v, k) => s + v * net[3].w[c * 32 + k], net[3].b[c]));
    const powers = scores.map((s) => Math.exp(s - Math.max(...scores))), total = powers.reduce((a, b) => a + b);
    return { sums, maps, places, means, scores, chances: powers.map((p) => p / total) };
  }

  /* How much each pixel moves a value: of map `index` in `block` at `place`, or, in block 3, of the score `index`. */
  function gradient(net, { maps, places }, { block, index, place }, mirror) {
    let g, l = block;
    if (block === 3) {
      l = 2;
      const pooled = Float32Array.from(places[2], (_, i) => net[3].w[index * 32 + Math.floor(i / 16)] / 16);
      g = unpool(pooled, places[2], maps[2]);
    } else {
      g = new Float32Array(maps[l].length);
      g[index * (SIDE >> l) ** 2 + place] = 1;
    }
    for (; ; l--) {
      g.forEach((_, i) => { if (maps[l][i] <= 0) g[i] = 0; });
      g = convolveBack(g, net[l], WIDTHS[l], WIDTHS[l + 1], SIDE >> l, mirror);
      if (!l) return g;
      g = unpool(g, places[l - 1], maps[l - 1]);
    }
  }

  function unpool(pooled, places, maps) {
    const g = new Float32Array(maps.length);
    places.forEach((j, i) => { g[j] = pooled[i]; });
    return g;
  }

  /* First and last pixel that a value in row or column `at` of a block sees along one axis; they may lie outside. */
  function field(block, at) {
    let [low, high] = [at - 1, at + 1];
    for (let l = block; l; l--) [low, high] = [2 * low - 1, 2 * high + 2];
    return [low, high];
  }

  // ------------------------------------------------------------------ pictures
  /* A picture at half, quarter … size as well, so that nothing is skipped when it is made smaller. */
  function levels({ values, width, height }) {
    const all = [{ values, width, height }];
    for (let last = all[0]; Math.min(last.width, last.height) >= 64; last = all.at(-1)) {
      const w = last.width >> 1, h = last.height >> 1, half = new Float32Array(w * h);
      for (let r = 0; r < h; r++) for (let c = 0; c < w; c++) {
        const i = 2 * r * last.width + 2 * c, v = last.values;
        half[r * w + c] = (v[i] + v[i + 1] + v[i + last.width] + v[i + last.width + 1]) / 4;
      }
      all.push({ values: half, width: w, height: h });
    }
    return all;
  }

  /* A value between pixels, interpolated; beyond its edges a picture goes on as its mirror image. */
  function between({ values, width, height }, x, y) {
    const fold = (i, n) => { const j = ((i % (2 * n)) + 2 * n) % (2 * n); return j < n ? j : 2 * n - 1 - j; };
    const c = Math.floor(x), r = Math.floor(y), u = x - c, v = y - r;
    const [c0, c1, r0, r1] = [fold(c, width), fold(c + 1, width), fold(r, height) * width, fold(r + 1, height) * width];
    return (values[r0 + c0] * (1 - u) + values[r0 + c1] * u) * (1 - v) + (values[r1 + c0] * (1 - u) + values[r1 + c1] * u) * v;
  }

  /* The 32 × 32 values that the network gets: moved, turned, magnified, blurred, dimmed. */
  function view(picture, { dx, dy, turn, zoom, blur, light }) {
    const reach = Math.ceil(3 * blur), n = SIDE + 2 * reach, step = picture.step / zoom;
    const level = clamp(Math.floor(Math.log2(step)), 0, picture.levels.length - 1), shrunk = 2 ** level;
    const cos = Math.cos(turn * Math.PI / 180), sin = Math.sin(turn * Math.PI / 180);
    const out = new Float32Array(n * n);
    for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) {
      const u = (c - reach - 15.5 - dx) * step, v = (r - reach - 15.5 - dy) * step;
      const x = (picture.width - 1) / 2 + cos * u + sin * v, y = (picture.height - 1) / 2 - sin * u + cos * v;
      out[r * n + c] = DARK + light * picture.scale
        * (between(picture.levels[level], (x + 0.5) / shrunk - 0.5, (y + 0.5) / shrunk - 0.5) - picture.dark);
    }
    return blur ? blurred(out, n, reach, blur) : out;
  }

  /* Gaussian blur of the inner pixels, `reach` from each side. */
  function blurred(image, n, reach, sigma) {
    const kernel = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-(((i - reach) / sigma) ** 2) / 2));
    const total = kernel.reduce((a, b) => a + b), rows = new Float32Array(n * SIDE), out = new Float32Array(SIDE * SIDE);
    for (let r = 0; r < n; r++) for (let c = 0; c < SIDE; c++) {
      rows[r * SIDE + c] = kernel.reduce((s, k, i) => s + k * image[r * n + c + i], 0) / total;
    }
    for (let r = 0; r < SIDE; r++) for (let c = 0; c < SIDE; c++) {
      out[r * SIDE + c] = kernel.reduce((s, k, i) => s + k * rows[(r + i) * SIDE + c], 0) / total;
    }
    return out;
  }

  const sorted = (values) => Float32Array.from(values).sort();
  const mean = (values) => values.reduce((s, v) => s + v, 0) / values.length;

  /* What a picture is like, in four numbers: the same as `describe` in training/nuclear_states.py. */
  function describe(image) {
    const edge = [], all = mean(image);
    for (let i = 0; i < SIDE; i++) edge.push(image[i], image[31 * SIDE + i], image[i * SIDE], image[i * SIDE + 31]);
    const e = sorted(edge);
    let steps = 0;
    image.forEach((v, i) => { if ((i + 1) % SIDE) steps += Math.abs(image[i + 1] - v); });
    const spread = Math.sqrt(mean(image.map((v) => (v - all) ** 2)));
    return { frame: (e[63] + e[64]) / 2, mean: all, peak: sorted(image).at(-11), roughness: spread ? steps / (SIDE * (SIDE - 1)) / spread : 0 };
  }

  const UNLIKE = {
    frame: ["its border is darker", "its border is brighter"],
    mean: ["it holds less light", "it holds more light"],
    peak: ["its brightest pixels are dimmer", "its brightest pixels are brighter"],
    roughness: ["it is smoother", "it is noisier or sharper"],
  };

  /* In what a picture differs from all that the network has learnt from, in words. */
  function unlike(image, means, ranges) {
    const is = describe(image), found = [];
    for (const [what, [less, more]] of Object.entries(UNLIKE)) {
      if (is[what] < ranges[what][0]) found.push(less);
      if (is[what] > ranges[what][1]) found.push(more);
    }
    const outside = means.filter((v, k) => v < ranges.means[k][0] || v > ranges.means[k][1]).length;
    if (outside) found.push(`${outside} of its 32 means ${outside > 1 ? "are" : "is"} outside what training gave`);
    return found;
  }

  // ------------------------------------------------------------------ a reader's picture
  class PictureError extends Error {}

  const GRANTED = "PNG, JPEG, and uncompressed TIFF of one channel with 8 or 16 bits can be read.";

  /* Values, width and height of a TIFF: uncompressed, one channel, 8 or 16 bits, in strips. */
  function readTiff(buffer) {
    const data = new DataView(buffer), little = data.getUint8(0) === 0x49, sizes = { 1: 1, 3: 2, 4: 4 };
    const refuse = (what) => { throw new PictureError(`This TIFF ${what}. ${GRANTED}`); };
    try {
      if (data.getUint16(2, little) !== 42) refuse("is a BigTIFF");
      const start = data.getUint32(4, little), tags = {};
      for (let i = 0; i < data.getUint16(start, little); i++) {
        const at = start + 2 + 12 * i, type = data.getUint16(at + 2, little), count = data.getUint32(at + 4, little);
        const size = sizes[type];
        if (!size || count > 1e6) continue;
        const first = size * count > 4 ? data.getUint32(at + 8, little) : at + 8;
        const read = (k) => (size === 1 ? data.getUint8(first + k) : size === 2 ? data.getUint16(first + 2 * k, little) : data.getUint32(first + 4 * k, little));
        tags[data.getUint16(at, little)] = Array.from({ length: count }, (_, k) => read(k));
      }
      const width = tags[256][0], height = tags[257][0], bits = tags[258] || [1];
      if ((tags[259] || [1])[0] !== 1) refuse("is compressed");
      if ((tags[277] || [1])[0] !== 1) refuse("has several channels or colours");
      if (tags[262][0] > 1) refuse("is a table of colours");
      if ((tags[339] || [1])[0] !== 1) refuse("does not hold whole numbers without sign");
      if (bits[0] !== 8 && bits[0] !== 16) refuse(`has ${bits[0]} bits a pixel`);
      if (!tags[273]) refuse("is stored in tiles");
      check(width, height);
      const each = bits[0] / 8, values = new Float32Array(width * height), rows = (tags[278] || [height])[0];
      for (let i = 0; i < values.length; i++) {
        const r = Math.floor(i / width), strip = Math.floor(r / rows), at = tags[273][strip] + each * (i - strip * rows * width);
        values[i] = each === 1 ? data.getUint8(at) : data.getUint16(at, little);
      }
      return { values: tags[262][0] ? values : values.map((v) => 2 ** bits[0] - 1 - v), width, height }; // 0 may be white
    } catch (error) {
      if (error instanceof PictureError) throw error;
      throw new PictureError(`This TIFF ends too early or is damaged. ${GRANTED}`);
    }
  }

  function check(width, height) {
    if (Math.min(width, height) < SMALLEST) throw new PictureError(`The picture has ${width} × ${height} pixels; each side needs at least ${SMALLEST}.`);
    if (width * height > LARGEST) throw new PictureError(`The picture has ${width} × ${height} pixels, too many for this page; cut out a part.`);
  }

  /* The same of a PNG or JPEG; colours are averaged. */
  async function readBitmap(file) {
    let bitmap;
    try { bitmap = await createImageBitmap(file); } catch { throw new PictureError(`This file is no picture that the page can read. ${GRANTED}`); }
    const { width, height } = bitmap;
    check(width, height);
    const canvas = Object.assign(document.createElement("canvas"), { width, height }), context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const rgba = context.getImageData(0, 0, width, height).data, values = new Float32Array(width * height);
    let coloured = false;
    for (let i = 0; i < values.length; i++) {
      const [r, g, b] = [rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2]];
      coloured ||= Math.max(r, g, b) - Math.min(r, g, b) > 8;
      values[i] = (r + g + b) / 3;
    }
    return { values, width, height, coloured };
  }

  /* A file as a picture for `view`: dark and bright pixels brought to the values of the training crops. */
  async function readPicture(file) {
    const buffer = await file.arrayBuffer(), head = new Uint8Array(buffer.slice(0, 2));
    const tiff = head.length > 1 && head[0] === head[1] && (head[0] === 0x49 || head[0] === 0x4d);
    const raw = tiff ? readTiff(buffer) : await readBitmap(file), every = Math.ceil(raw.values.length / 1e6);
    const order = sorted(raw.values.filter((_, i) => i % every === 0)); // a million pixels tell dark and bright
    const dark = order[Math.floor(0.05 * (order.length - 1))], bright = order[Math.floor(0.995 * (order.length - 1))];
    if (!(bright > dark)) throw new PictureError("All pixels of this picture have nearly the same value.");
    const side = Math.min(raw.width, raw.height), c = (raw.width - 1) / 2, r = (raw.height - 1) / 2;
    let middle = 0, edge = 0, inside = 0;
    for (let i = 0; i < raw.values.length; i++) { // is what lies in the middle brighter than the rest?
      const near = Math.hypot(i % raw.width - c, Math.floor(i / raw.width) - r) < side / 4;
      if (near) { middle += raw.values[i]; inside += 1; } else edge += raw.values[i];
    }
    return { ...raw, levels: levels(raw), dark, scale: 1.5 / (bright - dark), step: side / SIDE, file: file.name,
      bright: edge / (raw.values.length - inside) > middle / inside };
  }

  // ------------------------------------------------------------------ the element
  class CnnExplorer extends window.CourseExplorable {
    static label = "A network that sees nuclei";
    static help = "Drag the ring on the cell, or focus it and use the arrow keys. Click a map to enlarge it, then a value in it.";

    static field = field;
    static describe = describe;

    /* Weights and cells, from the script beside this one or, in a notebook, from the widget. */
    set data(content) {
      if (!content?.whole) return;
      this.net = unpack(content);
      this.ranges = content.ranges;
      this.pictures = Object.fromEntries(Object.entries(content.cells).map(([name, cell]) => {
        const raw = { values: Float32Array.from(bytes(cell.values)), width: cell.side, height: cell.side };
        return [name, { ...raw, ...cell, values: raw.values, levels: levels(raw) }];
      }));
      if (this.shadowRoot) { this.reset(); this.changed(); }
    }

    connectedCallback() {
      super.connectedCallback();
      if (this.net) return;
      const take = () => { this.data = window.CourseData?.[TAG]; };
      take();
      const own = [...document.scripts].find((script) => script.src.split("?")[0].endsWith(`/${TAG}.js`));
      if (this.net || !own) return;
      const script = make("script", { src: own.src.replace(TAG, "cnn-weights") });
      script.addEventListener("load", take);
      script.addEventListener("error", () => { this.warning.textContent = "The file cnn-weights.js is missing beside this page's scripts: the network has no weights."; this.warning.hidden = false; });
      document.head.append(script);
    }

    build() {
      const pair = make("div", { class: "pair" });
      this.stages.append(make("style", {}, `
        .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 12px; align-items: start; }
        .handle[data-name=move]::before, .handle[data-name=value]::before { background: none; }
        .scores { display: grid; gap: 4px; }
        .scores button { position: relative; display: flex; justify-content: space-between; gap: 8px; text-align: left;
          overflow: hidden; min-height: 32px; padding: 3px 10px; }
        .scores button[aria-pressed=true] { outline: 3px solid var(--orange); outline-offset: -3px; }
        .scores b { font-variant-numeric: tabular-nums; }
        .scores .bar { position: absolute; left: 0; bottom: 0; height: 5px; background: var(--accent); }
        .note.warning { border-left-color: var(--vermilion); min-height: 0; }
        .drop { border: 1.5px dashed var(--line); border-radius: 8px; padding: 8px 10px; display: grid; gap: 4px; }
        .drop.over { border-color: var(--accent); }
        .drop input { font: inherit; font-size: 13.5px; width: 100%; min-height: 28px; }`), pair);
      this.sheet = document.createElement("canvas");
      this.main = this.stage({ label: "", view: [0, SIDE, 0, SIDE], draw: (context) => this.drawCell(context), parent: pair,
        drag: (x, y) => this.move(x - 16, y - 16) });
      this.map = this.stage({ label: "", view: [0, SIDE, 0, SIDE], draw: (context) => this.drawMap(context), parent: pair,
        drag: (x, y) => this.choose(Math.floor(y), Math.floor(x)) });
      pair.append(this.cellKey = make("div", { class: "key" }), this.mapKey = make("div", { class: "key" }));
      this.handle(this.main, {
        name: "move", label: "Move the cell", where: () => [16 + this.state.dx, 16 + this.state.dy],
        drag: (x, y) => this.move(x - 16, y - 16), keys: (dx, dy) => this.move(this.state.dx + dx, this.state.dy - dy),
        value: () => `${number(this.state.dx, 0)} to the right, ${number(this.state.dy, 0)} down`,
      });
      this.handle(this.map, {
        name: "value", label: "Choose a value", colour: "orange", where: () => [this.atColumn + 0.5, this.atRow + 0.5],
        drag: (x, y) => this.choose(Math.floor(y), Math.floor(x)), keys: (dx, dy) => this.choose(this.atRow - dy, this.atColumn + dx),
        value: () => `row ${this.atRow + 1}, column ${this.atColumn + 1}`,
      });
      this.buttons = CLASSES.map((name, k) => {
        const button = this.button({ name: `score-${k}`, label: "", parent: this.stages, click: () => { this.asked = this.asked === k ? null : k; } });
        button.append(make("span", {}, name), make("b", { "data-number": `chance-${k}` }, "–"), make("span", { class: "bar" }));
        return button;
      });
      this.stages.append(make("div", { class: "scores", role: "group", "aria-label": "Probabilities" }, ...this.buttons));
      this.note = this.text("note", this.stages);
      this.warning = make("div", { class: "note warning", "data-text": "warning", hidden: true });
      this.stages.append(this.warning);
      this.grid = this.stage({ label: "", view: [0, 8, 0, 8.4], aspect: 8 / 8.4, draw: (context) => this.drawGrid(context) });
      this.grid.canvas.addEventListener("click", (event) => this.pick(...this.grid.at(event)));

      this.cell = this.choice({ name: "cell", label: "Cell", change: (name) => this.pickCell(name), options: {
        interphase: "interphase", metaphase: "metaphase", anaphase: "anaphase", fragments: "apoptotic (simulated)" } });
      const slider = (name, label, min, max, step, format) => this.slider({ name, label, min, max, step, format, change: (v) => { this.state[name] = v; } });
      this.sliders = {
        turn: slider("turn", "turn", -180, 180, 5, (v) => `${number(v, 0)}°`),
        zoom: slider("zoom", "magnify", 0.5, 2, 0.05, (v) => `${number(v)} ×`),
        blur: slider("blur", "blur", 0, 3, 0.1, (v) => `σ ${number(v, 1)}`),
        light: slider("light", "brightness", 0.1, 2, 0.05, (v) => `${number(v)} ×`),
      };
      this.text("muted").textContent = "Padding at the borders";
      this.padding = this.choice({ name: "padding", label: "Padding", change: (value) => { this.pad = value; },
        options: { zeros: "zeros", mirror: "mirror", difference: "mirror − zeros" } });
      this.depth = this.choice({ name: "block", label: "Block", change: (value) => this.enlarge(Number(value), 0),
        options: ["block 1", "block 2", "block 3"] });
      this.which = this.slider({ name: "map", label: "enlarged map", min: 1, max: 32, format: (k) => `${k} of ${WIDTHS[this.block + 1]}`,
        change: (k) => this.enlarge(this.block, k - 1) });
      this.sees = this.checkbox({ name: "sees", label: "show what the chosen value sees", change: (on) => { this.asked = on ? "value" : null; } });
      this.numbers({ value: "chosen value", field: "it can see", changed: "changed by mirror" });
      this.formula = this.text("formula");
      this.addDrop();
      this.span = this.slider({ name: "span", label: "width of the view", min: SMALLEST, max: SIDE, format: (v) => `${v} px`,
        change: (v) => { this.picture.step = v / SIDE; } });
    }

    /* Where a reader's own picture is chosen or dropped. */
    addDrop() {
      const input = make("input", { type: "file", id: `${TAG}-file-${Math.random()}`, accept: ".png,.jpg,.jpeg,.tif,.tiff,image/png,image/jpeg,image/tiff", "data-name": "file" });
      const drop = make("div", { class: "drop" }, make("label", { for: input.id }, "Your own picture: drop it here, or"), input,
        make("span", { class: "muted" }, "PNG, JPEG, or TIFF of one channel. It does not leave this page."));
      input.addEventListener("click", () => { input.value = ""; }); // so that the same file can come again
      input.addEventListener("change", () => { if (input.files[0]) this.open(input.files[0]); });
      for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
        this.shadowRoot.addEventListener(type, (event) => {
          event.preventDefault();
          drop.classList.toggle("over", type === "dragenter" || type === "dragover");
          if (type === "drop" && event.dataTransfer.files[0]) this.open(event.dataTransfer.files[0]);
        });
      }
      this.file = input;
      this.panel.append(drop);
    }

    reset() {
      this.state = { ...NEUTRAL };
      Object.assign(this, { pad: "zeros", block: 0, index: 0 });
      this.padding.value = "zeros";
      this.file.value = "";
      this.pickCell("metaphase");
      this.enlarge(0, 5);
      Object.assign(this, { atRow: 15, atColumn: 12, asked: null });
    }

    // ---------------------------------------------------------------- state
    /* Show one of the cells, or the reader's own picture, as it is. */
    pickCell(name) {
      this.name = this.cell.value = name;
      this.state = { ...NEUTRAL };
      this.refused = "";
      this.span.element.hidden = name !== "own";
      this.picture = this.pictures?.[name];
      for (const [key, slider] of Object.entries(this.sliders)) slider.value = this.state[key];
      if (!this.picture) return;
      if (name === "own") {
        this.span.input.max = Math.min(this.picture.width, this.picture.height);
        this.span.value = Math.round(this.picture.step * SIDE);
      }
      // One colour scale as long as the cell stays the same: a dimmed cell must give dimmer maps.
      const { maps } = forward(this.net, view(this.picture, NEUTRAL), false);
      this.tops = maps.map((all, l) => {
        const area = (SIDE >> l) ** 2, most = all.reduce((a, b) => Math.max(a, b), 0);
        return Array.from({ length: WIDTHS[l + 1] }, (_, k) => Math.max(all.subarray(k * area, (k + 1) * area).reduce((a, b) => Math.max(a, b), 0), most / 5, 1e-6));
      });
    }

    async open(file) {
      try {
        this.pictures.own = await readPicture(file);
        this.pickCell("own");
      } catch (error) {
        this.refused = error instanceof PictureError ? error.message : `The file cannot be read. ${GRANTED}`;
      }
      this.changed();
    }

    move(dx, dy) { this.state.dx = clamp(dx, -16, 16); this.state.dy = clamp(dy, -16, 16); }

    /* Enlarge a map of a block. */
    enlarge(block, index) {
      if (block !== this.block) {
        const ratio = 2 ** (this.block - block); // the same place in the picture
        this.atRow = clamp(Math.floor(this.atRow * ratio), 0, (SIDE >> block) - 1);
        this.atColumn = clamp(Math.floor(this.atColumn * ratio), 0, (SIDE >> block) - 1);
      }
      this.block = block;
      this.depth.value = String(block);
      this.which.input.max = WIDTHS[block + 1];
      this.index = Math.min(index, WIDTHS[block + 1] - 1);
      this.which.value = this.index + 1;
      this.map.view = [0, SIDE >> block, 0, SIDE >> block];
    }

    choose(row, column) {
      const last = (SIDE >> this.block) - 1;
      Object.assign(this, { atRow: clamp(row, 0, last), atColumn: clamp(column, 0, last), asked: "value" });
    }

    /* The map at a place of the grid. */
    pick(x, y) {
      const found = this.tiles().find((tile) => x >= tile.x && x < tile.x + 1 && y >= tile.y && y < tile.y + 1);
      if (found) { this.enlarge(found.block, found.index); this.changed(); }
    }

    /* Where in the grid each map lies: a line of text, then rows of eight. */
    tiles() {
      const tops = [0.4, 1.8, 4.2];
      return WIDTHS.slice(1).flatMap((count, block) => Array.from({ length: count }, (_, index) => (
        { block, index, x: index % 8, y: tops[block] + Math.floor(index / 8) * (block === 2 ? 1.05 : 1) })));
    }

    get mirror() { return this.pad !== "zeros"; }

    /* The value that is asked about: of a map, or the score of a class. */
    target() {
      if (typeof this.asked === "number") return { block: 3, index: this.asked, place: 0 };
      return { block: this.block, index: this.index, place: this.atRow * (SIDE >> this.block) + this.atColumn };
    }

    update() {
      this.sees.value = this.asked === "value";
      this.buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(this.asked === k)));
      if (!this.picture) return;
      this.image = view(this.picture, this.state);
      this.result = forward(this.net, this.image, this.mirror);
      this.zeros = this.mirror ? forward(this.net, this.image, false) : this.result;
      this.shown = this.pad === "difference" ? this.result.maps.map((maps, l) => maps.map((v, i) => v - this.zeros.maps[l][i])) : this.result.maps;
      this.gradient = this.asked === null ? null : gradient(this.net, this.result, this.target(), this.mirror);
      this.showNumbers();
      this.showWords();
    }

    showNumbers() {
      const { chances, maps } = this.result, { place } = this.target(), area = (SIDE >> this.block) ** 2;
      chances.forEach((p, k) => {
        this.buttons[k].querySelector("b").textContent = `${number(100 * p, 1)} %`;
        this.buttons[k].querySelector(".bar").style.width = `${100 * p}%`;
      });
      this.value = this.asked === null || this.asked === "value" ? maps[this.block][this.index * area + place] : this.result.scores[this.asked];
      const side = typeof this.asked === "number" ? SIDE : field(this.block, 0)[1] - field(this.block, 0)[0] + 1;
      this.show("value", number(this.value));
      this.show("field", `${side} × ${side}`);
      let changed = 0;
      this.result.maps[this.block].forEach((v, i) => { changed += Math.abs(v - this.zeros.maps[this.block][i]) > 1e-4; });
      this.show("changed", this.mirror ? `${number(100 * changed / maps[this.block].length, 0)} %` : "–");
      const inputs = WIDTHS[this.block] * 9, { b } = this.net[this.block], sum = this.result.sums[this.block][this.index * area + place] - b[this.index];
      this.formula.replaceChildren(...(typeof this.asked === "number"
        ? ["32 products ", make("b", {}, number(this.value - this.net[3].b[this.asked])), " + bias ", make("b", {}, number(this.net[3].b[this.asked])), " = score ", make("b", {}, number(this.value))]
        : [`max(0, ${inputs} products `, make("b", {}, number(sum)), " + bias ", make("b", {}, number(b[this.index])), ") = ", make("b", {}, number(this.value))]));
    }

    showWords() {
      const { chances } = this.result, best = chances.indexOf(Math.max(...chances));
      const says = `The network says ${CLASSES[best]}, ${number(100 * chances[best], 0)} %.`;
      this.note.textContent = `${says} ${this.explained()}`;
      const reasons = unlike(this.image, this.result.means, this.ranges), own = this.name === "own";
      const words = [this.refused];
      if (own) {
        words.push(`Your picture (${this.picture.file}). The network has learnt from simulated nuclei only, one in the middle, bright on dark, and knows three names: it chooses one whatever you show it.`);
        if (this.picture.coloured) words.push("Your picture has colours; their mean is taken.");
        if (this.picture.bright) words.push("Its background seems brighter than what lies on it; the network expects the contrary.");
      }
      if (reasons.length) words.push(`Unlike all ${own ? "its" : "the"} training pictures: ${reasons.join(", ")}. It answers all the same.`);
      this.warning.textContent = words.filter(Boolean).join(" ");
      this.warning.hidden = !this.warning.textContent;
      const side = SIDE >> this.block;
      this.cellKey.textContent = `${this.cellWords()}: 32 × 32 values go in`;
      this.mapKey.textContent = `map ${this.index + 1} of block ${this.block + 1}: ${side} × ${side} values${this.pad === "difference" ? ", mirror − zeros; the answer is that with mirror" : ""}`;
      this.main.label = `The picture that the network gets, ${this.cellWords()}${this.gradient ? ", with what would raise and lower the chosen value" : ""}.`;
      this.map.label = `Map ${this.index + 1} of block ${this.block + 1}, ${side} by ${side} values, ${this.pad === "difference" ? "change from zeros to mirror" : "bright where high"}.`;
      this.grid.label = "All feature maps: 8 of 32 by 32, 16 of 16 by 16, 32 of 8 by 8, each of the last with its mean as a bar.";
      this.say(`${says} ${this.refused || (this.warning.hidden ? "" : "The picture is unlike the training pictures.")}`);
    }

    /* What is on the picture. */
    cellWords() {
      if (this.name === "own") return "your own picture";
      return this.name === "fragments" ? "a simulated apoptotic nucleus" : `a photographed nucleus in ${this.name}`;
    }

    /* What the dots on the picture mean. */
    explained() {
      if (this.asked === null) return this.mirror ? "Look at the outermost values of the maps: that is where the padding counts." : "Click a value or a class to see which pixels it hangs on.";
      if (!this.gradient.some((g) => g)) return "The chosen value is 0: ReLU has cut it off, and no pixel moves it by a little.";
      const what = typeof this.asked === "number" ? `the score of ${CLASSES[this.asked]}` : "the chosen value";
      return `Full dots: brighter pixels here would raise ${what}; rings: they would lower it.`;
    }

    // ---------------------------------------------------------------- pictures of it
    /* Draw `count` values, side × side, from `first` on into a square; colours from a ramp between low and high. */
    paint(context, values, first, side, [x, y, size], colours, low, high) {
      this.sheet.width = this.sheet.height = side;
      const pen = this.sheet.getContext("2d"), pixels = pen.createImageData(side, side);
      for (let i = 0; i < side * side; i++) {
        const [r, g, b] = colours[Math.round(255 * clamp((values[first + i] - low) / (high - low), 0, 1)) || 0];
        pixels.data.set([r, g, b, 255], 4 * i);
      }
      pen.putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(this.sheet, x, y, size, size);
    }

    paintMap(context, block, index, square) {
      const side = SIDE >> block, top = this.tops[block][index], difference = this.pad === "difference";
      this.paint(context, this.shown[block], index * side * side, side, square, difference ? PURPLE_ORANGE : VIRIDIS, difference ? -top / 2 : 0, difference ? top / 2 : top);
    }

    drawCell(context) {
      if (!this.image) return;
      const { main } = this, unit = main.width / SIDE;
      this.paint(context, this.image, 0, SIDE, [0, 0, main.width], GREYS, -0.1, 1.9);
      if (!this.gradient) return;
      const most = this.gradient.reduce((a, g) => Math.max(a, Math.abs(g)), 0);
      context.lineWidth = 1.5;
      this.gradient.forEach((g, i) => {
        const radius = unit * 0.55 * Math.sqrt(Math.abs(g) / most);
        if (!(radius > 0.6)) return;
        context.beginPath();
        context.arc((i % SIDE + 0.5) * unit, (Math.floor(i / SIDE) + 0.5) * unit, radius, 0, 2 * Math.PI);
        context.fillStyle = "#E69F00";
        context.strokeStyle = "#56B4E9";
        if (g > 0) context.fill(); else context.stroke();
      });
      if (typeof this.asked === "number") return;
      const [top, bottom] = field(this.block, this.atRow), [left, right] = field(this.block, this.atColumn);
      context.lineWidth = 2.5;
      context.strokeStyle = "#E69F00";
      context.strokeRect(left * unit, top * unit, (right - left + 1) * unit, (bottom - top + 1) * unit);
    }

    drawMap(context) {
      if (!this.shown) return;
      this.paintMap(context, this.block, this.index, [0, 0, this.map.width]);
      const unit = this.map.width / (SIDE >> this.block);
      context.lineWidth = 2.5;
      context.strokeStyle = "#E69F00";
      context.strokeRect(this.atColumn * unit, this.atRow * unit, unit, unit);
    }

    drawGrid(context) {
      if (!this.shown) return;
      const { grid } = this, unit = grid.x(1), most = Math.max(...this.result.means, 1e-6);
      context.font = `${clamp(unit * 0.26, 11, 14)}px system-ui, sans-serif`;
      context.textBaseline = "middle";
      for (const { block, index, x, y } of this.tiles()) {
        const side = SIDE >> block;
        if (!index) {
          context.fillStyle = this.colour("ink");
          context.fillText(`block ${block + 1}: ${WIDTHS[block + 1]} maps, ${side} × ${side}${block === 2 ? "; bars: their means" : ""}`, 2, (y - 0.2) * unit);
        }
        const square = [x * unit + 2, y * unit + 1, unit * (block === 2 ? 0.86 : 0.94)];
        this.paintMap(context, block, index, square);
        if (block === 2) {
          context.fillStyle = this.colour("accent");
          context.fillRect(square[0], square[1] + square[2] + 1, square[2] * this.result.means[index] / most, unit * 0.1);
        }
        if (block === this.block && index === this.index) {
          context.lineWidth = 3;
          context.strokeStyle = this.colour("orange");
          context.strokeRect(...square, square[2]);
        }
      }
    }
  }

  define("cnn-explorer", CnnExplorer);
})();
