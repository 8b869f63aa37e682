// The page's only script: it filters the examples, and opens all folded parts for print.
"use strict";
const form = document.querySelector(".filters");
if (form) {
  const examples = [...document.querySelectorAll(".example")];
  const texts = examples.map((example) => example.textContent.toLowerCase());
  const show = () => {
    const wanted = new FormData(form);
    const words = (wanted.get("text") || "").toLowerCase().trim();
    let shown = 0;
    examples.forEach((example, index) => {
      const fits = ["step", "outcome", "model"].every((field) => {
        const value = wanted.get(field);
        return !value || example.dataset[field] === value;
      });
      example.hidden = !(fits && texts[index].includes(words));
      shown += example.hidden ? 0 : 1;
    });
    form.querySelector("output").textContent = `${shown} of ${examples.length} examples`;
  };
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
