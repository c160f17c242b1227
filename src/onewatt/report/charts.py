"""The charts of the page, as plain plotly figures; colours of axes and text come with the theme."""

from __future__ import annotations

import html
import math
from typing import Any

from onewatt.diagnose.eyexam import Exam
from onewatt.report.figures import (
    ARITHMETIC,
    UPKEEP,
    Figures,
    LayerFigures,
    Link,
    level_energy,
    links,
    roof,
)
from onewatt.report.wording import large, percent, quantity
from onewatt.spec.architecture import Architecture

Figure = dict[str, Any]

#: Okabe and Ito's palette, told apart by people with any colour vision.
PARTS = {
    "Inputs": "#0072B2", "Weights": "#E69F00", "Outputs": "#009E73",
    ARITHMETIC: "#D55E00", UPKEEP: "#8A8F98",
}  # fmt: skip
_OTHERS = ("#CC79A7", "#56B4E9", "#B8A800", "#7A4B94", "#5E3C1E")
#: Stops after viridis, the dark end lifted for dark pages: darker is farther from the arithmetic.
_RAMP = ((0x5E, 0x52, 0xB8), (0x3A, 0x78, 0xA6), (0x21, 0x91, 0x8C), (0x5E, 0xC9, 0x62),
         (0xB4, 0xD8, 0x35))  # fmt: skip
#: Layer names below a chart; of more, every second or third is left.
_MOST_LABELS = 64
#: The least share of the energy whose bar can be seen [1].
_VISIBLE = 0.001
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")


def part_colours(parts: tuple[str, ...]) -> dict[str, str]:
    """Return a colour for each tensor, for arithmetic and for upkeep."""
    others = [p for p in parts if p not in PARTS]
    return PARTS | {p: _OTHERS[i % len(_OTHERS)] for i, p in enumerate(others)}


def level_colours(found: Figures) -> dict[str, str]:
    """Return a colour for each level of a result that spends energy."""
    return colours_of(found.result.architecture, found.levels)


def colours_of(chip: Architecture, levels: tuple[str, ...]) -> dict[str, str]:
    """Return a colour for each level: a ramp inwards, arithmetic apart, upkeep grey."""
    computes = [c.name for c in chip.computes]
    nodes = [n.name for n in chip.nodes if n.name in levels and n.name not in computes]
    colours = {name: _ramp(i, len(nodes)) for i, name in enumerate(nodes)}
    colours |= {n: PARTS[ARITHMETIC] if n == chip.mac.name else _OTHERS[0] for n in computes}
    rest = [name for name in levels if name not in colours]
    return colours | {name: ("#8A8F98", "#B4B8BE")[i % 2] for i, name in enumerate(rest)}


def _ramp(i: int, n: int) -> str:
    at = (len(_RAMP) - 1) * (i / (n - 1) if n > 1 else 0.25)
    low = min(int(at), len(_RAMP) - 2)
    mixed = [a + (b - a) * (at - low) for a, b in zip(_RAMP[low], _RAMP[low + 1], strict=True)]
    return "#" + "".join(f"{round(c):02x}" for c in mixed)


def text(name: str) -> str:
    """Return a name as plotly shows it: its label language is a kind of HTML."""
    return html.escape(name, quote=False)


def short(name: str, most: int = 22) -> str:
    """Return a name that fits below a bar: its end says more than its beginning."""
    return text(name if len(name) <= most else "…" + name[1 - most :])


def by_level(found: Figures) -> Figure:
    """Energy of each level, stacked by what it is spent on."""
    colours = part_colours(found.parts)
    levels = list(reversed(found.levels))
    data: list[Figure] = []
    for name in found.parts:
        values = [found.matrix.get((level, name), 0.0) for level in levels]
        hover = [
            f"{text(level)}, {text(name)}<br>{_share(found, value)}"
            for level, value in zip(levels, values, strict=True)
        ]
        data.append(
            _bar(text(name), colours[name], hover)
            | {"y": [text(level) for level in levels], "x": values, "orientation": "h"}
        )
    whole = found.totals.energy or 1.0
    ends = [
        {"x": energy, "y": text(level), "text": percent(energy / whole), "showarrow": False,
         "xanchor": "left", "xshift": 6, "font": {"size": 12}}
        for level, energy in level_energy(found).items()
    ]  # fmt: skip
    most = max(level_energy(found).values(), default=0.0) or 1.0
    layout = {
        "barmode": "stack", "xaxis": _energy_axis() | {"range": [0, 1.13 * most]},
        "yaxis": {"automargin": True, "ticklabelstandoff": 6, "showgrid": False},
        "height": _height(found), "legend": _legend(), "annotations": ends,
    }  # fmt: skip
    return {"data": data, "layout": layout}


def _height(found: Figures) -> int:
    """Return the height of the two charts that stand side by side [pixel]."""
    return max(340, 110 + 32 * len(found.levels))


def drawn(found: Figures) -> list[int]:
    """Return the positions of the layers that have a bar: all, or all that take enough to see."""
    seen = [i for i, layer in enumerate(found.layers) if layer.share >= _VISIBLE]
    return seen if seen and len(seen) < len(found.layers) - 3 else list(range(len(found.layers)))


def by_layer(found: Figures) -> Figure:
    """Energy of each layer in order of execution, stacked by level; see `drawn`."""
    colours, places = level_colours(found), drawn(found)
    layers = [found.layers[i] for i in places]
    at = list(range(len(layers)))
    data: list[Figure] = []
    for level in found.levels:
        values = [
            math.fsum(v for (c, _), v in layer.parts.items() if c == level) for layer in layers
        ]
        hover = [
            f"{text(layer.name)}<br>{text(level)}: {_share(found, value)}"
            for layer, value in zip(layers, values, strict=True)
        ]
        bars = _bar(text(level), colours[level], hover)
        data.append(bars | {"x": at, "y": values, "customdata": places})
    few = len(at) <= 12
    layout = {
        "barmode": "stack", "yaxis": _energy_axis(), "legend": _legend(), "bargap": 0.25,
        "height": 420 if few else 480, "xaxis": _names_axis([layer.name for layer in layers]),
    }  # fmt: skip
    return {"data": data, "layout": layout}


def layer_bars(layer: LayerFigures, found: Figures) -> list[list[str]]:
    """Return the levels of a layer that spend energy: name, colour, share of the layer, energy."""
    colours = level_colours(found)
    by_level: dict[str, float] = {}
    for (level, _), energy in layer.parts.items():
        by_level[level] = by_level.get(level, 0.0) + energy
    return [
        [level, colours[level], f"{100 * energy / layer.energy:.2f}%", quantity(energy, "J")]
        for level in found.levels
        if layer.energy and (energy := by_level.get(level, 0.0))
    ]


def _names_axis(names: list[str]) -> Figure:
    many, middle = len(names), len(names) / 2
    every = -(-many // _MOST_LABELS) or 1
    return {
        "tickmode": "array", "tickvals": list(range(many))[::every],
        "ticktext": [short(n) for n in names[::every]], "automargin": True, "ticks": "",
        "tickangle": 0 if many <= 5 else -60 if many <= 30 else -90,
        "tickfont": {"size": 12 if many <= 12 else 10}, "showgrid": False,
        "range": [min(-0.6, middle - 3.5), max(many - 0.4, middle + 2.5)],
    }  # fmt: skip


def _share(found: Figures, energy: float) -> str:
    whole = found.totals.energy
    return f"{quantity(energy, 'J')}, {percent(energy / whole if whole else 0.0)} of the network"


def _bar(name: str, colour: str, hover: list[str]) -> Figure:
    return {
        "type": "bar", "name": name, "hovertext": hover, "hoverinfo": "text",
        "marker": {"color": colour, "line": {"width": 0}},
    }  # fmt: skip


def _energy_axis() -> Figure:
    return {
        "tickformat": "~s", "ticksuffix": "J", "rangemode": "tozero", "nticks": 7,
        "automargin": True, "zeroline": False,
    }  # fmt: skip


def _legend() -> Figure:
    return {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"}


def sankey(found: Figures, quantity_shown: str) -> Figure:
    """Flow of `energy` or `words` from the outermost memory to the arithmetic, by tensor."""
    rows = links(found.result)
    colours = part_colours((*found.parts, *(row.tensor for row in rows)))
    order = [n.name for n in found.result.architecture.nodes]
    names = sorted({n for row in rows for n in (row.source, row.sink)}, key=order.index)
    values = [row.energy if quantity_shown == "energy" else row.words for row in rows]
    link = {
        "source": [names.index(row.source) for row in rows],
        "target": [names.index(row.sink) for row in rows],
        "value": values, "color": [_faded(colours[row.tensor]) for row in rows],
        "customdata": [_flow(row, found) for row in rows],
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
    levels = level_colours(found)
    node = {
        "label": [text(n) for n in names], "pad": 26, "thickness": 16,
        "color": [levels.get(n, "#8A8F98") for n in names], "line": {"width": 0},
        "hovertemplate": "%{label}<extra></extra>",
    }  # fmt: skip
    figure = {"type": "sankey", "node": node, "link": link, "arrangement": "snap"}
    legend = [
        {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "name": text(t),
         "marker": {"color": colours[t], "symbol": "square", "size": 11}}
        for t in dict.fromkeys(row.tensor for row in rows)
    ]  # fmt: skip
    hidden = {"visible": False}
    layout = {"height": _height(found), "legend": _legend(), "xaxis": hidden, "yaxis": hidden}
    return {"data": [figure, *legend], "layout": layout}


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.55)"


def _flow(row: Link, found: Figures) -> str:
    return (
        f"{text(row.tensor)}: {text(row.source)} ↔ {text(row.sink)}<br>"
        f"{large(row.words)} words, {_share(found, row.energy)}"
    )


def roofline(found: Figures, exam: Exam | None = None) -> Figure | None:
    """MACs a cycle over MACs per byte off chip, a point a layer; None without MAC work.

    With an exam, each layer has its own ceiling too: that of the PEs its mapping keeps at work.
    """
    limits = roof(found.result)
    layers = [x for x in found.layers if x.macs and x.cycles and x.off_chip_bytes]
    if not layers:
        return None
    xs = [layer.macs / layer.off_chip_bytes for layer in layers]
    ys = [layer.macs / layer.cycles for layer in layers]
    rate = limits.bytes_per_cycle
    ridge = limits.peak / rate if rate else min(xs)
    left, right = min(*xs, ridge) / 3, max(*xs, ridge) * 4
    lines = [_line([ridge if rate else left, right], [limits.peak] * 2,
                   f"peak: {large(limits.peak)} MAC/cycle")]  # fmt: skip
    if rate:
        label = f"off chip: {rate:g} byte/cycle"
        lines.append(_line([left, ridge], [left * rate, limits.peak], label) | {"line": _DASHED})
    names = list(dict.fromkeys(layer.bottleneck for layer in layers))
    colours = level_colours(found) | {"compute": PARTS[ARITHMETIC]}
    points = [
        {
            "type": "scatter", "mode": "markers", "name": f"held up by {text(name or 'nothing')}",
            "x": [x for x, row in zip(xs, layers, strict=True) if row.bottleneck == name],
            "y": [y for y, row in zip(ys, layers, strict=True) if row.bottleneck == name],
            "hovertext": [
                f"{text(row.name)}<br>{x:.3g} MAC/byte, {y:.3g} MAC/cycle"
                for x, y, row in zip(xs, ys, layers, strict=True)
                if row.bottleneck == name
            ],
            "hoverinfo": "text",
            "marker": {"size": 10, "opacity": 0.85, "color": colours.get(name, "#8A8F98"),
                       "symbol": _SYMBOLS[i % len(_SYMBOLS)],
                       "line": {"width": 1, "color": "#fff"}},
        }
        for i, name in enumerate(names)
    ]  # fmt: skip
    if exam is not None:
        points.append(_ceilings({x.name: x.active for x in exam.layers}, layers, xs))
    low = min(*ys, left * rate if rate else min(ys)) / 1.5
    layout = {
        "height": 420, "legend": _legend(),
        "xaxis": _log("MAC per byte off chip", left, right),
        "yaxis": _log("MAC per cycle", low, limits.peak * 2),
    }  # fmt: skip
    return {"data": [*lines, *points], "layout": layout}


def _ceilings(active: dict[str, float], layers: list[LayerFigures], xs: list[float]) -> Figure:
    """Return a dash for each layer at the speed of its PEs at work."""
    rows = [(x, active[row.name], row.name) for x, row in zip(xs, layers, strict=True)
            if row.name in active]  # fmt: skip
    return {
        "type": "scatter", "mode": "markers", "name": "ceiling of the PEs at work",
        "x": [x for x, _, _ in rows], "y": [y for _, y, _ in rows], "hoverinfo": "text",
        "hovertext": [f"{text(name)}<br>PEs at work: {y:.3g} MAC/cycle" for _, y, name in rows],
        "marker": {"symbol": "line-ew-open", "size": 12, "color": "#8A8F98", "line": {"width": 2}},
    }  # fmt: skip


_DASHED: Figure = {"dash": "dash", "width": 2}


def _line(x: list[float], y: list[float], name: str) -> Figure:
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "hoverinfo": "name",
        "line": {"width": 2}, "meta": "ink",
    }  # fmt: skip


def _log(title: str, low: float, high: float) -> Figure:
    decades = math.log10(high / low)
    return {
        "type": "log", "title": {"text": title}, "range": [math.log10(low), math.log10(high)],
        "dtick": 1 if decades > 2.2 else "D2", "tickformat": "~s", "automargin": True,
        "zeroline": False,
    }  # fmt: skip
