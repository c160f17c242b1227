"""The smallest change of a chip that meets a missed budget, found by searching again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

from onewatt.components.library import prices as price_list
from onewatt.diagnose.changes import Lever, changed, levers
from onewatt.diagnose.prices import Again, Progress, step_of, tiles_of
from onewatt.errors import InputError, OnewattError
from onewatt.mapper.exact import Tiles
from onewatt.model.bound import Part, least
from onewatt.model.budget import judge, on_chip_bits
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Budget, BudgetLimit, Verdict
from onewatt.spec.result import Result
from onewatt.spec.types import Noun
from onewatt.spec.workload import Einsum

#: How far a figure is changed at most, and by how much at a time [1].
MOST, STEP = 16.0, math.sqrt(2.0)
#: Two values closer than this are one, where a lever has no whole steps [1].
_CLOSE = 1.01
#: Chips that are searched before the search for a pair of changes gives up.
EFFORT = 100
#: By how much each of a pair of changes is turned [1].
_PAIRED = (2.0**0.5, 2.0, 4.0, 0.5**0.5, 0.5, 0.25)


class Turn(Noun):
    """A lever and the value it is turned to."""

    lever: Lever
    after: float

    @property
    def factor(self) -> float:
        """What the value is of what it was [1]."""
        return self.after / self.lever.value


class Meeting(Noun):
    """The smallest change that meets a budget.

    `turns` are one or two levers; none if no change was found, or if the budget is met as it is.
    `others` are single levers that would also do, the smaller change first.  `verdicts` are those
    of the changed chip.  `looked_at` counts chips, of which `bounded` were dismissed by a lower
    bound without a search; `given_up` says that pairs were left.
    """

    turns: tuple[Turn, ...]
    others: tuple[Turn, ...]
    verdicts: tuple[Verdict, ...]
    energy: float
    latency: float
    looked_at: int
    bounded: int
    given_up: bool

    @property
    def found(self) -> bool:
        """Whether a change was found, or none is needed."""
        return all(v.met for v in self.verdicts)


class _Tried:
    """Judges changed chips by a budget and counts them."""

    def __init__(self, again: Again, budget: Budget) -> None:
        self.again, self.budget = again, budget
        self.known: dict[tuple[Turn, ...], Result | None] = {}
        self.bounded = 0

    def meets(self, *given: Turn) -> bool:
        """Return whether a chip with these changes, in any order, meets the budget."""
        turns = _ordered(given)
        if turns not in self.known:
            self.known[turns] = self._result(turns)
        return self.known[turns] is not None

    def _result(self, turns: tuple[Turn, ...]) -> Result | None:
        try:
            chip = self.again.result.architecture
            for turn in turns:
                chip = changed(chip, turn.lever, turn.after)
            if self._hopeless(chip):
                self.bounded += 1
                return None
            found = self.again.on(chip)
            if isinstance(found, str):
                return None
            return found if all(v.met for v in judge(found, self.budget)) else None
        except OnewattError:  # a chip that cannot be built or priced meets nothing
            return None

    def _hopeless(self, chip: Architecture) -> bool:
        """Say whether no mapping on a chip can meet the budget, by what none undercuts."""
        return any(self._beyond(chip, limit) for limit in self.budget.limits)

    def _beyond(self, chip: Architecture, limit: BudgetLimit) -> bool:
        result = self.again.result
        if limit.kind == "area":
            return price_list(chip).area > limit.asked
        if limit.kind == "capacity":
            return on_chip_bits(chip) > limit.asked
        if limit.kind in ("latency", "rate"):
            most = result.batch / limit.asked if limit.kind == "rate" else limit.asked
            return _surely_more(result, chip, "cycles", most * chip.clock)
        rate = self.budget.rate
        if limit.kind == "power" and rate is None:
            return False
        each = limit.asked if limit.kind == "energy" or rate is None else limit.asked / rate
        return _surely_more(result, chip, "energy", each * result.batch)


def _ordered(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    return tuple(sorted(turns, key=lambda t: (t.lever.name, t.after)))


def _surely_more(result: Result, chip: Architecture, unit: str, most: float) -> bool:
    """Say whether every mapping takes more than so many joules or cycles, by the cheap bounds."""
    prices = price_list(chip)
    layers: dict[object, tuple[Einsum, int]] = {}
    for e in result.workload.einsums:
        layers[e.signature] = (e, layers.get(e.signature, (e, 0))[1] + e.count)
    at = 0 if unit == "energy" else 1
    parts: tuple[Part, ...] = ("once", "compulsory")
    return any(
        math.fsum(least(e, chip, prices, part)[at] / e.count * n for e, n in layers.values())
        > most * (1 + 1e-9)
        for part in parts
    )


def smallest_change(
    result: Result,
    *,
    budget: Budget | str | None = None,
    tiles: Tiles | None = None,
    workers: int = 1,
    cache: Path | None = None,
    progress: Progress | None = None,
    effort: int = EFFORT,
) -> Meeting:
    """Return the smallest change of a chip, by a factor, with which a network meets its budget.

    Parameters
    ----------
    result : Result
        A network that was searched on a chip.
    budget : Budget, str or None
        What to meet; by default what the result was judged by.
    tiles : str or None
        The set of tile sizes to search in, by default that of the result.
    workers : int
        Processes to search layers in, 0 for every processor.
    cache : Path or None
        A folder where finished layers are kept and found again.
    progress : callable or None
        Called with levers done, levers in all, and the lever that is tried.
    effort : int
        Chips to search before giving up on pairs.

    Returns
    -------
    Meeting
        One lever, or two where no single one is enough; none if none was found.

    Raises
    ------
    InputError
        If there is no budget, or the result cannot be searched again.

    Notes
    -----
    Single levers (every memory's capacity and ports, networks, axes, the clock at the same voltage)
    are stepped up and down by factors of sqrt(2), up to 16, until one meets the budget; the last
    step is then halved until the values are neighbours.  What a lever does need not be monotone,
    so a smaller change may exist between two steps that both fail.  If no lever is enough, pairs
    are tried by factors up to 4, the smaller changes first, and each of the two is then halved.  A
    chip on which a lower bound already misses the budget is not searched.

    Examples
    --------
    >>> import onewatt as ow
    >>> result = ow.search(ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss"), tiles="perfect")
    >>> found = smallest_change(result, budget="1 ms")
    >>> [(t.lever.name, round(t.factor, 2)) for t in found.turns]
    [('DRAM shared bandwidth', 1.12)]
    """
    if isinstance(budget, str):
        budget = Budget.parse(budget)
    if budget is None:
        limits = tuple(BudgetLimit(kind=v.kind, asked=v.asked) for v in result.budget)
        budget = Budget(limits=limits)
    if not budget.limits:
        raise InputError("found no budget to meet; state one, such as --budget '1 W, 30 fps'")
    again = Again(result, tiles or tiles_of(result), workers=workers, cache=cache)
    tried = _Tried(again, budget)
    base = again.on(result.architecture)
    if tried.meets() or isinstance(base, str):
        return _meeting(tried, (), [], given_up=False)
    every = levers(result.architecture, clock=True)
    singles: list[Turn] = []
    for i, lever in enumerate(every):
        if progress:
            progress(i, len(every), lever.name)
        far = min((_size(t) for t in singles), default=math.log(MOST))
        singles += [t for up in (True, False) if (t := _nearest(tried, lever, up, far))]
    singles.sort(key=lambda t: (_size(t), t.lever.name))
    if singles:
        return _meeting(tried, (singles[0],), singles[1:], given_up=False)
    pair, given_up = _pair(tried, every, effort, progress)
    return _meeting(tried, pair, [], given_up=given_up)


def _size(turn: Turn) -> float:
    return abs(math.log(turn.factor))


def _whole(chip: Architecture, lever: Lever, value: float) -> float:
    """Return a value as a lever has it: whole instances and words; rates are free."""
    if lever.what == "instances":
        return float(max(1, round(value)))
    if lever.what == "capacity":
        step = step_of(chip, lever)
        word = next(m.word or chip.mac.accumulate_bits
                    for m in chip.memories if m.name == lever.place)  # fmt: skip
        grain = min(step, float(word))
        return max(grain, grain * round(value / grain))
    return value


def _nearest(tried: _Tried, lever: Lever, up: bool, far: float) -> Turn | None:
    """Return the nearest value of a lever in one direction that meets the budget, within a size."""
    chip = tried.again.result.architecture
    last, size = lever.value, math.log(STEP)
    while size <= far * (1 + 1e-9) or size == math.log(STEP):
        value = _whole(chip, lever, lever.value * math.exp(size if up else -size))
        turn = Turn(lever=lever, after=value)
        if value not in (last, lever.value) and tried.meets(turn):
            return _closer(tried, lever, last, value)
        last, size = value, size + math.log(STEP)
    return None


def _closer(
    tried: _Tried, lever: Lever, fails: float, meets: float, beside: tuple[Turn, ...] = ()
) -> Turn:
    """Halve the way between a value that fails and one that meets the budget, others as given."""
    chip = tried.again.result.architecture
    while True:
        middle = _whole(chip, lever, math.sqrt(fails * meets))
        apart = max(fails, meets) / min(fails, meets)
        if middle in (fails, meets) or apart < _CLOSE:
            return Turn(lever=lever, after=meets)
        if tried.meets(*beside, Turn(lever=lever, after=middle)):
            meets = middle
        else:
            fails = middle


def _pair(
    tried: _Tried, every: tuple[Lever, ...], effort: int, progress: Progress | None
) -> tuple[tuple[Turn, ...], bool]:
    chip = tried.again.result.architecture
    pairs = sorted(_pairs(chip, every), key=lambda p: _size(p[0]) + _size(p[1]))
    for i, (one, two) in enumerate(pairs):
        if len(tried.again.known) >= effort:
            return (), True
        if progress:
            progress(i, len(pairs), f"{one.lever.name} and {two.lever.name}")
        if tried.meets(one, two):
            one = _closer(tried, one.lever, one.lever.value, one.after, (two,))
            two = _closer(tried, two.lever, two.lever.value, two.after, (one,))
            return (one, two), False
    return (), False


def _pairs(chip: Architecture, every: tuple[Lever, ...]) -> Iterator[tuple[Turn, Turn]]:
    for a, b in itertools.combinations(every, 2):
        for f, g in itertools.product(_PAIRED, repeat=2):
            one = Turn(lever=a, after=_whole(chip, a, a.value * f))
            two = Turn(lever=b, after=_whole(chip, b, b.value * g))
            if one.after != a.value and two.after != b.value:
                yield one, two


def _meeting(
    tried: _Tried, turns: tuple[Turn, ...], others: list[Turn], *, given_up: bool
) -> Meeting:
    found = tried.known.get(_ordered(turns)) if turns or tried.known.get(()) else None
    base = tried.again.on(tried.again.result.architecture)
    shown = found if isinstance(found, Result) else base
    if isinstance(shown, str):
        raise InputError(shown)
    return Meeting(
        turns=turns, others=tuple(others), verdicts=judge(shown, tried.budget),
        energy=shown.energy, latency=shown.latency, looked_at=len(tried.known),
        bounded=tried.bounded, given_up=given_up,
    )  # fmt: skip
