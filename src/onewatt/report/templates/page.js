"use strict";
(() => {
  const { data, byId, all, make, plot, watchTheme, walk } = onewatt;

  // Charts ------------------------------------------------------------------------------------
  function draw(place) {
    const figure = data.charts[place.dataset.chart];
    if (!figure) {
      place.closest("figure").hidden = true;
      return;
    }
    plot(place, figure);
  }

  const charts = all("[data-chart]");
  let bounds = null;
  function drawBounds() {
    byId("detail-bounds").hidden = !bounds;
    if (bounds) plot(byId("detail-waterfall"), bounds);
  }
  const drawAll = () => {
    charts.forEach(draw);
    drawBounds();
  };
  drawAll();
  const layerChart = charts.find((place) => place.dataset.chart === "layers");
  layerChart.on("plotly_click", (event) => choose(event.points[0].customdata));

  for (const button of all("[data-flow]")) {
    button.addEventListener("click", () => {
      all("[data-flow]").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      byId("flow-chart").dataset.chart = button.dataset.flow;
      draw(byId("flow-chart"));
    });
  }

  watchTheme(drawAll);

  // Table -------------------------------------------------------------------------------------
  const body = byId("layer-table").tBodies[0];
  const rows = [...body.rows];
  const heads = [...byId("layer-table").tHead.rows[0].cells];

  function sort(head) {
    const column = heads.indexOf(head);
    const numeric = head.dataset.kind === "number";
    const first = numeric && column ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? second : first;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const value = (row) => row.cells[column].dataset.value;
    const compare = numeric
      ? (a, b) => Number(value(a)) - Number(value(b))
      : (a, b) => value(a).localeCompare(value(b), undefined, { numeric: true });
    rows.sort(order === "ascending" ? compare : (a, b) => compare(b, a));
    body.append(...rows);
  }
  heads.forEach((head) => head.querySelector("button").addEventListener("click", () => sort(head)));

  function filter() {
    const wanted = byId("filter").value.trim().toLowerCase();
    for (const row of rows) {
      row.hidden = !["1", "2", "8"].some((i) => row.cells[i].dataset.value.toLowerCase().includes(wanted));
    }
    const shown = rows.filter((row) => !row.hidden);
    byId("shown").textContent = shown.length === rows.length
      ? `${rows.length} layer${rows.length === 1 ? "" : "s"}` : `${shown.length} of ${rows.length} layers`;
  }
  byId("filter").addEventListener("input", filter);
  filter();

  // One layer ---------------------------------------------------------------------------------
  function fill(table, lines, numeric) {
    byId(table).tBodies[0].replaceChildren(...lines.map((cells) => {
      const row = make("tr");
      row.append(...cells.map((cell, i) => make("td", cell, numeric(i) ? "number" : "")));
      return row;
    }));
  }
  function choose(index) {
    const layer = data.layers[index];
    if (!layer) return;
    rows.forEach((row) => row.setAttribute("aria-selected", String(Number(row.dataset.layer) === Number(index))));
    byId("detail-name").textContent = layer.name;
    byId("detail-bars").replaceChildren(...layer.bars.map(([level, colour, width, energy]) => {
      const piece = make("i");
      piece.style.width = width;
      piece.style.background = colour;
      piece.title = `${level}: ${energy}`;
      return piece;
    }));
    byId("detail-facts").replaceChildren(...layer.facts.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
    byId("detail-mapping").hidden = !layer.mapping;
    byId("detail-mapping").firstChild.textContent = layer.mapping;
    byId("detail-nest").replaceChildren(...layer.nest.map(([kind, line]) => make("span", `${line}\n`, kind)));
    fill("detail-traffic", layer.traffic, (i) => i > 1);
    fill("detail-why", layer.why, (i) => i === 1 || i === 2);
    bounds = layer.bounds;
    drawBounds();
  }
  for (const row of rows) {
    row.addEventListener("click", () => choose(row.dataset.layer));
  }
  body.addEventListener("keydown", (event) => walk(event, (row) => choose(row.dataset.layer)));
  if (rows.length) choose(0);
})();
