"""A network on a chip with row-stationary plus: the quickest mapping of each layer, charged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from onewatt.errors import InputError
from onewatt.model.rs_plus.charge import charge
from onewatt.model.rs_plus.layer import layer_of
from onewatt.model.rs_plus.machine import Machine
from onewatt.model.rs_plus.plan import Plan, quickest
from onewatt.spec.cost import Cost
from onewatt.spec.workload import Workload


class Outcome(NamedTuple):
    """A network on a chip: a plan for each layer of MAC work, and the ledger of all."""

    machine: Machine
    plans: tuple[Plan, ...]
    cost: Cost

    @property
    def latency(self) -> float:
        """Time of one inference, layers one after the other [s]."""
        cycles = sum(p.cycles * p.layer.runs for p in self.plans)
        return cycles / self.machine.chip.clock

    @property
    def energy(self) -> float:
        """Energy of one inference without DRAM, as chips are measured [J]."""
        dram = self.machine.chip.memories[0].name
        return sum(e.energy for e in self.cost.entries if e.component != dram)


def run(
    workload: Workload,
    machine: Machine,
    *,
    standing: float = 0.0,
    scale: float = 1.0,
    spreads: Mapping[str, float] | None = None,
) -> Outcome:
    """Map every layer of MAC work to a chip the quickest way, and charge it.

    Parameters
    ----------
    workload : Workload
        The network; its densities count.  Vector work is left out, as it is off chip.
    machine : Machine
        The chip, from `machine_of`.
    standing : float
        Power of clock and leakage [W].
    scale : float
        Factor on every energy of the price list but that of DRAM.
    spreads : mapping of str to float, optional
        By layer, the standard deviation of the density of weights from PE to PE [1].

    Returns
    -------
    Outcome
        Plans, ledger, latency and energy.

    Raises
    ------
    InputError
        If a power or factor is below 0, or the chip cannot hold a layer, by the limit's name.
    MappingError
        If nothing fits.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> from onewatt.importers.zoo import load_zoo
    >>> from onewatt.model.rs_plus.machine import machine_of
    >>> chip = machine_of(load_chip("eyeriss_v2"), stages=7)
    >>> done = run(load_zoo("mobilenet_v1:0.5:128"), chip)
    >>> 1000 < 1 / done.latency < 1562
    True
    """
    if not (standing >= 0 and scale >= 0):
        raise InputError(f"standing power {standing!r} W and factor {scale!r}; expected at least 0")
    plans: list[Plan] = []
    cost, known = Cost(), dict[tuple[object, ...], Plan]()
    for einsum in workload.einsums:
        if einsum.work != "mac":
            continue
        layer = layer_of(einsum, spread=(spreads or {}).get(einsum.name, 0.0))
        like = (tuple(layer.size.items()), *layer[3:])
        if like not in known:
            known[like] = quickest(layer, machine)
        plan = known[like]._replace(layer=layer)
        plans.append(plan)
        cost += charge(plan, machine, standing=standing, scale=scale)
    return Outcome(machine, tuple(plans), cost)
