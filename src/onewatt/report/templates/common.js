"use strict";
const onewatt = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, text, kind) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };

  // Charts ------------------------------------------------------------------------------------
  const config = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d"] };

  function themed(figure) {
    const style = getComputedStyle(root);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = (given) => given && {
      ...given, gridcolor: colour("--grid"), linecolor: colour("--line"),
      tickfont: { color: colour("--muted"), size: 12, ...given.tickfont },
      title: given.title && { ...given.title, font: { color: colour("--muted"), size: 13 } },
    };
    const ink = { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("--ink") };
    const layout = {
      margin: { l: 8, r: 16, t: 8, b: 8 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: ink, hovermode: "closest",
      hoverlabel: { bgcolor: colour("--panel"), bordercolor: colour("--line"), font: ink },
      modebar: { color: colour("--muted"), activecolor: colour("--accent"), bgcolor: "rgba(0,0,0,0)", orientation: "v" },
      ...figure.layout, xaxis: axis(figure.layout.xaxis), yaxis: axis(figure.layout.yaxis),
    };
    const traces = figure.data.map((trace) => trace.meta === "ink"
      ? { ...trace, line: { ...trace.line, color: colour("--muted") } } : trace);
    return [traces, layout];
  }
  // The place has its height from here: Plotly makes a chart that it drew twice as high as its place
  // when the window changes, and a place without a height would then have none.
  function plot(place, figure) {
    place.style.height = `${figure.layout.height}px`;
    Plotly.react(place, ...themed(figure), config);
  }

  // Theme -------------------------------------------------------------------------------------
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  // Calls `redraw` whenever the colours change, by the button or by the system.
  function watchTheme(redraw) {
    const say = () => {
      byId("theme").textContent = isDark() ? "Light" : "Dark";
      byId("theme").setAttribute("aria-pressed", String(isDark()));
    };
    const change = () => { say(); redraw(); };
    byId("theme").addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      change();
    });
    dark.addEventListener("change", change);
    say();
  }

  // Tables ------------------------------------------------------------------------------------
  // Moves from one shown row to the next by the arrow keys, and chooses it.
  function walk(event, choose) {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (!step) return;
    let row = event.target.closest("tr")[step];
    while (row && row.hidden) row = row[step];
    if (!row) return;
    event.preventDefault();
    row.querySelector("button").focus();
    choose(row);
  }

  return { data, root, byId, all, make, plot, watchTheme, walk };
})();
