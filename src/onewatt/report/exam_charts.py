"""The charts of an exam: time by cause for each layer, and the seven bounds as a waterfall."""

from __future__ import annotations

import itertools
import math

from onewatt.diagnose.eyexam import CHOICE, PEAK, STEPS, Exam, LayerExam
from onewatt.report.charts import Figure, short, text
from onewatt.report.exam_text import bound_text, lost_to
from onewatt.report.wording import large, percent, quantity

#: Okabe and Ito's palette for what costs most often, then colours apart from it.
COLOURS = {
    PEAK: "#009E73", "layer shape": "#8A8F98", "dataflow": "#CC79A7", "number of PEs": "#B4B8BE",
    "array dimensions": "#E69F00", "storage": "#56B4E9", CHOICE: "#7A4B94", "bandwidth": "#0072B2",
    "access pattern": "#D55E00",
}  # fmt: skip
_MOST_LABELS = 64


def by_cause(exam: Exam, clock: float) -> Figure | None:
    """Time of each layer, stacked by what it goes to; None without layers."""
    if not exam.layers:
        return None
    at = list(range(len(exam.layers)))
    data: list[Figure] = []
    for name, colour in COLOURS.items():
        lost = [lost_to(layer, name) for layer in exam.layers]
        if not any(lost):
            continue
        data.append(
            {
                "type": "bar", "name": name, "x": at, "y": [c / clock for c in lost],
                "hoverinfo": "text", "marker": {"color": colour, "line": {"width": 0}},
                "hovertext": [
                    f"{text(layer.name)}<br>{name}: {quantity(c / clock, 's')}, "
                    f"{percent(c / layer.cycles)} of the layer"
                    for layer, c in zip(exam.layers, lost, strict=True)
                ],
            }
        )  # fmt: skip
    many = len(at)
    every = -(-many // _MOST_LABELS) or 1
    layout = {
        "barmode": "stack", "bargap": 0.25, "height": 420,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom",
                   "traceorder": "normal"},
        "yaxis": {"tickformat": "~s", "ticksuffix": "s", "rangemode": "tozero", "nticks": 7,
                  "automargin": True, "zeroline": False},
        "xaxis": {"tickmode": "array", "tickvals": at[::every], "ticks": "", "showgrid": False,
                  "ticktext": [short(x.name) for x in exam.layers][::every], "automargin": True,
                  "tickangle": 0 if many <= 5 else -60 if many <= 30 else -90,
                  "range": [min(-0.6, many / 2 - 3.5), max(many - 0.4, many / 2 + 2.5)]},
    }  # fmt: skip
    return {"data": data, "layout": layout}


def steps(exam: Exam, clock: float) -> Figure | None:
    """Time of a network as a waterfall: at peak, then what each cause adds; None without layers."""
    rows = [c for c in exam.causes if c.cycles > 0]
    if not exam.layers or not rows:
        return None
    ends = list(itertools.accumulate(c.cycles / clock for c in rows))
    starts = [0.0, *ends[:-1]]
    whole = ends[-1]
    worst = exam.costliest
    bars = {
        "type": "bar", "orientation": "h", "y": [c.name for c in rows], "base": starts,
        "x": [c.cycles / clock for c in rows], "hoverinfo": "text",
        "marker": {"color": [COLOURS.get(c.name, "#8A8F98") for c in rows]},
        "hovertext": [f"{c.name}: {quantity(c.cycles / clock, 's')}, {large(c.cycles)} cycles"
                      for c in rows],
    }  # fmt: skip
    labels: list[Figure] = [
        _beside(start, end, whole, COLOURS.get(c.name, "#8A8F98"))
        | {
            "y": c.name,
            "text": _labelled(f"{quantity(c.cycles / clock, 's')}, {percent(c.share)}",
                              strong=worst is not None and c.name == worst.name),
        }
        for c, start, end in zip(rows, starts, ends, strict=True)
    ]  # fmt: skip
    layout: Figure = {
        "height": max(220, 70 + 34 * len(rows)), "showlegend": False, "bargap": 0.3,
        "annotations": labels,
        "xaxis": {"tickformat": "~s", "ticksuffix": "s", "nticks": 6, "automargin": True,
                  "zeroline": False, "range": [0, 1.02 * whole]},
        "yaxis": {"autorange": "reversed", "automargin": True, "showgrid": False,
                  "ticklabelstandoff": 6},
    }  # fmt: skip
    return {"data": [bars], "layout": layout}


def _beside(start: float, end: float, whole: float, colour: str) -> Figure:
    """Return where the label of a bar has room: inside it, else after it, else before it."""
    place: Figure = {"showarrow": False, "font": {"size": 12}}
    if end - start > 0.35 * whole:
        dark = colour in ("#E69F00", "#B4B8BE", "#56B4E9", "#CC79A7")
        inside = {"size": 12, "color": "#1b1f24" if dark else "#ffffff"}
        return place | {"x": (start + end) / 2, "xanchor": "center", "font": inside}
    if end < 0.7 * whole:
        return place | {"x": end, "xanchor": "left", "xshift": 6}
    return place | {"x": start, "xanchor": "right", "xshift": -6}


def _labelled(words: str, *, strong: bool) -> str:
    shown = words.replace("<", "&lt;")  # "< 0.1 %"
    return f"<b>{shown}</b>" if strong else shown


def waterfall(layer: LayerExam) -> Figure:
    """Seven bounds of a layer: what is left of the speed, and what each step takes off."""
    names = list(STEPS)
    bounds = layer.bounds
    floor = 10 ** math.floor(math.log10(min(bounds) / 2))
    hover = [
        f"{s.name}: {bound_text(s.bound)} MAC/cycle<br>{text(s.cause)}"
        + (f"<br>would lift it: {text(s.knob)}" if s.knob else "")
        for s in layer.steps
    ]
    left = {
        "type": "bar", "name": "left", "x": names, "base": floor, "hoverinfo": "text",
        "y": [b - floor for b in bounds], "hovertext": hover, "marker": {"color": "#009E73"},
        "text": [bound_text(b) for b in bounds], "textposition": "inside",
        "insidetextanchor": "end", "textangle": 0,
    }  # fmt: skip
    lost = {
        "type": "bar", "name": "taken off", "x": names, "base": list(bounds),
        "y": [s.loss for s in layer.steps], "hovertext": hover, "hoverinfo": "text",
        "marker": {"color": [COLOURS[n] for n in names], "opacity": 0.55},
    }  # fmt: skip
    peak = {
        "type": "scatter", "mode": "lines", "x": [names[0], names[-1]], "y": [layer.peak] * 2,
        "name": f"all PEs: {large(layer.peak)} MAC/cycle", "hoverinfo": "name", "meta": "ink",
        "line": {"width": 2, "dash": "dash"},
    }  # fmt: skip
    top = max(max(bounds), layer.peak)
    layout = {
        "barmode": "overlay", "height": 340,
        "annotations": [
            {"x": 1, "xref": "paper", "xanchor": "right", "y": math.log10(layer.peak),
             "yanchor": "bottom", "showarrow": False, "text": peak["name"], "font": {"size": 12}}
        ], "showlegend": False, "bargap": 0.15,
        "xaxis": {"automargin": True, "ticks": "", "showgrid": False, "tickangle": -35},
        "yaxis": {"type": "log", "range": [math.log10(floor), math.log10(top * 2)],
                  "dtick": 1, "tickformat": "~s", "automargin": True, "zeroline": False,
                  "title": {"text": "MAC per cycle"}},
    }  # fmt: skip
    return {"data": [left, lost, peak], "layout": layout}
