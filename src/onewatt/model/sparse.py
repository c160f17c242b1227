"""Sparsity: what zeros save where a chip compresses, gates or skips them."""

from __future__ import annotations

import math
from typing import NamedTuple

from onewatt.model.formats import compressed_bits
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


def stored_bits(feature: SparseFeature | None, tensor: Tensor, bits: int) -> float:
    """Return the mean bits a word of a tensor takes in the format of a memory [bit]."""
    if feature is None:
        return float(bits)
    return compressed_bits(
        feature.format, tensor.density, bits,
        zeros=tensor.zeros, segment=feature.segment, address=feature.address,
    )  # fmt: skip


def format_of(memory: Memory, name: str) -> SparseFeature | None:
    """Return the feature that says in which format a memory keeps a tensor."""
    return next((f for f in memory.sparse if f.tensor == name), None)


def share(einsum: Einsum, memory: Memory, tensor: Tensor, action: str, bits: int) -> Share:
    """Return what becomes of the words of a tensor at a memory."""
    size = stored_bits(format_of(memory, tensor.name), tensor, bits)
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
