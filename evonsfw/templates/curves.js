"use strict";
// Each answer's slider moves along the rows of its table; the plots and the words follow.
const LEFT = 48, TOP = 12, WIDTH = 342;

for (const answer of document.querySelectorAll(".answer")) {
  const rows = [...answer.querySelectorAll("tbody tr")];
  const slider = answer.querySelector("input[type=range]");
  const said = answer.querySelector("output");
  const scroll = answer.querySelector(".scroll");
  const plot = (name) => answer.querySelector(`[data-plot=${name}]`);
  const place = (dot, across, up) => {
    const there = across !== "" && up !== "";
    dot.setAttribute("visibility", there ? "visible" : "hidden");
    if (!there) return;
    dot.setAttribute("cx", LEFT + WIDTH * across);
    dot.setAttribute("cy", TOP + WIDTH * (1 - up));
  };
  const show = (number, follow) => {
    const row = rows[number];
    const { threshold, recall, alarms, precision } = row.dataset;
    rows.forEach((other) => other.classList.toggle("here", other === row));
    place(plot("roc").querySelector(".dot"), alarms, recall);
    place(plot("recall").querySelector(".dot"), recall, precision);
    const cut = plot("scores").querySelector(".cut");
    for (const end of ["x1", "x2"]) cut.setAttribute(end, LEFT + WIDTH * threshold);
    const cells = [...row.children].map((cell) => cell.textContent);
    const bold = document.createElement("b");
    bold.textContent = cells[0];
    said.replaceChildren(
      bold,
      ` · recall ${cells[1]} · false alarm rate ${cells[2]} · precision ${cells[3]}`,
    );
    slider.setAttribute("aria-valuetext", said.textContent);
    if (follow) scroll.scrollTop = row.offsetTop - scroll.clientHeight / 2;
  };
  slider.addEventListener("input", () => show(Number(slider.value), true));
  rows.forEach((row, number) =>
    row.addEventListener("click", () => {
      slider.value = number;
      show(number, false);
    }),
  );
  answer.querySelector(".cut-at").hidden = false;
  show(Number(slider.value), true);
}
