"use strict";
(() => {
  const { data, root, byId, all, make, plot, watchTheme } = onewatt;
  const { objectives, knobs, points, details } = data;
  const byNumber = new Map(points.map((point) => [point.number, point]));
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  // plotly's labels are a kind of HTML
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const words = { front: "on the front", kept: "within limits", missed: "misses a limit", failed: "failed" };
  const badge = { front: "good", kept: "", missed: "bad", failed: "bad" };
  const turned = knobs.filter((knob) => knob.values.length > 1);
  const place = (point, knob) => knob.values.indexOf(point.knobs[knobs.indexOf(knob)]);
  let chosen = null;
  let layer = 0;
  let show = "all";
  const ranges = new Map();  // axis: [low, high] as shares of its height, from the top

  const axisName = (o) => (o.unit ? `${o.name} [${o.unit}]` : o.name);
  const scaled = (point, objective) => point.values[objective.name] / objective.factor;
  const has = (point) => objectives.every((o) => o.name in point.values);
  const fill = (body, rows) => body.replaceChildren(...rows.map((cells) => {
    const row = make("tr");
    row.append(...cells.map((cell) => (cell instanceof Node ? cell : make("td", ...[].concat(cell)))));
    return row;
  }));
  const number = (text) => make("td", text, "number");

  // What is shown -----------------------------------------------------------------------------
  const wanted = (point) => show === "all" || point.state === "front" || (show === "kept" && point.state === "kept");
  const within = (point) => [...ranges].every(([axis, [low, high]]) => {
    const at = axis.at(point);
    return at !== null && at >= low - 1e-9 && at <= high + 1e-9;
  });

  // Scatter -----------------------------------------------------------------------------------
  const scatter = byId("scatter");
  const order = { type: "order", name: "point", unit: "", factor: 1, goal: "least", log: false };
  const selects = [byId("axis-x"), byId("axis-y")];
  const axes = objectives.length > 1 ? objectives : [order, ...objectives];
  selects.forEach((select, i) => {
    select.append(...axes.map((o) => make("option", axisName(o))));
    select.selectedIndex = i;
  });
  const coordinate = (point, o) => (o === order ? point.number : scaled(point, o));
  const hover = (point) => [
    `<b>point ${point.number}</b>, ${words[point.state]}${point.note ? `<br>${plain(point.note)}` : ""}`,
    ...objectives.map((o) => `${plain(o.name)}: ${plain(point.texts[o.name] ?? "–")}`),
    ...turned.map((knob) => `${plain(knob.path)}: ${plain(point.knobs[knobs.indexOf(knob)])}`),
  ].join("<br>");
  const looks = {
    missed: { name: "misses a limit", marker: () => ({ symbol: "circle-open", size: 8, color: colour("--kept"), line: { width: 1.5 } }) },
    kept: { name: "within limits", marker: () => ({ symbol: "circle", size: 8, color: colour("--kept") }) },
    front: { name: "front", marker: () => ({ symbol: "circle", size: 11, color: colour("--front"), line: { width: 1.5, color: colour("--panel") } }) },
  };

  // The corner up to which a front of two objectives dominates, and the steps between its points.
  function stairs(x, y) {
    const best = points.filter((p) => p.state === "front");
    if (objectives.length !== 2 || x === y || !best.length || !data.reference) return [];
    const sign = (o) => (o.goal === "least" ? 1 : -1);
    best.sort((a, b) => sign(x) * (a.values[x.name] - b.values[x.name]) || sign(y) * (b.values[y.name] - a.values[y.name]));
    const [rx, ry] = [x, y].map((o) => data.reference[o.name] / o.factor);
    const xs = [];
    const ys = [];
    best.forEach((point, i) => {
      const [px, py] = [scaled(point, x), scaled(point, y)];
      xs.push(px, px);
      ys.push(i ? ys[ys.length - 1] : ry, py);
    });
    xs.push(rx);
    ys.push(ys[ys.length - 1]);
    const line = { color: colour("--front"), width: 1.5, dash: "dot" };
    return [{
      type: "scatter", mode: "lines", x: [...xs, rx], y: [...ys, ry], fill: "toself", hoverinfo: "skip",
      fillcolor: `${colour("--front")}1c`, line, name: "what the front beats",
    }];
  }
  function drawScatter() {
    const [x, y] = selects.map((select) => axes[select.selectedIndex]);
    const seen = points.filter(has);
    const traces = Object.entries(looks).map(([state, look]) => {
      const mine = seen.filter((p) => p.state === state);
      return {
        type: "scatter", mode: "markers", name: look.name, hoverinfo: "text", marker: look.marker(),
        x: mine.map((p) => coordinate(p, x)), y: mine.map((p) => coordinate(p, y)),
        customdata: mine.map((p) => p.number), hovertext: mine.map(hover),
        opacity: 1, selectedpoints: ranges.size ? mine.flatMap((p, i) => (within(p) ? [i] : [])) : null,
        unselected: { marker: { opacity: 0.12 } },
      };
    }).filter((trace) => trace.x.length);
    const found = [...stairs(x, y), ...traces];
    if (data.reference && x !== order && x !== y) {
      found.push({
        type: "scatter", mode: "markers", name: "hypervolume reference", hoverinfo: "name",
        x: [data.reference[x.name] / x.factor], y: [data.reference[y.name] / y.factor],
        marker: { symbol: "x-thin", size: 10, line: { width: 2, color: colour("--muted") } },
      });
    }
    if (chosen && has(chosen)) {
      found.push({
        type: "scatter", mode: "markers", showlegend: false, hoverinfo: "skip",
        x: [coordinate(chosen, x)], y: [coordinate(chosen, y)],
        marker: { symbol: "circle-open", size: 19, color: colour("--pick"), line: { width: 3 } },
      });
    }
    const log = byId("log").checked;
    const axis = (o) => ({
      title: { text: plain(axisName(o)) }, type: log && o.log ? "log" : "linear", automargin: true, zeroline: false,
      ...(log && o.log ? { nticks: 6, exponentformat: "none" } : { nticks: 7 }),
    });
    const legend = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", itemsizing: "constant" };
    plot(scatter, { data: found, layout: { height: 430, legend, xaxis: axis(x), yaxis: axis(y), dragmode: "pan" } });
  }
  selects.forEach((select) => select.addEventListener("change", drawScatter));
  byId("log").disabled = !objectives.some((o) => o.log);
  byId("log").addEventListener("change", () => { drawScatter(); lines.draw(); });

  // Parallel coordinates ----------------------------------------------------------------------
  const lines = onewatt.parallel({
    svg: byId("lines"), points: points.filter(has), turned, objectives, place, scaled, ranges,
    isLog: (o) => byId("log").checked && o.log,
    pick: (point) => choose(point.number),
    changed: refresh,
  });
  for (const button of all("[data-show]")) {
    button.addEventListener("click", () => {
      show = button.dataset.show;
      all("[data-show]").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      refresh();
    });
  }
  byId("clear").addEventListener("click", () => { ranges.clear(); refresh(); });

  // Table of points ---------------------------------------------------------------------------
  const table = byId("point-table");
  const columns = [
    ["point", "number"], ["verdict", "text"],
    ...objectives.map((o) => [o.name, "number"]), ...turned.map((knob) => [knob.path, "number"]),
  ];
  table.tHead.rows[0].append(...columns.map(([name, kind], i) => {
    const head = make("th");
    head.scope = "col";
    head.dataset.kind = i > 1 + objectives.length ? "text" : kind;
    head.dataset.sort = kind;
    const button = make("button", name);
    button.type = "button";
    head.append(button);
    return head;
  }));
  const rank = { front: 0, kept: 1, missed: 2, failed: 3 };
  const pointRows = points.map((point) => {
    const row = make("tr");
    row.dataset.number = point.number;
    const name = make("td");
    const button = make("button", String(point.number));
    button.type = "button";
    name.append(button);
    const state = make("td");
    state.append(make("i", "", `dot ${point.state}`), words[point.state]);
    if (point.note) {
      const mark = make("span", ` ${point.mark}`, "times");
      mark.title = point.note;
      state.append(mark);
    }
    row.append(name, state);
    name.dataset.value = point.number;
    state.dataset.value = rank[point.state];
    if (point.reason) {
      const why = make("td", point.reason, "reason");
      why.colSpan = objectives.length || 1;
      row.append(why);
    } else {
      row.append(...objectives.map((o) => {
        const cell = number(point.texts[o.name] ?? "–");
        cell.dataset.value = point.values[o.name] ?? "";
        return cell;
      }));
    }
    row.append(...turned.map((knob) => {
      const cell = make("td", point.knobs[knobs.indexOf(knob)]);
      cell.dataset.value = place(point, knob);
      return cell;
    }));
    row.addEventListener("click", () => choose(point.number));
    return row;
  });
  table.tBodies[0].append(...pointRows);
  const failedLast = (point, i) => (i > 1 && i < 2 + objectives.length && point.reason ? Infinity : null);
  onewatt.sortable(table, pointRows, (row, i) => {
    const point = byNumber.get(Number(row.dataset.number));
    if (i === 1) return rank[point.state];
    if (i === 0) return point.number;
    const failed = failedLast(point, i);
    if (failed !== null) return failed;
    return i < 2 + objectives.length ? point.values[objectives[i - 2].name] ?? Infinity : place(point, turned[i - 2 - objectives.length]);
  }, 1);
  table.tBodies[0].addEventListener("keydown", (event) => onewatt.walk(event, (row) => choose(Number(row.dataset.number))));

  // The chosen point --------------------------------------------------------------------------
  function refresh() {
    let many = 0;
    for (const row of pointRows) {
      const point = byNumber.get(Number(row.dataset.number));
      row.hidden = !wanted(point) || !within(point);
      many += !row.hidden;
      row.setAttribute("aria-selected", String(point === chosen));
    }
    byId("shown").textContent = many === points.length ? `${many} point${many === 1 ? "" : "s"}` : `${many} of ${points.length} points`;
    byId("clear").hidden = !ranges.size;
    lines.draw((point) => (wanted(point) ? (within(point) ? "in" : "out") : "none"), chosen);
    drawScatter();
  }
  function choose(wantedNumber) {
    const point = byNumber.get(wantedNumber);
    if (!point) return;
    chosen = point;
    layer = 0;
    onewatt.showPoint(point, { objectives, knobs, words, badge, details });
    showLayers();
    drawCharts();
    refresh();
  }
  // ‹ and › go along the front, the arrows on the chart along everything that it shows.
  function along(step, everything) {
    const x = axes[selects[0].selectedIndex];
    const row = points.filter((p) => has(p) && within(p) && (everything ? wanted(p) : p.state === "front"))
      .sort((a, b) => coordinate(a, x) - coordinate(b, x) || a.number - b.number);
    if (!row.length) return;
    const at = row.indexOf(chosen);
    choose(row[at < 0 ? (step > 0 ? 0 : row.length - 1) : (at + step + row.length) % row.length].number);
  }
  byId("previous").addEventListener("click", () => along(-1, !data.reference));
  byId("next").addEventListener("click", () => along(1, !data.reference));
  scatter.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    along(step, true);
  });

  // Its charts and layers ---------------------------------------------------------------------
  const full = () => (chosen && details[chosen.number]) || {};
  function draw(id, figure) {
    byId(id).hidden = !figure;
    if (figure) plot(byId(id), figure);
  }
  function drawCharts() {
    const charts = full().charts ?? {};
    draw("chart-levels", charts.levels);
    draw("chart-time", charts.time);
    draw("detail-waterfall", (full().layers ?? [])[layer]?.bounds);
  }
  let layerRows = [];
  const layerTable = byId("layer-table");
  function showLayers() {
    const layers = full().layers ?? [];
    byId("network").hidden = !layers.length;
    layerRows = layers.map((mine, i) => {
      const row = make("tr");
      row.dataset.layer = i;
      const name = make("td", undefined, "name");
      const button = make("button", mine.name);
      button.type = "button";
      name.append(button);
      if (mine.many > 1) name.append(make("span", ` ×${mine.many}`, "times"));
      row.append(number(String(i + 1)), name, make("td", mine.op), ...mine.cells.map((cell, j) => make("td", cell, j < 5 ? "number" : "")));
      row.addEventListener("click", () => chooseLayer(i));
      return row;
    });
    layerTable.tBodies[0].replaceChildren(...layerRows);
    sortLayers.reset(layerRows);
    byId("layers-shown").textContent = `${layers.length} different layers`;
    if (layers.length) chooseLayer(0, false);
  }
  const sortLayers = onewatt.sortable(layerTable, layerRows, (row, i) => {
    const mine = full().layers[row.dataset.layer];
    return [Number(row.dataset.layer), mine.name, mine.op, ...mine.sort][i];
  }, 0);
  layerTable.tBodies[0].addEventListener("keydown", (event) => onewatt.walk(event, (row) => chooseLayer(Number(row.dataset.layer))));
  function chooseLayer(i, redraw = true) {
    const mine = full().layers[i];
    layer = i;
    layerRows.forEach((row) => row.setAttribute("aria-selected", String(Number(row.dataset.layer) === i)));
    byId("detail-name").textContent = mine.name;
    byId("detail-shape").textContent = mine.shape;
    byId("detail-with").textContent = mine.with ? `The same for ${mine.with}.` : "";
    byId("detail-bars").replaceChildren(...mine.bars.map(([level, tint, width, energy]) => {
      const piece = make("i");
      piece.style.width = width;
      piece.style.background = tint;
      piece.title = `${level}: ${energy}`;
      return piece;
    }));
    byId("detail-mapping").hidden = !mine.mapping;
    byId("detail-mapping").firstChild.textContent = mine.mapping;
    byId("detail-loops").hidden = !mine.nest.length;
    byId("detail-nest").replaceChildren(...mine.nest.map(([kind, line]) => make("span", `${line}\n`, kind)));
    byId("detail-bounds").hidden = !mine.bounds;
    byId("detail-reasons").hidden = !mine.why.length;
    fill(byId("detail-why").tBodies[0], mine.why.map((cells) => cells.map((cell, j) => [cell, j === 1 || j === 2 ? "number" : ""])));
    if (redraw) draw("detail-waterfall", mine.bounds);
  }

  // Start -------------------------------------------------------------------------------------
  drawScatter();
  scatter.on("plotly_click", (event) => {
    const found = event.points.find((p) => p.customdata !== undefined);
    if (found) choose(found.customdata);
  });
  watchTheme(() => { drawScatter(); drawCharts(); });
  if (data.start === null) refresh();
  else choose(data.start);
})();
