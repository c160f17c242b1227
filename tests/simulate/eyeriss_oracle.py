"""The row-stationary array in plain Python, from its definition (jssc17, sections III to V).

A PE keeps a row of a filter and slides it along a row of the input: one 1-D convolution.  PEs with
the same filter row stand beside each other, those of one output row above each other, so filter
rows are shared along rows, input rows along diagonals, and sums are added up the columns.  Sets of
further channels stand below each other; sets of further filters, and pieces of a set that is wider
than the array, follow from left to right, then further down.  Nothing here is shared with
`onewatt.simulate`.
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from types import SimpleNamespace


def conv1d(row, taps, step):
    """Slide a filter row along an input row."""
    last = len(row) - len(taps)
    return [
        sum(w * x for w, x in zip(taps, row[at : at + len(taps)], strict=True))
        for at in range(0, last + 1, step)
    ]


def cut(whole, size):
    return [whole[i : i + size] for i in range(0, len(whole), size)]


def spread(things, sets):
    """Deal things to sets, none more than one ahead; sets without any are left out."""
    least, more = divmod(len(things), sets)
    found, start = [], 0
    for i in range(sets):
        size = least + (i < more)
        found.append(things[start : start + size])
        start += size
    return [x for x in found if x]


def oracle(inputs, weights, x, stride=(1, 1), groups=1, columns=14):
    """Return output, counts, who got which words, and which 1-D convolutions each PE computed.

    `inputs` has shape (N, G·C, H, W) and is padded, `weights` (G·M, C, R, S).
    """
    image = inputs.tolist()
    bank = weights.tolist()
    N, _, H, W = inputs.shape
    many, C, R, S = weights.shape
    U, V = stride
    M = many // groups
    E, F = (H - R) // U + 1, (W - S) // V + 1
    output = {}
    counts, got, rows_of = Counter(), Counter(), Counter()
    pieces = -(-x.e // columns)
    width = -(-x.e // pieces)
    in_a_row = columns // width
    for g, batch, strip, held in product(
        range(groups), cut(range(N), x.n), cut(range(E), x.e), cut(range(M), x.m)
    ):
        sums = {}  # what the buffer holds of the outputs
        for chunk in cut(range(C), x.q * x.r):
            needed = {(n, c, o * U + i, w) for n in batch for c in chunk for o in strip
                      for i in range(R) for w in range((F - 1) * V + S)}  # fmt: skip
            counts["DRAM ifmap", "read"] += len(needed)
            counts["GLB ifmap", "fill"] += len(needed)
            for block in cut(held, x.p * x.t):
                counts["DRAM filter", "read"] += len(block) * len(chunk) * R * S
                counts["GLB ifmap", "read"] += len(needed)  # once, however many PEs take it
                for t, filters in enumerate(spread(block, x.t)):
                    for column, o in enumerate(strip):
                        place = t * pieces + column // width
                        top = place // in_a_row * R * x.r
                        left = place % in_a_row * width + column % width
                        stack = [
                            (top + r * R + i, r_channels, i)
                            for r, r_channels in enumerate(spread(chunk, x.r))
                            for i in range(R)
                        ]
                        psums = {}
                        for y, channels, i in stack:
                            psums[y] = _pe(
                                (y, left), g, batch, channels, filters, o * U + i, i,
                                SimpleNamespace(image=image, bank=bank, M=M, C=C, F=F, S=S, V=V),
                                counts, got, rows_of,
                            )  # fmt: skip
                        for n, f, at in product(batch, filters, range(F)):
                            counts["GLB psum", "read"] += chunk[0] > 0
                            counts["psum spad", "drain"] += len(stack)  # from the foot up
                            counts["column", "hop"] += len(stack)
                            counts["GLB psum", "update"] += 1
                            total = sums.get((n, f, o, at), 0)
                            sums[n, f, o, at] = total + sum(psums[y][n, f][at] for y, _, _ in stack)
        for (n, f, o, at), total in sums.items():
            counts["GLB psum", "drain"] += 1
            counts["DRAM ofmap", "update"] += 1
            output[n, g * M + f, o, at] = total
    return SimpleNamespace(output=output, counts=dict(counts), got=got, rows=rows_of)


def _pe(pe, g, batch, channels, filters, row, i, layer, counts, got, rows_of):
    """Run one PE for a pass; return its sums by image and filter."""
    own = {f: {c: layer.bank[g * layer.M + f][c][i] for c in channels} for f in filters}
    for f, c in product(filters, channels):
        for word in own[f][c]:
            counts["GIN filter", "hop"] += 1
            counts["filter spad", "fill"] += 1
            got[pe, "filter spad", word] += 1
    sums = {}
    for n in batch:
        lines = {}
        for c in channels:
            words = layer.image[n][g * layer.C + c][row][: (layer.F - 1) * layer.V + layer.S]
            lines[c] = words
            for word in words:
                counts["GIN ifmap", "hop"] += 1
                counts["ifmap spad", "fill"] += 1
                got[pe, "ifmap spad", word] += 1
        for f in filters:
            total = [0] * layer.F
            for c in channels:
                rows_of[pe, g * layer.M + f, g * layer.C + c, n, i, row] += 1
                found = conv1d(lines[c], own[f][c], layer.V)
                total = [a + b for a, b in zip(total, found, strict=True)]
                for at, s in product(range(layer.F), range(layer.S)):
                    zero = lines[c][at * layer.V + s] == 0
                    counts["ifmap spad", "read"] += 1
                    counts["mac", "gated"] += zero
                    for what in (("mac", "compute"), ("filter spad", "read"),
                                 ("psum spad", "read"), ("psum spad", "update")):  # fmt: skip
                        counts[what] += not zero
            sums[n, f] = total
    return sums
