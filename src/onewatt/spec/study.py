"""Studies: a question about many chips or networks, as a file states it."""

from __future__ import annotations

from typing import Literal

from onewatt.errors import InputError
from onewatt.spec.budget import Budget
from onewatt.spec.types import Noun


class Knob(Noun):
    """What may be chosen: a field by its path, such as ``chip.GLB.capacity``, and its values."""

    path: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a knob without a choice."""
        if not self.values:
            raise InputError(f"knob {self.path!r} has no values; expected at least one")


class Study(Noun):
    """A workload, a chip, the knobs to turn, what to minimise and what must hold."""

    name: str
    workload: str
    chip: str
    knobs: tuple[Knob, ...]
    objectives: tuple[Literal["energy", "latency", "edp", "area"], ...] = ("energy", "latency")
    constraints: Budget | None = None
