"""Prices: what one more KiB, word per cycle or row of a chip is worth, found by searching again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from onewatt.components.library import prices as price_list
from onewatt.diagnose.changes import Lever, changed, levers
from onewatt.errors import InputError, MappingError
from onewatt.mapper.exact import Tiles
from onewatt.mapper.search import DEFAULT_TILES, search
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.result import Result
from onewatt.spec.types import Noun

#: Called with what is done, how much there is in all, and what is tried.
Progress = Callable[[int, int, str], None]
KIB = 8192.0
#: Two figures closer than this share are the same: what rounding makes of sums.
_SAME = 1e-9
#: A network that is searched in less than this is searched in one process: others take as long to
#: start [s].
_POOL_PAYS = 5.0


class Worth(Noun):
    """What a change of a chip is worth: differences to the chip as it is, for one batch.

    `amount` is what is added, in `unit`: KiB over all instances, words per cycle of each instance
    or network, rows or columns.  `energy` [J] and `latency` [s] are what changes; `share` is that
    of the objective [1].  `access` is the energy of one read after and before the change, if it
    follows the size [J].  `failed` says why there is no mapping or no price, if there is none.
    """

    lever: Lever
    after: float
    amount: float
    unit: str
    energy: float = 0.0
    latency: float = 0.0
    share: float = 0.0
    area: float | None = None
    access: tuple[float, float] | None = None
    failed: str = ""

    @property
    def matters(self) -> bool:
        """Whether anything changes."""
        return bool(self.energy or self.latency)

    @property
    def gains(self) -> bool:
        """Whether the objective gets less."""
        return self.share < 0


class Priced(Noun):
    """A lever with its next step, and if that gains nothing the first up to `reach` that does.

    `note` says what stays as it is although the chip changes.
    """

    step: Worth
    next: Worth | None
    note: str


class ChipPrices(Noun):
    """What each figure of a chip is worth to a network.

    `energy` [J] and `latency` [s] are of a batch on the chip as it is; `reach` is how many times
    its value a figure was raised to look for a change; `searches` counts networks searched.
    """

    workload: str
    chip: str
    objective: str
    tiles: str
    energy: float
    latency: float
    reach: float
    rows: tuple[Priced, ...]
    searches: int


class Again:
    """Searches a network of a result again on chips that differ, each once."""

    def __init__(
        self, result: Result, tiles: Tiles, *, workers: int = 1, cache: Path | None = None
    ) -> None:
        self.result, self.workers, self.cache = result, workers, cache
        self.tiles: Tiles = tiles
        self.known: dict[Architecture, Result | str] = {}
        self._took = 0.0

    def on(self, chip: Architecture) -> Result | str:
        """Return the result on a chip, or why no mapping fits."""
        if chip not in self.known:
            given, begun = self.result, time.monotonic()
            workers = self.workers if self._took > _POOL_PAYS else 1
            try:
                self.known[chip] = search(
                    given.workload, chip, objective=given.objective, within=given.within,
                    batch=given.batch, seed=given.seed, workers=workers, tiles=self.tiles,
                    cache=self.cache,
                )  # fmt: skip
            except MappingError as error:
                self.known[chip] = str(error)
            self._took = time.monotonic() - begun
        return self.known[chip]


def tiles_of(result: Result) -> Tiles:
    """Return the set of tile sizes a result was searched in, the default if it does not say.

    Raises
    ------
    InputError
        If the result was not searched, or reads no loop nests: there is nothing to search again.
    """
    if result.convention != "literal" or result.mapspace == "given mappings":
        raise InputError(
            f"found a result with {result.mapspace} in convention {result.convention!r}; expected "
            "one of 'onewatt analyze' in convention 'literal', which can be searched again"
        )
    name = result.mapspace.partition(":")[0]
    for valid in get_args(Tiles):
        if name == valid:
            return valid
    return DEFAULT_TILES


def chip_prices(
    result: Result,
    *,
    tiles: Tiles | None = None,
    reach: float = 2.0,
    workers: int = 1,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> ChipPrices:
    """Return what one more KiB, word per cycle, row and column of a chip is worth to a network.

    Parameters
    ----------
    result : Result
        A network that was searched on a chip.
    tiles : str or None
        The set of tile sizes to search in, by default that of the result.
    reach : float
        If the next step gains nothing, twice the step is tried, and so on up to this many times
        the figure [1].
    workers : int
        Processes to search layers in, 0 for every processor.
    cache : Path or None
        A folder where finished layers are kept and found again.
    progress : callable or None
        Called with levers done, levers in all, and the lever that is tried.

    Returns
    -------
    ChipPrices
        One row for each lever of `onewatt.diagnose.changes.levers`.

    Raises
    ------
    InputError
        If the result cannot be searched again.

    Notes
    -----
    Each price is a difference of two optima: the network is searched again on the changed chip,
    with the objective of the result.  The KiB is spread over the instances of a memory in whole
    words (of 16 bits where the memory states no word), at least one each.

    Examples
    --------
    >>> import onewatt as ow
    >>> result = ow.search(ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss"), tiles="perfect")
    >>> found = chip_prices(result, reach=1.0)
    >>> row = next(r.step for r in found.rows if r.step.lever.name == "DRAM shared bandwidth")
    >>> round(row.share, 2)  # of energy times delay, for one word per cycle more than 1.2
    -0.51
    """
    among = tiles or tiles_of(result)
    if tiles is not None:
        tiles_of(result)
    again = Again(result, among, workers=workers, cache=cache)
    base = again.on(result.architecture)
    if isinstance(base, str):
        raise MappingError(base)
    every = levers(result.architecture)
    rows: list[Priced] = []
    for i, lever in enumerate(every):
        if progress:
            progress(i, len(every), lever.name)
        rows.append(_priced(again, base, lever, reach))
    if progress:
        progress(len(every), len(every), "")
    return ChipPrices(
        workload=base.workload.name, chip=base.architecture.name, objective=base.objective,
        tiles=among, energy=base.energy, latency=base.latency, reach=reach, rows=tuple(rows),
        searches=len(again.known),
    )  # fmt: skip


def step_of(chip: Architecture, lever: Lever) -> float:
    """Return the next step of a lever, in its unit: a KiB over all instances, or one of it."""
    if lever.what != "capacity":
        return lever.value if lever.what == "clock" else 1.0
    memory = next(m for m in chip.memories if m.name == lever.place)
    word = memory.word or chip.mac.accumulate_bits
    each = KIB / chip.instances(lever.place)
    return float(word * math.ceil(each / word - 1e-9))


def _priced(again: Again, base: Result, lever: Lever, reach: float) -> Priced:
    step = step_of(base.architecture, lever)
    first = _worth(again, base, lever, lever.value + step)
    after, many = None, 2.0
    while not (first.gains or first.failed) and lever.value + many * step <= reach * lever.value:
        tried = _worth(again, base, lever, lever.value + many * step)
        if tried.gains:
            after = tried
            break
        many *= 2
    note = "networks keep their words per cycle" if lever.what == "instances" else ""
    return Priced(step=first, next=after, note=note)


def _worth(again: Again, base: Result, lever: Lever, value: float) -> Worth:
    amount, unit = (
        round(value - lever.value, 9),
        {"instances": "instances"}.get(lever.what, lever.unit),
    )
    if lever.what == "capacity":
        amount, unit = amount * base.architecture.instances(lever.place) / KIB, "KiB"
    try:
        chip = changed(base.architecture, lever, value)
        found = again.on(chip)
    except InputError as error:  # a size for which nothing says what an access costs
        return Worth(lever=lever, after=value, amount=amount, unit=unit, failed=str(error))
    if isinstance(found, str):
        return Worth(lever=lever, after=value, amount=amount, unit=unit, failed=found)
    energy = _apart(found.energy, base.energy)
    latency = _apart(found.latency, base.latency)
    return Worth(
        lever=lever, after=value, amount=amount, unit=unit, energy=energy, latency=latency,
        share=_objective(found) / _objective(base) - 1 if energy or latency else 0.0,
        area=found.prices.area - base.prices.area if base.prices.areas else None,
        access=_access(base.architecture, chip, lever),
    )  # fmt: skip


def _apart(after: float, before: float) -> float:
    return 0.0 if abs(after - before) <= _SAME * before else after - before


def _objective(result: Result) -> float:
    if result.objective in ("energy", "latency"):
        return result.energy if result.objective == "energy" else result.latency
    return result.edp


def _access(before: Architecture, after: Architecture, lever: Lever) -> tuple[float, float] | None:
    """Return the energy of a read after and before, where it follows the size [J]."""
    node = next((n for n in before.nodes if n.name == lever.place), None)
    if lever.what != "capacity" or not isinstance(node, Memory):
        return None
    prices = [price_list(chip).find(node.name, "read").energy for chip in (after, before)]
    return None if prices[0] == prices[1] else (prices[0], prices[1])
