"use strict";

// The slider chooses a row of the table of budgets, whose words are shown above it.
const slider = document.querySelector(".slider input");
const budgets = [...document.querySelectorAll("#budgets tbody tr")];
const charts = document.querySelectorAll("svg.chart");

function choose(index) {
  const cells = [...budgets[index].cells];
  cells.forEach((cell, column) => {
    const place = document.querySelector(`[data-shows="${column}"]`);
    place.textContent = cell.textContent;
    place.parentElement.hidden = !cell.textContent;
  });
  slider.setAttribute("aria-valuetext", cells[0].textContent);
  for (const chart of charts) {
    const [x, y] = chart.dataset.points.split(" ")[index].split(",");
    chart.querySelector("line.mark").setAttribute("transform", `translate(${x} 0)`);
    const dot = chart.querySelector("circle.mark");
    dot.setAttribute("transform", `translate(${x} ${y || 0})`);
    dot.style.visibility = y ? "visible" : "hidden";
  }
}

slider.form.reset(); // a browser that goes back keeps where the slider was
slider.addEventListener("input", () => choose(slider.valueAsNumber));
slider.form.addEventListener("submit", (event) => event.preventDefault());
