"""The part of a page that says what became of a budget, and what would lift a missed one."""

from __future__ import annotations

import html
from collections.abc import Iterable

from onewatt.diagnose.shortfall import Shortfall
from onewatt.report.wording import margin, quantity
from onewatt.spec.budget import Verdict

_MARKS = {True: ("good", "would do"), False: ("bad", "not enough"), None: ("", "to be searched")}


def badge(verdicts: tuple[Verdict, ...]) -> str:
    """Return the verdict on a budget in a few words."""
    if not verdicts:
        return '<span class="badge">no budget asked</span>'
    met = all(v.met for v in verdicts)
    missed = [v for v in verdicts if not v.met]
    words = "budget met" if met else f"budget missed: {', '.join(v.kind for v in missed)}"
    return f'<span class="badge {"good" if met else "bad"}">{words}</span>'


def budget(verdicts: tuple[Verdict, ...], missed: Iterable[Shortfall] = ()) -> str:
    """Return a table of the limits and, for each missed one, what would have to change."""
    if not verdicts:
        return (
            '<p class="muted">No budget was asked for. Try <code>--budget "1 W, 30 fps"</code>.</p>'
        )
    rows = "".join(_limit(v) for v in verdicts)
    return (
        '<div class="scroll"><table class="plain tight"><thead><tr>'
        '<th scope="col">limit</th><th scope="col">asked</th>'
        '<th scope="col">reached</th><th scope="col" class="wide">of the limit</th>'
        f'<th scope="col">verdict</th></tr></thead><tbody>{rows}</tbody></table></div>'
        + "".join(map(_missed, missed))
    )


def _limit(v: Verdict) -> str:
    used = v.asked / v.reached if v.kind == "rate" and v.reached else v.reached / v.asked
    sign, word = ("≥", "at least") if v.kind == "rate" else ("≤", "at most")
    state = "good" if v.met else "bad"
    width = f"width:{min(100.0, 100 * used):.1f}%"
    return (
        f'<tr><th scope="row">{v.kind}</th><td><span title="{word}">{sign}</span> '
        f"{quantity(v.asked, v.unit)}</td><td>{quantity(v.reached, v.unit)}</td>"
        f'<td class="wide"><div class="gauge {state}"><i style="{width}">'
        f'</i></div></td><td><span class="badge {state}">{"met" if v.met else "missed"}</span> '
        f"{margin(v)}</td></tr>"
    )


def _missed(row: Shortfall) -> str:
    why = f"<p><strong>Impossible:</strong> {html.escape(row.impossible)}.</p>"
    items = "".join(
        f'<li><span class="badge {_MARKS[r.enough][0]}">{_MARKS[r.enough][1]}</span> '
        f"{html.escape(r.change)}</li>"
        for r in row.remedies
    )
    return (
        f"<h3>What would lift the {row.kind}</h3>{why if row.impossible else ''}"
        f'<ul class="remedies">{items}</ul>'
    )
