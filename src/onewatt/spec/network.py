"""Networks of a chip, what its actions cost, and checks that its nodes share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from onewatt.errors import InputError, unknown
from onewatt.spec.types import Joules, Metres, Noun
from onewatt.spec.types import WordsPerCycle as Rate

#: What a chip calls the operands of its arithmetic.
TENSORS = ("Inputs", "Weights", "Outputs")

Action = Literal[
    "read", "fill", "update", "drain", "hop", "compute", "gated", "skipped", "metadata",
    "leak", "clock", "idle",
]  # fmt: skip


class ActionEnergy(Noun):
    """What one action costs, stated by the chip itself instead of the component library.

    `low` and `high` are the band of its sources; without them the value stands alone.
    """

    action: Action
    energy: Joules
    low: Joules | None = None
    high: Joules | None = None
    source: str = ""


Delivery = Literal["unicast", "multicast", "broadcast", "grouped", "interleaved"]


def above_zero(where: str, **values: float | None) -> None:
    """Refuse values that are not more than nothing; None is not stated."""
    for name, value in values.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InputError(f"{where} has {name} {value!r}; expected more than 0")


def at_least_zero(where: str, **values: float | None) -> None:
    """Refuse values below nothing; None is not stated."""
    for name, value in values.items():
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise InputError(f"{where} has {name} {value!r}; expected at least 0")


def named_once(where: str, what: str, *lists: Sequence[str]) -> None:
    """Refuse a name that comes twice in one list."""
    for names in lists:
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{where} names {what} {name!r} twice; expected it once")


def known_tensors(where: str, names: tuple[str, ...]) -> None:
    """Refuse tensors no chip knows."""
    for name in names:
        if name not in TENSORS:
            raise InputError(f"{where}: {unknown('tensor', name, TENSORS)}")


class Network(Noun, tag_field="kind", tag="network"):
    """How words of some tensors get from one level to the instances of the next.

    `delivery` says which receivers share one read of the source: none (``unicast``), those along
    `axes` that want the same word (``multicast``), or all (``broadcast``).  Where an array lies in
    an array there are two more: those of one inner array (``grouped``), or those at the same place
    of every inner array (``interleaved``), again along `axes`.  A network that
    `reduces` adds the partial sums of its receivers on the way up; one that `forwards` lets an
    instance take a word from its neighbour instead of the source.  `length` is how far one hop
    goes, for the component library.
    """

    name: str
    tensors: tuple[str, ...]
    source: str = ""
    sinks: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    delivery: Delivery = "multicast"
    words_per_cycle: Rate | None = None
    reduces: bool = False
    forwards: bool = False
    component: str = ""
    length: Metres | None = None
    energy: tuple[ActionEnergy, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        """Refuse rates of nothing and tensors no chip knows."""
        where = f"network {self.name!r}"
        above_zero(where, words_per_cycle=self.words_per_cycle, length=self.length)
        known_tensors(where, self.tensors)
