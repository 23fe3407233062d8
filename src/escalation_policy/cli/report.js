"use strict";
// Sort and filter the agents. Only some of them are drawn at once. Without this script, the page shows the first ones.
(() => {
  const STEP = 200;
  const { columns, roles, states } = JSON.parse(document.querySelector("#data").textContent);
  const { email, role, state, id } = columns;
  const form = document.querySelector("#agents form");
  const table = document.querySelector("#agents table");
  const heads = Array.from(table.tHead.rows[0].cells);
  const names = heads.map((head) => head.textContent);
  const more = document.querySelector("#more");
  const number = (value) => value.toLocaleString("en");

  // What each different state means, in words.
  const ready = states.map(([missing]) => (missing.length ? "no" : "yes"));
  const missing = states.map(([codes, unknown]) =>
    codes.map((code) => (unknown.includes(code) ? `${code} (not known)` : code)).join(", "));
  const hidden = states.map(([, , codes]) => codes.join(", "));
  // Each column: its different texts, and the number of the text of each row. Null: every row has a text of its own.
  const all = { "E-mail": [email, null], Role: [roles, role], Ready: [ready, state], Missing: [missing, state],
    "Behind that": [hidden, state], Agent: [id, null] };
  const shown = names.map((name) => all[name]);
  const textOf = ([texts, numbers], row) => texts[numbers ? numbers[row] : row];

  let order = Uint32Array.from(id, (_, row) => row);
  let sorted = { column: -1, descending: false };
  let found = order;
  let drawn = 0;
  const ranks = [];
  const lower = [];

  const lowerOf = (column) => (lower[column] ??= shown[column][0].map((text) => text.toLowerCase()));

  // The rank of each text of a column. Equal texts have one rank.
  const ranksOf = (column) => {
    if (ranks[column]) return ranks[column];
    const keys = lowerOf(column);
    const sequence = Uint32Array.from(keys, (_, at) => at).sort((left, right) =>
      keys[left] < keys[right] ? -1 : keys[left] > keys[right] ? 1 : 0);
    const rank = new Uint32Array(keys.length);
    sequence.forEach((at, place) => {
      const before = sequence[place - 1];
      rank[at] = place && keys[before] === keys[at] ? rank[before] : place;
    });
    return (ranks[column] = rank);
  };

  const cell = (tag, text, name) => {
    const element = document.createElement(tag);
    element.textContent = text;
    if (tag === "th") element.scope = "row";
    else element.dataset.name = name;
    return element;
  };

  const draw = (count) => {
    const rows = document.createDocumentFragment();
    const end = Math.min(found.length, drawn + count);
    for (; drawn < end; drawn += 1) {
      const line = document.createElement("tr");
      shown.forEach((column, at) => line.append(cell(at ? "td" : "th", textOf(column, found[drawn]), names[at])));
      rows.append(line);
    }
    table.tBodies[0].append(rows);
    more.hidden = drawn === found.length;
    more.textContent = `Show ${number(Math.min(STEP, found.length - drawn))} more`;
    const filtered = found.length < id.length ? ` found of ${number(id.length)}` : "";
    document.querySelector("#count").textContent = `${number(drawn)} of ${number(found.length)} agents${filtered} shown.`;
  };

  const redraw = () => {
    table.tBodies[0].replaceChildren();
    drawn = 0;
    draw(STEP);
  };

  // Which texts of each column contain the text, so that each different text is searched once.
  const search = (text) => {
    if (!text) return () => true;
    const hits = shown.map(([, numbers], column) => [numbers, lowerOf(column).map((each) => each.includes(text))]);
    return (row) => hits.some(([numbers, hit]) => hit[numbers ? numbers[row] : row]);
  };

  const filter = () => {
    const wanted = form.elements.state.value;
    const fits = states.map(([codes, unknown], at) => !wanted || ready[at] === wanted
      || (wanted === "?" ? unknown.length > 0 : codes.includes(wanted)));
    const label = form.elements.role.value;
    const contains = search(form.elements.text.value.toLowerCase());
    found = order.filter((row) => fits[state[row]] && (!label || roles[role[row]] === label) && contains(row));
    redraw();
  };

  const sort = (column, descending) => {
    const [, numbers] = shown[column];
    const rank = ranksOf(column);
    const sign = descending ? -1 : 1;
    const at = numbers ? (row) => rank[numbers[row]] : (row) => rank[row];
    order = order.slice().sort((left, right) => sign * (at(left) - at(right)));
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
    sorted = { column, descending };
  };

  // The address keeps what is filtered and sorted, behind the #, so that no server sees it.
  const store = () => {
    const values = new URLSearchParams();
    for (const name of ["text", "role", "state"]) {
      if (form.elements[name].value) values.set(name, form.elements[name].value);
    }
    if (sorted.column >= 0) values.set("sort", (sorted.descending ? "-" : "") + names[sorted.column]);
    history.replaceState(null, "", `#${values}`);
  };

  const restore = () => {
    const values = new URLSearchParams(location.hash.slice(1));
    for (const name of ["text", "role", "state"]) form.elements[name].value = values.get(name) ?? "";
    const key = values.get("sort") ?? "";
    const column = names.indexOf(key.replace(/^-/, ""));
    if (column >= 0) sort(column, key.startsWith("-"));
    filter();
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      sort(column, head.getAttribute("aria-sort") === "ascending");
      filter();
      store();
    });
    head.append(button);
  });
  let timer = 0;
  form.addEventListener("input", () => {
    filter();
    clearTimeout(timer);
    timer = setTimeout(store, 250);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => draw(STEP));
  window.addEventListener("hashchange", restore);
  form.hidden = false;
  restore();
})();
