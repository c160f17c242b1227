"""The page: one HTML file with everything in it, which opens without a network."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from onewatt import __version__
from onewatt.diagnose.eyexam import Exam
from onewatt.diagnose.prices import ChipPrices
from onewatt.diagnose.shortfall import shortfalls
from onewatt.diagnose.smallest import Meeting
from onewatt.report import charts, exam_charts
from onewatt.report.budget_html import badge, budget
from onewatt.report.exam_html import causes, examined, layer_exam
from onewatt.report.figures import Figures, LayerFigures, figures
from onewatt.report.page import card, embedded, fill, plotly, rows_html, table_html, template
from onewatt.report.prices_html import prices_chart, prices_section
from onewatt.report.store import write_text
from onewatt.report.tables import findings, layer_proof, proof
from onewatt.report.wording import (
    band,
    bound,
    gap,
    large,
    objective,
    percent,
    quantity,
    shapes,
)
from onewatt.spec.mapping import Mapping, Spatial, Storage
from onewatt.spec.result import LayerResult, Result


def write_report(
    result: Result, path: str | Path, *, command: str = "", prices: ChipPrices | None = None,
    meeting: Meeting | None = None,
) -> None:  # fmt: skip
    """Write the report of a result as one HTML file, all or nothing.

    Parameters
    ----------
    result : Result
        What was found.
    path : str or Path
        The file; an existing one is replaced.
    command : str
        The command line that makes it again, to be shown.
    prices, meeting
        What more of the chip is worth and the smallest change that meets a budget, to be shown.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    write_text(path, html_page(result, command=command, prices=prices, meeting=meeting))


def html_page(
    result: Result, *, command: str = "", prices: ChipPrices | None = None,
    meeting: Meeting | None = None,
) -> str:  # fmt: skip
    """Return the report as one self-contained HTML page.

    Parameters
    ----------
    result : Result
        What was found.
    command : str
        The command line that makes it again, to be shown.
    prices, meeting
        See `write_report`.

    Returns
    -------
    str
        HTML with style, script, plotly and data inside; it asks nothing of any network.
    """
    found = figures(result)
    exam, why_not = examined(result)
    shown = {
        "title": f"{result.workload.name} on {result.architecture.name}",
        "network": result.workload.name,
        "chip": result.architecture.title or result.architecture.name,
        "version": __version__,
    }
    parts = {key: html.escape(value) for key, value in shown.items()} | {
        "style": template("style.css"),
        "common": template("common.js"),
        "script": template("page.js"),
        "plotly": plotly(),
        "data": embedded(_data(found, exam, prices)),
        "cards": _cards(found),
        "verdict": badge(result.budget),
        "findings": "".join(f"<li>{html.escape(s)}</li>" for s in findings(found)),
        "budget": budget(result.budget, shortfalls(result)),
        "unpriced": _unpriced(result),
        "layers": _layers(found),
        "undrawn": _undrawn(found),
        "causes": causes(exam, why_not),
        "worth": prices_section(prices, meeting),
        "facts": _facts(found, command),
        "prices": _prices(result),
        "areas": _areas(result),
    }
    return fill(template("page.html"), parts)


def _data(found: Figures, exam: Exam | None, prices: ChipPrices | None) -> dict[str, Any]:
    exams = {x.name: x for x in exam.layers} if exam else {}
    drawn = {
        "levels": charts.by_level(found),
        "flow_energy": charts.sankey(found, "energy"),
        "flow_words": charts.sankey(found, "words"),
        "layers": charts.by_layer(found),
        "causes": exam_charts.by_cause(exam, found.result.architecture.clock) if exam else None,
        "roofline": charts.roofline(found, exam),
        "worth": prices_chart(prices) if prices else None,
    }
    rows = zip(found.layers, found.result.layers, strict=True)
    return {
        "charts": {name: chart for name, chart in drawn.items() if chart},
        "layers": [
            _detail(layer, answer, found) | layer_exam(exams.get(layer.name))
            for layer, answer in rows
        ],
    }


def _detail(layer: LayerFigures, answer: LayerResult, found: Figures) -> dict[str, Any]:
    return {
        "name": layer.name,
        "facts": _detail_facts(layer, answer, found.result.architecture.pes),
        "bars": charts.layer_bars(layer, found),
        "nest": nest_lines(layer, answer.mapping),
        "mapping": layer.mapping,
        "traffic": [
            [row.component, row.tensor, large(row.read_words), large(row.write_words),
             f"{large(row.bytes)}B", quantity(row.energy, "J")]
            for row in layer.traffic
        ],
    }  # fmt: skip


def _detail_facts(layer: LayerFigures, answer: LayerResult, pes: int) -> list[list[str]]:
    rows = [
        ["operator", layer.op + (f", {layer.count} runs" if layer.count > 1 else "")],
        ["energy", band(layer.energy, layer.energy_low, layer.energy_high, "J")],
        ["latency", f"{quantity(layer.latency, 's')}, {large(layer.cycles)} cycles"],
        ["held up by", layer.bottleneck or "nothing"],
        ["lower bound", f"{bound(layer.lower_bound)}; reached {gap(layer.gap)}"],
    ]
    if answer.mapping is not None:
        rows += [
            ["PEs at work", f"{layer.active_pes} of {pes}"],
            ["proof", layer_proof(layer) or "none: this mapping was given"],
            ["sets of mappings judged", large(answer.evaluations)],
        ]
    return rows


def nest_lines(layer: LayerFigures, mapping: Mapping | None) -> list[list[str]]:
    """Return the loop nest of a layer as lines, each with its kind for the colours of the page."""
    if mapping is None:
        return [["note", "Vector work streams through the vector unit; it has no loop nest."]]
    kinds = [
        "storage" if isinstance(n, Storage) else "spatial" if isinstance(n, Spatial) else "temporal"
        for n in mapping.nodes
    ]
    lines = layer.nest.split("\n")
    return [list(pair) for pair in zip([*kinds, "compute"], lines, strict=True)]


def _cards(found: Figures) -> str:
    t, batch = found.totals, found.result.batch
    top = t.energy_high or 1.0
    energy = (
        f'<div class="band" aria-hidden="true"><i style="left:{100 * t.energy_low / top:.2f}%;'
        f'width:{100 * (t.energy_high - t.energy_low) / top:.2f}%"></i>'
        f'<b style="left:{100 * t.energy / top:.2f}%"></b></div>'
    )
    per = "inference" if batch == 1 else f"batch of {batch}"
    rate = f"{large(batch / t.latency)} per second" if t.latency else "no time passes"
    off = percent(t.off_chip_energy / t.energy) if t.energy else "–"
    proved = proof(found) or "mappings as given"
    spread = band(t.energy, t.energy_low, t.energy_high, "J").partition("(")[2].rstrip(")")
    unit = quantity(t.energy, "J").split()[-1]
    rows = [
        ("Energy", quantity(t.energy, "J"), f"{spread} {unit}" if spread else f"per {per}", energy),
        ("Latency", quantity(t.latency, "s"), rate, ""),
        ("Power", quantity(t.power, "W"), "energy over latency", ""),
        ("Off chip", off, f"{quantity(t.off_chip_energy, 'J')} of energy", ""),
        ("Energy × delay", quantity(t.edp, "J s"), f"per {per}", ""),
        ("Work", f"{large(t.macs)} MAC", _efficiency(found), ""),
        ("Area", quantity(t.area, "m2"), "of the priced components" if t.area else "no areas", ""),
        ("Above the bound", gap(t.gap), proved, ""),
    ]
    return "".join(card(*row) for row in rows)


def _efficiency(found: Figures) -> str:
    t = found.totals
    return f"{quantity(t.energy / t.macs, 'J')} per MAC" if t.macs else "no MAC work"


def _unpriced(result: Result) -> str:
    rows = result.workload.unpriced
    if not rows:
        return ""
    noun = "operator has" if len(rows) == 1 else "operators have"
    body = rows_html(
        [r.name, r.op, shapes(r), large(r.words), r.reason or "no rule for this operator"]
        for r in rows
    )
    return (
        f'<section id="unpriced" class="panel warning"><h2>{len(rows)} {noun} no price</h2>'
        "<p>They are missing from every figure on this page.</p>"
        f"{table_html(('name', 'operator', 'operands', 'words', 'why'), body)}</section>"
    )


def _layers(found: Figures) -> str:
    most = max((layer.energy for layer in found.layers), default=0.0) or 1.0
    made: list[str] = []
    for i, layer in enumerate(found.layers):
        times = f' <span class="times">×{layer.count}</span>' if layer.count > 1 else ""
        name = f'<button type="button">{html.escape(layer.name)}</button>{times}'
        spark = f'<i class="spark" style="width:{54 * layer.energy / most:.1f}px"></i>'
        cells = [
            (str(i), str(i + 1), "number"),
            (layer.name, name, "name"),
            (layer.op, html.escape(layer.op), ""),
            (str(layer.macs), large(layer.macs), "number"),
            (repr(layer.energy), quantity(layer.energy, "J"), "number"),
            (repr(layer.share), spark + percent(layer.share), "share"),
            (repr(layer.latency), quantity(layer.latency, "s"), "number"),
            (str(layer.active_pes), str(layer.active_pes) if layer.mapping else "–", "number"),
            (layer.bottleneck, html.escape(layer.bottleneck or "–"), ""),
            (repr(layer.gap or 0.0), gap(layer.gap), "number"),
        ]  # fmt: skip
        row = "".join(
            f'<td class="{kind}" data-value="{html.escape(value)}">{shown}</td>'
            for value, shown, kind in cells
        )
        made.append(f'<tr data-layer="{i}">{row}</tr>')
    return "".join(made)


def _undrawn(found: Figures) -> str:
    left = len(found.layers) - len(charts.drawn(found))
    return f" {left} layers that take less than 0.1 % each have no bar." if left else ""


def _facts(found: Figures, command: str) -> str:
    result, chip = found.result, found.result.architecture
    rows = [
        ("network", f"{result.workload.name} ({result.workload.source or 'no source stated'})"),
        ("chip", f"{chip.title or chip.name} ({chip.source or 'no source stated'})"),
        ("dataflow", f"{chip.dataflow.name}{f' ({s})' if (s := chip.dataflow.source) else ''}"),
        ("technology", f"{quantity(chip.technology.node, 'm')}, {quantity(chip.clock, 'Hz')}"),
        ("objective", f"{objective(result)}, batch {result.batch}"),
        ("mapspace", result.mapspace),
        ("proof", proof(found) or "none: these mappings were given"),
        ("convention", result.convention),
        ("seed", str(result.seed)),
        ("versions", ", ".join(f"{name} {v}" for name, v in result.versions) or "not stated"),
    ]
    items = "".join(f"<dt>{k}</dt><dd>{html.escape(v)}</dd>" for k, v in rows)
    if command:
        items += f"<dt>make it again</dt><dd><code>{html.escape(command)}</code></dd>"
    return f"<dl>{items}</dl>"


def _prices(result: Result) -> str:
    body = rows_html(
        [p.component, p.action, quantity(p.energy, "J"),
         f"{quantity(p.low, 'J')} to {quantity(p.high, 'J')}", p.source or "no source stated"]
        for p in result.prices.prices
    )  # fmt: skip
    return table_html(("component", "action", "energy", "low to high", "source"), body, "tight")


def _areas(result: Result) -> str:
    if not result.prices.areas:
        return ""
    body = rows_html(
        [a.component, quantity(a.area, "m2"), a.source or "no source stated"]
        for a in result.prices.areas
    )
    return f"<h3>Areas</h3>{table_html(('component', 'area', 'source'), body, 'tight')}"
