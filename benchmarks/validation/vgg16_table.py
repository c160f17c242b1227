"""The VGG-16 table of the Eyeriss paper (jssc17, Table VI), and the mappings that explain it best.

Batch 3, 200 MHz, 1.0 V.  The paper has no table of mappings for this network.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import NamedTuple

import msgspec
import numpy as np

import onewatt as ow
from onewatt.model.jssc17.counts import buffer_words, dram_words
from onewatt.model.jssc17.evaluate import Row, row
from onewatt.model.jssc17.latency import latency
from onewatt.model.jssc17.limits import fits
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid
from onewatt.model.jssc17.shape import Shape
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import Einsum, Rank

BATCH = 3
MB = 8e6


class Measured(NamedTuple):
    """A layer in the table: mW, ms, ms, PEs, share of zeros in the inputs, MB (1e6 B), MB."""

    power: float
    total: float
    processing: float
    active_pes: int
    zeros: float
    buffer: float
    dram: float


#: Table VI of jssc17 through the repository cucapra/fodlam (data/eyeriss-vgg16.csv), which read it
#: by OCR.  Four cells are not as that file has them, because a sum or a share says otherwise:
#: conv1_1 DRAM (file: 154), conv2_2 buffer (2402.3), conv4_2 DRAM (20.6), conv5_1 PEs (163).
#: The zeros of conv1_1 (16 % there) are not used: the image is stored and multiplied as dense.
PUBLISHED = {
    "conv1_1": Measured(247, 76.2, 38.0, 156, 0.0, 112.6, 15.4),
    "conv1_2": Measured(218, 910.3, 810.6, 156, 0.477, 2402.8, 54.0),
    "conv2_1": Measured(242, 470.3, 405.3, 156, 0.248, 1201.4, 33.4),
    "conv2_2": Measured(231, 894.3, 810.8, 156, 0.387, 2402.8, 48.5),
    "conv3_1": Measured(254, 241.1, 204.0, 156, 0.397, 607.4, 20.2),
    "conv3_2": Measured(235, 460.9, 408.1, 156, 0.581, 1214.8, 32.2),
    "conv3_3": Measured(233, 457.7, 408.1, 156, 0.587, 1214.8, 30.8),
    "conv4_1": Measured(278, 135.8, 105.1, 168, 0.643, 321.8, 17.8),
    "conv4_2": Measured(261, 254.8, 210.0, 168, 0.747, 643.7, 28.6),
    "conv4_3": Measured(240, 246.3, 210.0, 168, 0.854, 643.7, 22.8),
    "conv5_1": Measured(258, 54.3, 48.3, 168, 0.794, 90.0, 6.3),
    "conv5_2": Measured(236, 53.7, 48.5, 168, 0.874, 90.0, 5.7),
    "conv5_3": Measured(230, 53.7, 48.5, 168, 0.885, 90.0, 5.6),
}
#: Its row "Total": mean power, sums of times and traffic.
TOTAL = {"power": 236, "total": 4309.5, "processing": 3755.2, "buffer": 11035.8, "dram": 321.1}
NAMES = tuple(PUBLISHED)
BLOCKS = tuple(dict.fromkeys(name.split("_")[0] for name in NAMES))
#: Layers whose outputs are pooled: their density before pooling is not in the table.
POOLED = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
#: Powers that the mean does not confirm: a slip of 10 mW would move it by less than it is rounded.
UNCONFIRMED = tuple(n for n in NAMES if 10 * PUBLISHED[n].total / TOTAL["total"] < 0.5)


def output_density(name: str) -> tuple[float, float]:
    """Return the least and greatest density of a layer's outputs, before pooling.

    Without pooling it is that of the next layer's inputs, D.  With 2x2 max-pooling after a ReLU a
    result is non-zero if any of four is, so it lies between D/4 and D.
    """
    if name == NAMES[-1]:
        return 0.0, 1.0
    after = 1 - PUBLISHED[NAMES[NAMES.index(name) + 1]].zeros
    return (after / 4, after) if name in POOLED else (after, after)


def layer(name: str, density: float | None = None) -> Einsum:
    """Return a layer with its published zeros, rows of conv1 cut into halves.

    Whole rows of conv1 (224 words) leave room for the sums of 16 channels, so that every input
    would come from DRAM four times; the 54.0 MB of conv1_2 are too few for that.  With halves there
    is room for 32.  The two halves are written as images of their own.
    """
    einsum = next(e for e in ow.load_workload("vgg16", batch=BATCH).einsums if e.name == name)
    inputs = tuple(
        msgspec.structs.replace(t, density=1 - PUBLISHED[name].zeros) if t.name == "Inputs" else t
        for t in einsum.inputs
    )
    low, high = output_density(name)
    known = (low + high) / 2 if density is None else density
    output = msgspec.structs.replace(einsum.output, density=known)
    sizes = {"N": 2 * BATCH, "Q": 112} if name.startswith("conv1_") else {}
    ranks = tuple(Rank(name=r.name, size=sizes.get(r.name, r.size)) for r in einsum.ranks)
    return msgspec.structs.replace(einsum, inputs=inputs, output=output, ranks=ranks)


def whole_rows(name: str) -> Einsum:
    """Return a layer as `layer` does, but for the halves."""
    einsum = layer(name)
    sizes = {"N": BATCH, "Q": 224} if name.startswith("conv1_") else {}
    ranks = tuple(Rank(name=r.name, size=sizes.get(r.name, r.size)) for r in einsum.ranks)
    return msgspec.structs.replace(einsum, ranks=ranks)


def every_mapping(einsum: Einsum, pes: int) -> Grid:
    """Return every mapping of a layer that the chip can hold with so many active PEs.

    All integers, but that m is a multiple of p·t.
    """
    shape, machine = Shape.of(einsum), Machine.of(ow.load_chip("eyeriss"))
    rows: list[tuple[int, ...]] = []
    for e, r in product(range(1, shape.E + 1), range(1, machine.rows // shape.R + 1)):
        if pes % (shape.R * e * r):
            continue
        t = pes // (shape.R * e * r)
        for n, q, p in product(
            range(1, shape.N + 1), range(1, machine.ifmap_spad // shape.S + 1),
            range(1, machine.psum_spad + 1),
        ):  # fmt: skip
            rows += [(k * p * t, n, e, p, q, r, t) for k in range(1, shape.M // (p * t) + 1)]
    grid = Grid(*np.array(rows, np.int64).T)
    return grid.select(fits(shape, machine, grid))


@cache
def nearest(block: str) -> tuple[RowStationary, int]:
    """Return the mapping that explains a block's table best, and among how many.

    The least sum of squared errors of buffer, DRAM and processing time over its layers; where DRAM
    is known as a range, to its nearer end.
    """
    names = [n for n in NAMES if n.startswith(block)]
    grid = every_mapping(layer(names[0]), PUBLISHED[names[0]].active_pes)
    machine = Machine.of(ow.load_chip("eyeriss"))
    apart = np.zeros(grid.e.size)
    for name in names:
        shape, known = Shape.of(layer(name)), PUBLISHED[name]
        low, high = (
            dram_words(s, grid).bits(s, machine.word).total / MB
            for s in (Shape.of(layer(name, d)) for d in output_density(name))
        )
        ours = {
            "buffer": buffer_words(shape, grid).total * machine.word / MB,
            "processing": latency(shape, machine, grid).processing / machine.clock * 1e3,
            "dram": np.clip(known.dram, low, high),
        }
        for field, found in ours.items():
            apart += (found / getattr(known, field) - 1) ** 2
    return grid.at(int(np.argmin(apart))), int(grid.e.size)


@cache
def computed(name: str) -> Row:
    """Return the model's row of a layer under the mapping of its block."""
    return row(layer(name), ow.load_chip("eyeriss"), nearest(name.split("_")[0])[0])


def dram_range(name: str) -> tuple[float, float]:
    """Return the least and greatest DRAM traffic that the unknown density allows [MB]."""
    chip, mapping = ow.load_chip("eyeriss"), nearest(name.split("_")[0])[0]
    low, high = (row(layer(name, d), chip, mapping).dram / MB for d in output_density(name))
    return low, high
