/* <shapley-explorer>: Shapley values of three features of a nucleus, from a small random forest that runs in the page.
 * Needs base.js before it.
 *
 * Forest, background and nuclei are those of chapter 7, written by coursebook/shapley.py. The pictures are cut from the
 * built-in sample "mitosis": image CC0 (Broad Bioimage Benchmark Collection), by way of CellProfiler's examples.
 *
 * @name shapley
 * @about Shapley values of three features of a nucleus: coalitions, orders and their mean (chapter 7).
 * @poster click next 4 */
(() => {
  "use strict";
  const { define, number, clamp, make } = window.CourseExplorable;

  // patch: begin (written by coursebook/shapley.py; do not edit)
  const FOREST = [[2,1.3602,[0,115.5,[0,103.0,[1,51.7068,0.0,0.0],[1,75.5006,0.0,1.0]],0.0],[0,176.5,[1,85.1947,0.0,1.0],0.9787]],[0,104.5,[2,1.1904,[1,92.2894,0.0,1.0],[1,75.1228,[2,1.2647,0.0,0.0],0.8491]],[0,177.5,[1,79.6083,0.0,0.9574],[0,180.0,1.0,0.0]]],[0,175.5,[2,1.1417,[1,86.6498,0.0,1.0],[1,79.6083,0.0,0.9091]],[1,71.176,[0,183.0,0.0,0.0],0.9836]],[1,76.841,0.0,[2,1.3185,0.96,0.9897]],[0,86.0,[2,1.6023,[0,81.0,0.0,0.9252],1.0],[0,177.5,[1,90.1663,[2,1.0341,0.0,0.0],1.0],[0,182.5,0.9252,[0,189.5,0.0,0.7556]]]],[1,77.5395,[2,1.0388,0.0,0.0],[1,90.6365,0.8364,1.0]],[2,1.4474,[1,89.1207,[1,40.5481,0.0,0.0],1.0],[2,1.6398,[2,1.6023,[1,68.6065,0.0,0.932],1.0],0.0]],[1,78.1734,[1,40.5481,0.0,0.0],[1,85.5984,0.774,1.0]],[1,85.0581,0.0,1.0],[0,116.5,[0,77.5,0.0,[0,82.0,0.9756,[1,89.1207,0.0,1.0]]],[0,177.5,0.0,[1,71.176,[0,182.5,0.0,0.0],0.8696]]],[1,88.5804,[0,71.5,0.0,0.0],[0,106.5,1.0,1.0]],[1,76.841,[2,1.047,0.0,0.0],[1,85.5984,0.8846,1.0]],[2,1.4473,[0,187.0,[0,116.5,[0,114.0,0.2566,0.7904],[1,41.0251,0.0,0.0]],0.898],[2,1.6398,[0,95.5,0.9778,[2,1.4573,1.0,0.4681]],0.0]],[2,1.4473,[1,90.6365,0.0,1.0],[2,1.6219,[1,75.4566,[0,100.0,0.0,0.0],1.0],0.0]],[0,115.5,[2,1.4474,[0,113.5,[2,1.1774,0.4303,0.0],0.972],[0,89.5,[2,1.6237,0.972,0.9456],[1,54.8116,0.0,0.9456]]],[2,1.4951,0.0,[2,1.5798,0.9456,0.0]]],[2,1.1774,[0,116.5,[0,99.0,[2,1.1253,0.0,0.9697],[1,65.5128,0.0,0.932]],[1,45.9753,0.0,0.0]],[0,189.5,[0,85.5,[1,66.2146,0.0,0.8726],0.0],0.932]],[1,77.5395,0.0,[2,1.4388,[2,1.2683,[1,97.8942,0.9116,1.0],0.9116],1.0]],[0,177.5,[2,1.4474,[1,90.6365,[2,1.0388,0.0,0.0],1.0],[0,114.5,[2,1.6476,0.9375,0.0],0.0]],[2,1.2927,0.0,[0,186.5,0.8491,0.9574]]],[1,78.1734,0.0,[0,83.5,0.9161,[0,115.5,1.0,0.98]]],[1,78.1734,[0,74.5,0.0,0.0],[2,1.2259,1.0,[0,112.5,1.0,0.9388]]]];
  const BACKGROUND = [[106.0,44.094,1.29,0],[90.0,59.833,1.294,0],[116.0,48.914,1.385,0],[172.0,49.413,1.217,0],[202.0,51.856,1.151,0],[85.0,104.553,1.621,1],[135.0,50.667,1.095,0],[74.0,67.568,1.447,0],[126.0,47.008,1.098,0],[131.0,42.977,1.223,0],[109.0,53.55,1.173,0],[126.0,45.857,1.36,0],[147.0,64.701,1.225,0],[151.0,59.086,1.073,0],[139.0,47.381,1.18,0],[113.0,76.726,1.031,0],[75.0,45.32,1.973,0],[158.0,43.051,1.484,0],[178.0,87.438,1.506,1],[159.0,55.088,1.324,0],[120.0,48.642,1.186,0],[89.0,58.157,1.299,0],[122.0,43.484,1.359,0],[170.0,49.929,1.246,0],[157.0,41.465,1.167,0],[112.0,47.17,1.28,0],[90.0,59.267,1.302,0],[165.0,54.012,1.125,0],[108.0,51.574,1.402,0],[122.0,41.943,1.204,0],[93.0,54.624,1.26,0],[131.0,75.458,1.266,0],[128.0,63.852,1.389,0],[151.0,45.894,1.224,0],[98.0,98.633,1.176,1],[116.0,51.672,1.173,0],[137.0,40.511,1.32,0],[112.0,45.554,1.065,0],[98.0,55.316,1.077,0],[119.0,53.992,1.284,0],[152.0,55.868,1.084,0],[84.0,60.655,1.163,0],[110.0,49.9,1.197,0],[155.0,53.284,1.414,0],[97.0,56.196,1.18,0],[140.0,46.436,1.15,0],[91.0,51.352,1.156,0],[125.0,44.64,1.193,0],[136.0,37.456,1.241,0],[163.0,47.245,1.261,0],[111.0,48.207,1.182,0],[96.0,51.219,1.242,0],[230.0,74.061,1.644,0],[107.0,50.551,1.037,0],[62.0,86.79,1.137,0],[87.0,61.31,1.112,0],[116.0,44.56,1.312,0],[173.0,59.526,1.246,0],[131.0,43.008,1.536,0],[105.0,49.162,1.128,0],[116.0,83.759,1.276,0],[104.0,97.788,1.028,1],[98.0,51.296,1.173,0],[121.0,47.843,1.172,0],[101.0,45.99,1.299,0],[78.0,123.5,1.627,1],[114.0,44.763,1.229,0],[183.0,55.093,1.699,0],[175.0,57.914,1.39,0],[77.0,63.325,1.179,0],[91.0,53.451,1.391,0],[82.0,98.0,1.139,1],[143.0,72.427,1.04,0],[135.0,40.585,1.203,0],[151.0,50.642,1.145,0],[189.0,57.815,1.224,0],[121.0,61.818,1.259,0],[113.0,51.212,1.265,0],[116.0,94.483,1.113,1],[146.0,53.986,1.05,0],[129.0,47.217,1.19,0],[126.0,73.738,1.559,0],[182.0,68.291,1.623,0],[59.0,82.678,1.43,0],[106.0,46.925,1.33,0],[87.0,61.264,1.107,0],[100.0,54.3,1.039,0],[110.0,54.427,1.223,0],[143.0,55.245,2.068,0],[163.0,56.626,1.186,0],[182.0,54.802,1.284,0],[109.0,96.651,1.448,1],[90.0,59.056,1.17,0],[102.0,52.118,1.205,0],[167.0,52.24,1.284,0],[150.0,60.733,1.361,0],[94.0,50.372,1.68,0],[155.0,46.129,1.166,0],[166.0,61.271,1.154,0],[94.0,58.755,1.594,0]];
  const NUCLEI = [["mitotic, 28",94.0,91.34,1.224,1],["mitotic, small, 97",58.0,79.362,1.945,1],["false alarm, 205",105.0,91.057,1.158,0],["interphase, large, 258",209.0,50.067,1.45,0],["interphase, small and bright, 94",57.0,85.965,1.172,0],["interphase, ordinary, 47",116.0,54.371,1.264,0]];
  const SIDE = 28;
  const PICTURES = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAKgAAAAcCAAAAADQe6sLAAAKVElEQVR42k1Yy3LkRnY9ODcTQBXJItndJNUtyWNJnsfC4Qg7xv4l/6H33nphb0ZyzHhCo0e/RIpFsqpQKODmPfACRc1UoBaIyETe9zknq38xUAgAgACKIkT89WcBiBCe/yCgf/d+mdum9NyM3/zUS0S6eZWbzHb/H4ByGBB/+y0RhsgwcPnJ77+ouuWvf/7Df603oxyR3UDHsxlAwMJAnL5Y5FQ4EIATBkBOUABMBGBmMAh6doI6nkkAXE+669VHvx23XUgQmlW9mGpaKwhuEZHz7NXztoAABKqTNvb5ehwHqxJAZuSgAIMkgoCBFpBJPjULVskAKMwCBAAKOBhgAAIBCBCRg8DxkQjP//MCYzmcJvTr99viBnBRlbKcsiqIUMDcIeIYUwuYg2KAiRZctWVzdrk+ZhJZMIQACEIYBIDhsNhGt0nzujAAnG1FFhAWBkA0F2CRHQDMs4MQMx63idsXZ1522/5QsmewSjmKAZnHWoFIQLQwUIbIASoMUvd5ivsaaWVCZJ93uNmcOsDiGC0NFth0kRCW/a/16LO1FrAwJ+DUXA8IIOCUGABVQsM+VR5lPFYHaVPx5TR4nqM/H994GAUKBshhLLHLS22W1a4oAIsMChZAAJQAkM8mr7d0BRIMwV+6JjiHIQTLCnIOtEGUhUAoh7KoglHiAElCBsSyvcymZhn7LMwrARqQYUFzhM3viDKwO5ythvz1j/sRkd2EDPhsbFZkEchhgBAWME9UWADmGeRzEUA0iHlOnzIAwUlzMkA3AYmjIEEEVUvU+KFapmHT1nNRcq6nnJq6ci8ARcw1fujfNbl9Gv703cahrAZMkMIBC3Mz0MIIWBAIwJkEBJQjhykjO2UBwABCBCE7dm6OueGhLJCpalWkQFhiSQLR/fDyhlEmiOYEgIz29MXSptBm3TkFBACp+2bdLqfH270fQDHl8zR26i0kEMgAMwjF88xSQhiCgbBMpkTIqcieAaOgY2AEyo5DlSDUvL7w9ZoFYYkp1xgKNNwO1ycxzSMPhszlzUXKKBNPTn9QZLjRs+fDbZcqiyFUS+TpZy+a8mG7nqs4IzIsgRDlNrdJgsU8ipvUpOySJw1AjmxJxxlIg4EQYrYUAD7/YpnuvvtJRGrbkxfL6H7e+YiHw2Ix4ViLmVdvFpysSj14cjWMAcIlk5UtE1KVoakoXb9uz9QMf35GBkOueVbzsHcc5hGc5lFsaJZnqxTFx1GOQYQsPQMKSKBmxThggFMEby6thQ+PwMnfvbgeSrk4/27NwqFdLOcUG+vrq1WNUtmUq+DVfQlo7pEQckonp3k6jLvAIZ9WvOxnRMhATlxcvVkMY/fxPuCAmMIszI3ty6+uy3Y/7qJsUCRkJEAzniS1tjw7O338uC3H1jprpqZevd6DX/7uzdnd7cHqhyeAF7/Nw4ygzC9fLcLAyZi9uJonc2pGRmTy4jeXeXr6kHalK1M12TliBoecuLh+3VSJ1ZsogwWIZAEEmRdvfv/p7ufd06bS9zGGW2QjCAvkzPrk+u/bk5P+//5Y4AHkOMn14tBcLMaL16uXDbeocZIoXZ5aKyJAXN4sG6gpY7ZqmsbiQHbAZohJi3/6TbHlePXNWNidTa1lQBRoOa3OPmuRk8fq7OfZt3R0AvX5DU5PcXeLsdt1MBhkYQ5AyK+/+tdXO1/1J4ddIRWwNNbDWDpPl6tlrhbLaSYraQk2BJDVXNSY0lg4TVMZHKPTRc8KZM/gxRXYLM/z4+0B7Bc+iQEBRp0sbxbNlKcqSgYoi2WC5vHmvr0EcPXq7mFVwYSYx5hnA1//2z+ewe8jnVVkI0A1wruH8WPBcrVCKaejH6KIDLEIaMS2BRCQ1ZMqTtXjKESYYJTBNA17LIGKBt/laTwFAHoGiIs8pTLK2113xKk0MxWk4cP//vMCQHXdPfQCIA1hMBiA+s3Z7us/Pl2e4m1uLMapaQK7sTxtB4OqCdPyabsZxSJnDADdbNlimhJ3ZckxnNt1gQNhCFASH+6mhR9i3Azyd3FuHWGQgcZq2bCyasA0bmAB5DaJyGEZePhD/9vPAKBsXAgL9gYDwqjbP6/fPd1t1gn15yvz3eNFHZr223e9qm7at8tx06HqpyIIaGdcMCarSlVV5pVi/7YfYAjzZkZ07/80vUhD8+6naDLvHsUwf6ZFTZUwIcNvuxBh6TTlANq6zrkp399/9ro0+79sXIGwecbAAnr8z2a0EeT5P3y56h8fXkd/O44xjDGmx4f23FXXvt2KKpvdKiAaua9q7lO7sACm8n7tAQCRNbNJlYfvh8c03m0vTxsr+/W2xMzMTeFt4tThsHkvE8j6OsGQ65evlmrz6D92t+zXj0X+C02ZeeFDIi1Z++WXv0bpV3sdvg00ZS+V3beLk52P+937bizBx++vF6BM7vszMALikHZv1y5zHJkGRMWgD2vLmq4uzmjV4fSnewGAwRf77eIwKfzh270DQGqvEpDrlzcnVclWmz7cjuFDccyMNAwhCsSIVNf2ySeXwDT2xfnVd5uuRBH6H6Zdjcend5syGDS87T6lGGblfrGsbJrg48OHe8eRmlsY6CDMMSakV+ctNeYpXW4BEGEsh3fpvKvGhx+3soCadHOawHp13dINqapQMJaQB2ARgHHIFjRBWbCTL67Pgcei4vo0f72diuDAd+uTrothLNnBwqftkb7e6/qkKhi7zV2nZ/1EACZEmGdJKV+2aWQUa33hgCiDx+bb0zr2j0UHGA2Ly5SQeb1spyEpKqWqlpc+jioHcIYdiQiQPvviptq9FSsrjtV150JAo8o9MEJwQWEoomBCX7bNAnHwsQ8AAfKZKxghOI06bRWobEp7lXlREOjHraBQGAJIqY1EXp4hN1U1pTCUMoxz0c+a0cJC4kydXvzuBtg+JJemj1/55dthDrzGBGnmYwF/1n+Q67BFQQgQaEd+TtHNMwCw1CdMmCYj6q6fRQAcYDhnMWogVKaUwCZNY2oHO4zVNHaHcIgUIGQwAgTk5ovm9a+A2NVdkb9/G1wkpqLZVLr5UQgynnOREWEBYS7Pv5Hg2VsHHSJLFTY2FlW572cXRUSIHlnPe8Z+lQCrqunQ1tXO06HfhVvMaoUQZEc+AxT5g9Z/OaDi4f7dIUrM6uYYL1jMUhic6ZXBYYDPiXnmYYAFhRyUMgJjV3S69KnpPtyPwvO5YWI8hxTyj2cJKqgc3bI+4WG6P8xFxBmb5vwgLED62/+2u3u0DZ5u925pewBE+qw3Z3UDAzwPhEUgi5IhNK9hhtPqEiYecdsCD2dXfUa/efowFkLH+webdQQEBuG8u0jS+sVCY6teHO8eZ6I8b+DsDueDHO8f6YMESI6+/zhISfNH5+DaUcnCWxiluYVmQQNifn2+wQDMYTF+ULvoy0M3Flr8clEjHNUv4Jnqf0j0/qebBgevpv7u4zCnci54CBagIBoigBHijIPC+uNDAEI56m+6zYlzM2XnhToYPFvw6MCs1MDjELEIIoTuh2T0ogI0Lgse72PmCQLlEBCP/w8MHwVNnWJLiwAAAABJRU5ErkJggg==";
  // patch: end
  const FEATURES = [
    { name: "area", short: "area", unit: " px", colour: "blue", dash: [], min: 40, max: 240, step: 1, digits: 0 },
    { name: "mean intensity", short: "int.", unit: "", colour: "orange", dash: [9, 4], min: 36, max: 130, step: 0.5, digits: 1 },
    { name: "aspect ratio", short: "ratio", unit: "", colour: "green", dash: [2, 5], min: 1, max: 2.2, step: 0.01, digits: 2 },
  ];
  const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  const COMPANY = { all: "all 100", interphase: "interphase", mitotic: "mitotic" };
  const bits = (features) => features.reduce((sum, i) => sum | (1 << i), 0);
  const members = (set) => [0, 1, 2].filter((i) => set & (1 << i));
  const signed = (value) => (Math.round(value * 1000) > 0 ? "+" : "") + number(value, 3);

  class ShapleyExplorer extends window.CourseExplorable {
    static label = "Shapley values of three features";
    static help = "Tick features in any order and follow the path; or walk all six orders. Then change the nucleus, or whom it is compared with.";

    build() {
      this.stages.append(make("style", {}, `
        .orders { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
        .orders th, .orders td { padding: 3px 5px; text-align: right; border-bottom: 1px solid var(--line); font-weight: 400; }
        .orders :is(th, td):first-child { text-align: left; }
        .orders td { white-space: nowrap; }
        .orders thead th { color: var(--muted); }
        .orders tr[data-now] > * { background: var(--surface); }
        .orders tr[data-now] > :first-child { box-shadow: inset 3px 0 0 var(--accent); }
        .orders tfoot :is(th, td) { font-weight: 600; border-bottom: 0; }
        .who { display: flex; gap: 12px; align-items: end; }
        .who .control { flex: 1; }
        .face { flex: none; width: 64px; height: 64px; border-radius: 8px; background-repeat: no-repeat; image-rendering: pixelated; }`));
      this.paths = this.stage({ label: "", view: [-0.52, 3.45, 1.04, -0.06], aspect: 1.55, draw: (c) => this.draw(c) });
      this.key = this.text("key", this.stages);
      this.key.innerHTML = FEATURES.map((f) => `<span><svg width="30" height="8" aria-hidden="true"><line x1="0" x2="30"
        y1="4" y2="4" stroke="var(--${f.colour})" stroke-width="3" stroke-dasharray="${f.dash}"/></svg>${f.name}</span>`).join("");
      this.table = make("table", { class: "orders" });
      this.stages.append(this.table);
      this.note = this.text("note", this.stages);

      const who = make("div", { class: "who" });
      this.panel.append(who);
      this.nucleus = this.select({ name: "nucleus", label: "Nucleus", parent: who,
        options: { ...Object.fromEntries(NUCLEI.map(([name], i) => [i, name])), own: "your own" },
        change: (value) => this.choose(value) });
      this.face = make("div", { class: "face", role: "img" });
      who.append(this.face);
      this.sliders = FEATURES.map((f, i) => this.slider({ name: `feature-${i}`, label: f.name, min: f.min, max: f.max, step: f.step,
        format: (v) => number(v, f.digits) + f.unit, change: (v) => { this.x[i] = v; this.nucleus.value = "own"; } }));
      this.panel.append(make("p", { class: "muted" }, "Compared with these nuclei:"));
      this.company = this.choice({ name: "background", label: "Compared with", options: COMPANY, change: (v) => { this.kind = v; } });
      this.panel.append(make("p", { class: "muted" }, "Known to the forest:"));
      const row = this.row();
      this.ticks = FEATURES.map((f, i) => this.checkbox({ name: `known-${i}`, label: f.name, parent: row, change: (on) => this.tick(i, on) }));
      this.numbers({ value: "value now", step: "last step", walked: "orders walked" });
      const buttons = this.row();
      this.nextButton = this.button({ name: "next", label: "Next order", main: true, parent: buttons, click: () => this.next() });
      this.button({ name: "all", label: "All six", parent: buttons, click: () => { this.walked = ORDERS.map((_, i) => i); this.known = [...ORDERS[5]]; } });
    }

    reset() {
      Object.assign(this, { known: [], walked: [], kind: "all" });
      this.company.value = "all";
      this.choose("0");
    }

    // ---------------------------------------------------------------- state
    choose(value) {
      this.nucleus.value = value;
      if (value !== "own") this.x = NUCLEI[value].slice(1, 4);
    }

    /* A feature becomes known, as the last one so far, or unknown again. */
    tick(i, on) {
      this.known = this.known.filter((other) => other !== i);
      if (on) this.known.push(i);
      this.arrive();
    }

    arrive() {
      const order = ORDERS.findIndex((o) => o.join() === this.known.join());
      if (order >= 0 && !this.walked.includes(order)) this.walked.push(order);
    }

    /* Walk the next order that has not been walked yet. */
    next() {
      const order = ORDERS.findIndex((_, i) => !this.walked.includes(i));
      if (order < 0) this.walked = [];
      this.known = [...ORDERS[Math.max(order, 0)]];
      this.arrive();
    }

    // ---------------------------------------------------------------- the calculation
    /* The forest's answer for a row of features: mean share of mitotic nuclei in the leaves. */
    predict(row) {
      let sum = 0;
      for (let node of FOREST) {
        while (typeof node !== "number") node = row[node[0]] <= node[1] ? node[2] : node[3];
        sum += node;
      }
      return sum / FOREST.length;
    }

    /* Value of a coalition: mean answer for hybrids of this nucleus and each background nucleus. */
    value(set) {
      const company = BACKGROUND.filter((row) => this.kind === "all" || row[3] === (this.kind === "mitotic" ? 1 : 0));
      const sum = company.reduce((total, row) => total + this.predict(this.x.map((v, i) => (set & (1 << i) ? v : row[i]))), 0);
      return sum / company.length;
    }

    gains(order) {
      const gains = [0, 0, 0];
      order.forEach((i, place) => { gains[i] = this.values[bits(order.slice(0, place + 1))] - this.values[bits(order.slice(0, place))]; });
      return gains;
    }

    // ---------------------------------------------------------------- the page
    update() {
      this.values = [0, 1, 2, 3, 4, 5, 6, 7].map((set) => this.value(set));
      const { known, values, walked } = this, now = values[bits(known)], last = known.at(-1);
      const gain = known.length ? now - values[bits(known.slice(0, -1))] : 0;
      this.sliders.forEach((slider, i) => { slider.value = this.x[i]; });
      this.ticks.forEach((tick, i) => { tick.value = known.includes(i); });
      this.picture();
      this.show("value", number(now, 3));
      this.show("step", known.length ? signed(gain) : "–");
      this.show("walked", `${walked.length} of 6`);
      this.nextButton.textContent = walked.length === 6 ? "Start again" : "Next order";
      this.rows();
      const size = BACKGROUND.filter((row) => this.kind === "all" || row[3] === (this.kind === "mitotic" ? 1 : 0)).length;
      const words = known.map((i) => FEATURES[i].name).join(", then ");
      this.note.textContent = !known.length
        ? `Nothing is known: the mean answer for ${size} nuclei is ${number(now, 3)}.`
        : known.length < 3
          ? `Known: ${words}. The mean answer for ${size} hybrids is ${number(now, 3)}; ${FEATURES[last].name} changed it by ${signed(gain)}.`
          : `Everything is known: ${number(now, 3)}. On the way ${FEATURES[last].name}, the last to come, added ${signed(gain)}. `
            + `The Shapley values add up to ${number(now, 3)} − ${number(values[0], 3)} = ${signed(now - values[0])}.`;
      this.paths.label = `Value of each coalition against the number of known features. ${this.note.textContent}`;
      this.say(this.note.textContent);
    }

    picture() {
      const i = this.nucleus.value;
      this.face.hidden = i === "own";
      this.face.style.backgroundImage = `url(${PICTURES})`;
      this.face.style.backgroundSize = `${64 * NUCLEI.length}px 64px`;
      this.face.style.backgroundPosition = `${-64 * Number(i)}px 0`;
      this.face.setAttribute("aria-label", i === "own" ? "no picture" : `DNA of nucleus ${NUCLEI[i][0]}`);
    }

    /* One row an order that has been walked, and their mean. */
    rows() {
      const { walked, known } = this, gains = ORDERS.map((order) => this.gains(order));
      const cells = (row) => row.map((v, i) => make("td", { "data-feature": i }, v));
      const head = make("tr", {}, make("th", { scope: "col" }, "order"), ...FEATURES.map((f) => make("th", { scope: "col" }, f.short)));
      const body = ORDERS.map((order, i) => make("tr", { "data-order": i, "data-now": order.join() === known.join() },
        make("th", { scope: "row" }, order.map((f) => FEATURES[f].short).join(" › ")),
        ...cells(gains[i].map((v) => (walked.includes(i) ? signed(v) : "·")))));
      const mean = [0, 1, 2].map((f) => walked.reduce((sum, i) => sum + gains[i][f], 0) / walked.length);
      const foot = make("tr", { "data-order": "mean" },
        make("th", { scope: "row" }, walked.length === 6 ? "mean: Shapley value" : `mean of ${walked.length}`),
        ...cells(mean.map((v) => (walked.length ? signed(v) : "·"))));
      this.table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...body), make("tfoot", {}, foot));
    }

    draw(c) {
      const { paths, values, known } = this, ink = this.colour("ink");
      const at = (set) => [paths.x(members(set).length), paths.y(values[set])];
      c.font = "13px system-ui, sans-serif";
      c.lineWidth = 1;
      c.textBaseline = "middle";
      for (const level of [0, 0.25, 0.5, 0.75, 1]) {
        c.strokeStyle = this.colour("line");
        c.beginPath();
        c.moveTo(paths.x(-0.08), paths.y(level));
        c.lineTo(paths.width, paths.y(level));
        c.stroke();
        c.fillStyle = this.colour("muted");
        c.textAlign = "right";
        c.fillText(number(level, 2), paths.x(-0.12), paths.y(level));
      }
      const onPath = known.map((_, place) => [bits(known.slice(0, place)), bits(known.slice(0, place + 1))]);
      for (const bold of [false, true]) {
        for (let set = 0; set < 8; set++) {
          for (const i of members(7 & ~set)) {
            const walking = onPath.some(([a, b]) => a === set && b === (set | (1 << i)));
            if (walking !== bold) continue;
            c.strokeStyle = this.colour(FEATURES[i].colour);
            c.globalAlpha = bold ? 1 : 0.45;
            c.lineWidth = bold ? 5 : 1.5;
            c.setLineDash(FEATURES[i].dash);
            c.beginPath();
            c.moveTo(...at(set));
            c.lineTo(...at(set | (1 << i)));
            c.stroke();
          }
        }
      }
      c.setLineDash([]);
      c.globalAlpha = 1;
      // Labels to the right of their points, moved apart where values are nearly equal.
      c.textAlign = "left";
      for (const size of [0, 1, 2, 3]) {
        const column = [0, 1, 2, 3, 4, 5, 6, 7].filter((set) => members(set).length === size).sort((a, b) => at(a)[1] - at(b)[1]);
        const heights = column.map((set) => at(set)[1]);
        for (let i = 1; i < heights.length; i++) heights[i] = Math.max(heights[i], heights[i - 1] + 16);
        const over = heights.at(-1) - (paths.height - 8);
        if (over > 0) heights.forEach((h, i) => { heights[i] = Math.min(h, paths.height - 8 - 16 * (heights.length - 1 - i)); });
        column.forEach((set, i) => {
          const [x, y] = at(set), here = set === bits(known);
          c.beginPath();
          c.arc(x, y, here ? 8 : 5, 0, 2 * Math.PI);
          c.fillStyle = here ? this.colour("accent") : this.colour("paper");
          c.strokeStyle = ink;
          c.lineWidth = here ? 2.5 : 1.5;
          c.fill();
          c.stroke();
          const text = size === 0 ? "nothing" : size === 3 ? "all" : members(set).map((f) => FEATURES[f].short).join("+");
          c.lineWidth = 3.5;
          c.strokeStyle = this.colour("paper");
          c.strokeText(text, x + 12, heights[i]);
          c.fillStyle = ink;
          c.fillText(text, x + 12, clamp(heights[i], 8, paths.height - 4));
        });
      }
    }
  }

  define("shapley-explorer", ShapleyExplorer);
})();
