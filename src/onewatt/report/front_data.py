"""The data of a front's page: axes, every point in short, and the chosen few in full."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from onewatt.codesign.study import Study
from onewatt.report.front_detail import detail
from onewatt.report.front_noise import noise_mark
from onewatt.report.front_text import value
from onewatt.report.wording import margin, quantity
from onewatt.spec.front import Evaluated, Front
from onewatt.spec.study import Objective
from onewatt.units import DIMENSIONS

#: Points in full take at most this much of a page [byte]; plotly takes as much again.
ROOM = 4_500_000
#: Points that a page shows at all, besides those of the front.
_MOST = 3000
_PREFIXES = (("", 1.0), ("m", 1e-3), ("µ", 1e-6), ("n", 1e-9), ("p", 1e-12), ("f", 1e-15))


class Scale(NamedTuple):
    """The unit in which an axis is labelled, and its size in SI units."""

    unit: str
    factor: float


def scale(objective: Objective, values: list[float]) -> Scale:
    """Return the unit that suits the values of an objective.

    Examples
    --------
    >>> scale(Objective.parse("area"), [6.8e-6, 10.2e-6, 7.1e-6])
    Scale(unit='mm²', factor=1e-06)
    >>> scale(Objective.parse("edp"), [3e-9, 2e-9]), scale(Objective.parse("quality"), [0.7])
    (Scale(unit='nJ s', factor=1e-09), Scale(unit='', factor=1.0))
    """
    middle = statistics.median(map(abs, values)) if values else 0.0
    unit = objective.unit
    if not middle or not unit or unit == "1/s":
        return Scale(unit, 1.0)
    if unit == "bit":
        name = value(objective, middle).split()[-1]
        return Scale(name, DIMENSIONS["bit"].table.get(name, 8.0))
    if unit in DIMENSIONS:
        name = quantity(middle, unit).split()[-1]
        return Scale(name, DIMENSIONS[unit].table[name])
    prefix, factor = next((p for p in _PREFIXES if middle >= p[1]), ("", 1.0))
    return Scale(f"{prefix}{unit}", factor)


def front_data(
    front: Front, study: Study | None, *, notes: Mapping[int, str], why_not: str = "",
    room: int = ROOM,
) -> dict[str, Any]:  # fmt: skip
    """Return what the script of the page reads.

    Parameters
    ----------
    front : Front
        What was found.
    study : Study or None
        What it answers; without it the points have what the front itself holds.
    notes : mapping of int to str
        Words to stand beside points, by number.
    why_not : str
        Why there is no study.
    room : int
        How large the points in full may be together [byte]; the others are left out.

    Returns
    -------
    dict
        Axes, points and details, without anything that JSON has not.
    """
    shown = list(_shown(front))
    details: dict[str, Any] = {}
    left = 0
    for point in _wanted(front, shown):
        made = detail(front, point, study, why_not)
        room -= len(json.dumps(made))
        if room < 0:
            left += 1
            continue
        details[str(point.number)] = made
    return {
        "objectives": [_objective(o, front) for o in front.study.objectives],
        "knobs": [_knob(path, front) for path in front.study.knobs],
        "points": [_point(front, p, notes.get(p.number, "")) for p in shown],
        "details": details,
        "left": {"points": len(front.points) - len(shown), "details": left},
        "reference": front.reference,
        "start": _start(front),
    }


def _shown(front: Front) -> Iterator[Evaluated]:
    others = 0
    for point in front.points:
        if point.on_front or point.number == front.nearest:
            yield point
            continue
        others += 1
        if others <= _MOST:
            yield point


def _wanted(front: Front, shown: list[Evaluated]) -> Iterator[Evaluated]:
    """Yield the points worth their room: the front, the nearest, then what has its layers."""
    first = [*front.best, *(p for p in shown if p.number == front.nearest)]
    yield from first
    seen = {p.number for p in first}
    yield from (p for p in shown if p.number not in seen and p.result and p.result.layers)


def _start(front: Front) -> int | None:
    """Return the point to begin with: the middle of the front, the nearest, or the first."""
    if best := front.best:
        return best[len(best) // 2].number
    if front.nearest is not None:
        return front.nearest
    return 0 if front.points else None


def _objective(objective: Objective, front: Front) -> dict[str, Any]:
    name = objective.name
    found = [p.objectives[name] for p in front.points if name in p.objectives]
    unit, factor = scale(objective, found)
    # a logarithm needs values above 0, and a spread that is worth it
    return {
        "name": name, "goal": objective.goal, "unit": unit, "factor": factor,
        "log": bool(found) and min(found) > 0,
    }  # fmt: skip


def _knob(path: str, front: Front) -> dict[str, Any]:
    met = dict.fromkeys(p.knobs[path] for p in front.points if path in p.knobs)
    order = [v for v in front.study.knobs[path] if v in met]
    return {"path": path, "values": [*order, *(v for v in met if v not in order)]}


def _point(front: Front, point: Evaluated, note: str) -> dict[str, Any]:
    state = (
        "failed" if point.reason is not None
        else "front" if point.on_front else "kept" if point.feasible else "missed"
    )  # fmt: skip
    named = {o.name: o for o in front.study.objectives}
    rows = point.result.budget if point.result is not None else ()
    return {
        "number": point.number, "state": state, "note": note, "mark": noise_mark(point) or "~",
        "knobs": [point.knobs.get(k, "") for k in front.study.knobs],
        "values": {n: v for n, v in point.objectives.items() if math.isfinite(v)},
        "texts": {n: value(named[n], v) for n, v in point.objectives.items() if n in named},
        "reason": point.reason or "",
        "limits": [
            [v.kind, "≥" if v.kind == "rate" else "≤", quantity(v.asked, v.unit),
             quantity(v.reached, v.unit), v.met, margin(v)]
            for v in rows
        ],
    }  # fmt: skip
