/* <decision-explorer>. Needs base.js before it. All that is judged stands in explore/guide/rules.yml and arrives here
 * through decision-guide.js; this script adds up points and shows them.
 *
 * @name decision
 * @about Sixteen questions about a project, and the kinds of methods ranked with their reasons (chapter 14).
 * @data decision-guide
 * @poster select example fish */
(() => {
  "use strict";
  const { define, make, number } = window.CourseExplorable;
  const TAG = "decision-explorer", OPEN = "open", OUT = "out";

  // ---- the tables, as the guide's file has them

  let QUESTIONS = [], CATEGORIES = {}, CLEANING = {}, RULES = [], MODELS = [], TOOLS = [], NOTES = [], EXAMPLES = {}, REFERENCES = {};

  const listed = (value) => (Array.isArray(value) ? value : [value]);

  function read(content) {
    ({ questions: QUESTIONS, categories: CATEGORIES, cleaning: CLEANING, models: MODELS, tools: TOOLS, notes: NOTES,
      users: EXAMPLES, references: REFERENCES } = content);
    EXAMPLES = { ...EXAMPLES, empty: ["an empty sheet", {}] };
    RULES = content.rules.flatMap(({ when, source, say }) => say.flatMap((text) => {
      const [, categories, points, reason] = text.match(/^(\S+) (\S+) (.*)$/);
      return categories.split(",").map((category) => [when, category, points === OUT ? OUT : Number(points), reason, listed(source)]);
    }));
  }

  // ---- the reckoning

  const given = (answers, id) => answers[id] || OPEN;

  function holds(condition, answers) {
    return Object.entries(condition).every(([id, wanted]) => {
      const answer = given(answers, id);
      if (wanted[0] === "!") return answer !== wanted.slice(1);
      return Array.isArray(wanted) ? wanted.includes(answer) : answer === wanted;
    });
  }

  const asked = (question, answers) => !question.unless || !holds(question.unless, answers);

  /* Answers that count: those given to questions that are asked. */
  function counted(answers) {
    const kept = {};
    for (const question of QUESTIONS) {
      const answer = given(answers, question.id);
      if (answer !== OPEN && asked(question, answers)) kept[question.id] = answer;
    }
    return kept;
  }

  /* The six categories, and special ones where they are asked for, best first: {id, score, place, tied, pros, cons, out};
   * excluded ones last, without place. */
  function rank(answers, rules = RULES) {
    const kept = counted(answers);
    const table = Object.keys(CATEGORIES).filter((id) => holds(CATEGORIES[id].only || {}, kept))
      .map((id) => ({ id, score: 0, place: 0, tied: false, pros: [], cons: [], out: [] }));
    const rows = Object.fromEntries(table.map((row) => [row.id, row]));
    for (const [condition, category, points, reason, sources] of rules) {
      const row = rows[category];
      if (!row || !holds(condition, kept)) continue;
      if (points === OUT) { row.out.push({ condition, reason, sources }); continue; }
      row.score += points;
      (points > 0 ? row.pros : row.cons).push({ condition, points, reason, sources });
    }
    for (const row of table) for (const list of [row.pros, row.cons]) list.sort((a, b) => Math.abs(b.points) - Math.abs(a.points));
    table.sort((a, b) => (a.out.length > 0) - (b.out.length > 0) || b.score - a.score);
    const open = table.filter((row) => !row.out.length);
    for (const row of open) {
      row.place = 1 + open.filter((other) => other.score > row.score).length;
      row.tied = open.some((other) => other !== row && other.score === row.score);
    }
    return table;
  }

  const firsts = (ranking) => ranking.filter((row) => row.place === 1);

  /* Which single answers, given otherwise, would put somebody else first? {tried, found: [question, answer, row]}. */
  function turning(answers, ranking) {
    const now = firsts(ranking).map((row) => row.id), found = [];
    let tried = 0;
    for (const question of QUESTIONS) {
      if (!asked(question, answers)) continue;
      for (const answer of Object.keys(question.answers)) {
        if (answer === given(answers, question.id)) continue;
        tried++;
        const then = firsts(rank({ ...answers, [question.id]: answer }));
        if (!then.some((row) => now.includes(row.id))) found.push({ question, answer, row: then[0] });
      }
    }
    return { tried, found };
  }

  /* Published networks that fit, at most three: to be used, or to start from and to be beaten. All of them find
   * single objects, so none is named where no objects are asked about: areas, lines, cleaner images. */
  function models(id, answers) {
    const objects = !holds(QUESTIONS.find((question) => question.id === "object").unless, answers);
    const fitting = objects && ["pretrained", "finetuned"].includes(id) ? MODELS.filter(({ when }) => holds(when, counted(answers))) : [];
    return fitting.filter(({ model }, i) => fitting.findIndex((other) => other.model === model) === i).slice(0, 3);
  }

  const tools = (id, answers) => TOOLS.filter((tool) => tool.for.split(",").includes(id) && holds(tool.when, counted(answers)));

  /* What a card names first: a model, or else a tool. */
  const leading = (id, answers) => models(id, answers)[0]?.model || tools(id, answers)[0]?.name;

  /* What is said above the ranking, given which category is first, alone. */
  function notes(answers, ranking) {
    const best = firsts(ranking), alone = best.length === 1 ? best[0].id : "";
    return NOTES.filter(({ first, when }) => (!first || first === alone) && holds(when || {}, counted(answers)));
  }

  const inChapter = ({ chapter, word }) => (chapter ? `chapter “${chapter[0]}”; ${word}` : word);
  const toolText = (tool) => `${tool.name} (${inChapter(tool)})`;
  const modelText = ({ model, about, word }) => `${model} (${about}; ${word})`;

  /* Where a source is found, and a short name for it: an address, or a key of the bibliography. */
  function reference(source) {
    if (REFERENCES[source]) return REFERENCES[source];
    return [source.replace(/^https:\/\/(www\.)?/, "").split("/").filter(Boolean).slice(0, 3).join("/"), source];
  }

  const MODELS_ARE = { pretrained: "Models to try", finetuned: "Models to score first, and to start from" };
  const about = (id, answers) => ({ ...CATEGORIES[id], ...(holds({ output: "restored" }, answers) ? CLEANING[id] : {}) });
  const points = (value) => `${value > 0 ? "+" : ""}${number(value, 0)}`;
  const many = (value) => `${number(value, 0)} point${Math.abs(value) === 1 ? "" : "s"}`;
  const either = (rows) => rows.map((row) => CATEGORIES[row.id].name).join(" and ");
  const words = (question, answer) => (answer === OPEN ? "not known yet" : question.answers[answer]);

  /* Answers and reasoned ranking as plain text. The same answers give the same text. */
  function report(answers) {
    const ranking = rank(answers), lines = ["CHOOSING A TOOL: ANSWERS AND RANKING", ""];
    const because = (condition) => Object.keys(condition).filter((id) => given(answers, id) !== OPEN && condition[id][0] !== "!")
      .map((id) => QUESTIONS.find((question) => question.id === id).answers[answers[id]]).join("; ");
    lines.push("A start for a conversation with somebody who knows such images, not a verdict.", "", "ANSWERS");
    for (const question of QUESTIONS) {
      const text = asked(question, answers) ? words(question, given(answers, question.id)) : "not asked for this result";
      lines.push(`${question.group}: ${question.text.replace(/\?$/, "")}: ${text}`);
    }
    const said = notes(answers, ranking);
    if (said.length) lines.push("", "WHATEVER COMES FIRST", ...said.map(({ text }) => text));
    lines.push("", "RANKING");
    for (const row of ranking) {
      const { name, effort, drawback, first } = about(row.id, answers);
      lines.push(row.out.length ? `Excluded: ${name}` : `${row.place}. ${name}, ${many(row.score)}${row.tied ? " (tied)" : ""}`);
      for (const { condition, reason } of row.out) lines.push(`   ${reason} [${because(condition)}]`);
      if (row.out.length) continue;
      for (const one of [...row.pros, ...row.cons]) lines.push(`   ${points(one.points)} ${one.reason} [${because(one.condition)}]`);
      lines.push(`   People's effort: ${effort}.`, `   Main drawback: ${drawback}`, `   Try first: ${first}`);
      const nets = models(row.id, answers).map(modelText).join(", ");
      if (nets) lines.push(`   ${MODELS_ARE[row.id]}: ${nets}.`);
      lines.push(`   Tools: ${tools(row.id, answers).map(toolText).join(", ") || "none for this"}.`);
    }
    lines.push("", "Whatever you choose, test it on images whose true result you know (the chapter on evaluating).");
    return lines.join("\n") + "\n";
  }

  // ---- the page

  class DecisionExplorer extends window.CourseExplorable {
    static label = "Which kind of tool?";
    static help = "Answer what you know; the rest may stay open. Nothing leaves this page.";
    static get tables() { return { QUESTIONS, CATEGORIES, RULES, MODELS, TOOLS, NOTES, EXAMPLES, OPEN, OUT }; }
    static rank = rank;
    static report = report;
    static leading = leading;
    static notes = notes;

    /* The guide, from the script beside this one or, in a notebook, from the widget. */
    set data(content) {
      if (!content?.rules) return;
      read(content);
      this.known = true;
    }

    connectedCallback() {
      if (window.CourseData?.[TAG]) { this.data = window.CourseData[TAG]; this.inBook = true; }
      if (this.known) { super.connectedCallback(); return; }
      const own = [...document.scripts].find((script) => script.src.split("?")[0].endsWith(`/${TAG}.js`));
      if (!own) return;
      const script = make("script", { src: own.src.replace(TAG, "decision-guide") });
      script.addEventListener("load", () => { if (this.isConnected) this.connectedCallback(); });
      script.addEventListener("error", () => this.append("The file decision-guide.js is missing beside this page's scripts: the guide knows nothing."));
      document.head.append(script);
    }

    disconnectedCallback() { if (this.shadowRoot) super.disconnectedCallback(); }

    changed() { if (this.shadowRoot) super.changed(); } // before the guide is there, nothing can change

    build() {
      this.stages.before(this.panel, make("style", {}, `
        .panel { flex: 1 1 215px; } .stages { flex: 1.9 1 300px; }
        .group { border-top: 1px solid var(--line); padding-top: 8px; display: grid; gap: 8px; }
        .group legend { float: left; width: 100%; color: var(--muted); font-size: 13.5px; font-weight: 600; }
        .group .control { font-size: 14px; gap: 1px 8px; } .group select { padding: 3px 8px; min-height: 32px; }
        .cards { list-style: none; margin: 0; padding: 0; display: grid; gap: 8px; }
        .cards li { border: 1px solid var(--line); border-radius: 8px; padding: 8px 10px; min-width: 0; }
        .cards li.first { border: 2px solid var(--accent); }
        .head { display: grid; grid-template-columns: auto 1fr auto auto; gap: 2px 8px; align-items: center; }
        .head button { min-height: 28px; padding: 2px 10px; font-size: 13.5px; }
        .place { min-width: 28px; text-align: center; border-radius: 6px; background: var(--surface); font-weight: 600; padding: 1px 6px; }
        .first .place { background: var(--accent); color: var(--on-accent); }
        .sum { font-weight: 600; white-space: nowrap; }
        .cards canvas { height: 20px; margin-top: 6px; border-radius: 0; }
        .more { font-size: 14px; display: grid; gap: 6px; margin-top: 6px; }
        .more ul { list-style: none; margin: 0; padding: 0; } .more li { border: 0; padding: 0 0 0 32px; text-indent: -32px; }
        .more b { display: inline-block; width: 32px; text-indent: 0; } .sources { font-size: 12.5px; color: var(--muted); }
        .more a { color: var(--accent); } .advice { margin: 0 0 10px; padding: 8px 10px 8px 26px; border-left: 3px solid var(--orange); background: var(--surface); font-size: 14px; }
        .advice[hidden], .cards li[hidden], .because:empty { display: none; } .because { margin: 0; font-size: 13.5px; }
        .numbers { grid-template-columns: repeat(3, 1fr); gap: 6px; } .numbers > div { padding: 6px; } .numbers dd { font-size: 17px; } .note { min-height: 0; }
        textarea { width: 100%; min-height: 8em; resize: vertical; font: 12.5px/1.4 ui-monospace, Consolas, monospace; color: var(--ink);
          background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 8px; }
        .now { display: none; } @media (max-width: 620px) { .now { display: block; position: sticky; top: 3.8rem; z-index: 2; flex: 1 0 100%;
          background: var(--paper); border-bottom: 2px solid var(--accent); padding: 6px 0; font-weight: 600; } }
        .export { display: grid; gap: 6px; margin-top: 14px; } .export .row { align-items: center; }
      `));
      this.now = make("p", { class: "now", "aria-hidden": "true" });
      this.panel.before(this.now);
      this.example = this.select({
        name: "example", label: "Begin with", change: (value) => this.begin(value),
        options: { own: "answers of my own", ...Object.fromEntries(Object.entries(EXAMPLES).map(([id, [name]]) => [id, name])) },
      });
      this.because = make("p", { class: "muted because", "data-text": "because" });
      this.panel.append(this.because);
      const groups = {};
      this.controls = {};
      for (const question of QUESTIONS) {
        const { id, group, text, answers, slider } = question;
        if (!groups[group]) this.panel.append(groups[group] = make("fieldset", { class: "group" }, make("legend", {}, group)));
        const parent = groups[group], options = [OPEN, ...Object.keys(answers)];
        const answer = (value) => { this.answers[id] = value; this.example.value = "own"; };
        this.controls[id] = slider
          ? this.slider({ name: id, label: text, min: 0, max: options.length - 1, format: (i) => words(question, options[i]), change: (i) => answer(options[i]), parent })
          : this.select({ name: id, label: text, options: Object.fromEntries(options.map((value) => [value, words(question, value)])), change: answer, parent });
      }

      this.numbers({ lead: "lead in points", turns: "other answers that would turn it", open: "questions open" });
      this.hint = this.text("muted");
      this.note = this.text("note", this.stages);
      this.advice = make("ul", { class: "advice", "aria-label": "Whatever comes first" });
      this.stages.append(this.advice);
      const key = this.text("key", this.stages);
      key.innerHTML = `<span><svg width="16" height="12" aria-hidden="true"><rect width="16" height="12" fill="var(--blue)"/></svg>reasons for</span>
        <span><svg width="16" height="12" aria-hidden="true"><rect x="1" y="1" width="14" height="10" fill="none" stroke="var(--vermilion)" stroke-width="2"/></svg>against</span>
        <span><svg width="14" height="14" aria-hidden="true"><path d="M7 0 14 7 7 14 0 7Z" fill="var(--ink)"/></svg>their sum</span>`;
      this.list = make("ol", { class: "cards", "aria-label": "Ranking" });
      this.stages.append(this.list);
      this.cards = Object.fromEntries(Object.keys(CATEGORIES).map((id) => [id, this.card(id)]));

      const box = make("textarea", { readonly: true, rows: 8, "aria-label": "Answers and ranking as text" });
      this.box = box;
      const part = make("div", { class: "export" }), row = this.row(part);
      this.button({ name: "copy", label: "Copy as text", click: () => this.copy(), parent: row });
      this.button({ name: "save", label: "Save as text", click: () => this.save(), parent: row });
      this.done = make("span", { class: "muted", role: "status" });
      row.append(this.done);
      part.append(box);
      this.stages.parentElement.after(part);
    }

    card(id) {
      const place = make("span", { class: "place" }), sum = make("span", { class: "sum" });
      const button = make("button", { type: "button", "data-name": `more-${id}`, "aria-label": `Why? ${CATEGORIES[id].name}` }, "Why?");
      const more = make("div", { class: "more" }), short = make("p", { class: "muted" });
      const element = make("li", { "data-category": id },
        make("div", { class: "head" }, place, make("strong", {}, CATEGORIES[id].name), sum, button), short);
      const bar = this.stage({ label: "", view: [0, 1, 0, 1], aspect: 14, draw: (context) => this.drawBar(context, id), parent: element });
      bar.canvas.style.aspectRatio = "auto";
      element.append(more);
      button.addEventListener("click", () => { this.opened[id] = more.hidden; this.changed(); });
      this.list.append(element);
      return { element, place, sum, short, more, button, bar };
    }

    reset() { this.begin("nuclei"); this.example.value = "nuclei"; }

    begin(example) {
      if (example === "own") return;
      const known = EXAMPLES[example][1];
      this.answers = Object.fromEntries(QUESTIONS.map(({ id }) => [id, known[id] || OPEN]));
      this.opened = {};
      for (const { id, answers, slider } of QUESTIONS) {
        const answer = this.answers[id];
        this.controls[id].value = slider ? [OPEN, ...Object.keys(answers)].indexOf(answer) : answer;
      }
    }

    update() {
      const { answers } = this, ranking = this.ranking = rank(answers), best = firsts(ranking);
      const second = ranking.find((row) => row.place > 1), lead = best.length > 1 || !second ? 0 : best[0].score - second.score;
      const { tried, found } = turning(answers, ranking);
      const open = QUESTIONS.filter((question) => asked(question, answers) && given(answers, question.id) === OPEN).length;
      for (const question of QUESTIONS) {
        const { element, input } = this.controls[question.id], off = !asked(question, answers);
        input.disabled = off;
        element.style.opacity = off ? 0.5 : 1;
      }
      this.show("lead", best.length > 1 ? "tie" : lead);
      this.show("turns", `${found.length} of ${tried}`);
      this.show("open", open);
      const empty = !Object.keys(counted(answers)).length;
      this.note.textContent = empty ? "Nothing is known yet: all six are equal."
        : this.verdict(best, lead);
      const why = EXAMPLES[this.example.value]?.[2];
      this.because.textContent = why ? `What an analyst would think of: ${why}` : "";
      const said = empty ? [] : notes(answers, ranking);
      this.advice.hidden = !said.length;
      this.advice.replaceChildren(...said.map(({ text }) => make("li", {}, text)));
      const turn = found.find(({ question }) => question.id !== "output") || found[0];
      this.hint.textContent = empty ? "" : turn ? this.turned(turn) : "No single other answer would change the first place.";
      this.arrange(ranking, empty);
      const text = report(answers);
      if (this.box.value !== text) { this.box.value = text; this.done.textContent = ""; }
      const news = empty ? "Nothing is known yet" : `${best.length > 1 ? "Tie" : "First"}: ${either(best)}, ${many(best[0].score)}`;
      this.now.textContent = news;
      this.say(news);
    }

    verdict(best, lead) {
      if (best.length > 1) return `A tie: ${either(best)}. Try them on the same images and count the errors (the chapter on evaluating).`;
      const named = leading(best[0].id, this.answers);
      return `To begin with: ${either(best)}${named ? `, ${named}` : ""}. ${lead < 3 ? "The lead is small: try the second as well. " : ""}A start for a conversation, not a verdict.`;
    }

    turned({ question, answer, row }) {
      return `If “${question.text.replace(/\?$/, "")}” were “${question.answers[answer]}”, it would be: ${CATEGORIES[row.id].name}.`;
    }

    arrange(ranking, empty) {
      const order = ranking.map((row) => this.cards[row.id].element);
      if (order.some((element, i) => this.list.children[i] !== element)) this.list.prepend(...order);
      for (const { element } of Object.values(this.cards)) element.hidden = !order.includes(element);
      const all = (list) => list.reduce((sum, { points: p }) => sum + Math.abs(p), 0);
      const drawn = ranking.filter((row) => !row.out.length);
      this.span = ["cons", "pros"].map((side) => Math.max(6, ...drawn.map((row) => all(row[side]))));
      for (const row of ranking) {
        const { element, place, sum, short, more, button, bar } = this.cards[row.id], { name, what, effort, drawback, first } = about(row.id, this.answers);
        const out = row.out.length > 0;
        element.classList.toggle("first", row.place === 1 && !empty);
        place.textContent = out ? "–" : `${row.place}${row.tied ? "=" : "."}`;
        sum.textContent = out ? "excluded" : points(row.score);
        short.textContent = out ? `Excluded: ${row.out.map(({ reason }) => reason).join("; ")}.` : `Effort: ${effort}.`;
        more.hidden = !(this.opened[row.id] ?? (row === ranking[0] && !empty));
        button.setAttribute("aria-expanded", String(!more.hidden));
        const list = make("ul", {}, ...[...row.pros, ...row.cons].map((one) => make("li", {}, make("b", {}, points(one.points)), one.reason)));
        const line = (title, text) => make("p", {}, make("strong", {}, `${title}: `), text);
        more.replaceChildren(make("p", {}, what), ...(list.childElementCount ? [list] : []), line("Drawback", drawback), line("Try first", first),
          ...this.named(row));
        bar.element.hidden = out;
        bar.label = `${name}: ${many(all(row.pros))} for, ${number(all(row.cons), 0)} against, sum ${points(row.score)}.`;
      }
    }

    /* Models, tools and sources of a card, with links. */
    named(row) {
      const lines = [], nets = models(row.id, this.answers), found = tools(row.id, this.answers);
      const line = (title, kind, parts) => {
        const text = make("p", { class: kind }, make("strong", {}, `${title}: `));
        parts.forEach((part, i) => text.append(...(i ? [", "] : []), ...part));
        text.append(parts.length ? "." : "none for this.");
        lines.push(text);
      };
      const page = (href, text) => (this.inBook ? make("a", { href }, text) : text);
      if (nets.length) {
        line(MODELS_ARE[row.id], "models", nets.map((one) => [page(`models.html#${one.anchor}`, one.model), ` (${one.about}; ${one.word})`]));
      }
      line("Tools", "tools", found.map((tool) => (tool.chapter
        ? [`${tool.name} (`, page(`${tool.chapter[1]}.html`, `chapter “${tool.chapter[0]}”`), `; ${tool.word})`] : [toolText(tool)])));
      const reasons = [...row.pros, ...row.cons].flatMap(({ sources }) => sources);
      const sources = [...new Set([...reasons, ...[...nets, ...found].flatMap(({ source }) => listed(source))])];
      line("Sources", "sources", sources.map(reference).map(([label, href]) => [href ? make("a", { href, rel: "external" }, label) : label]));
      return lines;
    }

    drawBar(context, id) {
      const { bar } = this.cards[id], row = this.ranking.find((one) => one.id === id), [left, right] = this.span;
      if (!row) return; // a special category that is not asked for
      const x = (value) => 8 + (value + left) / (left + right) * (bar.width - 16);
      let at = 0;
      context.fillStyle = this.colour("blue");
      for (const reason of row.pros) { context.fillRect(x(at) + 1, 4, x(at + reason.points) - x(at) - 1, 12); at += reason.points; }
      at = 0;
      context.strokeStyle = this.colour("vermilion");
      context.lineWidth = 2;
      for (const reason of row.cons) { context.strokeRect(x(at + reason.points) + 1, 5, x(at) - x(at + reason.points) - 3, 10); at += reason.points; }
      context.fillStyle = this.colour("muted");
      context.fillRect(x(0) - 0.75, 0, 1.5, 20);
      const middle = x(row.score);
      context.beginPath();
      for (const [dx, dy] of [[0, -8], [8, 0], [0, 8], [-8, 0]]) context.lineTo(middle + dx, 10 + dy);
      context.closePath();
      context.fillStyle = this.colour("ink");
      context.strokeStyle = this.colour("paper");
      context.fill();
      context.stroke();
    }

    /* To the clipboard where the browser allows it; else the text is marked, ready for Ctrl+C. */
    async copy() {
      try {
        await navigator.clipboard.writeText(this.box.value);
        this.done.textContent = "Copied.";
      } catch {
        this.box.focus();
        this.box.select();
        this.done.textContent = "Marked: copy it with Ctrl+C or ⌘C.";
      }
    }

    save() {
      const url = URL.createObjectURL(new Blob([this.box.value], { type: "text/plain" }));
      make("a", { href: url, download: "choosing-a-tool.txt" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
      this.done.textContent = "Saved as choosing-a-tool.txt.";
    }
  }

  define("decision-explorer", DecisionExplorer);
})();
