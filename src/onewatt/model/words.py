"""Words: how wide a tensor is at each place of a chip, and whether its tiles fit."""

from __future__ import annotations

from onewatt.errors import MappingError
from onewatt.model.nest import Nest, tile_words
from onewatt.spec.architecture import Architecture, Memory
from onewatt.spec.workload import Einsum, Tensor


def word_bits(einsum: Einsum, architecture: Architecture, tensor: Tensor) -> int:
    """Return the width of a tensor's words on a chip [bit]; a chip moves its native words."""
    return architecture.mac.bits(tensor.name)


def check_words(einsum: Einsum, architecture: Architecture) -> None:
    """Refuse tensors that are wider than the chip computes.

    Raises
    ------
    MappingError
        With the tensor, its width and the chip's.
    """
    for tensor in einsum.tensors:
        native = word_bits(einsum, architecture, tensor)
        if tensor.bits is not None and tensor.bits > native:
            raise MappingError(
                f"layer {einsum.name!r}: {tensor.name!r} has {tensor.bits} bits, chip "
                f"{architecture.name!r} computes {native}; quantise the network or choose another "
                "chip"
            )


def stored_bits(architecture: Architecture, memory: Memory, tensor: Tensor, output: bool) -> int:
    """Return the width of a tensor's words in a memory [bit]; partial sums may be wider."""
    if memory.word is not None:
        return memory.word
    mac = architecture.mac
    if output and memory is not architecture.memories[0]:
        return mac.accumulate_bits
    return mac.bits(tensor.name)


def occupancy(einsum: Einsum, architecture: Architecture, nest: Nest) -> dict[str, dict[str, int]]:
    """Return the bits each memory holds of each tensor in one instance, buffers included [bit]."""
    held: dict[str, dict[str, int]] = {}
    memories = {m.name: m for m in architecture.memories}
    for level in nest.levels:
        memory = memories[level.memory]
        for tensor in einsum.tensors:
            if tensor.name in level.tensors:
                bits = stored_bits(architecture, memory, tensor, tensor is einsum.output)
                copies = 2 if memory.reserves_half else 1
                words = tile_words(tensor, level.extents)
                held.setdefault(level.memory, {})[tensor.name] = words * bits * copies
    return held


def check_capacity(einsum: Einsum, architecture: Architecture, nest: Nest) -> None:
    """Refuse tiles that do not fit.

    Raises
    ------
    MappingError
        With the memory, what it holds and what the tile needs.
    """
    held = occupancy(einsum, architecture, nest)
    for memory in architecture.memories:
        mine = held.get(memory.name, {})
        for share in memory.partition:
            if mine.get(share.tensor, 0) > share.capacity:
                raise MappingError(
                    f"layer {einsum.name!r}: the tile of {share.tensor!r} needs "
                    f"{mine[share.tensor] / 8:g} B in {memory.name!r}, which has "
                    f"{share.capacity / 8:g} B for it"
                )
        if memory.capacity is not None and sum(mine.values()) > memory.capacity:
            raise MappingError(
                f"layer {einsum.name!r}: the tiles need {sum(mine.values()) / 8:g} B in "
                f"{memory.name!r}, which has {memory.capacity / 8:g} B"
            )


def block(memory: Memory, bits: int) -> float:
    """Return how many words one access of a memory moves; less than 1 if a word takes several."""
    if not memory.width:
        return 1.0
    return float(memory.width // bits) if memory.width >= bits else 1 / -(-bits // memory.width)
