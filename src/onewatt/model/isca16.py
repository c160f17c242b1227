"""The reading of the ISCA 2016 comparison: every transfer is charged once, where it is dearer.

Chen, Emer, Sze, ISCA 2016 (isca16), follow a word through four levels: DRAM, buffer, array and
register.  It is read `a` times from DRAM, each of these `b` times from the buffer, each of these
goes to `c` PEs, and in each it is used `d` times.  A transfer between two levels costs what the
dearer one costs, so filling a memory is never charged beside the read that fills it.
"""

from __future__ import annotations

from typing import NamedTuple

from onewatt.model.counts import Counts, Passing, Traffic, count
from onewatt.model.nest import lower
from onewatt.spec.architecture import Architecture, Container
from onewatt.spec.mapping import Mapping
from onewatt.spec.workload import Einsum, Tensor


class Costs(NamedTuple):
    """What an access costs at each level, in MACs [1]: the ratios of isca16, Table IV."""

    dram: float = 200.0
    buffer: float = 6.0
    array: float = 2.0
    register: float = 1.0


class Reuse(NamedTuple):
    """How often a word is used again at each level [1]; means over the words of a tensor.

    The product is how many MACs use the word (inputs and weights) or add to it (outputs).
    """

    dram: float
    buffer: float
    array: float
    register: float


RATIOS = Costs()


def input_energy(reuse: Reuse, costs: Costs = RATIOS) -> float:
    """Return the energy of one word of inputs or weights, in MACs [1].

    Parameters
    ----------
    reuse : Reuse
        a, b, c and d.
    costs : Costs
        By default the paper's.

    Returns
    -------
    float
        a·DRAM + ab·buffer + abc·array + abcd·register (isca16, eq. 3).

    Examples
    --------
    >>> input_energy(Reuse(1, 2, 3, 4))
    248.0
    """
    a, b, c, d = reuse
    return (
        a * costs.dram + a * b * costs.buffer + a * b * c * costs.array
        + a * b * c * d * costs.register
    )  # fmt: skip


def psum_energy(reuse: Reuse, costs: Costs = RATIOS) -> float:
    """Return the energy of adding up one output, in MACs [1].

    Parameters
    ----------
    reuse : Reuse
        a, b, c and d: of the abcd products, d are added in a register, c such sums in the
        array, b of these in the buffer and a of these in DRAM.
    costs : Costs
        By default the paper's.

    Returns
    -------
    float
        (2a-1)·DRAM + 2a(b-1)·buffer + ab(c-1)·array + 2abc(d-1)·register (isca16, eq. 4).

    Examples
    --------
    >>> psum_energy(Reuse(2, 3, 3, 2))
    708.0
    """
    a, b, c, d = reuse
    return (
        (2 * a - 1) * costs.dram + 2 * a * (b - 1) * costs.buffer
        + a * b * (c - 1) * costs.array + 2 * a * b * c * (d - 1) * costs.register
    )  # fmt: skip


def reuse(einsum: Einsum, architecture: Architecture, mapping: Mapping) -> dict[str, Reuse]:
    """Return a, b, c and d of every tensor of a layer under a mapping.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        A chip with one array; of the memories outside it, the innermost that keeps a tensor
        is that tensor's buffer, of those inside it the innermost is its register.
    mapping : Mapping
        The loop nest.

    Returns
    -------
    dict of str to Reuse
        By the tensor's name; the factor of a level that does not keep the tensor is 1.

    Raises
    ------
    MappingError
        If the mapping is not a loop nest of the layer.

    Notes
    -----
    The factors are quotients of the literal counts, so overlap of windows is credited and a
    factor need not be a whole number.
    """
    counts = count(einsum, architecture, lower(einsum, mapping))
    return {t.name: _reuse(einsum, architecture, counts, t) for t in einsum.tensors}


def _reuse(einsum: Einsum, chip: Architecture, counts: Counts, tensor: Tensor) -> Reuse:
    output = tensor is einsum.output
    served = {
        row.level: row.words
        for row in counts.traffic
        if row.tensor == tensor.name and row.action == ("update" if output else "read")
    }
    inside = _inside(chip)
    outer = [served[m.name] for m in chip.memories if m.name in served and m.name not in inside]
    spad = next((name for name in inside if name in served), "")
    macs = einsum.points
    delivered = _word_moves(counts, tensor.name, spad, output) if spad else macs
    words = einsum.words(tensor)
    return Reuse(
        dram=outer[0] / words,
        buffer=outer[-1] / outer[0],
        array=delivered / outer[-1],
        register=macs / delivered,
    )


def _word_moves(counts: Counts, tensor: str, level: str, output: bool) -> int:
    """Return the words that go into a level from above, or of outputs out of it."""
    action = "drain" if output else "fill"
    return sum(
        row.words for row in counts.traffic
        if (row.level, row.tensor, row.action) == (level, tensor, action)
    )  # fmt: skip


def _inside(chip: Architecture) -> tuple[str, ...]:
    """Return the memories inside the innermost array, innermost first; none without an array."""
    arrays = [i for i, n in enumerate(chip.nodes) if isinstance(n, Container)]
    names = {n.name for n in chip.nodes[arrays[-1] :]} if arrays else set[str]()
    return tuple(m.name for m in reversed(chip.memories) if m.name in names)


def reread(einsum: Einsum, architecture: Architecture, counts: Counts) -> Counts:
    """Return the literal counts of a layer as isca16 charges them.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip.
    counts : Counts
        Its literal counts.

    Returns
    -------
    Counts
        Words [1] that are charged.  Fills and drains are not: the read or update of the memory
        outside is dearer.  A partial sum that a memory hands on was added on the way out, so a
        buffer is charged for the sums it adds and not for those that leave it (the 2a(b-1) of
        eq. 4), and the array for the sums it merges.  A register inside the array is charged for
        the sum it reads and writes in every MAC, which with the two operands makes the four
        accesses a MAC of Fig. 10; the 2abc(d-1) of eq. 4 are 2abc fewer.
    """
    output, spads = einsum.output.name, _inside(architecture)
    sums = {
        action: {
            r.level: r.words for r in counts.traffic if (r.tensor, r.action) == (output, action)
        }
        for action in ("update", "drain")
    }
    updates, drains = sums["update"], sums["drain"]
    spad = next((name for name in spads if name in updates), "")
    traffic: list[Traffic] = []
    for row in counts.traffic:
        if row.action in ("fill", "drain"):
            continue
        if row.tensor == output and row.level in drains:
            added = updates[row.level] - (0 if row.level == spad else drains[row.level])
            traffic.append(row._replace(words=added))
        else:
            traffic.append(row)
    passing = tuple(
        p._replace(hops=_merged(architecture, p, updates, drains, einsum.points))
        if p.tensor == output
        else p
        for p in counts.passing
    )
    return counts._replace(traffic=tuple(traffic), passing=passing)


def _merged(
    chip: Architecture, way: Passing, updates: dict[str, int], drains: dict[str, int], macs: int
) -> int:
    """Return the partial sums that are added on a network: those sent less those that arrive."""
    at = next(i for i, n in enumerate(chip.nodes) if n.name == way.network)
    outside = [n.name for n in chip.nodes[:at] if n.name in updates]
    inside = [n.name for n in chip.nodes[at:] if n.name in drains]
    return (drains[inside[0]] if inside else macs) - updates[outside[-1]]
