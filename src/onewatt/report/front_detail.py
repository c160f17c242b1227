"""One point of a front's page in full: chip, network, mappings, energy, and why not faster."""

from __future__ import annotations

from typing import Any

from onewatt.codesign import knobs as turn
from onewatt.codesign.naming import identifier
from onewatt.codesign.study import FileStudy, Study
from onewatt.diagnose.eyexam import LayerExam
from onewatt.errors import OnewattError
from onewatt.report import charts, exam_charts, front_export
from onewatt.report.chip_drawing import boxes
from onewatt.report.exam_html import cause_rows, examined, layer_exam
from onewatt.report.exam_text import sentence
from onewatt.report.figures import Figures, Group, figures, grouped
from onewatt.report.front_point import full_result, why
from onewatt.report.html import nest_lines
from onewatt.report.wording import band, large, percent, quantity
from onewatt.spec import files
from onewatt.spec.architecture import Architecture
from onewatt.spec.front import Evaluated, Front, LayerSummary, PointResult
from onewatt.spec.result import Result
from onewatt.spec.workload import Einsum
from onewatt.units import format_quantity

Table = dict[str, Any]


def detail(front: Front, point: Evaluated, study: Study | None, why_not: str) -> Table:
    """Return everything that a page shows of a chosen point.

    Parameters
    ----------
    front : Front
        What was found.
    point : Evaluated
        A point; of one that failed, or whose layers the front does not hold, little is known.
    study : Study or None
        What the front answers; without it there is what the front holds.
    why_not : str
        Why there is no study.

    Returns
    -------
    dict
        `facts`, the parts of the `chip`, the exported `files`, the `layers`, and of what the study
        gives also `charts`, the `causes` of lost time and the `said` sentence about them; `missing`
        says why something is not there.
    """
    known = point.result
    if known is None:
        return {}
    result, missing = None, why_not
    if study is not None:
        try:
            result = full_result(study, point)
        except OnewattError as error:
            missing = why(error)
    chip = _chip(known, result)
    spent = {row.level: row.energy for row in known.levels}
    made: Table = {
        "facts": _facts(known),
        "levels": _levels(known),
        "chip": boxes(chip, spent, _turned(study, point)) if chip else [],
        "head": _head(chip, known, identifier(front.study.name, point.number)) if chip else "",
        "files": _files(front, point, study),
        "layers": [_summary(row, known) for row in known.layers or ()],
        "missing": missing,
    }
    return made | (_examined(result) if result is not None else {})


def _chip(known: PointResult, result: Result | None) -> Architecture | None:
    if result is not None:
        return result.architecture
    return files.loads(known.chip, "chip") if known.chip is not None else None


def _turned(study: Study | None, point: Evaluated) -> frozenset[str]:
    """Return the names of the parts of a chip that the knobs of a point set."""
    if isinstance(study, FileStudy):
        paths = [s.path for k in study.space for s in turn.sets(k, point.knobs[k.path])]
    else:
        paths = list(point.knobs)
    return frozenset(p.split(".")[1] for p in paths if p.startswith("chip.") and p.count(".") > 1)


def _facts(known: PointResult) -> list[list[str]]:
    t = known.totals
    per = "a batch" if t.batch > 1 else "an inference"
    rows = [
        ["network", f"{known.workload}, {large(t.macs)} MAC"],
        ["energy", f"{band(t.energy, t.energy_low, t.energy_high, 'J')} {per}"],
        ["latency", f"{quantity(t.latency, 's')} {per}"],
        ["power", f"{quantity(t.power, 'W')}, energy over latency"],
        ["area", quantity(t.area, "m2") if t.area else "no areas"],
        ["on-chip memory", f"{large(t.capacity / 8)}B"],
        ["mappings", "each proved the best of its mapspace" if t.optimal else "not all proved"],
    ]
    if t.batch > 1:
        rows.insert(1, ["batch", str(t.batch)])
    if known.unpriced:
        rows.append(["without a price", ", ".join(known.unpriced)])
    return rows


def _levels(known: PointResult) -> list[list[str]]:
    whole = known.totals.energy or 1.0
    rows = sorted(known.levels, key=lambda r: -r.energy)
    return [[r.level, quantity(r.energy, "J"), percent(r.energy / whole)] for r in rows]


def _head(chip: Architecture, known: PointResult, name: str) -> str:
    # the name of its file; its own name and title are those of the chip before the knobs
    words = [name, format_quantity(chip.clock, "Hz"),
             format_quantity(chip.technology.node, "m"), f"{chip.pes} PEs"]  # fmt: skip
    if known.totals.area:
        words.append(quantity(known.totals.area, "m2"))
    return " · ".join(words)


def _files(front: Front, point: Evaluated, study: Study | None) -> list[Table]:
    """Return the files that the page exports: the chip, and a study of this point."""
    made: list[Table] = []
    line = front_export.command(point, study) if study is not None else None
    known = point.result
    if known is not None and known.chip is not None:
        said = line or "The network or its zeros are part of the study: explore the study's file."
        text = front_export.chip_file(front, point, known.chip, said)
        made.append(
            {"kind": "chip", "name": front_export.chip_name(point), "text": text,
             "command": line or ""}
        )  # fmt: skip
    text = front_export.study_file(front, point, study) if study is not None else None
    if text is not None:
        name = f"point_{point.number}.study.yaml"
        command = f"onewatt explore {name}"
        made.append({"kind": "study", "name": name, "text": text, "command": command})
    return made


def _summary(row: LayerSummary, known: PointResult) -> Table:
    """Return a layer as far as the front itself knows it."""
    share = row.energy / known.totals.energy if known.totals.energy else 0.0
    return {
        "name": row.name, "many": row.count, "op": row.op, "shape": "", "with": "",
        "cells": [large(row.macs), quantity(row.energy, "J"), percent(share),
                  quantity(row.latency, "s"), str(row.active_pes or "–"), row.bottleneck or "–"],
        "sort": [row.macs, row.energy, share, row.latency, row.active_pes, row.bottleneck],
        "mapping": row.mapping or "", "nest": [], "bars": [], "bounds": None, "why": [],
    }  # fmt: skip


def _examined(result: Result) -> Table:
    found = figures(result)
    exam, why_not = examined(result)
    exams = {x.name: x for x in exam.layers} if exam else {}
    einsums = {e.name: e for e in result.workload.einsums}
    drawn = {
        "levels": charts.by_level(found),
        "time": exam_charts.steps(exam, result.architecture.clock) if exam else None,
    }
    return {
        "charts": {name: chart for name, chart in drawn.items() if chart},
        "causes": cause_rows(exam) if exam and exam.layers else [],
        "said": sentence(exam) if exam and exam.layers else "",
        "missing": why_not,
        "layers": [
            _layer(group, einsums[group.name], found, exams.get(group.name))
            for group in grouped(found)
        ],
    }


def _layer(group: Group, einsum: Einsum, found: Figures, exam: LayerExam | None) -> Table:
    """Return layers that are equal in shape and mapping as one."""
    first = group.layers[0]
    answer = next(a for a in found.result.layers if a.name == group.name)
    others = [layer.name for layer in group.layers[1:]]
    return {
        "name": group.name, "many": group.many, "op": group.op,
        "shape": ", ".join(f"{r.name} {r.size}" for r in einsum.ranks if r.size > 1),
        "with": ", ".join(others),
        "cells": [large(group.macs), quantity(group.energy, "J"), percent(group.share),
                  quantity(group.latency, "s"), str(first.active_pes or "–"),
                  group.bottleneck or "–"],
        "sort": [group.macs, group.energy, group.share, group.latency, first.active_pes,
                 group.bottleneck],
        "mapping": first.mapping, "nest": nest_lines(first, answer.mapping),
        "bars": charts.layer_bars(first, found),
    } | layer_exam(exam)  # fmt: skip
