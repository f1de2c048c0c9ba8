"use strict";

// A figure opens large on a click or on Enter; Escape closes it, as in every dialog.
const dialog = document.createElement("dialog");
const button = document.createElement("button");
button.textContent = "Close";
dialog.setAttribute("aria-label", "Figure");
dialog.addEventListener("click", () => dialog.close());
document.body.append(dialog);

for (const link of document.querySelectorAll("a.large")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
    event.preventDefault();
    dialog.replaceChildren(button, link.querySelector("img").cloneNode());
    dialog.showModal();
  });
}

// A column's name sorts its table, up and then down; rows without a number come last.
function key(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.value;
  return value === undefined ? cell.textContent : value === "" ? null : Number(value);
}

function compare(a, b) {
  return typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
}

function sort(table, column, down) {
  const [known, unknown] = [[], []];
  for (const row of table.tBodies[0].rows) {
    (key(row, column) === null ? unknown : known).push(row);
  }
  known.sort((a, b) => (down ? -1 : 1) * compare(key(a, column), key(b, column)));
  table.tBodies[0].append(...known, ...unknown);
}

for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const name = document.createElement("button");
    name.append(...head.childNodes);
    head.append(name);
    name.addEventListener("click", () => {
      const down = head.ariaSort === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.ariaSort = down ? "descending" : "ascending";
      sort(table, column, down);
    });
  });
}

// A filter leaves the rows of one verdict, with a text; folds with rows left open.
function filter(form) {
  const [kind, ...verdict] = form.querySelector("select").value.split(" ");
  const text = form.querySelector("input").value.toLowerCase().trim();
  let [shown, all] = [0, 0];
  for (const fold of form.parentElement.querySelectorAll("details")) {
    const statement = fold.querySelector("summary").textContent;
    let left = 0;
    for (const row of fold.querySelector("tbody").rows) {
      const found = `${statement} ${row.textContent}`.toLowerCase().includes(text);
      row.hidden = !found || (kind && row.dataset[kind] !== verdict.join(" "));
      left += !row.hidden;
      all += 1;
    }
    fold.hidden = left === 0;
    fold.open = kind || text ? left > 0 : fold.open;
    shown += left;
  }
  form.querySelector("output").textContent = `${shown} of ${all} shown`;
}

for (const form of document.querySelectorAll("form.filter")) {
  form.reset(); // a browser that goes back keeps what was typed
  form.addEventListener("input", () => filter(form));
  form.addEventListener("submit", (event) => event.preventDefault());
}
