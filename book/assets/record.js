// The reader's record: which tasks of the explorables this browser remembers as reached. tasks.js keeps them.
// Without this script the page is the list of all tasks.
(() => {
  "use strict";

  const start = () => {
    const box = document.querySelector(".task-record");
    if (!box || !box.hidden || !window.CourseTasks) return;
    const { reached, keep, today } = window.CourseTasks;
    const items = [...document.querySelectorAll(".task[data-task]")];
    const status = box.querySelector("[role=status]");
    const [print, save, forget] = box.querySelectorAll("button");

    const update = () => {
      const done = reached();
      for (const item of items) {
        const date = done[item.dataset.task];
        item.querySelector("strong")?.remove();
        item.toggleAttribute("data-reached", Boolean(date));
        if (!date) continue;
        const note = document.createElement("strong");
        note.textContent = ` Reached on ${date}.`;
        item.append(note);
      }
      const count = items.filter((item) => item.hasAttribute("data-reached")).length;
      status.textContent = `${count} of ${items.length} tasks reached, as this browser remembers.`;
      forget.textContent = "Forget all of it";
      forget.dataset.sure = "";
    };

    print.addEventListener("click", () => window.print());
    save.addEventListener("click", () => {
      const record = { course: "bioimage-course", saved: today(), tasks: reached() };
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([`${JSON.stringify(record, null, 1)}\n`], { type: "application/json" }));
      link.download = "record.json";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      status.textContent = "Saved as record.json.";
    });
    forget.addEventListener("click", () => {
      if (forget.dataset.sure) keep({});
      else {
        forget.dataset.sure = "yes";
        forget.textContent = "Really forget? Press again";
      }
    });
    document.addEventListener("course-tasks", update);
    window.addEventListener("storage", update); // reached on another page meanwhile
    box.hidden = false;
    update();
  };
  // tasks.js comes at the end of the page, and has run by then.
  if (document.readyState === "complete") start();
  else document.addEventListener("DOMContentLoaded", start);
})();
