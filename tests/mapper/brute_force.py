"""Every mapping of a tiny layer on a chip: every integer tile and every order, nothing clever."""

from __future__ import annotations

import itertools

from onewatt.components.library import prices
from onewatt.errors import MappingError
from onewatt.mapper.template import templates
from onewatt.model.evaluate import evaluate


def chains(size, length):
    """Every non-increasing sequence of tiles from size, ending at 1."""
    if length == 1:
        return [(1,)]
    return [
        (tile, *rest)
        for tile in range(1, size + 1)
        for rest in chains(tile, length - 1)
    ]  # fmt: skip


def all_costs(einsum, chip):
    """Yield (energy, cycles) of every mapping that fits."""
    price_list = prices(chip)
    (template,) = templates(einsum, chip)
    sizes = [r.size for r in einsum.ranks]
    slots, ranks = template.slots, range(len(sizes))
    for combo in itertools.product(*(chains(s, len(slots)) for s in sizes)):
        tiles = [sizes, *([combo[r][j] for r in ranks] for j in range(len(slots)))]
        if not _on_the_array(tiles, slots):
            continue
        last = len(slots) - 1
        orders = [
            itertools.permutations(ranks) if not s.axis and j < last else [tuple(ranks)]
            for j, s in enumerate(slots)
        ]
        for chosen in itertools.product(*map(list, orders)):
            mapping = template.mapping(tiles, list(chosen))
            try:
                cost = evaluate(einsum, chip, mapping, prices=price_list)
            except MappingError:
                break
            yield cost.energy, cost.cycles(einsum.name)


def _on_the_array(tiles, slots):
    for j, slot in enumerate(slots):
        used = 1
        for before, after in zip(tiles[j], tiles[j + 1], strict=True):
            used *= -(-before // after)
        if slot.axis and used > slot.size:
            return False
    return True
