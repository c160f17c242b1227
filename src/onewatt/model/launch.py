"""Launches: what every run of a layer takes to start, beside its own work."""

from __future__ import annotations

import math

from msgspec.structs import replace

from onewatt.components.library import LAUNCH
from onewatt.model.ledger import line
from onewatt.spec.architecture import Architecture, Launch
from onewatt.spec.cost import Busy, Cost
from onewatt.spec.price import Price, Prices
from onewatt.spec.workload import Einsum


def without_launch(architecture: Architecture) -> Architecture:
    """Return a chip that starts layers at no cost; a launch is the same for every mapping."""
    return replace(architecture, launch=Launch())


def launch_cycles(architecture: Architecture) -> int:
    """Return the cycles one launch takes [1]."""
    return math.ceil(architecture.launch.time * architecture.clock - 1e-6)


def launched(einsum: Einsum, architecture: Architecture, prices: Prices) -> Cost:
    """Return the ledger of the launches of a layer: one a run, none if it is fused.

    Examples
    --------
    >>> import onewatt as ow
    >>> chip = replace(ow.load_chip("eyeriss"), launch=Launch(time=1e-6, energy=2e-9))
    >>> layer = ow.load_workload("mlperf_ad").einsums[0]
    >>> cost = launched(layer, chip, ow.prices(chip))
    >>> cost.energy, cost.busy[0].cycles
    (2e-09, 200)
    """
    if einsum.fused:
        return Cost()
    cycles = launch_cycles(architecture) * einsum.count
    busy = Busy(einsum=einsum.name, component=LAUNCH, cycles=cycles, overlaps=False)
    price = _price(architecture, prices)
    entries = (line(einsum, price, "", LAUNCH, 1),) if price.energy or price.high else ()
    return Cost(entries=entries, busy=(busy,) if cycles else ())


def launch_energy(architecture: Architecture, prices: Prices) -> float:
    """Return the energy of one launch, without what every cycle costs [J]."""
    return _price(architecture, prices).energy


def _price(architecture: Architecture, prices: Prices) -> Price:
    """Return the price of a launch; a list that was made for counting has none."""
    known = prices.get(LAUNCH, LAUNCH)
    if known is not None:
        return known
    return Price(component=LAUNCH, action=LAUNCH, energy=0.0, low=0.0, high=0.0, source="none")
