"""Why not: what keeps a layer from fitting a chip, and what would help."""

from __future__ import annotations

import math

from onewatt.errors import InputError, unknown
from onewatt.mapper.template import Template, templates
from onewatt.model.nest import tile_words
from onewatt.model.words import stored_bits
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.workload import RANKS, Einsum, Workload


def check_limits(workload: Workload, architecture: Architecture) -> None:
    """Refuse limits of a dataflow on ranks that nothing has: they would silently mean nothing.

    Raises
    ------
    InputError
        With the place and the rank.
    """
    ranks = dict.fromkeys([*RANKS, *(r.name for e in workload.einsums for r in e.ranks)])
    for limit in architecture.dataflow.limits:
        for rank in (*(limit.ranks or ()), *limit.order):
            if rank not in ranks:
                raise InputError(
                    f"chip {architecture.name!r}, dataflow {architecture.dataflow.name!r}, limit "
                    f"at {limit.where!r}: {unknown('rank', rank, ranks)}"
                )


def why_not(einsum: Einsum, architecture: Architecture) -> str:
    """Return what failed in each outline of a mapping, how often, and what would help.

    Examples
    --------
    >>> import onewatt as ow
    >>> layer = ow.load_workload("alexnet").einsums[0]
    >>> why_not(layer, ow.load_chip("eyeriss"))
    'no single memory or axis is to blame: its limits exclude each other together'
    """
    reasons: dict[str, int] = {}
    outlines = templates(einsum, architecture)
    for template in outlines:
        for reason in _memories(einsum, architecture, template) + _loops(einsum, template):
            reasons[reason] = reasons.get(reason, 0) + 1
    if not reasons:
        return "no single memory or axis is to blame: its limits exclude each other together"
    many = len(outlines)
    return "; ".join(
        f"{reason} (in {n} of {many} choices of what memories keep)" if many > 1 else reason
        for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    )


def _memories(einsum: Einsum, architecture: Architecture, template: Template) -> list[str]:
    """Return the memories that do not hold even the smallest tile that loops allow."""
    reasons: list[str] = []
    for i, stage in enumerate(template.stages):
        least = _least_tile(einsum, template, i)
        for memory, kept in stage.memories:
            reasons += _too_small(einsum, architecture, memory, kept, least)
    return reasons


def _too_small(
    einsum: Einsum,
    architecture: Architecture,
    memory: Memory,
    kept: tuple[str, ...],
    least: dict[str, int],
) -> list[str]:
    needs: dict[str, int] = {}
    for tensor in einsum.tensors:
        if tensor.name in kept:
            width = stored_bits(architecture, memory, tensor, tensor is einsum.output)
            copies = 2 if memory.reserves_half else 1
            needs[tensor.name] = tile_words(tensor, least) * width * copies
    whole = ", ".join(f"{r} {n}" for r, n in least.items() if n > 1)
    each = "each tensor" if len(needs) > 1 else " ".join(needs)
    tile = f"a tile of {whole}" if whole else "one word"
    every = tile if whole else f"one word of {each}"
    rooms = [("", memory.capacity, every, sum(needs.values()))]
    rooms += [
        (f" for {s.tensor}", s.capacity, tile, needs.get(s.tensor, 0)) for s in memory.partition
    ]
    return [
        f"{memory.name!r} holds {room / 8:g} B{whose} and {what} needs {need / 8:g} B: "
        f"{need / room:.3g} times the capacity, or a bypass, would help"
        for whose, room, what, need in rooms
        if room is not None and need > room
    ]


def _least_tile(einsum: Einsum, template: Template, stage: int) -> dict[str, int]:
    """Return the smallest tile of each rank at a stage: what no slot outside it may cut."""
    outside = [s for s in template.slots if s.stage < stage]
    least: dict[str, int] = {}
    for rank in einsum.ranks:
        here = [s for s in outside if rank.name in s.ranks]
        if any(not s.axis for s in here):
            least[rank.name] = 1
        else:
            least[rank.name] = -(-rank.size // math.prod(s.size for s in here))
    return least


def _loops(einsum: Einsum, template: Template) -> list[str]:
    """Return the ranks that no place may loop over, or only too short an axis."""
    reasons: list[str] = []
    for rank in einsum.ranks:
        here = [s for s in template.slots if rank.name in s.ranks]
        if rank.size == 1 or any(not s.axis for s in here):
            continue
        if not here:
            reasons.append(f"the dataflow lets rank {rank.name!r} loop nowhere: allow it at a "
                           "memory or an axis")  # fmt: skip
        elif math.prod(s.size for s in here) < rank.size:
            axes = " and ".join(f"{s.axis!r} ({s.size})" for s in here)
            reasons.append(
                f"rank {rank.name!r} of {rank.size} may loop only on axis {axes}: allow it at a "
                "memory or make the axis longer"
            )
    return reasons + _crowded(einsum, template)


def _crowded(einsum: Einsum, template: Template) -> list[str]:
    """Return the axes that each of some ranks fits on, but not all of them together."""
    places = {
        r.name: [s for s in template.slots if r.name in s.ranks] for r in einsum.ranks if r.size > 1
    }
    bound = {r: frozenset(here) for r, here in places.items() if here and all(s.axis for s in here)}
    reasons: list[str] = []
    for axes in sorted(set(bound.values()), key=sorted):
        room = math.prod(s.size for s in axes)
        ranks = {r: einsum.sizes[r] for r, here in bound.items() if here <= axes}
        if len(ranks) > 1 and max(ranks.values()) <= room < math.prod(ranks.values()):
            reasons.append(
                f"ranks {' and '.join(f'{r!r} of {n}' for r, n in ranks.items())} may loop only on "
                f"axis {' and '.join(f'{s.axis!r} ({s.size})' for s in sorted(axes))}, which needs "
                f"{math.prod(ranks.values())} instances for them: allow one at a memory or make "
                "the axis longer"
            )
    return reasons
