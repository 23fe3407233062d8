"use strict";
// Sorts and filters the table of agents. Without it the page shows all of them, in the order of the directory.
(() => {
  const table = document.querySelector("#agents table");
  const form = document.querySelector("#agents form");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const ready = heads.length - 4;
  const order = new Intl.Collator("en", { numeric: true }).compare;
  const text = (row, column) => row.cells[column].textContent;

  const sort = (head, column) => {
    const descending = head.getAttribute("aria-sort") === "ascending";
    const keys = new Map(rows.map((row) => [row, text(row, column)]));
    rows.sort((one, other) => (descending ? -1 : 1) * order(keys.get(one), keys.get(other)));
    for (const each of heads) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const sorted = document.createDocumentFragment();
    for (const row of rows) sorted.append(row);
    body.append(sorted);
  };

  const filter = () => {
    const words = form.elements.words.value.toLowerCase();
    const wanted = form.elements.wanted.value;
    let shown = 0;
    for (const row of rows) {
      const isWanted = wanted === "?" ? text(row, ready + 2) !== ""
        : !wanted || text(row, ready) === wanted || text(row, ready + 1).split(", ").includes(wanted);
      row.hidden = !(isWanted && row.textContent.toLowerCase().includes(words));
      shown += row.hidden ? 0 : 1;
    }
    form.querySelector("output").value = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
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
