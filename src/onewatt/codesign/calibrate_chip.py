"""Calibrated chips: fitted factors become energies, rates, a clock and a launch."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from onewatt.codesign.calibrate_terms import COMPUTE, IDLE, standing_power
from onewatt.components.library import LAUNCH
from onewatt.components.library import prices as price_list
from onewatt.model.parts import STANDING
from onewatt.spec.architecture import (
    ActionEnergy,
    Architecture,
    Clock,
    Compute,
    Container,
    Launch,
    Memory,
    Network,
    Node,
)
from onewatt.spec.price import Price


class Factor(NamedTuple):
    """A fitted value and its interval: a multiple of what the chip states, or in W, J or s."""

    value: float = 1.0
    low: float = 1.0
    high: float = 1.0
    why: str = ""


Factors = dict[str, Factor]


def calibrated(chip: Architecture, energy: Factors, latency: Factors, source: str) -> Architecture:
    """Return a chip with fitted energies and times.

    Parameters
    ----------
    chip : Architecture
        The chip that was fitted.
    energy : mapping of str to Factor
        By part; a part without one keeps its energies.  ``idle`` is in W and ``launch`` in J if
        the chip states none.
    latency : mapping of str to Factor
        Multiples of times: ``compute`` changes the clock, memories and networks their rates;
        ``launch`` is in s if the chip states none.
    source : str
        The provenance.

    Notes
    -----
    A step of compute that takes f times as long is a clock f times slower; words per cycle are
    raised by as much where a port keeps its pace in seconds.  Standing power stays in watts.
    """
    pace = latency.get(COMPUTE, Factor()).value
    clock = chip.clock / pace
    nodes = tuple(_node(chip, n, energy, latency, pace) for n in chip.nodes)
    launch = _launch(chip, energy.get(LAUNCH), latency.get(LAUNCH))
    return replace(
        chip, name=f"{chip.name}_calibrated", title=_titled(chip), source=source, clock=clock,
        nodes=nodes, launch=launch, upkeep=_upkeep(chip, energy.get(IDLE), pace),
    )  # fmt: skip


def _titled(chip: Architecture) -> str:
    return f"{chip.title or chip.name}, calibrated"


def _node(
    chip: Architecture, node: Node, energy: Factors, latency: Factors, pace: float
) -> Node:  # fmt: skip
    if isinstance(node, Container):
        return node
    priced = _priced(chip, node, energy, pace)
    slower = latency.get(node.name, Factor()).value
    ports = pace / slower if slower else None
    if isinstance(node, Memory):
        return replace(
            node, energy=priced, leak=None, read_bandwidth=_rate(node.read_bandwidth, ports),
            write_bandwidth=_rate(node.write_bandwidth, ports),
            shared_bandwidth=_rate(node.shared_bandwidth, ports),
        )  # fmt: skip
    if isinstance(node, Network):
        return replace(node, energy=priced, words_per_cycle=_rate(node.words_per_cycle, ports))
    return replace(node, energy=priced, leak=None)


def _rate(words: float | None, factor: float | None) -> float | None:
    """Return a rate times a factor; None, a port that never holds up, has no limit."""
    return words * factor if words and factor else None


def _priced(
    chip: Architecture, node: Memory | Network | Compute, energy: Factors, pace: float
) -> tuple[ActionEnergy, ...]:
    own, idle = energy.get(node.name), energy.get(IDLE)
    found: list[ActionEnergy] = []
    for price in price_list(chip).prices:
        if price.component != node.name:
            continue
        if price.action in STANDING:
            found.append(_stated(price, idle, pace))
        else:
            found.append(_stated(price, own))
    return tuple(found)


def _stated(price: Price, factor: Factor | None, pace: float = 1.0) -> ActionEnergy:
    """Return a price times a factor; its band is then that of the fit, not of the sources."""
    if factor is None:
        low, high, energy, source = price.low, price.high, price.energy, price.source
    else:
        energy = price.energy * factor.value
        low, high = price.energy * factor.low, price.energy * min(factor.high, 1e12)
        source = f"{factor.why}; before: {price.source}"
    return ActionEnergy(
        action=price.action,  # type: ignore[arg-type]
        energy=energy * pace, low=min(low, energy) * pace, high=max(high, energy) * pace,
        source=source,
    )  # fmt: skip


def _upkeep(chip: Architecture, idle: Factor | None, pace: float) -> Clock:
    stated = [p for p in price_list(chip).prices if p.component == "chip"]
    if idle is not None and not standing_power(chip):
        per_cycle = pace / chip.clock
        power = Price(
            component="chip", action="idle", energy=per_cycle, low=per_cycle, high=per_cycle,
            source="none",
        )  # fmt: skip
        return Clock(energy=(_stated(power, idle),))
    return Clock(energy=tuple(_stated(p, idle, pace) for p in stated))


def _launch(chip: Architecture, energy: Factor | None, time: Factor | None) -> Launch:
    old = chip.launch
    taken = old.time if time is None else time.value * (old.time or 1.0)
    if energy is None:
        return replace(old, time=taken, source=time.why if time else old.source)
    unit = old.energy or 1.0
    why = energy.why if time is None else f"energy: {energy.why}; time: {time.why}"
    return Launch(
        time=taken, energy=energy.value * unit, source=why,
        low=min(energy.low, energy.value) * unit,
        high=max(min(energy.high, 1e12), energy.value) * unit,
    )  # fmt: skip
