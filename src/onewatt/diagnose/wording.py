"""Causes and knobs in plain words: what costs a layer its speed, and what would lift it."""

from __future__ import annotations

import math
from typing import NamedTuple

from onewatt.diagnose.bounds import Facts, placed, with_axes
from onewatt.diagnose.placement import shapes
from onewatt.model import sparse
from onewatt.spec.cost import busy_cycles

#: Arrays of other shapes that are looked through.
_MOST_PES = 2**16


class Said(NamedTuple):
    """Why a step costs what it costs, and what would lift it; no knob where nothing is lost."""

    cause: str
    knob: str


def said(facts: Facts, objective: str) -> tuple[Said, ...]:
    """Return the words for each of the seven bounds."""
    first = (_layer_shape(facts), _dataflow(facts), _number_of_pes(facts))
    return (
        *(_rounded(facts, step, words) for step, words in enumerate(first)),
        _array_dimensions(facts),
        _storage(facts, objective),
        _bandwidth(facts),
        _access_pattern(facts),
    )


def _rounded(facts: Facts, step: int, words: Said) -> Said:
    """Add what is lost to nothing but whole cycles: the last one is not full."""
    cycles, before = facts.cycles[step], facts.cycles[step - 1] if step else 0.0
    if words.knob or cycles <= max(before, facts.ideal):
        return words
    return Said(
        f"{words.cause}; {cycles:.0f} whole cycles where {facts.ideal:.4g} would do",
        "a larger layer or batch, to fill the last cycle",
    )


def _layer_shape(facts: Facts) -> Said:
    points, pes = facts.einsum.points, facts.chip.pes
    if points < pes:
        return Said(f"the layer has {points} MACs, the chip {pes} PEs", "a larger layer or batch")
    return Said(f"{points} MACs, all at once", "")


def _dataflow(facts: Facts) -> Said:
    serial, name = facts.space.serial, facts.chip.dataflow.name
    if not serial:
        return Said(f"{name} may lay every rank over the array", "")
    cause = f"{name} lays no {_list(serial)} over the array: one after another"
    if facts.space.parallel >= facts.chip.pes:
        return Said(cause, "")
    return Said(cause, _permission(facts))


def _permission(facts: Facts) -> str:
    """Name the one permission of the dataflow that would help most."""
    best, words = facts.placement.steps, ""
    for r, rank in enumerate(facts.einsum.ranks):
        for a, axis in enumerate(facts.chip.axes):
            if rank.size == 1 or facts.space.allowed[r][a]:
                continue
            row = tuple(on or i == a for i, on in enumerate(facts.space.allowed[r]))
            freer = (*facts.space.allowed[:r], row, *facts.space.allowed[r + 1 :])
            steps = placed(facts.einsum, facts.chip, freer).steps
            if steps < best:
                best = steps
                words = f"a dataflow that lays {rank.name} over {axis.name}: " + _faster(
                    facts.placement.steps, steps
                )
    return words


def _faster(before: float, after: float) -> str:
    return f"{before / after:.3g} times the MACs a cycle"


def _number_of_pes(facts: Facts) -> Said:
    parallel, pes = facts.space.parallel, facts.chip.pes
    rounds = -(-parallel // pes)
    last = parallel - (rounds - 1) * pes
    if parallel <= pes:
        return Said(f"{parallel} MACs at once need no more than {pes} PEs", "")
    cause = f"{parallel} MACs at once on {pes} PEs: {rounds} rounds"
    if last == pes:
        return Said(f"{cause}, all of them full", "")
    return Said(
        f"{cause}, the last one on {last} PEs", "a number of PEs that divides the parallel work"
    )


def _array_dimensions(facts: Facts) -> Said:
    if not facts.chip.axes:
        return Said("the chip has no array", "")
    held = "; ".join(_axis(facts, a) for a in range(len(facts.chip.axes)))
    busy, (_, full) = math.prod(facts.placement.instances), fragmentation(facts)
    cause = f"{held}: {busy} of {facts.chip.pes} PEs, {full:.0%} of the time on average"
    if facts.cycles[3] <= max(facts.cycles[2], facts.ideal):
        return Said(cause, "")
    return Said(
        cause, _shape(facts) or _permission(facts) or "sizes of the layer that fill the array"
    )


def _axis(facts: Facts, a: int) -> str:
    axis = facts.chip.axes[a]
    rows = zip(facts.einsum.ranks, facts.placement.spread, strict=True)
    parts = [f"{rank.name} {row[a]}" for rank, row in rows if row[a] > 1]
    return f"{axis.name} of {axis.size} holds {' x '.join(parts) or 'one'}"


def fragmentation(facts: Facts) -> tuple[float, float]:
    """Return the share of PEs that ever have work, and how full those are on average.

    The first is spatial fragmentation, the second temporal; both of the best placement.
    """
    busy = math.prod(facts.placement.instances)
    return busy / facts.chip.pes, facts.einsum.points / (facts.placement.steps * busy)


def _shape(facts: Facts) -> str:
    """Name the array of as many PEs that suits the layer best, if one does better."""
    chip, best, words = facts.chip, facts.placement.steps, ""
    if len(chip.axes) != 2 or chip.pes > _MOST_PES:
        return ""
    for sizes in shapes(chip.pes, 2):
        steps = placed(facts.einsum, with_axes(chip, sizes), facts.space.allowed).steps
        if steps < best:
            best = steps
            names = " x ".join(f"{a.name} {n}" for a, n in zip(chip.axes, sizes, strict=True))
            words = f"an array of {names}: {_faster(facts.placement.steps, steps)}"
    return words


def _storage(facts: Facts, objective: str) -> Said:
    causes: list[str] = []
    knobs: list[str] = []
    if facts.fitting.tight:
        names = _list(facts.fitting.tight)
        more = "" if facts.fitting.proved else " (at least; too many placements to try all)"
        causes.append(f"tiles of the best placement do not fit {names}{more}")
        knobs.append(f"more capacity in {names}")
    else:
        causes.append("the best placement fits every memory")
    if facts.chosen:
        causes.append(
            f"the mapping takes {facts.steps} steps where {facts.fitting.steps} fit, "
            f"on up to {facts.active} PEs"
        )
        knobs.append(
            "--objective latency, at the cost of energy" if objective != "latency"
            else "more bandwidth, or --tiles full"
        )  # fmt: skip
    lost = facts.cycles[4] > max(facts.cycles[3], facts.ideal)
    return Said("; ".join(causes), " and ".join(knobs) if lost else "")


def _bandwidth(facts: Facts) -> Said:
    ports = {name: n for name, n in busy_cycles(facts.busy).items() if name != "compute"}
    slowest = max(ports, key=lambda name: ports[name], default="")
    if not slowest:
        return Said("every memory and network of this chip is as fast as it is asked to be", "")
    cycles = ports[slowest] / facts.einsum.count
    who = f"{slowest} moves {_shares(facts, slowest)} in {cycles:.0f} cycles"
    forced = facts.cycles[4] - facts.chosen
    if cycles <= forced:
        return Said(f"{who}, while the PEs are at work", "")
    ratio = cycles / forced
    return Said(who, f"{ratio:.3g} times the words a cycle at {slowest}, or more reuse")


def _shares(facts: Facts, component: str) -> str:
    rows = [d for d in facts.deliveries if d.component == component]
    if not rows:
        return "its words"
    slowest = max({d.port for d in rows}, key=lambda p: sum(d.cycles for d in rows if d.port == p))
    mine = sorted((d for d in rows if d.port == slowest), key=lambda d: -d.words)
    whole = sum(d.words for d in mine)
    shares = [f"{d.tensor} {d.words / whole:.0%}" for d in mine if d.words >= 0.005 * whole]
    return ", ".join(shares)


def _access_pattern(facts: Facts) -> Said:
    if facts.measured:
        lost, who = facts.cycles[6] > facts.cycles[5], "measured on a machine that ran it"
        if facts.convention == "jssc17" and lost:
            model = _passes(facts)
            return Said(f"{who}; by the model, {model.cause}", model.knob)
        return Said(who, "smoother delivery" if lost else "")
    if facts.cycles[6] <= facts.cycles[5]:
        return Said("no machine has run it; the model sees no waiting", "")
    if facts.convention == "jssc17":
        return _passes(facts)
    causes: list[str] = []
    knobs: list[str] = []
    alone = [b.component for b in facts.busy if not b.overlaps and b.cycles]
    if alone:
        causes.append(f"PEs wait while {_list(alone)} is filled: its buffer is single")
        knobs.append(f"a second buffer in {_list(alone)}")
    if sparse.effective(facts.einsum, facts.chip.mac).paced < 1 < facts.active:
        causes.append("each step lasts as long as the PE with the fewest zeros")
        knobs.append("zeros that lie evenly, or fewer PEs in step")
    return Said("; ".join(causes), " and ".join(knobs))


def _passes(facts: Facts) -> Said:
    """Say what the array of Eyeriss waits for, as its paper counts (docs/eyeriss.md, Latency)."""
    n = facts.einsum.count
    array = busy_cycles(facts.busy).get("compute", 0.0) / n - facts.arithmetic
    link = sum(b.cycles for b in facts.busy if not b.overlaps) / n
    causes: list[str] = []
    knobs: list[str] = []
    if array > 0:
        causes.append(
            f"PEs wait {array:.0f} cycles for filters and first windows of passes, and slow buses"
        )
        knobs.append("a second copy of filters and windows in the PEs")
    if link > 0:
        causes.append(f"the array waits {link:.0f} cycles for the link off chip")
        knobs.append("a second copy of feature maps in the buffer")
    return Said("; ".join(causes), " and ".join(knobs))


def _list(names: tuple[str, ...] | list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
