"""The part of the page that says why a network is not faster."""

from __future__ import annotations

import html
from typing import Any

from onewatt.diagnose.eyexam import PEAK, VECTOR, Exam, LayerExam, eyexam
from onewatt.errors import InputError
from onewatt.report.exam_charts import COLOURS, waterfall
from onewatt.report.exam_text import bound_text, lost_to, sentence
from onewatt.report.wording import large, percent
from onewatt.spec.result import Result


def examined(result: Result) -> tuple[Exam | None, str]:
    """Return the exam of a result, or why there is none: its ledger may be of other mappings."""
    try:
        return eyexam(result), ""
    except InputError as error:
        return None, str(error)


def causes(exam: Exam | None, why_not: str) -> str:
    """Return the section's text: which cause costs most, and a table of all."""
    if exam is None:
        return f'<p class="muted">Not examined: {html.escape(why_not)}.</p>'
    if not exam.layers:
        return '<p class="muted">No layer of MACs, so there are no bounds.</p>'
    rows: list[str] = []
    for name, cycles, share, width, colour, where in cause_rows(exam):
        gauge = f'<div class="gauge"><i style="width:{width};background:{colour}"></i></div>'
        rows.append(
            f'<tr><th scope="row">{name}</th><td>{cycles}</td><td>{html.escape(share)}</td>'
            f'<td class="wide">{gauge}</td><td>{html.escape(where)}</td></tr>'
        )
    return (
        f"<p>{html.escape(sentence(exam))}</p>"
        '<div class="scroll"><table class="plain tight"><thead><tr><th scope="col">cause</th>'
        '<th scope="col">cycles</th><th scope="col">share</th><th scope="col" class="wide"></th>'
        f'<th scope="col">most in</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def cause_rows(exam: Exam) -> list[list[str]]:
    """Return what the time goes to: name, cycles, share, width and colour of its bar, most where.

    Nothing is said of causes that take no time.
    """
    rows: list[list[str]] = []
    for cause in exam.causes:
        if not cause.cycles:
            continue
        layer = max(exam.layers, key=lambda x: lost_to(x, cause.name))
        where = "" if cause.name in (PEAK, VECTOR) else layer.name
        colour, width = COLOURS.get(cause.name, "#8A8F98"), f"{100 * cause.share:.1f}%"
        rows.append([cause.name, large(cause.cycles), percent(cause.share), width, colour, where])
    return rows


def layer_exam(layer: LayerExam | None) -> dict[str, Any]:
    """Return the waterfall and the table of a layer; neither for work without bounds."""
    if layer is None:
        return {"bounds": None, "why": []}
    rows = [
        [s.name, bound_text(s.bound), percent(s.lost / layer.cycles) if s.lost > 0 else "",
         s.cause, s.knob]
        for s in layer.steps
    ]  # fmt: skip
    return {"bounds": waterfall(layer), "why": rows}
