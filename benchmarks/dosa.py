"""Replays the rows of DOSA: Timeloop's cycles and energy of 34,841 mappings on Gemmini-like chips.

    ONEWATT_REFERENCE_DATA=... python benchmarks/dosa.py

Writes dosa.json beside it.  Rows: repository ucb-bar/dosa (BSD-2-Clause; C. Hong et al., MICRO
2023), as `dosa/timeloop_dataset.csv.gz` in that folder.  A row is an architecture, a layer, a
mapping string and what Timeloop and Accelergy said: cycles, and energy in uJ.  The architecture
files and the table of energies are not with the rows, so the chip is built from the columns and
three constants:

- DRAM moves 8 words a cycle, reads and writes together, and 64 words in one access: the energy of
  the layer with one output shows the whole access.
- Reads and writes share every port.
- A partial sum is read from the accumulator also before its first update, which the stalls show.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import onewatt as ow
from onewatt.model import latency, ledger
from onewatt.model.counts import count
from onewatt.model.nest import check_kept, check_place, lower
from onewatt.model.words import check_capacity
from onewatt.spec.architecture import (
    Architecture,
    Axis,
    Compute,
    Container,
    Memory,
    Technology,
)
from onewatt.spec.price import Price, Prices
from onewatt.spec.workload import Einsum, Index, Rank, Tensor, Term

DRAM_RATE, DRAM_ACCESS = 8.0, 512  # words a cycle, bits of one access
#: What the energies are fitted with: words, and words times the size of their memory in bits.
FEATURES = ("DRAM", "scratchpad", "scratchpad x size", "accumulator", "accumulator x size",
            "registers and MACs")  # fmt: skip
TENSORS = ("Inputs", "Weights", "Outputs")

Row = dict[str, str]


class Replay(NamedTuple):
    """Our cycles, the component that sets them, and the words that cost energy."""

    cycles: float
    bound: str
    words: tuple[float, ...]


def rows(data: Path) -> list[Row]:
    """Read every row of the data set."""
    with gzip.open(data / "dosa" / "timeloop_dataset.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def other_rows(data: Path) -> list[Row]:
    """Read the rows of other chips, those of the published test on hardware: nothing is fitted."""
    with (data / "dosa" / "firesim_test.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def chip(row: Row) -> Architecture:
    """Build the chip of a row; names of the rows are L3 (DRAM) to L0 (registers)."""
    mesh = int(row["arch.meshX"])

    def memory(name: str, column: str, *keeps: str) -> Memory:
        word = int(row[f"arch.{column}_word-bits"])
        return Memory(
            name=name, keeps=keeps, word=word, capacity=int(row[f"arch.{column}_entries"]) * word,
            width=max(word, int(row[f"arch.{column}_width"])),
            shared_bandwidth=float(row[f"arch.{column}_shared_bandwidth"]),
        )  # fmt: skip

    return Architecture(
        name="gemmini", clock=1e9, technology=Technology(node=40e-9),
        nodes=(
            Memory(name="DRAM", keeps=TENSORS, word=8, width=DRAM_ACCESS,
                   shared_bandwidth=DRAM_RATE),
            memory("scratchpad", "mem2", "Inputs", "Weights"),
            Container(name="columns", fanout=(Axis(name="column_X", size=mesh),)),
            memory("accumulator", "mem1", "Outputs"),
            Container(name="rows", fanout=(Axis(name="row_X", size=mesh),)),
            Memory(name="registers", keeps=("Weights",), word=8, width=8),
            Compute(name="mac"),
        ),
    )  # fmt: skip


def layer(row: Row) -> Einsum:
    """Build the layer of a row: Timeloop's ``cnn-layer`` with strides and dilations."""
    if row["prob.shape"] != "cnn-layer":
        raise ValueError(f"found problem shape {row['prob.shape']!r}; expected 'cnn-layer'")
    value = {k.removeprefix("prob."): v for k, v in row.items() if k.startswith("prob.")}
    size = {k: int(v) for k, v in value.items() if k != "shape"}

    def plain(*ranks: str) -> tuple[Index, ...]:
        return tuple(Index(terms=(Term(rank=r),)) for r in ranks)

    def window(out: str, tap: str, side: str) -> Index:
        step, spread = size[f"{side}stride"], size[f"{side}dilation"]
        return Index(terms=(Term(rank=out, coefficient=step), Term(rank=tap, coefficient=spread)))

    inputs = (*plain("N", "C"), window("P", "R", "W"), window("Q", "S", "H"))
    return Einsum(
        name="layer", op="conv", ranks=tuple(Rank(name=r, size=size[r]) for r in "CKRSNPQ"),
        inputs=(Tensor(name="Weights", projection=plain("C", "K", "R", "S")),
                Tensor(name="Inputs", projection=inputs)),
        output=Tensor(name="Outputs", projection=plain("N", "K", "P", "Q")),
    )  # fmt: skip


def _accesses(architecture: Architecture) -> Prices:
    """Price every access at 1, so that a ledger counts accesses."""
    actions = [(m.name, a) for m in architecture.memories
               for a in ("read", "fill", "update", "drain")]  # fmt: skip
    return Prices(
        prices=tuple(
            Price(component=n, action=a, energy=1.0, low=1.0, high=1.0, source="one an access")
            for n, a in [*actions, (architecture.mac.name, "compute")]
        )
    )


def replay(row: Row) -> Replay:
    """Count a row with convention ``timeloop``, and refuse it if it does not fit its chip."""
    einsum, architecture = layer(row), chip(row)
    mapping = ow.read_mapping_string(row["mapping.mapping"], einsum, architecture)
    check_place(einsum, architecture, mapping)
    check_kept(einsum, architecture, mapping)
    nest = lower(einsum, mapping)
    check_capacity(einsum, architecture, nest)
    counts = count(einsum, architecture, nest, "timeloop")
    busy = {b.component: b.cycles for b in latency.busy(einsum, architecture, counts)}
    first = einsum.words(einsum.output)
    rate = float(row["arch.mem1_shared_bandwidth"])
    busy["accumulator"] += first / counts.instances["accumulator"] / rate
    bound = max(busy, key=lambda name: busy[name])
    words = dict.fromkeys((m.name for m in architecture.memories), 0.0)
    for entry in ledger.lines(einsum, architecture, _accesses(architecture), counts):
        if entry.component in words:
            words[entry.component] += entry.energy
    spad, acc = architecture.memories[1], architecture.memories[2]
    in_spad = words["scratchpad"] * (spad.width or 1) / (spad.word or 1)
    in_acc = words["accumulator"] + first
    return Replay(
        busy[bound],
        bound,
        (
            words["DRAM"] * DRAM_ACCESS / 8, in_spad, in_spad * (spad.capacity or 0), in_acc,
            in_acc * (acc.capacity or 0), words["registers"] + einsum.points,
        ),
    )  # fmt: skip


def misses(given: Iterable[tuple[Row, Replay]]) -> Iterator[tuple[Row, Replay]]:
    """Yield the rows whose cycles differ by more than 1 %."""
    for row, mine in given:
        if abs(mine.cycles / float(row["target.cycle"]) - 1) > 0.01:
            yield row, mine


def halves(given: list[Row]) -> np.ndarray:
    """Say of each row whether its architecture is in the half to fit: every second number."""
    numbers = sorted({int(r["arch.id"]) for r in given})
    first = set(numbers[::2])
    return np.array([int(r["arch.id"]) in first for r in given])


def energies(given: list[Row], mine: list[Replay]) -> np.ndarray:
    """Return the words that cost energy, over the published energy of each row [1/pJ]."""
    published = np.array([float(r["target.energy"]) for r in given]) * 1e6  # uJ -> pJ
    return np.array([m.words for m in mine]) / published[:, None]


def fit(given: list[Row], mine: list[Replay]) -> tuple[np.ndarray, np.ndarray]:
    """Fit six energies [pJ] to relative error on half of the architectures.

    Returns
    -------
    tuple of arrays
        Coefficients (6,), and the relative error of every row (N,).
    """
    half, relative = halves(given), energies(given, mine)
    found = np.linalg.lstsq(relative[half], np.ones(int(half.sum())), rcond=None)[0]
    return found, np.abs(relative @ found - 1)


def compare_others(data: Path, coefficients: np.ndarray) -> dict[str, float]:
    """Replay the rows of other chips with the energies that were fitted."""
    given = other_rows(data)
    mine = [replay(row) for row in given]
    error = np.abs(energies(given, mine) @ coefficients - 1)
    missed = list(misses(zip(given, mine, strict=True)))
    return {
        "rows": len(given),
        "cycles_within_1_percent": round(1 - len(missed) / len(given), 6),
        "median_energy_error": round(float(np.median(error)), 6),
        "largest_energy_error": round(float(error.max()), 6),
    }


def main() -> None:
    folder = os.environ.get("ONEWATT_REFERENCE_DATA")
    if not folder:
        raise SystemExit("ONEWATT_REFERENCE_DATA is not set; expected the folder with dosa/")
    given = rows(Path(folder))
    start = time.process_time()
    mine = [replay(row) for row in given]
    seconds = time.process_time() - start
    missed = list(misses(zip(given, mine, strict=True)))
    named = Counter(
        f"{m.bound} bound, stride {r['prob.Hstride']}, filter {r['prob.R']}" for r, m in missed
    )
    target = np.array([float(r["target.cycle"]) for r in given])
    ours = np.array([m.cycles for m in mine])
    coefficients, error = fit(given, mine)
    half = halves(given)
    report = {
        "rows": len(given),
        "architectures": len({r["arch.id"] for r in given}),
        "cycles": {
            "within_1_percent": round(1 - len(missed) / len(given), 6),
            "missed": dict(named),
            "within_1_cycle": int((np.abs(ours - target) <= 1.5).sum()),
            "bound": dict(Counter(m.bound for m in mine)),
        },
        "energy": {
            "coefficients_pJ": dict(
                zip(FEATURES, (float(f"{c:.6g}") for c in coefficients), strict=True)
            ),
            "fitted_rows": int(half.sum()),
            "median_error_fitted": round(float(np.median(error[half])), 6),
            "median_error_held_out": round(float(np.median(error[~half])), 6),
            "p90_error_held_out": round(float(np.quantile(error[~half], 0.9)), 6),
            "p99_error_held_out": round(float(np.quantile(error[~half], 0.99)), 6),
            "largest_error_held_out": round(float(error[~half].max()), 6),
        },
        "other_chips": compare_others(Path(folder), coefficients),
        "cpu_seconds": round(seconds, 1),
    }
    text = json.dumps(report, indent=1)
    (Path(__file__).parent / "dosa.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
