"""Runs the convolutions of AlexNet on the row-stationary array, as jssc17 mapped and timed them.

    python benchmarks/eyeriss_running.py

Writes eyeriss_running.json beside it: CPU time, and the cycles and buffer traffic of the machine,
of the closed forms and of Table V (through fodlam; batch 4, 200 MHz).  Inputs and weights are
random; inputs have the zeros of Table V.  CONV3 runs with the mapping of CONV4: its buffer traffic
in Table V fits that one, not the one printed for it in Table III.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

import onewatt as ow
from onewatt.model.jssc17.latency import latency
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid
from onewatt.model.jssc17.shape import Shape
from onewatt.report.simulated import array_of, layer_of
from onewatt.simulate.eyeriss.run import row_stationary
from onewatt.simulate.eyeriss.tensors import random_tensors
from onewatt.spec.row_stationary import RowStationary

#: Mapping, zeros of the inputs [1], processing latency [ms] and buffer traffic [MB].
TABLE = {
    "conv1": ("m96 n1 e7 p16 q1 r1 t2", 0.0001, 16.5, 18.5),
    "conv2": ("m64 n1 e27 p16 q2 r1 t1", 0.387, 39.2, 77.6),
    "conv3": ("m64 n4 e13 p16 q3 r2 t2", 0.725, 21.8, 50.2),
    "conv4": ("m64 n4 e13 p16 q3 r2 t2", 0.793, 16.0, 37.4),
    "conv5": ("m64 n4 e13 p16 q3 r2 t2", 0.776, 10.0, 24.9),
}


def measured(name: str, chip: ow.Architecture) -> dict[str, object]:
    """Run one layer and return its row."""
    text, zeros, published, moved = TABLE[name]
    einsum = next(e for e in ow.load_workload("alexnet", batch=4).einsums if e.name == name)
    mapping, layer = RowStationary.parse(text), layer_of(einsum)
    inputs, weights = random_tensors(layer, 0, inputs=1 - zeros)
    start = time.process_time()
    run = row_stationary(inputs, weights, mapping, stride=(layer.U, layer.V), groups=layer.G,
                         array=array_of(chip))  # fmt: skip
    spent = time.process_time() - start
    shape, machine = Shape.of(einsum), Machine.of(chip)
    model = latency(shape, machine, Grid.of(mapping))
    counts = run.counts
    buffer = counts["GLB ifmap", "read"] + counts["GLB psum", "read"]
    buffer += counts["GLB psum", "update"] + run.output.size  # the paper counts first reads
    return {
        "layer": name, "macs": einsum.macs, "cpu_s": round(spent, 2),
        "processing_ms": round(run.cycles / machine.clock * 1e3, 2),
        "model_ms": round(float(model.processing[0]) / machine.clock * 1e3, 2),
        "published_ms": published, "buffer_MB": round(buffer * 2 / 1e6, 2),
        "published_MB": moved, "active_pes": run.active_pes,
        "gated": round(run.gated, 4), "zeros": zeros,
    }  # fmt: skip


def main() -> None:
    """Measure every layer and write the file."""
    chip = ow.load_chip("eyeriss")
    one = np.ones((1, 1, 3, 3), int)
    row_stationary(one, one, "m1 n1 e1 p1 q1 r1 t1")  # compile
    rows = [measured(name, chip) for name in TABLE]
    for row in rows:
        print(row)
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps({"layers": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
