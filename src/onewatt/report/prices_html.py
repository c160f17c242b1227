"""The part of a page that says what more of a chip is worth, with a chart."""

from __future__ import annotations

import html

from onewatt.diagnose.prices import ChipPrices, Priced, Worth
from onewatt.diagnose.smallest import Meeting
from onewatt.report.charts import Figure, text
from onewatt.report.prices_text import (
    NEXT,
    SMALLEST,
    cells,
    meeting_text,
    notes_of,
    ordered,
    value_text,
)

#: Blue gains, vermilion costs; told apart by people with any colour vision.
_GAINS, _COSTS = "#0072B2", "#D55E00"
#: Room for labels beside the bars, as a share of the axis.
_LABELS = 0.35
_HEADS = ("figure", "has", "added", "energy each", "time each", "objective", "area")


def prices_section(found: ChipPrices | None, meeting: Meeting | None = None) -> str:
    """Return a section with a chart and a table of prices, as HTML.

    Parameters
    ----------
    found : ChipPrices or None
        What each figure of a chip is worth; None leaves the section out.
    meeting : Meeting or None
        The smallest change that meets a budget, if one was asked for.
    """
    if found is None:
        return ""
    rows = "".join(
        _row(row, worth, first=worth is row.step)
        for row in ordered(found) for worth in (row.step, row.next) if worth is not None
    )  # fmt: skip
    heads = f'<th scope="col">{_HEADS[0]}</th>' + "".join(
        f'<th scope="col" class="number">{head}</th>' for head in _HEADS[1:]
    )
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in notes_of(found))
    what = html.escape(f"{found.chip} is worth to {found.workload}, for {found.objective}")
    drawn = (
        "" if prices_chart(found) is None else
        '<div class="chart" data-chart="worth" role="img" aria-label="Bars: change of the '
        'objective for one step more of each figure. The table below holds the same figures.">'
        "</div>"
    )  # fmt: skip
    return (
        f'<figure class="panel" id="worth"><h2>What more of {what}</h2>'
        "<figcaption>Each figure raised by one step and the network searched again; below 0 it "
        f'gains.</figcaption>{drawn}<div class="scroll"><table class="plain tight"><thead><tr>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<ul class="muted">{notes}</ul>{_meeting(meeting)}</figure>'
    )


def _row(row: Priced, worth: Worth, *, first: bool) -> str:
    lever = row.step.lever
    name, has = (lever.name, value_text(lever, lever.value)) if first else (NEXT.strip(), "")
    numbers = "".join(
        f'<td class="number">{html.escape(cell)}</td>' for cell in (has, *cells(worth))
    )
    return f'<tr><th scope="row">{html.escape(name)}</th>{numbers}</tr>'


def _meeting(meeting: Meeting | None) -> str:
    if meeting is None:
        return ""
    said, detail, looked = meeting_text(meeting)
    state = "good" if meeting.found else "bad"
    items = "".join(f"<li>{html.escape(line.strip())}</li>" for line in detail)
    return (
        f'<h3>{SMALLEST}</h3><p><span class="badge {state}">{html.escape(said)}</span></p>'
        f'<ul>{items}</ul><p class="muted">{html.escape(looked)}</p>'
    )


def prices_chart(found: ChipPrices) -> Figure | None:
    """Return bars of what one step of each figure does to the objective; None if none does.

    A figure whose next step gains nothing but a later one does has a bar of either, the later one
    paler.
    """
    rows = [r for r in ordered(found) if r.step.matters or r.next is not None]
    if not rows:
        return None
    data = [_bars([(r, r.step) for r in rows])]
    later = [(r, r.next) for r in rows if r.next is not None]
    if later:
        data.append(_bars(later, opacity=0.6))
    shares = [s for bars in data for s in bars["x"]]
    low, high = min(0.0, *shares), max(0.0, *shares)
    room = _LABELS * (high - low)  # beside the bars, for their labels
    layout = {
        "barmode": "group", "bargap": 0.35, "height": 110 + 34 * (len(rows) + len(later)),
        "showlegend": False,
        "xaxis": {"ticksuffix": " %", "automargin": True, "zeroline": True,
                  "range": [low - room * (low < 0), high + room * (high > 0)],
                  "title": {"text": f"change of {_objective(found)}"}},
        "yaxis": {"autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""},
    }  # fmt: skip
    return {"data": data, "layout": layout}


def _objective(found: ChipPrices) -> str:
    return "energy × delay" if found.objective == "edp" else found.objective


def _bars(rows: list[tuple[Priced, Worth]], opacity: float = 1.0) -> Figure:
    shares = [100 * worth.share for _, worth in rows]
    labels = [_label(row, worth) for row, worth in rows]
    return {
        "type": "bar", "orientation": "h", "x": shares,
        "y": [text(row.step.lever.name) for row, _ in rows], "text": labels,
        "textposition": "outside", "cliponaxis": False, "hoverinfo": "text",
        "hovertext": [f"{text(row.step.lever.name)}<br>{label}"
                      for (row, _), label in zip(rows, labels, strict=True)],
        "marker": {"color": [_GAINS if s < 0 else _COSTS for s in shares], "line": {"width": 0},
                   "opacity": opacity},
    }  # fmt: skip


def _label(row: Priced, worth: Worth) -> str:
    added, energy, _, share, _ = cells(worth)
    first = "" if worth is row.step else " (first gain)"
    return f"{share or energy} for {added}{first}"
