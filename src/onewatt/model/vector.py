"""Vector work: pooling, softmax, normalisation and element-wise operations, streamed."""

from __future__ import annotations

import math

from onewatt.errors import MappingError
from onewatt.model import sparse
from onewatt.model.latency import transfer_cycles
from onewatt.model.ledger import line
from onewatt.model.words import block
from onewatt.spec.architecture import Architecture
from onewatt.spec.cost import Busy, Cost, Entry, LedgerAction
from onewatt.spec.price import Prices
from onewatt.spec.workload import INPUTS, OUTPUTS, Einsum


def stream(einsum: Einsum, architecture: Architecture, prices: Prices) -> Cost:
    """Return the ledger of vector work: each word once from and to the outermost memory.

    Work that is fused with the layer before it runs on that layer's output path and moves nothing.

    Raises
    ------
    MappingError
        If the chip has no vector unit.
    """
    unit = architecture.vector
    if unit is None:
        raise MappingError(
            f"layer {einsum.name!r} is vector work ({einsum.op}) and chip {architecture.name!r} "
            "has no compute node with work: vector"
        )
    memory = architecture.memories[0]
    entries: list[Entry] = []
    moved = {"read": 0.0, "update": 0.0}
    for tensor in () if einsum.fused else einsum.tensors:
        action: LedgerAction = "update" if tensor is einsum.output else "read"
        words, bits = einsum.words(tensor), memory.word or architecture.mac.bits(tensor.name)
        role = OUTPUTS if tensor is einsum.output else INPUTS
        size = sparse.stored_bits(sparse.format_of(memory, role), tensor, bits)
        accesses = math.ceil(words * size / bits / block(memory, bits) - 1e-9)
        price = prices.find(memory.name, action)
        entries.append(
            line(einsum, price, tensor.name, action, words, accesses=accesses, bits=words * size)
        )
        moved[action] += words * size / bits
    operations = einsum.points * einsum.operations
    if operations:
        price = prices.find(unit.name, "compute")
        entries.append(line(einsum, price, einsum.output.name, "compute", operations))
    if einsum.fused:
        return Cost(entries=tuple(entries))
    lanes = unit.lanes * architecture.instances(unit.name)
    transfer = transfer_cycles(memory, moved["read"], moved["update"])
    busy = (
        Busy(
            einsum=einsum.name, component="compute",
            cycles=math.ceil(operations / lanes) * einsum.count,
        ),
        Busy(
            einsum=einsum.name, component=memory.name, cycles=transfer * einsum.count,
            overlaps=memory.buffering == 2,
        ),
    )  # fmt: skip
    return Cost(entries=tuple(entries), busy=busy)
