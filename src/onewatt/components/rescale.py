"""Rescaling: what a chip states for one size, carried to another by the law of its class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from onewatt.components.estimate import Conditions, area, estimate
from onewatt.components.library import conditions
from onewatt.errors import InputError
from onewatt.spec.architecture import (
    ActionEnergy,
    Architecture,
    Compute,
    Container,
    Memory,
    Network,
    Node,
)

Priced = Memory | Network | Compute
_WRITES = ("fill", "update")


def rescaled(before: Architecture, after: Architecture) -> Architecture:
    """Return a changed chip whose stated energies, leakage and areas follow its new sizes.

    Parameters
    ----------
    before : Architecture
        The chip that the figures were stated for.
    after : Architecture
        The same nodes with other capacities, widths, lengths or another process.

    Returns
    -------
    Architecture
        `after`, where a stated figure whose node has another size is multiplied by what the
        library says of its component class: estimate at the new size over estimate at the old one.
        The `source` of each says so.  Figures that `after` itself states anew stay.

    Raises
    ------
    InputError
        If a memory with stated figures changes size but names no component class whose law to
        follow.  Networks follow the law of wires, arithmetic that of its kind.

    Notes
    -----
    A measured energy of one size is a better anchor than the library's value, and the library's
    exponent a better guess of the trend than a constant.  Leakage follows the area.  What has no
    size keeps its figures: the upkeep of the chip and its overhead area.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> from onewatt.spec.architecture import Technology
    >>> chip = load_chip("eyeriss")
    >>> small = replace(chip, technology=Technology(node=28e-9, voltage=0.9))
    >>> energy = rescaled(chip, small).mac.energy[0]
    >>> energy.energy < chip.mac.energy[0].energy
    True
    """
    known = {n.name: n for n in before.nodes}
    nodes = tuple(_node(before, after, known.get(n.name), n) for n in after.nodes)
    return after if nodes == after.nodes else replace(after, nodes=nodes)


def _node(before: Architecture, after: Architecture, old: Node | None, new: Node) -> Node:
    if isinstance(new, Container) or type(old) is not type(new):
        return new
    assert not isinstance(old, Container | None)
    was, now = conditions(before, old), conditions(after, new)
    if was == now:
        return new
    kept = {e.action: e for e in old.energy}
    stale = [e for e in new.energy if e == kept.get(e.action) and e.energy]
    sized = _stale_sizes(old, new)
    law = _law(new)
    if not (stale or sized) or _same_law(law, was, now):
        return new
    if not law:
        raise InputError(
            f"chip {after.name!r}, node {new.name!r}: its size changes, but its energy is stated "
            "for one size and it names no component class whose law to follow; name one in the "
            "chip's file (component: sram), or in a study set its energy together with its size in "
            "the settings of a knob, or keep it on purpose with 'pricing: stated'"
        )
    note = f"scaled with {_change(was, now)} by the law of class {law!r}"
    energy = tuple(_scaled(law, e, was, now, note) if e in stale else e for e in new.energy)
    by_area = _ratio_of_areas(law, was, now) if sized else 1.0
    changes: dict[str, Any] = {name: value * by_area for name, value in sized.items()}
    return replace(new, energy=energy, **changes)


def _stale_sizes(old: Priced, new: Priced) -> dict[str, float]:
    """Return the stated area and leakage that were stated for the old size."""
    if isinstance(old, Network) or isinstance(new, Network):
        return {}
    pairs = {"area": (old.area, new.area), "leak": (old.leak, new.leak)}
    return {name: b for name, (a, b) in pairs.items() if b is not None and a == b}


def _law(node: Priced) -> str:
    """Return the class whose law a node follows; of a memory only the chip can say it."""
    if node.component or isinstance(node, Memory):
        return node.component
    if isinstance(node, Network):
        return "noc_hop"
    return "mac" if node.work == "mac" else "alu"


def _same_law(law: str, was: Conditions, now: Conditions) -> bool:
    """Say whether the library makes no difference between two sizes of a component."""
    if not law:
        return False
    same = all(
        estimate(law, was, write=w).energy == estimate(law, now, write=w).energy
        for w in (False, True)
    )
    return same and area(law, was) == area(law, now)


def _scaled(
    law: str, own: ActionEnergy, was: Conditions, now: Conditions, note: str
) -> ActionEnergy:
    if own.action == "leak":
        factor = _ratio_of_areas(law, was, now)
    else:
        write = own.action in _WRITES

        def energy(at: Conditions) -> float:
            return estimate(law, at, write=write).energy

        factor = _ratio(energy, was, now)
    return replace(
        own, energy=own.energy * factor, low=None if own.low is None else own.low * factor,
        high=None if own.high is None else own.high * factor,
        source=f"{own.source}; {note}" if own.source else note,
    )  # fmt: skip


def _ratio(law: Callable[[Conditions], float], was: Conditions, now: Conditions) -> float:
    base = law(was)
    return law(now) / base if base else 1.0


def _ratio_of_areas(component: str, was: Conditions, now: Conditions) -> float:
    def size(at: Conditions) -> float:
        found = area(component, at)
        return found[0] if found is not None else 0.0

    return _ratio(size, was, now)


def _change(was: Conditions, now: Conditions) -> str:
    names = [n for n, a, b in zip(was._fields, was, now, strict=True) if a != b]
    return " and ".join(names)
