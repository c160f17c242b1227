"""What the main job costs: start-up, importing, evaluating, and a whole analysis.

    python benchmarks/spine.py

Writes spine.json beside it.  Times are CPU seconds (user and system, children included), medians of
several runs; the load of the machine is recorded with them.  The peer of the ONNX importer is what
any reader must do: onnx.load and onnx's own shape inference, in the same run.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import onnx

import onewatt as ow
from onewatt.importers.onnx import load_onnx

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light/light_resnet50.onnx"
RUNS = 5


def process(*arguments: str) -> dict[str, float]:
    """Run a command once in a cold process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "onewatt", *arguments], check=True, capture_output=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": cpu, "wall_s": wall, "peak_MB": after.ru_maxrss / 1e3}


def median_of(runs: list[dict[str, float]]) -> dict[str, float]:
    return {k: round(statistics.median(r[k] for r in runs), 4) for k in runs[0]}


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def reading() -> dict[str, float]:
    """Import ResNet-50 from ONNX, against loading and shape inference alone."""
    load_onnx(LIGHT)
    ours = statistics.median(cpu_seconds(lambda: load_onnx(LIGHT)) for _ in range(RUNS))
    peer = statistics.median(
        cpu_seconds(lambda: onnx.shape_inference.infer_shapes(onnx.load(LIGHT)))
        for _ in range(RUNS)
    )
    return {"cpu_s": round(ours, 4), "peer_cpu_s": round(peer, 4), "ratio": round(ours / peer, 2)}


def evaluating() -> dict[str, float]:
    """Exact evaluations of one layer and mapping, the whole ledger each time."""
    chip = ow.load_chip("eyeriss")
    layer = next(e for e in ow.load_workload("alexnet").einsums if e.name == "conv3")
    net = ow.Workload(name="one", einsums=(layer,))
    mapping = ow.search(net, chip).layers[0].mapping
    count = 300
    taken = cpu_seconds(lambda: [ow.evaluate(layer, chip, mapping) for _ in range(count)])
    return {"ledgers_per_cpu_s": round(count / taken)}


def main() -> None:
    figures = {
        "help": median_of([process("--help") for _ in range(RUNS)]),
        "read_resnet50_onnx": reading(),
        "evaluate_conv3": evaluating(),
        "analyze_resnet50_eyeriss": median_of(
            [process("analyze", str(LIGHT), "--chip", "eyeriss", "--quiet") for _ in range(3)]
        ),
        "machine": {
            "processors": os.cpu_count(),
            "load": [round(x, 2) for x in os.getloadavg()],
            "python": platform.python_version(),
            "onewatt": ow.__version__,
        },
    }
    text = json.dumps(figures, indent=1)
    Path(__file__).with_suffix(".json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
