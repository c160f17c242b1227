"""The public table of prices: what more of a chip is worth, and what meets a missed budget."""

from __future__ import annotations

from typing import Any

from onewatt.diagnose.prices import ChipPrices, Priced, Worth
from onewatt.diagnose.smallest import Meeting, Turn
from onewatt.report.tables import verdicts_json

#: The name and version of the table.
SCHEMA = "onewatt/prices/1"

Json = dict[str, Any]


def prices_json(found: ChipPrices, meeting: Meeting | None = None) -> Json:
    """Return prices as plain data, ready for `json.dumps`.

    Parameters
    ----------
    found : ChipPrices
        What each figure of a chip is worth.
    meeting : Meeting or None
        The smallest change that meets a budget, if one was asked for.

    Returns
    -------
    dict
        Changes of one batch in J and s, all of them and for each unit that is added.
    """
    return {
        "schema": SCHEMA,
        "workload": found.workload,
        "chip": found.chip,
        "objective": found.objective,
        "tiles": found.tiles,
        "energy_J": found.energy,
        "latency_s": found.latency,
        "reach": found.reach,
        "searches": found.searches,
        "prices": [_row(row) for row in found.rows],
        "smallest_change": _meeting(meeting) if meeting else None,
    }


def _row(row: Priced) -> Json:
    lever = row.step.lever
    return {
        "place": lever.place, "what": lever.what, "tensor": lever.tensor or None,
        "value": lever.value, "value_unit": lever.unit, "step": _worth(row.step),
        "next": _worth(row.next) if row.next else None, "note": row.note or None,
    }  # fmt: skip


def _worth(worth: Worth) -> Json:
    access = worth.access
    return {
        "value": worth.after, "added": worth.amount, "unit": worth.unit,
        "energy_J": worth.energy, "latency_s": worth.latency,
        "energy_J_each": worth.energy / worth.amount,
        "latency_s_each": worth.latency / worth.amount, "objective": worth.share,
        "area_m2": worth.area, "read_J": access[0] if access else None,
        "read_J_before": access[1] if access else None, "failed": worth.failed or None,
    }  # fmt: skip


def _meeting(meeting: Meeting) -> Json:
    return {
        "met": meeting.found, "changes": [_turn(t) for t in meeting.turns],
        "others": [_turn(t) for t in meeting.others], "energy_J": meeting.energy,
        "latency_s": meeting.latency, "budget": verdicts_json(meeting.verdicts),
        "looked_at": meeting.looked_at, "bounded": meeting.bounded, "given_up": meeting.given_up,
    }  # fmt: skip


def _turn(turn: Turn) -> Json:
    lever = turn.lever
    return {
        "place": lever.place, "what": lever.what, "tensor": lever.tensor or None,
        "unit": lever.unit, "before": lever.value, "after": turn.after, "factor": turn.factor,
    }  # fmt: skip
