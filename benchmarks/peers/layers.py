"""The layers every tool maps, from the networks of the zoo: one source for all of them."""

from __future__ import annotations

from typing import Any

import msgspec

import onewatt as ow
from onewatt.spec.workload import Rank

#: Network and layer.  A grouped convolution is one of its groups: peers have no groups to exploit.
LAYERS = [
    ("alexnet", "conv1"),
    ("alexnet", "conv2"),
    ("alexnet", "conv3"),
    ("alexnet", "conv4"),
    ("alexnet", "conv5"),
    ("alexnet", "fc7"),
    ("resnet18", "layer1.0.conv1"),
    ("resnet18", "layer2.0.conv1"),
    ("resnet18", "layer2.0.downsample"),
    ("resnet18", "layer3.0.conv2"),
    ("mobilenet_v2", "block1.expand"),
    ("mobilenet_v2", "block7.project"),
    ("mobilenet_v2", "block1.dw"),
    ("mobilenet_v2", "block7.dw"),
    ("bert_base", "layer.0.attention.query"),
    ("bert_base", "layer.0.attention.scores"),
    ("bert_base", "layer.0.intermediate"),
]


def load_layers() -> dict[str, ow.Einsum]:
    """Return one run of each layer by ``network/layer``."""
    found: dict[str, ow.Einsum] = {}
    for network, layer in LAYERS:
        workload = ow.load_workload(network)
        einsum = next(e for e in workload.einsums if e.name == layer)
        found[f"{network}/{layer}"] = one_group(einsum)
    return found


def one_group(einsum: ow.Einsum) -> ow.Einsum:
    """Return one run and, where a group has several channels, one group of a layer."""
    sizes = einsum.sizes
    grouped = sizes.get("G", 1) > 1 and einsum.op == "conv"
    ranks = tuple(
        Rank(name=r.name, size=1) if grouped and r.name == "G" else r for r in einsum.ranks
    )
    return msgspec.structs.replace(einsum, ranks=ranks, count=1)


def describe(name: str, einsum: ow.Einsum) -> dict[str, Any]:
    """Return a layer as plain data for a process that has no onewatt."""
    return {
        "name": name,
        "ranks": einsum.sizes,
        "tensors": {
            t.name: [[[term.rank, term.coefficient] for term in i.terms] for i in t.projection]
            for t in einsum.tensors
        },
    }
