// Makes a form of each question that stands before a result. What was measured is copied from the claim that the
// question names: its sentence in the text, its numbers from the list at the chapter's end. Without this script
// the question is an open one and the result follows in the text.
(() => {
  "use strict";

  const made = (tag, attributes = {}, ...content) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...content);
    return element;
  };

  const measured = (claim) => {
    const name = `claim-${claim}`;
    const sentence = document.getElementById(name)?.cloneNode(true);
    if (!sentence) return null;
    sentence.removeAttribute("id");
    sentence.className = "";
    sentence.querySelectorAll("[id]").forEach((element) => element.removeAttribute("id"));
    const entry = document.querySelector(`.chapter-claims a[href$="#${name}"]`)?.closest("li");
    const numbers = [...(entry?.querySelectorAll("em") ?? [])].pop()?.textContent;
    const link = made("a", { href: `#${name}`, textContent: "In the text" });
    const parts = [made("strong", {}, "Measured:"), " ", sentence, " "];
    if (numbers) parts.push(made("span", { className: "prediction-numbers" }, `(${numbers})`), " ");
    return made("p", {}, ...parts, link);
  };

  // One answer a line: choosing with the pointer shows the result at once. With the keyboard one walks
  // through the answers, so there the button shows it.
  const choices = (list, name, show) => {
    const rows = [...list.children].map((item, place) => {
      const box = item.querySelector("p") ?? item;
      const answer = box.querySelector(":scope > .measured") ?? box;
      const input = made("input", { type: "radio", name, id: `${name}-${place}` });
      const label = made("label", { htmlFor: input.id }, ...[...answer.childNodes].map((node) => node.cloneNode(true)));
      const row = made("div", { className: "prediction-answer" }, input, " ", label);
      row.addEventListener("click", (event) => { if (event.detail > 0) show(); });
      return { input, label, row, right: answer !== box };
    });
    const said = () => {
      const chosen = rows.find((row) => row.input.checked);
      if (!chosen) return null;
      const verdict = chosen.right ? "That is what was measured." : "Something else was measured.";
      return ["“", ...[...chosen.label.childNodes].map((node) => node.cloneNode(true)), "”. ", verdict];
    };
    return { parts: rows.map((row) => row.row), said, missing: "Choose an answer first." };
  };

  const number = ({ from, to, unit = "" }, name, show) => {
    const input = made("input", { type: "number", id: name, min: from, max: to, step: "any" });
    const label = made("label", { htmlFor: name }, "Your estimate");
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      show();
    });
    const said = () => (input.value !== "" && input.checkValidity() ? [`${input.value} ${unit}`.trim(), "."] : null);
    const row = made("div", { className: "prediction-answer" }, label, " ", input, " ", unit);
    return { parts: [row], said, missing: `Give a number from ${from} to ${to}.` };
  };

  const enhance = (block, place) => {
    const result = measured(block.dataset.claim);
    const list = block.querySelector(":scope > ul");
    const question = [...block.querySelectorAll(":scope > p")].pop();
    if (!result || !question || block.querySelector("fieldset")) return;
    const status = made("div", { className: "prediction-result" });
    status.setAttribute("role", "status");
    status.setAttribute("aria-live", "polite");
    const show = () => {
      const said = form.said();
      const text = said ? ["You said ", ...said] : [form.missing];
      status.replaceChildren(made("p", {}, ...text), ...(said ? [result] : []));
    };
    const name = `prediction-${place + 1}`;
    const form = list ? choices(list, name, show) : number(block.dataset, name, show);
    const button = made("button", { type: "button", textContent: "Show what was measured" });
    button.addEventListener("click", show);
    const legend = made("legend", {}, ...question.childNodes);
    question.remove();
    list?.remove();
    block.append(made("fieldset", {}, legend, ...form.parts, button), status);
  };

  const start = () => document.querySelectorAll(".prediction").forEach(enhance);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
