"""What the paper's model has to know of a chip, read from its file."""

from __future__ import annotations

from typing import NamedTuple

from onewatt.errors import MappingError
from onewatt.spec.architecture import Architecture, Container, Memory, Network
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS


class Machine(NamedTuple):
    """A chip as row-stationary sees it: an array, three spads a PE, a buffer of banks, four buses.

    Spads, bank and prefetch are in words, buses in words a cycle; the psum bus moves that much each
    way.  `link` is the off-chip link in words a cycle, `word` the width of a word [bit].
    """

    name: str
    rows: int
    columns: int
    filter_spad: int
    ifmap_spad: int
    psum_spad: int
    banks: int
    bank: int
    prefetch: int
    ifmap_bus: float
    filter_bus: float
    psum_bus: float
    link: float
    word: int
    clock: float
    memories: dict[str, str]
    networks: dict[str, str]

    @classmethod
    def of(cls, architecture: Architecture) -> Machine:
        """Read a chip.

        Parameters
        ----------
        architecture : Architecture
            A chip with an array of two axes, one of which adds up partial sums, a spad for each
            tensor in its PEs, and a buffer of inputs and partial sums between them and DRAM.  A
            partition of the buffer for Weights is what prefetches filters.

        Returns
        -------
        Machine
            Its sizes and rates.

        Raises
        ------
        MappingError
            With what the chip lacks.

        Examples
        --------
        >>> import onewatt as ow
        >>> machine = Machine.of(ow.load_chip("eyeriss"))
        >>> machine.rows, machine.columns, machine.banks * machine.bank * 2 // 1024
        (12, 14, 100)
        """
        word = architecture.mac.inputs_bits
        spads = {t: _spad(architecture, t) for t in (WEIGHTS, INPUTS, OUTPUTS)}
        if len({m.name for m in spads.values()}) < 3:
            raise _lacks(architecture, "a spad of its own for each tensor in a PE")
        buffer = _buffer(architecture)
        column = next((n for n in architecture.networks if n.reduces and len(n.axes) == 1), None)
        if column is None:
            raise _lacks(architecture, "a network that adds partial sums along one axis")
        axes = {a.name: a.size for a in architecture.axes}
        others = [size for name, size in axes.items() if name not in column.axes]
        if len(axes) != 2:
            raise _lacks(architecture, "an array of two axes")
        buses = {t: _bus(architecture, t) for t in (WEIGHTS, INPUTS, OUTPUTS)}
        dram = architecture.memories[0]
        if dram.shared_bandwidth is None:
            raise _lacks(architecture, "an off-chip link with a shared_bandwidth")
        held = sum(s.capacity for s in buffer.partition if s.tensor == WEIGHTS)
        return cls(
            name=architecture.name, rows=axes[column.axes[0]], columns=others[0],
            filter_spad=(spads[WEIGHTS].capacity or 0) // word,
            ifmap_spad=(spads[INPUTS].capacity or 0) // word,
            psum_spad=(spads[OUTPUTS].capacity or 0) // architecture.mac.accumulate_bits,
            banks=buffer.banks, bank=(buffer.capacity or 0) // buffer.banks // word,
            prefetch=held // word, ifmap_bus=buses[INPUTS].words_per_cycle or 0.0,
            filter_bus=buses[WEIGHTS].words_per_cycle or 0.0,
            psum_bus=(buses[OUTPUTS].words_per_cycle or 0.0) / 2, link=dram.shared_bandwidth,
            word=word, clock=architecture.clock,
            memories={"DRAM": dram.name, "buffer": buffer.name}
            | {tensor: memory.name for tensor, memory in spads.items()},
            networks={t: n.name for t, n in buses.items()} | {"column": column.name},
        )  # fmt: skip


def _lacks(architecture: Architecture, what: str) -> MappingError:
    return MappingError(
        f"chip {architecture.name!r} is not built like Eyeriss: it lacks {what}; expected a chip "
        "such as preset 'eyeriss'"
    )


def _spad(architecture: Architecture, tensor: str) -> Memory:
    arrays = [i for i, n in enumerate(architecture.nodes) if isinstance(n, Container)]
    inside = architecture.nodes[arrays[-1] :] if arrays else ()
    for node in reversed(inside):
        if isinstance(node, Memory) and tensor in node.keeps and node.capacity:
            return node
    raise _lacks(architecture, f"a spad for {tensor} in a PE")


def _buffer(architecture: Architecture) -> Memory:
    for memory in architecture.memories[1:]:
        outside = architecture.instances(memory.name) == 1
        if outside and memory.capacity and {INPUTS, OUTPUTS} <= set(memory.keeps):
            return memory
    raise _lacks(architecture, "a buffer that keeps Inputs and Outputs")


def _bus(architecture: Architecture, tensor: str) -> Network:
    for network in architecture.networks:
        if tensor in network.tensors and network.words_per_cycle:
            return network
    raise _lacks(architecture, f"a network with words_per_cycle for {tensor}")
