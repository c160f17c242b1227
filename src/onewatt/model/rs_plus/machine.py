"""What row-stationary plus needs of a chip: clusters, what its networks share, and its limits."""

from __future__ import annotations

from typing import NamedTuple

from onewatt.errors import InputError
from onewatt.model.rs_plus.layer import RANKS, Layer
from onewatt.model.sparse import format_of
from onewatt.spec.architecture import TENSORS, Architecture, Axis, Container, Memory, Network

_SUMMED = ("C", "R")


class Level(NamedTuple):
    """An axis of the array: who shares along it, and which ranks may be spread over it."""

    name: str
    size: int
    inputs: bool
    weights: bool
    sums: bool
    ranks: tuple[str, ...]


class Machine(NamedTuple):
    """A chip as clusters of PEs.

    `outer` are the axes between clusters, `inner` those of the PEs of one.  `rate` is what a
    cluster takes from its routers, `window`, `weights` and `psums` what a PE holds of each tensor
    in dense words, `glb` what the buffers of all clusters hold.  `off_chip` limits DRAM
    [bit/cycle]; `stages` fill at the start of every row of windows.  `overlaps` says whether
    weights come in while a PE computes.
    """

    chip: Architecture
    networks: dict[str, Network]
    buffer: Memory
    outer: tuple[Level, ...]
    inner: tuple[Level, ...]
    clusters: int
    rate: dict[str, float]
    bits: dict[str, int]
    window: int
    weights: int
    psums: int
    glb: dict[str, float]
    lanes: int
    skips: bool
    compresses: bool
    stages: int
    off_chip: float | None
    overlaps: bool

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return self.chip.pes

    def check(self, layer: Layer) -> None:
        """Refuse a layer whose filter row is longer than the window of inputs in a PE.

        Raises
        ------
        InputError
            With the limit by name.
        """
        if layer.size["S"] > self.window:
            raise InputError(
                f"layer {layer.name!r} has filter rows of {layer.size['S']} words; chip "
                f"{self.chip.name!r} holds a window of at most {self.window} inputs in a PE "
                f"({self.spad('Inputs').name}), so it cannot run it"
            )

    def spad(self, tensor: str) -> Memory:
        """Return the innermost memory that keeps a tensor."""
        return _spad(self.chip, tensor)


def machine_of(chip: Architecture, *, stages: int = 0) -> Machine:
    """Return a chip as clusters of PEs.

    Parameters
    ----------
    chip : Architecture
        Memories for the three tensors inside its innermost array, a buffer for inputs and sums
        outside of it, and a network for each tensor.
    stages : int
        Depth of the pipeline of a PE [cycle].

    Raises
    ------
    InputError
        If the chip lacks a part, by its name.
    """
    arrays = [n for n in chip.nodes if isinstance(n, Container)]
    if not arrays:
        raise InputError(f"chip {chip.name!r} has no array of PEs; row-stationary plus needs one")
    if stages < 0:
        raise InputError(f"a pipeline of {stages} stages; expected at least 0")
    networks = {tensor: _networks(chip, tensor)[-1] for tensor in TENSORS}
    mac, inner = chip.mac, arrays[-1]
    outer = tuple(a for c in arrays[:-1] for a in c.fanout)
    clusters = chip.pes // _product(inner.fanout)
    dram, buffer = chip.memories[0], _buffer(chip)
    rate = {
        t: _rate(chip, t) * (mac.accumulate_bits if t == "Outputs" else mac.bits(t))
        for t in TENSORS
    }
    many = chip.instances(buffer.name)
    shares = {s.tensor: s.capacity * many for s in buffer.partition}
    whole = (buffer.capacity or float("inf")) * many
    held = {t: _words(chip, t) for t in TENSORS}
    return Machine(
        chip, networks, buffer, _levels(chip, networks, outer),
        _levels(chip, networks, inner.fanout), clusters,
        rate, {t: mac.bits(t) for t in TENSORS} | {"Outputs": mac.accumulate_bits},
        held["Inputs"], held["Weights"], held["Outputs"],
        {t: shares.get(t, whole) for t in TENSORS}, mac.lanes,
        any(f.skips for f in mac.sparse),
        format_of(_spad(chip, "Weights"), "Weights") is not None, stages,
        dram.shared_bandwidth * mac.inputs_bits if dram.shared_bandwidth else None,
        _spad(chip, "Weights").buffering == 2,
    )  # fmt: skip


def _product(axes: tuple[Axis, ...]) -> int:
    total = 1
    for axis in axes:
        total *= axis.size
    return total


def _spad(chip: Architecture, tensor: str) -> Memory:
    inside = chip.nodes[max(i for i, n in enumerate(chip.nodes) if isinstance(n, Container)) :]
    for node in inside:
        if isinstance(node, Memory) and tensor in node.keeps:
            return node
    raise InputError(f"chip {chip.name!r} keeps no {tensor} inside its PEs")


def _buffer(chip: Architecture) -> Memory:
    for memory in chip.memories[1:]:
        if "Inputs" in memory.keeps and memory is not _spad(chip, "Inputs"):
            return memory
    raise InputError(f"chip {chip.name!r} has no buffer for Inputs between DRAM and its PEs")


def _networks(chip: Architecture, tensor: str) -> list[Network]:
    found = [n for n in chip.networks if tensor in n.tensors]
    if not found:
        raise InputError(f"chip {chip.name!r} has no network for {tensor}")
    return found


def _rate(chip: Architecture, tensor: str) -> float:
    """Return what one cluster takes of a tensor [word/cycle], from its innermost stated rate."""
    arrays = [n for n in chip.nodes if isinstance(n, Container)]
    clusters = chip.pes // _product(arrays[-1].fanout)
    for network in reversed(_networks(chip, tensor)):
        if network.words_per_cycle:
            return network.words_per_cycle * chip.instances(network.name) / clusters
    raise InputError(f"chip {chip.name!r} has no network with words_per_cycle for {tensor}")


def _words(chip: Architecture, tensor: str) -> int:
    """Return how many words of a dense tensor a PE holds, in the format it keeps them in."""
    memory, mac = _spad(chip, tensor), chip.mac
    if memory.capacity is None:
        return 2**31
    form = format_of(memory, tensor)
    bits = memory.word or (mac.accumulate_bits if tensor == "Outputs" else mac.bits(tensor))
    # a dense word in CSC still has its count
    each = bits + 4 if form is not None and form.format == "csc" else bits
    return memory.capacity // each


def _levels(
    chip: Architecture, networks: dict[str, Network], axes: tuple[Axis, ...]
) -> tuple[Level, ...]:
    def shares(tensor: str, axis: str) -> bool:
        mine = [n for n in chip.networks if tensor in n.tensors]
        able = [n for n in mine if n.reduces or n.delivery != "unicast"]
        return any(not n.axes or axis in n.axes or n.delivery == "broadcast" for n in able)

    found: list[Level] = []
    for axis in axes:
        limit = next((x.ranks for x in chip.dataflow.limits if x.where == axis.name), None)
        sums = any(
            n.reduces and (not n.axes or axis.name in n.axes)
            for n in chip.networks if "Outputs" in n.tensors
        )  # fmt: skip
        # sums that could not be added on the way would have to meet in a buffer: not in this space
        able = tuple(
            r for r in (limit or RANKS) if r in RANKS and r != "S" and (sums or r not in _SUMMED)
        )
        found.append(
            Level(axis.name, axis.size, shares("Inputs", axis.name),
                  shares("Weights", axis.name), sums, able)
        )  # fmt: skip
    return tuple(found)
