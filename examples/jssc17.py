"""Eyeriss by its own tables: what the chip's paper published of AlexNet, and what onewatt says.

    python examples/jssc17.py

prints Tables III and V of Chen et al., JSSC 2017 (jssc17) beside the model, layer by layer, then
the model's own best mappings.  docs/eyeriss.md explains the model, docs/validation.md judges it.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import msgspec

import onewatt as ow
from onewatt.mapper.row_stationary import search
from onewatt.model.jssc17.evaluate import Row, row
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import Einsum, Tensor

BATCH = 4
KIB, MB = 8 * 1024, 8e6


class Published(NamedTuple):
    """A layer in the paper: mapping and buffer (Table III), measurements (Table V).

    Buffer in KiB, power in mW, latencies in ms, traffic in MB (1e6 B), zeros as a share; the
    density of outputs (after ReLU, before pooling) is not in the paper.
    """

    mapping: str
    ifmap: float
    psum: float
    power: float
    total: float
    processing: float
    active_pes: int
    zeros: float
    buffer: float
    dram: float
    output_density: float


#: Tables III and V of jssc17 through the repository cucapra/fodlam; densities of outputs from the
#: workloads of table7 in the repository Accelergy-Project/micro22-sparseloop-artifact.
PUBLISHED = {
    "conv1": Published("m96 n1 e7 p16 q1 r1 t2", 15.5, 72.2, 332, 20.9, 16.5, 154, 0.0001, 18.5,
                       5.0, 0.378),
    "conv2": Published("m64 n1 e27 p16 q2 r1 t1", 3.8, 91.1, 288, 41.9, 39.2, 135, 0.387, 77.6,
                       4.0, 0.169),
    "conv3": Published("m64 n4 e13 p16 q4 r1 t4", 7.0, 84.5, 266, 23.6, 21.8, 156, 0.725, 50.2,
                       3.0, 0.303),
    "conv4": Published("m64 n4 e13 p16 q3 r2 t2", 10.5, 84.5, 235, 18.4, 16.0, 156, 0.793, 37.4,
                       2.1, 0.304),
    "conv5": Published("m64 n4 e13 p16 q3 r2 t2", 10.5, 84.5, 236, 10.5, 10.0, 156, 0.776, 24.9,
                       1.3, 0.1),
}  # fmt: skip
#: The row "Total" of Table V, in the same units.
TOTAL = {"power": 278, "total": 115.3, "processing": 103.5, "buffer": 208.5, "dram": 15.4}
#: Only with q = 3, r = 2, t = 2 instead of q = 4, r = 1, t = 4 do the 50.2 MB of conv3 come out:
#: Table V cannot have been measured with the row of Table III.
MEASURED = {"conv3": "m64 n4 e13 p16 q3 r2 t2"}


def layer(name: str) -> Einsum:
    """Return a layer of AlexNet with the published share of zeros."""
    net = ow.load_workload("alexnet", batch=BATCH)
    einsum = next(e for e in net.einsums if e.name == name)
    known = PUBLISHED[name]
    inputs = tuple(
        _with_density(t, 1 - known.zeros) if t.name == "Inputs" else t for t in einsum.inputs
    )
    output = _with_density(einsum.output, known.output_density)
    return msgspec.structs.replace(einsum, inputs=inputs, output=output)


def _with_density(tensor: Tensor, density: float) -> Tensor:
    return msgspec.structs.replace(tensor, density=density)


def mapping(name: str, *, table_3: bool = False) -> RowStationary:
    """Return the mapping a layer was measured with, or that of Table III."""
    text = PUBLISHED[name].mapping
    return RowStationary.parse(text if table_3 else MEASURED.get(name, text))


def rows(*, table_3: bool = False) -> dict[str, Row]:
    """Return every layer as the model has it, with published mappings and zeros."""
    chip = ow.load_chip("eyeriss")
    return {name: row(layer(name), chip, mapping(name, table_3=table_3)) for name in PUBLISHED}


def best(goal: str = "layer_edp") -> dict[str, Row]:
    """Return the best mapping of each layer that is no worse than the one it was measured with."""
    chip, found = ow.load_chip("eyeriss"), {}
    for name in PUBLISHED:
        einsum = layer(name)
        found[name] = row(einsum, chip, search(einsum, chip, goal=goal, than=mapping(name)))
    return found


def in_paper_units(found: Row) -> dict[str, float]:
    """Return a row of the model in the units of the paper: mW, ms, MB, KiB."""
    return {
        "power": found.power * 1e3, "total": found.total * 1e3,
        "processing": found.processing * 1e3, "active_pes": found.active_pes,
        "buffer": found.buffer / MB, "dram": found.dram / MB,
        "ifmap": found.ifmap / KIB, "psum": found.psum / KIB,
    }  # fmt: skip


def main() -> int:
    """Print the tables."""
    heads = ("power", "total", "processing", "active_pes", "buffer", "dram")
    print("Table V of jssc17, published / onewatt: mW, ms, ms, PEs, MB, MB")
    print(f"{'layer':8}" + "".join(f"{h:>18}" for h in heads))
    for name, found in rows().items():
        ours = in_paper_units(found)
        cells = (f"{getattr(PUBLISHED[name], h):g} / {ours[h]:.4g}" for h in heads)
        print(f"{name:8}" + "".join(f"{cell:>18}" for cell in cells))
    print("\nThe best mapping that is no worse in buffer words and time (least EDP)")
    for name, found in best().items():
        ours = in_paper_units(found)
        print(f"{name:8}{found.mapping!s:34}" + "  ".join(f"{h} {ours[h]:.4g}" for h in heads))
    return 0


if __name__ == "__main__":
    sys.exit(main())
