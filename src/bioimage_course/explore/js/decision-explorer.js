/* <decision-explorer>. Needs base.js before it. Everything that is judged stands in the tables below: change them, nothing else.
 * The six kinds and most questions follow chapter 8 of "AI in Microscopy: A BioImaging Guide".
 *
 * @name decision
 * @about Ten questions about a project, and six kinds of methods ranked with their reasons (chapter 14).
 * @poster select example fish */
(() => {
  "use strict";
  const { define, make, number } = window.CourseExplorable;

  // ---- the tables

  /* Every question may also stay open: then it counts for nothing. `unless`: where it is not asked. */
  const OPEN = "open";
  const QUESTIONS = [
    { id: "output", group: "Result and quality", text: "What should come out?", answers: {
      count: "a count of objects", outlines: "outlines of objects", volumes: "objects in 3D stacks",
      tracks: "objects followed in time", areas: "areas, no single objects", restored: "a cleaner image" } },
    { id: "quality", group: "Result and quality", text: "How good is good enough?", answers: {
      pilot: "a pilot: roughly right", large: "final, for a large effect", small: "final, for a small effect",
      expert: "like an expert's drawing" } },
    { id: "kind", group: "Images", text: "What do they show?", unless: { output: "restored" }, answers: {
      nuclei: "fluorescent nuclei", cells: "whole cells", tissue: "stained tissue (H&E)",
      em: "electron microscopy", other: "something rarer" } },
    { id: "objects", group: "Images", text: "Shape and crowding?", unless: { output: ["restored", "areas"] }, answers: {
      apart: "roundish, apart", touching: "roundish, touching", irregular: "irregular, apart",
      tangled: "irregular, touching" } },
    { id: "contrast", group: "Images", text: "How do objects stand out?", answers: {
      clear: "bright on even dark", mixed: "other things look alike", faint: "faint or noisy" } },
    { id: "amount", group: "Images", text: "Images to process", slider: true, answers: {
      handful: "a handful", tens: "tens", hundreds: "hundreds", thousands: "thousands" } },
    { id: "examples", group: "Resources", text: "Annotated (or clean) examples?", answers: {
      none: "no examples", few: "a few images", many: "many images" } },
    { id: "time", group: "Resources", text: "People's time", slider: true, answers: {
      hour: "an hour", day: "a day", week: "a week", weeks: "weeks" } },
    { id: "gpu", group: "Resources", text: "A graphics card (GPU)?", answers: {
      none: "no GPU", borrowed: "a borrowed or rented GPU", own: "a GPU at hand" } },
    { id: "skills", group: "Resources", text: "Who will run it?", answers: {
      click: "me, by mouse", help: "me, an analyst helps", notebook: "me, in notebooks",
      code: "somebody who programs" } },
  ];

  const CATEGORIES = {
    manual: { name: "Manual annotation", what: "A person draws every object, or clicks and lets a network propose it.",
      effort: "highest, and it grows with every image",
      drawback: "Two people draw differently, and so does one person on two days; nothing runs by itself.",
      first: "Draw one image twice, a day apart, and compare: no method can be judged more finely than that." },
    classical: { name: "Classical image processing", what: "Filters, thresholds and watersheds with settings that you choose.",
      effort: "medium, less with experience; settings are tuned by eye",
      drawback: "Works best for bright on dark; every new kind of image needs new settings.",
      first: "Smooth, threshold and label a typical image and the worst one, with the same settings." },
    pixel: { name: "Pixel classification", what: "You mark some pixels of each class, a small classifier learns the others.",
      effort: "low to medium: mark, look, mark where it is wrong",
      drawback: "It gives areas; single objects need classical steps afterwards.",
      first: "Mark each class in a few images, then look at an image without marks." },
    pretrained: { name: "Pretrained network", what: "A network that others have trained, used as it is.",
      effort: "low to run; the checking is most of it",
      drawback: "May fail without a sign on images unlike its training images, and what those were is often unknown.",
      first: "Run it on a typical image and the worst one; count what is missed, merged and invented." },
    finetuned: { name: "Fine-tuned network", what: "A pretrained network trained a little further on your own images.",
      effort: "medium: correct its proposals in some images, train, look again",
      drawback: "Needs examples, computing power and images kept aside as a test; may forget what it could do before.",
      first: "Score the pretrained network on images you have annotated: the figure to be beaten." },
    scratch: { name: "Network from scratch", what: "A network that has seen nothing but your images.",
      effort: "high: annotate for training, validation and test, then experiment",
      drawback: "Needs the most examples and offers the most ways to fool yourself.",
      first: "Ask whether fine-tuning would do; then train on half the examples and on all, and compare." },
  };

  /* Said instead when images are to be cleaned. */
  const RECORD = { first: "Record some fields with a short and a long exposure: they show what is true and what is painted in." };
  const TRAIN = { effort: "medium: training is set up quickly, testing is not", drawback: "Detail that looks right may be painted in." };
  const CLEANING = {
    classical: { drawback: "What takes the noise away takes fine detail as well.",
      first: "Tune a Gaussian and a non-local means filter on one image: the figure to be beaten." },
    pretrained: RECORD, finetuned: { ...RECORD, ...TRAIN }, scratch: { ...RECORD, ...TRAIN },
  };

  /* [answers that must all hold, "categories points reason", …]. A list of answers means any of them, "!x" anything but x.
   * Three points nearly decide, one is a nudge; "out" excludes. */
  const OUT = "out", FIND = { output: "!restored" };
  const RULES = [
    // what should come out
    [{ output: "count" },
      "manual +1 clicking on objects is quicker than drawing them",
      "classical +1 a count forgives rough borders",
      "pretrained +1 detects objects one by one"],
    [{ output: "outlines" },
      "pixel -1 objects must still be cut out of its areas",
      "pretrained,finetuned +1 made to give one outline for each object"],
    [{ output: "volumes" },
      "manual -2 drawing plane by plane multiplies the work",
      "classical +1 filters, thresholds and watersheds work in 3D as they do in 2D",
      "pixel +1 marks in a few planes teach it the whole stack",
      "pretrained -1 fewer networks are trained in 3D; else planes must be joined",
      "finetuned,scratch -1 examples in 3D are slow to draw"],
    [{ output: "tracks" },
      "manual -1 the work grows with the number of frames",
      "pixel -1 areas must become objects before they can be linked",
      "classical,pretrained +1 finds the objects of each frame; a tracker links them",
      "finetuned +1 each object missed breaks a track, so adapting it pays"],
    [{ output: "areas" },
      "classical +1 a good threshold may be all that is needed",
      "pixel +3 areas are just what it gives",
      "pretrained -2 most networks offered for microscopy look for single objects",
      "finetuned -1 most networks offered for microscopy look for single objects",
      "scratch +1 a U-Net learns areas directly"],
    [{ output: "restored" },
      "manual out nobody can draw the noise away",
      "classical +3 a well-tuned filter is the first thing to try",
      "pixel out it answers with classes, not with brightness",
      "pretrained -2 trained on other images, it may paint in structure that is not there",
      "finetuned -3 networks to start from are few; training anew is usual here",
      "scratch +2 training on your own noise is the usual way here"],
    [{ output: "restored", examples: ["none", "few"] }, "scratch +1 Noise2Void learns from the noisy images alone"],
    [{ output: "restored", examples: "many" }, "scratch +2 pairs of noisy and clean images teach the most (CARE)"],

    // how good
    [{ quality: "pilot" },
      "classical +1 quickly tried, quickly thrown away",
      "pixel +1 a few marks show whether it can work",
      "pretrained +2 a first look costs next to nothing",
      "finetuned -1 refinement is lost when the pilot changes",
      "scratch -3 far too much work for a pilot"],
    [{ quality: "large" },
      "classical,pixel +1 a large effect survives a crude result",
      "pretrained +1 usually good enough for a large effect",
      "scratch -2 more than a large effect needs"],
    [{ quality: ["small", "expert"], ...FIND },
      "pixel -1 its borders stay ragged",
      "finetuned +2 learns where you draw the border",
      "scratch +1 learns where you draw the border"],
    [{ quality: "small", ...FIND },
      "manual +1 careful borders keep a small effect visible",
      "classical -1 a border shifted by the threshold can hide a small effect"],
    [{ quality: "expert", ...FIND },
      "manual +3 nothing comes closer to an expert than an expert",
      "classical -2 rarely follows borders as an expert would",
      "pretrained -1 learnt other people's idea of a border"],
    [{ quality: ["small", "expert"], output: "restored" },
      "classical -1 a filter takes fine detail away with the noise",
      "scratch +1 can keep detail that a filter takes away"],

    // the images
    [{ kind: "nuclei" },
      "classical +1 nuclear stains are mostly easy to threshold",
      "pretrained +2 there are good networks for fluorescent nuclei",
      "scratch -2 others have done it already"],
    [{ kind: "cells" },
      "classical -1 borders between cells are often no brighter or darker than the inside",
      "pretrained +2 general networks have seen cells of very many kinds",
      "finetuned +1 general networks for cells are a good start"],
    [{ kind: "tissue" },
      "classical -1 colour and texture vary from slide to slide",
      "pixel +1 sees colour and texture together",
      "finetuned +1 stains differ between laboratories; a little training helps"],
    [{ kind: "tissue", output: "!areas" }, "pretrained +1 there are networks for nuclei in H&E"],
    [{ kind: "em" },
      "manual +1 what is what takes a trained eye",
      "classical -2 everything is grey on grey",
      "pretrained -1 specialised: good for some organelles, worse elsewhere",
      "finetuned +1 a specialist can be taught your structure"],
    [{ kind: "other" },
      "manual +1 works for whatever you can recognise",
      "pixel +1 learns from your images, whatever they show",
      "pretrained -2 its training images hardly held anything like it",
      "scratch +2 there is little to start from"],
    [{ objects: "apart" },
      "classical +2 a threshold and labels may be all that is needed",
      "pixel +1 what lies apart needs no cutting"],
    [{ objects: "touching" },
      "classical -1 a watershed cuts, and sometimes cuts wrongly",
      "pixel -2 neighbours merge into one area",
      "pretrained +2 separating roundish neighbours is what these networks are for",
      "finetuned +1 learns how your objects touch"],
    [{ objects: "irregular" },
      "classical,pixel +1 does not care about shape",
      "pretrained -1 networks for cells expect rather compact shapes",
      "finetuned +1 can be taught unusual shapes"],
    [{ objects: "tangled" },
      "manual +1 only knowledge can separate what is tangled",
      "classical -2 a watershed cuts by roundness, which is missing here",
      "pixel -2 neighbours merge into one area",
      "pretrained -1 unusual shapes that touch are its hardest case",
      "finetuned +2 can be taught which border belongs to whom"],
    [{ contrast: "clear", ...FIND },
      "classical +2 bright on even dark is where thresholds work",
      "scratch -1 simpler methods will do on clear images"],
    [{ contrast: "mixed", ...FIND },
      "classical -2 a threshold cannot tell what is equally bright",
      "pixel +3 learns to tell them apart if you mark both",
      "pretrained -1 cannot know which of them you want",
      "finetuned +1 can be taught which of them you want"],
    [{ contrast: "clear", output: "restored" }, "classical +1 a gentle filter is enough for a clear image"],
    [{ contrast: "faint" },
      "manual -1 people disagree where little can be seen",
      "classical -2 strong noise needs strong filters, which cost detail",
      "pretrained -1 may be unlike what it was trained on",
      "finetuned,scratch +1 learns to see through your noise"],
    [{ amount: "handful" },
      "manual +3 for a handful, drawing is often the shortest way",
      "pretrained +1 nothing to set up but the network",
      "finetuned -1 what you would annotate for it is nearly all you have"],
    [{ amount: "handful", ...FIND }, "scratch -3 a handful of images cannot teach a network"],
    [{ amount: "tens" }, "manual +1 can still be done by hand"],
    [{ amount: "tens", ...FIND }, "scratch -1 preparing would take longer than the task"],
    [{ amount: "hundreds" }, "manual -2 too many to draw without tiring"],
    [{ amount: ["hundreds", "thousands"] }, "finetuned +1 the effort is paid back over many images"],
    [{ amount: "thousands" },
      "manual out thousands cannot be drawn; draw a sample, as the test of all others",
      "classical +1 runs quickly on ordinary computers",
      "scratch +1 the effort is paid back over very many images"],

    // the means
    [{ examples: "none" },
      "classical +1 needs no examples, except to be tested",
      "finetuned -1 examples have to be made first"],
    [{ examples: "none", ...FIND },
      "pixel +1 needs only marks, no whole images",
      "pretrained +2 needs no examples, except to be tested",
      "scratch -3 all examples have to be drawn first"],
    [{ examples: "none", time: "hour", ...FIND }, "scratch out no examples and no time to draw any: nothing to learn from"],
    [{ examples: "few" }, "pretrained +1 your examples can test it"],
    [{ examples: "few", ...FIND },
      "finetuned +2 a few images are a start for fine-tuning",
      "scratch -1 a few images are seldom enough"],
    [{ examples: "many" },
      "manual -2 your examples can teach a network to go on",
      "finetuned +1 plenty to learn from, and to test on",
      "scratch +3 enough to learn from, and to test on"],
    [{ time: "hour" },
      "manual -1 drawing is slow",
      "pixel +1 results after the first marks",
      "pretrained +2 of all methods it asks for least time",
      "finetuned -2 correcting and training take longer",
      "scratch -3 far too little time for training and testing"],
    [{ time: "day" },
      "classical +1 time to tune the settings",
      "pixel +1 time to mark, look and mark again",
      "pretrained +1 time to compare networks and settings",
      "scratch -2 experiments take longer"],
    [{ time: "week" }, "finetuned +1 time to correct, train and test"],
    [{ time: "weeks" },
      "finetuned +1 time for several rounds",
      "scratch +2 time to annotate and to experiment"],
    [{ gpu: "none" },
      "classical,pixel +1 runs on any laptop",
      "finetuned -1 training without a GPU is slow",
      "scratch -2 training without a GPU is very slow"],
    [{ gpu: "none", amount: ["hundreds", "thousands"] }, "pretrained -1 large networks are slow without a GPU"],
    [{ gpu: "borrowed" },
      "finetuned +1 a short training fits into borrowed time",
      "scratch -1 many long trainings do not fit into borrowed time"],
    [{ gpu: "own" },
      "pretrained +1 even large networks answer quickly",
      "finetuned,scratch +1 training can be repeated at will"],
    [{ skills: "click" },
      "manual +1 needs no programming",
      "classical +1 programs with menus are many",
      "pixel +1 works in a window, by mouse",
      "finetuned -1 windows for it exist; the pitfalls need experience",
      "scratch -3 hard without programming"],
    [{ skills: "help" },
      "pretrained +1 an analyst knows which networks fit",
      "finetuned +1 you correct, the analyst trains",
      "scratch -1 needs more than occasional help"],
    [{ skills: "notebook" },
      "pretrained +1 a few lines in a notebook",
      "finetuned +1 ready notebooks exist"],
    [{ skills: "code" },
      "classical +1 a script makes it repeatable",
      "finetuned,scratch +1 training and testing can be automated"],
  ].flatMap(([condition, ...effects]) => effects.map((text) => {
    const [, categories, points, reason] = text.match(/^(\S+) (\S+) (.*)$/);
    return categories.split(",").map((category) => [condition, category, points === OUT ? OUT : Number(points), reason]);
  }).flat());

  /* [categories, tool, chapter of this course or 0, when it comes into question, a word on it]. */
  const OBJECTS = { output: [OPEN, "count", "outlines", "volumes", "tracks"] };
  const ROUND = { ...OBJECTS, objects: [OPEN, "apart", "touching"] }, CLEAN = { output: "restored" }, TRACKS = { output: "tracks" };
  const TOOLS = [
    ["manual", "micro-sam's annotator", 13, FIND, "a click proposes an object"],
    ["manual", "napari", 0, FIND, "paints labels, also in stacks"],
    ["manual", "Fiji", 0, FIND, "regions of interest, points to count"],
    ["classical", "filters", 8, CLEAN, "Gaussian, median, non-local means"],
    ["classical", "threshold and watershed", 9, FIND, "scikit-image"],
    ["classical", "Voronoi-Otsu labelling", 9, ROUND, "two settings"],
    ["classical", "Fiji", 0, {}, "menus and macros"],
    ["classical", "CellProfiler", 0, FIND, "pipelines for whole plates"],
    ["pixel", "pixel classifier", 9, FIND, "filters and a random forest"],
    ["pixel", "ilastik", 0, FIND, "a program of its own, also 3D"],
    ["pixel", "Labkit", 0, FIND, "in Fiji, also 3D"],
    ["classical,pixel", "QuPath", 0, { kind: "tissue" }, "for whole slides"],
    ["pretrained", "StarDist", 11, { ...ROUND, output: [OPEN, "count", "outlines", "tracks"], kind: [OPEN, "nuclei", "tissue"] }, "round nuclei in 2D"],
    ["pretrained", "Cellpose", 12, { ...OBJECTS, kind: "!em" }, "cells and nuclei of many shapes"],
    ["pretrained", "micro-sam", 13, OBJECTS, "light and electron microscopy"],
    ["manual,classical,pixel,pretrained,finetuned,scratch", "TrackMate", 0, TRACKS, "Fiji, links objects"],
    ["pretrained", "BioImage Model Zoo", 0, {}, "a collection of trained networks"],
    ["finetuned", "Cellpose", 12, OBJECTS, "correct, retrain, correct again"],
    ["finetuned", "micro-sam", 13, OBJECTS, "annotate with it, then train it"],
    ["finetuned", "StarDist", 11, ROUND, "roundish objects"],
    ["finetuned", "BioImage Model Zoo", 0, { output: ["areas", "restored"] }, "networks to start from"],
    ["scratch", "U-Net", 10, FIND, "areas, and objects by their borders"],
    ["scratch", "StarDist", 11, ROUND, "roundish objects"],
    ["scratch", "Noise2Void", 8, CLEAN, "from noisy images alone"],
    ["scratch", "CARE", 8, CLEAN, "from pairs of noisy and clean images"],
  ];

  /* Imaginary projects to start from: answers in the order of the questions. */
  const EXAMPLES = {
    nuclei: ["crowded nuclei, first look", "count pilot nuclei touching clear tens none hour none click"],
    plain: ["sparse nuclei, thousands of images", "count large nuclei apart clear thousands none day none code"],
    screen: ["a drug screen in fat cells", "outlines small cells tangled clear thousands few week borrowed notebook"],
    fish: ["microglia in a live fish", "volumes large other irregular mixed tens few week own code"],
    organelles: ["organelles in a few EM images", "outlines expert em tangled mixed handful none week none click"],
    noise: ["dim movies to be cleaned", "restored large open open faint hundreds none week own notebook"],
    rare: ["a rare animal, years of annotation", "areas small other open faint thousands many weeks own code"],
    empty: ["an empty sheet", ""],
  };

  // ---- the reckoning

  const NAMES = Object.keys(CATEGORIES);
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

  /* All categories, best first: {id, score, place, tied, pros, cons, out}; excluded ones last, without place. */
  function rank(answers, rules = RULES) {
    const kept = counted(answers);
    const table = NAMES.map((id) => ({ id, score: 0, place: 0, tied: false, pros: [], cons: [], out: [] }));
    for (const [condition, category, points, reason] of rules) {
      if (!holds(condition, kept)) continue;
      const row = table[NAMES.indexOf(category)];
      if (points === OUT) { row.out.push({ condition, reason }); continue; }
      row.score += points;
      (points > 0 ? row.pros : row.cons).push({ condition, points, reason });
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

  function tools(id, answers) {
    return TOOLS.filter((tool) => tool[0].split(",").includes(id) && holds(tool[3], counted(answers)))
      .map(([, name, chapter, , words]) => `${name} (${chapter ? `chapter ${chapter}; ` : ""}${words})`).join(", ") || "none for this";
  }

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
    lines.push("", "RANKING");
    for (const row of ranking) {
      const { name, effort, drawback, first } = about(row.id, answers);
      lines.push(row.out.length ? `Excluded: ${name}` : `${row.place}. ${name}, ${many(row.score)}${row.tied ? " (tied)" : ""}`);
      for (const { condition, reason } of row.out) lines.push(`   ${reason} [${because(condition)}]`);
      if (row.out.length) continue;
      for (const one of [...row.pros, ...row.cons]) lines.push(`   ${points(one.points)} ${one.reason} [${because(one.condition)}]`);
      lines.push(`   People's effort: ${effort}.`, `   Main drawback: ${drawback}`, `   Try first: ${first}`,
        `   Tools: ${tools(row.id, answers)}.`);
    }
    lines.push("", "Whatever you choose, test it on images whose true result you know (the chapter on evaluating).");
    return lines.join("\n") + "\n";
  }

  // ---- the page

  class DecisionExplorer extends window.CourseExplorable {
    static label = "Which kind of tool?";
    static help = "Answer what you know; the rest may stay open. Nothing leaves this page.";
    static tables = { QUESTIONS, CATEGORIES, RULES, TOOLS, EXAMPLES, OPEN, OUT };
    static rank = rank;
    static report = report;

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
        .more b { display: inline-block; width: 32px; text-indent: 0; }
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
      const key = this.text("key", this.stages);
      key.innerHTML = `<span><svg width="16" height="12" aria-hidden="true"><rect width="16" height="12" fill="var(--blue)"/></svg>reasons for</span>
        <span><svg width="16" height="12" aria-hidden="true"><rect x="1" y="1" width="14" height="10" fill="none" stroke="var(--vermilion)" stroke-width="2"/></svg>against</span>
        <span><svg width="14" height="14" aria-hidden="true"><path d="M7 0 14 7 7 14 0 7Z" fill="var(--ink)"/></svg>their sum</span>`;
      this.list = make("ol", { class: "cards", "aria-label": "Ranking" });
      this.stages.append(this.list);
      this.cards = Object.fromEntries(NAMES.map((id) => [id, this.card(id)]));

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
      const known = EXAMPLES[example][1].split(" ");
      this.answers = Object.fromEntries(QUESTIONS.map(({ id }, i) => [id, known[i] || OPEN]));
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
      return `To begin with: ${either(best)}. ${lead < 3 ? "The lead is small: try the second as well. " : ""}A start for a conversation, not a verdict.`;
    }

    turned({ question, answer, row }) {
      return `If “${question.text.replace(/\?$/, "")}” were “${question.answers[answer]}”, it would be: ${CATEGORIES[row.id].name}.`;
    }

    arrange(ranking, empty) {
      const order = ranking.map((row) => this.cards[row.id].element);
      if (order.some((element, i) => this.list.children[i] !== element)) this.list.append(...order);
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
          line("Tools", `${tools(row.id, this.answers)}.`));
        bar.element.hidden = out;
        bar.label = `${name}: ${many(all(row.pros))} for, ${number(all(row.cons), 0)} against, sum ${points(row.score)}.`;
      }
    }

    drawBar(context, id) {
      const { bar } = this.cards[id], row = this.ranking.find((one) => one.id === id), [left, right] = this.span;
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
