"use strict";
for (const figure of document.querySelectorAll(".compare")) {
  const range = figure.querySelector("input");
  const show = () => figure.style.setProperty("--cut", range.value + "%");
  range.addEventListener("input", show);
  show();
}
const buttons = document.querySelectorAll(".filters button");
for (const button of buttons) {
  button.addEventListener("click", () => {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    for (const item of document.querySelectorAll("tr[data-tone], article[data-tone]")) {
      item.hidden = button.dataset.tone !== "" && item.dataset.tone !== button.dataset.tone;
    }
  });
}
