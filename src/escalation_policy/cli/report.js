"use strict";
// Sort and filter the table of agents. Without this script, the page shows all of them in the order of the directory.
(() => {
  const table = document.querySelector("#agents table");
  const form = document.querySelector("#agents form");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const ready = heads.length - 4;
  const order = new Intl.Collator("en", { numeric: true }).compare;
  const textOf = (row, column) => row.cells[column].textContent;

  const sort = (head, column) => {
    const descending = head.getAttribute("aria-sort") === "ascending";
    const keys = new Map(rows.map((row) => [row, textOf(row, column)]));
    rows.sort((left, right) => (descending ? -1 : 1) * order(keys.get(left), keys.get(right)));
    for (const cell of heads) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const sorted = document.createDocumentFragment();
    for (const row of rows) sorted.append(row);
    body.append(sorted);
  };

  const filter = () => {
    const text = form.elements.text.value.toLowerCase();
    const state = form.elements.state.value;
    let count = 0;
    for (const row of rows) {
      const hasState = state === "?" ? textOf(row, ready + 2) !== ""
        : !state || textOf(row, ready) === state || textOf(row, ready + 1).split(", ").includes(state);
      row.hidden = !(hasState && row.textContent.toLowerCase().includes(text));
      count += row.hidden ? 0 : 1;
    }
    form.querySelector("output").value = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head, column));
    head.append(button);
  });
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
})();
