"""Sparsity: what zeros save where a chip compresses, gates or skips them."""

from __future__ import annotations

import math
from typing import NamedTuple

from onewatt.model.words import block
from onewatt.spec.architecture import Compute, Memory, SparseFeature
from onewatt.spec.workload import Einsum, Tensor


class Share(NamedTuple):
    """What becomes of each word of a tensor at a memory.

    `actual` is the share of words that are accessed, `accesses` the same in compressed size,
    `port` what passes the port, `bits` the bits moved a word, `gated` the share that is held back.
    """

    actual: float
    accesses: float
    port: float
    bits: float
    gated: float


class Effective(NamedTuple):
    """What becomes of each operation: done, gated (its cycle passes idle) or skipped.

    `paced` is the share that takes a cycle.
    """

    actual: float
    gated: float
    skipped: float
    paced: float


def compressed_bits(form: str, density: float, bits: int) -> float:
    """Return the mean bits a word takes in a compressed format, zeros spread uniformly.

    Parameters
    ----------
    form : str
        ``dense``, ``rlc``, ``csc``, ``bitmask`` or ``coordinate``.
    density : float
        Share of non-zeros [1].
    bits : int
        Width of a word [bit].

    Returns
    -------
    float
        Bits a word [bit].

    Notes
    -----
    A run-length symbol covers up to L - 1 zeros and the word after them, so the mean number of
    words it covers is (1 - (1 - d)^L) / d.  RLC has 5-bit runs (L = 32) and packs three symbols and
    one bit into 64 bits [1]_; CSC has 4-bit counts (L = 16) [2]_, its address vector left out.

    References
    ----------
    .. [1] Chen et al., JSSC 2017, section V-C.
    .. [2] Chen et al., JETCAS 2019, section IV-B.

    Examples
    --------
    >>> round(compressed_bits("rlc", 1.0, 16), 3)
    21.333
    """
    if form == "dense":
        return float(bits)
    if form == "bitmask":
        return 1 + density * bits
    if form == "coordinate":
        return density * (bits + 16)
    longest, head, packing = (32, 5, 64 / 63) if form == "rlc" else (16, 4, 1.0)
    symbols = density / -math.expm1(longest * math.log1p(-density)) if 0 < density < 1 else density
    return max(symbols, 1 / longest) * (bits + head) * packing


def _features(features: tuple[SparseFeature, ...], tensor: str) -> list[SparseFeature]:
    return [f for f in features if f.tensor == tensor]


def share(einsum: Einsum, memory: Memory, tensor: Tensor, action: str, bits: int) -> Share:
    """Return what becomes of the words of a tensor at a memory."""
    form = next((f.format for f in _features(memory.sparse, tensor.name)), "dense")
    size = compressed_bits(form, tensor.density, bits)
    ratio = size / bits
    density = {t.name: t.density for t in einsum.tensors}
    kept = paced = 1.0
    for feature in memory.sparse:
        if tensor.name in (*feature.gates, *feature.skips) and action == "read":
            kept *= density[feature.tensor]
            paced *= density[feature.tensor] if tensor.name in feature.skips else 1.0
    # a row of several words is fetched unless all of them are held back
    rows = 1 - (1 - kept) ** max(1.0, block(memory, bits))
    return Share(actual=kept, accesses=ratio * rows, port=ratio * paced, bits=size * kept,
                 gated=1 - kept)  # fmt: skip


def effective(einsum: Einsum, compute: Compute) -> Effective:
    """Return what becomes of each operation of a layer."""
    density = {t.name: t.density for t in einsum.tensors}
    done = paced = 1.0
    for feature in compute.sparse:
        if feature.skips:
            done *= density[feature.tensor]
            paced *= density[feature.tensor]
        elif feature.gates:
            done *= density[feature.tensor]
    return Effective(actual=done, gated=paced - done, skipped=1 - paced, paced=paced)


def duration(einsum: Einsum, compute: Compute, active: int) -> float:
    """Return the cycles a step takes where zeros are skipped, relative to a dense one.

    The step lasts as long as its slowest instance: with `active` instances of one operation each,
    the chance that any of them has work is 1 - (1 - d)^active.
    """
    density = {t.name: t.density for t in einsum.tensors}
    d = 1.0
    for feature in compute.sparse:
        if feature.skips:
            d *= density[feature.tensor]
    if d >= 1.0 or active <= 1:
        return d
    return -math.expm1(active * math.log1p(-d)) if d > 0 else 0.0
