"""Waiting: how long PEs that skip zeros wait for each other, at the least."""

from __future__ import annotations

import math

import msgspec

from onewatt.model import sparse
from onewatt.model.rs_plus.windows import slowest_window
from onewatt.model.words import stored_bits
from onewatt.spec.architecture import Architecture, Container, Memory
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS, Einsum

#: Filters of a window that are told apart; more of them change the longest wait by less than 1 %.
_MOST = 64


def least_duration(einsum: Einsum, architecture: Architecture, active: int) -> float:
    """Return the cycles of a step where zeros are skipped, relative to a dense one, at the least.

    Parameters
    ----------
    einsum : Einsum
        The layer, with the densities of its inputs and weights.
    architecture : Architecture
        The chip.
    active : int
        PEs at work.

    Returns
    -------
    float
        1 where nothing is skipped, never under the share of operations that take a cycle [1].

    Notes
    -----
    PEs run ahead of each other as far as their scratchpads hold: a window of inputs, each of which
    meets a column of weights.  Inputs come as they are, so a window has room for all of them; how
    far weights are compressed is known beforehand (jetcas19).  At the end of a window PEs wait for
    the slowest one: `onewatt.model.rs_plus.windows.slowest_window`.  Where a chip holds one word of
    each, that is every step, and never is it longer than so.

    Examples
    --------
    >>> import onewatt as ow
    >>> from onewatt.diagnose.stresses import with_density
    >>> fc = ow.load_workload("mlperf_ad").einsums[0]
    >>> chip = ow.load_chip("eyeriss_v2")
    >>> least_duration(fc, chip, 192), round(least_duration(with_density(fc, 0.5), chip, 192), 2)
    (1.0, 0.43)
    """
    mac = architecture.mac
    paced = sparse.effective(einsum, mac).paced
    if paced >= 1.0 or not paced or active <= 1:
        return paced
    density = {t.name: t.density for t in einsum.tensors}
    skipped = {f.tensor for f in mac.sparse if f.skips}
    words, filters = window(einsum, architecture)
    inputs, weights = (density[t] if t in skipped else 1.0 for t in (INPUTS, WEIGHTS))
    slowest = slowest_window(inputs, weights, (words, filters), lanes=mac.lanes, pes=active)
    ahead = slowest / (words * math.ceil(filters / mac.lanes))
    return min(max(paced, ahead), sparse.duration(einsum, mac, active))


def window(einsum: Einsum, architecture: Architecture) -> tuple[int, int]:
    """Return the inputs of a window that a PE holds, and the weights that each of them meets.

    Examples
    --------
    >>> import onewatt as ow
    >>> pointwise = next(e for e in ow.load_workload("mlperf_kws").einsums if e.name == "block1.pw")
    >>> window(pointwise, ow.load_chip("eyeriss_v2"))  # 192 weights in its spad
    (16, 12)
    """
    ranks = {t.name: {x.rank for i in t.projection for x in i.terms} for t in einsum.tensors}
    words = min(
        _held(einsum, architecture, INPUTS),
        _size(einsum, ranks[INPUTS] - ranks[OUTPUTS]),
        _held(einsum, architecture, WEIGHTS),
    )
    filters = min(
        _held(einsum, architecture, OUTPUTS),
        _size(einsum, ranks[OUTPUTS] - ranks[INPUTS]),
        _held(einsum, architecture, WEIGHTS) // words,
        _MOST,
    )
    return words, max(1, filters)


def _size(einsum: Einsum, ranks: set[str]) -> int:
    return math.prod(n for name, n in einsum.sizes.items() if name in ranks)


def _held(einsum: Einsum, architecture: Architecture, name: str) -> int:
    """Return the words of a tensor that a PE has room for; one if it keeps none of it."""
    tensor = next(t for t in einsum.tensors if t.name == name)
    if name != WEIGHTS:  # only weights are known beforehand
        tensor = msgspec.structs.replace(tensor, density=1.0, zeros=None)
    arrays = [i for i, n in enumerate(architecture.nodes) if isinstance(n, Container)]
    for node in architecture.nodes[arrays[-1] :] if arrays else ():
        if isinstance(node, Memory) and name in node.keeps:
            shares = [s.capacity for s in node.partition if s.tensor == name]
            room = shares[0] if shares else node.capacity
            if room is None:
                return einsum.words(tensor)
            bits = stored_bits(architecture, node, tensor, name == OUTPUTS)
            each = sparse.stored_bits(sparse.format_of(node, name), tensor, bits)
            return max(1, int(room / each))
    return 1
