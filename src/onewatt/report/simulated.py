"""A layer that ran beside what the model of the chip's paper says of it."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec

from onewatt.errors import MappingError
from onewatt.model.jssc17.evaluate import evaluate
from onewatt.model.jssc17.latency import latency
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid
from onewatt.model.jssc17.shape import Shape
from onewatt.simulate.eyeriss.layout import EyerissArray, Layer
from onewatt.simulate.eyeriss.run import WORD_BITS, RowStationaryRun
from onewatt.simulate.integers import Integers
from onewatt.spec.architecture import Architecture
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS, Einsum

FIRST_READS = "the paper counts the first read of a sum, which the machine leaves out"
ZEROS = "expected from the density; the machine meets each zero where it is"
NOT_COUNTED = "the paper does not count what passes between buffer and DRAM"
FILLING = "the model leaves out the filling of buses and columns"
RAW = "the machine waits for its first filters, and sends feature maps uncoded"
SCHEMA = "onewatt/simulation/1"

#: Parts of the chip in the machine and in the ledger: (memory or network, tensor).
_LEDGER = {
    "DRAM filter": ("DRAM", WEIGHTS), "DRAM ifmap": ("DRAM", INPUTS),
    "DRAM ofmap": ("DRAM", OUTPUTS), "GLB ifmap": ("buffer", INPUTS),
    "GLB psum": ("buffer", OUTPUTS), "filter spad": (WEIGHTS, WEIGHTS),
    "ifmap spad": (INPUTS, INPUTS), "psum spad": (OUTPUTS, OUTPUTS),
}  # fmt: skip
_BUSES = {"GIN filter": (WEIGHTS, WEIGHTS), "GIN ifmap": (INPUTS, INPUTS),
          "column": ("column", OUTPUTS)}  # fmt: skip


class Compared(NamedTuple):
    """One count of the machine and of the model; `note` says why they may differ."""

    component: str
    action: str
    machine: int
    model: float | None
    note: str


class Simulated(NamedTuple):
    """A run of one layer, and the model's figures for the same densities."""

    layer: str
    chip: str
    run: RowStationaryRun
    compared: tuple[Compared, ...]
    processing: float
    total: float
    multiply: float


def layer_of(einsum: Einsum) -> Layer:
    """Return a layer in the words of the machine.

    Raises
    ------
    MappingError
        If it is no convolution or matrix product with sliding windows of inputs.
    """
    shape = Shape.of(einsum)
    if any(len(index.terms) > 1 for index in einsum.output.projection):
        raise MappingError(
            f"layer {einsum.name!r} ({einsum.op}) spreads inputs over outputs; the array runs "
            "convolutions and matrix products, whose windows slide over the inputs"
        )
    rows, columns = (shape.E - 1) * shape.U + shape.R, shape.W
    return Layer(*shape[1:11], rows, columns)


def array_of(architecture: Architecture) -> EyerissArray:
    """Return a chip in the words of the machine.

    Raises
    ------
    MappingError
        If it is not built like Eyeriss, or its words or buses are others than the machine has.
    """
    try:
        found = Machine.of(architecture)
    except MappingError as error:
        if any(f.skips for f in architecture.mac.sparse):
            raise MappingError(
                f"{error}. Of a chip that skips zeros one PE runs: onewatt.simulate.sparse_pe"
            ) from error
        raise
    if found.word != WORD_BITS:
        raise MappingError(
            f"chip {found.name!r} computes {found.word} bits; the machine that runs has {WORD_BITS}"
        )
    buses = {"ifmap_bus": found.ifmap_bus, "filter_bus": found.filter_bus,
             "psum_bus": found.psum_bus}  # fmt: skip
    for name, words in buses.items():
        if words < 1 or words != int(words):
            raise MappingError(
                f"chip {found.name!r} has {name} of {words:g} words a cycle; the machine that runs "
                "needs a whole number"
            )
    link = Fraction(found.link).limit_denominator(10_000)
    return EyerissArray(
        rows=found.rows, columns=found.columns, filter_spad=found.filter_spad,
        ifmap_spad=found.ifmap_spad, psum_spad=found.psum_spad, banks=found.banks, bank=found.bank,
        prefetch=found.prefetch, **{name: int(words) for name, words in buses.items()},
        link_words=link.numerator, link_cycles=link.denominator,
    )  # fmt: skip


def with_measured(einsum: Einsum, inputs: Integers) -> Einsum:
    """Return one run of a layer with the density that its inputs have."""
    share = float((inputs != 0).mean())
    operands = tuple(
        msgspec.structs.replace(t, density=share, zeros=None) if t.name == INPUTS else t
        for t in einsum.inputs
    )
    return msgspec.structs.replace(einsum, inputs=operands, count=1)


def compare_run(
    einsum: Einsum,
    architecture: Architecture,
    mapping: RowStationary,
    *,
    run: RowStationaryRun,
    inputs: Integers,
) -> Simulated:
    """Set a run beside the closed forms of jssc17.

    Parameters
    ----------
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip.
    mapping : RowStationary
        The seven parameters.
    run : RowStationaryRun
        What the machine did.
    inputs : array
        What it ran on; the model gets its share of non-zeros.

    Returns
    -------
    Simulated
        Counts and cycles of both.
    """
    one = with_measured(einsum, inputs)
    machine = Machine.of(architecture)
    ledger: dict[tuple[str, str, str], float] = {}
    for entry in evaluate(one, architecture, mapping).entries:
        key = entry.component, entry.tensor, entry.action
        ledger[key] = ledger.get(key, 0.0) + entry.count
    names = {part: (machine.memories[m], t) for part, (m, t) in _LEDGER.items()}
    names |= {part: (machine.networks[n], t) for part, (n, t) in _BUSES.items()}
    names["mac"] = (architecture.mac.name, OUTPUTS)
    rows: list[Compared] = []
    for (part, action), words in run.counts.items():
        model = ledger.get((*names[part], action))
        rows.append(Compared(part, action, words, *_judged(part, action, model)))
    shape, grid = Shape.of(one), Grid.of(mapping)
    spent = latency(shape, machine, grid)
    return Simulated(
        layer=einsum.name, chip=architecture.name, run=run, compared=tuple(rows),
        processing=float(spent.processing[0]), total=float(spent.total[0]),
        multiply=float(spent.multiply[0]),
    )  # fmt: skip


def _judged(part: str, action: str, model: float | None) -> tuple[float | None, str]:
    """Return the model's count and why it may differ."""
    if (part, action) == ("GLB psum", "read"):
        return model, FIRST_READS
    if (part, action) in (("GLB ifmap", "fill"), ("GLB psum", "drain")):
        return None, NOT_COUNTED
    if (part, action) == ("psum spad", "drain"):
        return None, "as many as column, hop"
    moves = part == "psum spad" or (part, action) == ("filter spad", "read")
    if part == "mac" or moves:
        return model or 0.0, ZEROS
    return model or 0.0, ""


def checksum(output: Integers) -> str:
    """Return the SHA-256 of the sums as 32-bit words, little-endian, (N, M, E, F) row by row.

    Examples
    --------
    >>> import numpy as np
    >>> checksum(np.array([1, -1]))[:16]
    'b15348c8f462384c'
    """
    return hashlib.sha256(output.astype("<i4").tobytes()).hexdigest()


def simulated_json(found: Simulated) -> dict[str, Any]:
    """Return a run as one JSON object."""
    run = found.run
    return {
        "schema": SCHEMA,
        "layer": found.layer,
        "chip": found.chip,
        "mapping": str(run.mapping),
        "output": {"shape": list(run.output.shape), "sha256": checksum(run.output)},
        "passes": run.passes,
        "active_pes": run.active_pes,
        "gated": run.gated,
        "cycles": [
            {"name": name, "machine": machine, "model": model, "note": note}
            for name, machine, model, note in cycle_rows(found)
        ],
        "counts": [row._asdict() for row in found.compared],
    }


def cycle_rows(found: Simulated) -> list[tuple[str, int, float, str]]:
    """Return the cycles of machine and model: multiplying, all of the array, with the link."""
    run = found.run
    return [
        ("multiplying", run.mac_cycles, found.multiply, ""),
        ("processing", run.cycles, found.processing, FILLING),
        ("with the link", run.total_cycles, found.total, RAW),
    ]
