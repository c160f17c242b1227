"use strict";
// Parallel coordinates: an axis for each knob and objective, a line for each point.
onewatt.parallel = ({ svg, points, turned, objectives, place, scaled, ranges, isLog, pick, changed }) => {
  const space = "http://www.w3.org/2000/svg";
  const top = 48;
  const height = 250;
  const first = 0.42; // where the first axis stands, a share of the step from one axis to the next
  // wide enough for the longest value of a knob, unless there are many axes; a narrow page scrolls
  const longest = Math.max(0, ...turned.flatMap((knob) => knob.values.map((value) => value.length)));
  const spread = Math.max(100, Math.min(24 + 7.2 * longest, 1200 / (turned.length + objectives.length)));
  const element = (tag, attributes, words) => {
    const made = document.createElementNS(space, tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    if (words !== undefined) made.textContent = words;
    return made;
  };
  const short = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words);
  // letters that fit between two axes: beside one, and above it
  const letters = (step) => ({ beside: Math.max(4, Math.min(28, Math.floor((step - 24) / 7.2))), above: Math.max(4, Math.min(24, Math.floor((2 * first * step) / 8))) });
  let state = () => "in";
  let chosen = null;

  const knobAxis = (knob) => {
    const last = knob.values.length - 1;
    const dot = knob.path.lastIndexOf(".");
    return {
      titles: dot > 0 ? [knob.path.slice(0, dot), knob.path.slice(dot + 1)] : ["", knob.path],
      whole: knob.path, kind: "knob",
      at: (point) => 1 - place(point, knob) / last,
      ticks: () => knob.values.map((value, i) => [1 - i / last, value]),
    };
  };
  const objectiveAxis = (o) => {
    const values = points.map((p) => scaled(p, o));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const bend = (value) => (isLog(o) ? Math.log10(value) : value);
    const share = (value) => (bend(high) > bend(low) ? (bend(value) - bend(low)) / (bend(high) - bend(low)) : 0.5);
    const at = (value) => (o.goal === "least" ? 1 - share(value) : share(value));
    const words = (value) => String(Number(value.toPrecision(4)));
    // round values: 1, 2 and 5 times powers of ten
    const marks = () => {
      if (isLog(o) && high > 4 * low) {
        const found = [];
        for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
          found.push(...[1, 2, 5].map((digit) => digit * 10 ** power));
        }
        return found.filter((value) => value >= low && value <= high);
      }
      const rough = (high - low) / 4;
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough);
      const found = [];
      for (let i = Math.ceil(low / step); i * step <= high; i += 1) found.push(i * step);
      return found;
    };
    return {
      titles: [o.name, o.unit ? `[${o.unit}]` : ""], whole: o.name, kind: "objective",
      at: (point) => at(scaled(point, o)),
      ticks: () => (high > low ? marks().map((value) => [at(value), words(value)]) : [[0.5, words(low)]]),
    };
  };
  const axes = [...turned.map(knobAxis), ...objectives.map(objectiveAxis)];

  function drawAxis(axis, x, fit) {
    const group = element("g", { transform: `translate(${x},${top})` });
    const first = element("text", { class: "title", x: 0, y: -32, "text-anchor": "middle" }, short(axis.titles[0], fit.above));
    first.append(element("title", {}, axis.whole));
    const second = element("text", { class: axis.kind === "knob" ? "title" : "unit", x: 0, y: -16, "text-anchor": "middle" }, short(axis.titles[1], fit.above));
    second.append(element("title", {}, axis.whole));
    group.append(first, second, element("line", { x1: 0, x2: 0, y1: 0, y2: height }));
    const range = ranges.get(axis);
    if (range) group.append(element("rect", { class: "range", x: -8, width: 16, y: range[0] * height, height: Math.max(2, (range[1] - range[0]) * height) }));
    for (const [at, words] of axis.ticks()) {
      const on = chosen && axis.kind === "knob" && Math.abs(axis.at(chosen) - at) < 1e-9;
      group.append(element("line", { x1: -4, x2: 4, y1: at * height, y2: at * height }));
      group.append(element("text", { class: on ? "tick on" : "tick", x: 8, y: at * height + 4 }, short(words, fit.beside)));
    }
    const grip = element("rect", { class: "grip", x: -14, y: -6, width: 28, height: height + 12 });
    grip.addEventListener("pointerdown", (event) => brush(axis, grip, event));
    group.append(grip);
    return group;
  }
  function brush(axis, grip, event) {
    event.preventDefault();
    const share = (moved) => {
      const box = svg.getBoundingClientRect();
      return Math.min(1, Math.max(0, (moved.clientY - box.top - top) / height));
    };
    const start = share(event);
    let end = start;
    const move = (moved) => { end = share(moved); };
    const stop = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
      if (Math.abs(end - start) * height < 4) ranges.delete(axis);
      else ranges.set(axis, [Math.min(start, end), Math.max(start, end)]);
      changed();
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
  }
  function draw(states = state, mark = chosen) {
    [state, chosen] = [states, mark];
    svg.parentElement.parentElement.hidden = axes.length < 2 || !points.length;
    const width = Math.max(svg.parentElement.clientWidth, axes.length * spread);
    svg.setAttribute("width", width);
    svg.setAttribute("height", top + height + 16);
    svg.style.width = `${width}px`;
    const step = width / axes.length;
    const x = (i) => Math.round(step * (i + first));
    const order = { missed: 0, kept: 1, front: 2 };
    const seen = points.filter((p) => state(p) !== "none" || p === chosen)
      .sort((a, b) => (a === chosen) - (b === chosen) || order[a.state] - order[b.state]);
    const paths = seen.map((point) => {
      const steps = axes.map((axis, i) => {
        const y = top + axis.at(point) * height;
        if (!i) return `M${x(0)},${y}`;
        const before = top + axes[i - 1].at(point) * height;
        const half = (x(i) - x(i - 1)) / 2;
        return `C${x(i - 1) + half},${before} ${x(i) - half},${y} ${x(i)},${y}`;
      });
      const kinds = [point.state, state(point) === "out" && point !== chosen ? "out" : "", point === chosen ? "chosen" : ""];
      const path = element("path", { d: steps.join(""), class: kinds.filter(Boolean).join(" "), "data-number": point.number });
      path.append(element("title", {}, `point ${point.number}`));
      path.addEventListener("click", () => pick(point));
      return path;
    });
    svg.replaceChildren(...paths, ...axes.map((axis, i) => drawAxis(axis, x(i), letters(step))));
  }
  window.addEventListener("resize", () => draw());
  return { draw };
};
