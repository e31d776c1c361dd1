// Adds a "Check" button to each quiz question. Without this script every question and
// every explanation is readable all the same.
(() => {
  "use strict";

  const judge = (question) => {
    const inputs = [...question.querySelectorAll("input")];
    const chosen = inputs.filter((input) => input.checked);
    const correct = inputs.filter((input) => input.dataset.correct === "true");
    const hits = chosen.filter((input) => correct.includes(input)).length;
    if (!chosen.length) return { right: false, chosen, text: "Choose an answer first." };
    if (hits === correct.length && hits === chosen.length) {
      return { right: true, chosen: inputs, text: "✔ Right. The explanations are open now." };
    }
    const text = question.dataset.kind === "one"
      ? "✗ Not right; read why, and try again."
      : `✗ Not yet: ${hits} of ${correct.length} right answers chosen, and ${chosen.length - hits} wrong.`;
    return { right: false, chosen, text };
  };

  const enhance = (question, number) => {
    if (question.querySelector(".quiz-check")) return;
    const row = document.createElement("div");
    const button = document.createElement("button");
    const verdict = document.createElement("span");
    row.className = "quiz-check";
    button.type = "button";
    button.textContent = `Check question ${number + 1}`;
    verdict.className = "quiz-verdict";
    verdict.setAttribute("role", "status");
    verdict.setAttribute("aria-live", "polite");
    row.append(button, " ", verdict);
    button.addEventListener("click", () => {
      const { right, chosen, text } = judge(question);
      verdict.textContent = text;
      question.dataset.verdict = right ? "right" : "open";
      chosen.forEach((input) => { document.getElementById(`${input.id}-why`).open = true; });
    });
    question.addEventListener("change", () => {
      verdict.textContent = "";
      delete question.dataset.verdict;
    });
    question.append(row);
  };

  const start = () => document.querySelectorAll(".quiz").forEach((quiz) => {
    quiz.querySelectorAll(".quiz-question").forEach(enhance);
  });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
