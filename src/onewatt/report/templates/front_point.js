"use strict";
// Tables that sort, and the panels of the chosen point.
onewatt.sortable = (table, given, value, initial) => {
  const heads = [...table.tHead.rows[0].cells];
  let rows = given;
  let column = initial;
  let order = heads[initial].dataset.sort === "number" || initial < 2 ? "ascending" : "descending";
  function sort() {
    heads.forEach((head, i) => (i === column ? head.setAttribute("aria-sort", order) : head.removeAttribute("aria-sort")));
    const compare = (a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      return typeof x === "number" ? x - y || 0 : String(x).localeCompare(String(y), undefined, { numeric: true });
    };
    rows = [...rows].sort(order === "ascending" ? compare : (a, b) => compare(b, a));
    table.tBodies[0].append(...rows);
  }
  heads.forEach((head, i) => head.querySelector("button").addEventListener("click", () => {
    order = column === i && order === "ascending" ? "descending" : "ascending";
    column = i;
    sort();
  }));
  sort();
  return { reset: (next) => { rows = next; column = initial; order = "ascending"; sort(); } };
};

onewatt.showPoint = (() => {
  const { byId, all, make } = onewatt;
  const definitions = (list, rows) => list.replaceChildren(...rows.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
  const rowOf = (cells) => {
    const row = make("tr");
    row.append(...cells);
    return row;
  };

  function measure(name, text) {
    const line = make("p");
    line.append(make("span", name), text);
    return line;
  }
  function limit([kind, sign, asked, reached, met, margin]) {
    const verdict = make("td");
    verdict.append(make("span", met ? "met" : "missed", `badge ${met ? "good" : "bad"}`), ` ${margin}`);
    const head = make("th", kind);
    head.scope = "row";
    return rowOf([head, make("td", `${sign} ${asked}`), make("td", reached), verdict]);
  }

  // Files: saved by a Blob, so that it works without a network.
  function save(file) {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([file.text], { type: "application/yaml" }));
    link.download = file.name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  async function copy(file, button) {
    try {
      await navigator.clipboard.writeText(file.text);
    } catch {
      const area = make("textarea");
      area.value = file.text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }
  function pressed(words, act, kind) {
    const button = make("button", words, kind);
    button.type = "button";
    button.addEventListener("click", () => act(button));
    return button;
  }
  function fileBox(file) {
    const box = make("div", undefined, "file");
    const bar = make("div", undefined, "bar");
    bar.append(
      make("code", file.name),
      pressed("Download", () => save(file), "plain-button primary"), pressed("Copy", (button) => copy(file, button), "plain-button"),
    );
    const text = make("pre", file.text);
    text.tabIndex = 0;
    box.append(bar);
    if (file.command) {
      const line = make("p", undefined, "command");
      line.append("The same figures again: ", make("code", file.command));
      box.append(line);
    }
    const fold = make("details");
    fold.append(make("summary", "Show"), text);
    box.append(fold);
    return box;
  }

  // The chip: boxes from the outermost memory inwards; what follows an array lies inside it.
  function part(node) {
    const box = make("div", undefined, `part ${node.kind}${node.turned ? " turned" : ""}`);
    if (node.colour) box.style.borderLeftColor = node.colour;
    box.append(make("b", node.many > 1 ? `${node.name} ×${node.many}` : node.name), ...node.facts.map((fact) => make("small", fact)));
    if (node.energy) {
      const spent = make("span", undefined, "spent");
      spent.append(make("span", node.energy), make("span", node.share));
      const gauge = make("div", undefined, "gauge");
      const bar = make("i");
      bar.style.width = `${node.width}%`;
      bar.style.background = node.colour;
      gauge.append(bar);
      box.append(spent, gauge);
    }
    return box;
  }
  function area(kind, name, note) {
    const box = make("div", undefined, `area ${kind}`);
    const title = make("p", name, "title");
    title.append(make("span", ` ${note}`));
    box.append(title);
    return box;
  }
  function chip(nodes) {
    const row = make("div", undefined, "chip-row");
    const off = area("off", "off chip", "");
    const die = area("die", "chip", "");
    let inside = die;
    nodes.forEach((node, i) => {
      if (i === 0) off.append(part(node));
      else if (node.kind === "array") {
        const next = area(`array${node.turned ? " turned" : ""}`, node.name, node.facts.join(", "));
        inside.append(next);
        inside = next;
      } else inside.append(part(node));
    });
    row.append(off, die);
    byId("chip-boxes").replaceChildren(...(nodes.length ? [row] : []));
  }

  function missingWords(point, full) {
    if (point.state === "failed") return ["This point failed", point.reason];
    if (!full) {
      return ["Details of this point are left out", "Its mappings are not on this page. Explore again with --full, which is quick, as finished points are kept, "
        + `and draw the page again; or see onewatt show FRONT.json --point ${point.number}.`];
    }
    return full.missing ? ["Some details are left out", full.missing] : null;
  }

  return (point, { objectives, knobs, words, badge, details }) => {
    const full = details[point.number];
    byId("chosen-name").textContent = `Point ${point.number}`;
    byId("chosen-state").className = `badge ${badge[point.state]}`;
    byId("chosen-state").textContent = words[point.state];
    byId("chosen-note").hidden = !point.note;
    byId("chosen-note").textContent = point.note;
    byId("chosen-measures").replaceChildren(...(point.reason
      ? [make("p", point.reason, "failed")]
      : objectives.map((o) => measure(o.name, point.texts[o.name] ?? "–"))));
    definitions(byId("chosen-knobs"), knobs.map((knob, i) => [knob.path, point.knobs[i]]));
    byId("chosen-limits").hidden = !point.limits.length;
    byId("chosen-limits").querySelector("tbody").replaceChildren(...point.limits.map(limit));
    const files = full?.files ?? [];
    byId("chosen-files").replaceChildren(...files.map((file) => pressed(`Download ${file.kind}`, () => save(file), file.kind === "chip" ? "plain-button primary" : "plain-button")));
    const missing = missingWords(point, full);
    byId("nothing").hidden = !missing;
    if (missing) {
      byId("nothing").querySelector("h2").textContent = missing[0];
      byId("nothing").querySelector("p").textContent = missing[1];
    }
    byId("details").hidden = !full;
    if (!full) return;
    all("[data-point]").forEach((place) => { place.textContent = `point ${point.number}`; });
    byId("chip").hidden = !full.chip.length;
    byId("chip-head").textContent = full.head;
    chip(full.chip);
    definitions(byId("facts"), full.facts);
    byId("energy-table").tBodies[0].replaceChildren(...full.levels.map(([name, energy, share]) => rowOf([make("td", name), make("td", energy, "number"), make("td", share, "number")])));
    byId("causes").hidden = !full.causes?.length;
    byId("said").textContent = full.said ?? "";
    byId("cause-table").tBodies[0].replaceChildren(...(full.causes ?? []).map(([name, cycles, share, width, tint, where]) => {
      const gauge = make("div", undefined, "gauge");
      const bar = make("i");
      bar.style.width = width;
      bar.style.background = tint;
      gauge.append(bar);
      const wide = make("td", undefined, "wide");
      wide.append(gauge);
      const head = make("th", name);
      head.scope = "row";
      return rowOf([head, make("td", cycles, "number"), make("td", share, "number"), wide, make("td", where)]);
    }));
    byId("export").hidden = !files.length;
    byId("files").replaceChildren(...files.map(fileBox));
  };
})();
