"""Every mapping of a tiny layer on a chip: every integer tile and every order, nothing clever.

It takes the places for loops from the outline of mappings and nothing else from the search.
"""

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


def member(chain, tiles):
    """Whether a chain of tiles, the rank's size first, belongs to a tile set."""
    for j in range(len(chain) - 1):
        outer, inner = chain[j], chain[j + 1]
        if tiles == "perfect" and outer % inner:
            return False
        if tiles == "tight" and -(-outer // -(-outer // inner)) != inner:
            return False
    return True


def all_costs(einsum, chip, tiles="full", most=10**9):
    """Return (energy, cycles, mapping) of every mapping that fits, or None if they are too many."""
    price_list, found = prices(chip), []
    sizes, ranks = [r.size for r in einsum.ranks], range(len(einsum.ranks))
    for template in templates(einsum, chip):
        slots = template.slots
        allowed = [
            [c for c in chains(size, len(slots)) if _may(template, r, (size, *c), tiles)]
            for r, size in enumerate(sizes)
        ]
        if len(list(itertools.islice(itertools.product(*allowed), 8 * most + 1))) > 8 * most:
            return None
        for combo in itertools.product(*allowed):
            rows = [sizes, *([combo[r][j] for r in ranks] for j in range(len(slots)))]
            if _on_the_array(rows, slots):
                found += _costs(einsum, chip, price_list, template, rows)
            if len(found) > most:
                return None
    return found


def _may(template, rank, chain, tiles):
    return member(chain, tiles) and all(
        template.ranks[rank] in slot.ranks or chain[j] == chain[j + 1]
        for j, slot in enumerate(template.slots)
    )


def _costs(einsum, chip, price_list, template, rows):
    slots, ranks = template.slots, range(len(einsum.ranks))
    last = len(slots) - 1
    orders = [
        list(itertools.permutations([r for r in ranks if rows[j][r] > rows[j + 1][r]]))
        if not slot.axis and j < last else [tuple(ranks)]
        for j, slot in enumerate(slots)
    ]  # fmt: skip
    for chosen in itertools.product(*orders):
        mapping = template.mapping(rows, list(chosen))
        try:
            cost = evaluate(einsum, chip, mapping, prices=price_list)
        except MappingError:
            return
        yield cost.energy, cost.cycles(einsum.name), mapping


def _on_the_array(tiles, slots):
    for j, slot in enumerate(slots):
        used = 1
        for before, after in zip(tiles[j], tiles[j + 1], strict=True):
            used *= -(-before // after)
        if slot.axis and used > slot.size:
            return False
    return True
