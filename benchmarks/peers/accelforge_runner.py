"""Maps one layer with AccelForge (its defaults: perfect factors, proven); its own environment.

    python accelforge_runner.py job.json result.json

Every energy, area and rate is stated, so that no component model (and no CACTI) is called.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from stopwatch import OutOfTime, Stopwatch

#: What it calls an objective, and the column of its result that claims it, in J s and J.
METRICS = {"edp": "ENERGY_DELAY_PRODUCT", "energy": "ENERGY"}
CLAIMS = {"edp": ("energy_delay_product",), "energy": ("energy",)}
WORD = 8  # bit; every level is described in words of this many bits


def specification(chip: dict[str, Any], layer: dict[str, Any]) -> str:
    """Return AccelForge's YAML of chip and layer."""
    lines, opened = ["arch:", "  nodes:"], False
    for level in sorted(chip["levels"], key=_place):
        if level["in_array"] and not opened:
            opened = True
            lines += ["  - !Container", "    name: PE", "    spatial:"]
            lines += [f"    - {{name: {name}, fanout: {size}}}" for name, size in chip["axes"]]
        lines += _memory(level, chip["clock_Hz"])
    lines += [
        "  - !Compute",
        "    name: MAC",
        "    area: 0",
        f"    leak_power: {chip['mac_leak_pJ'] * 1e-12 * chip['clock_Hz']!r}",
        "    actions:",
        f"    - {{name: compute, energy: {chip['mac_pJ'] * 1e-12!r}, "
        f"throughput: {chip['clock_Hz']!r}}}",
    ]
    return "\n".join(lines + _layer(layer)) + "\n"


def _place(level: dict[str, Any]) -> tuple[bool, bool]:
    """Put the weights first among the memories of a PE, which stand side by side on the chip.

    AccelForge keeps to the order it is given.  This one is the best for it: on a BERT GEMM, inputs
    first cost 22 % more energy, and leaving the order open saved 0.02 % for four times the time.
    """
    return level["in_array"], level["in_array"] and level["keeps"] != ["Weights"]


def _memory(level: dict[str, Any], clock: float) -> list[str]:
    rates = {"read": level["read_rate"], "write": level["write_rate"]}
    size = "inf" if level["words"] is None else level["words"] * WORD
    lines = [
        "  - !Memory",
        f"    name: {level['name']}",
        f"    size: {size}",
        "    area: 0",
        f"    leak_power: {level['leak_pJ'] * 1e-12 * clock!r}",
        f"    tensors: {{keep: {' | '.join(level['keeps'])}}}",
        "    total_latency: max(a.n_calls / a.throughput for a in actions)",
        "    actions:",
    ]
    for action, rate in rates.items():
        words = "inf" if rate is None else repr(rate * clock)
        lines.append(
            f"    - {{name: {action}, bits_per_action: {WORD}, "
            f"energy: {level[action + '_pJ'] * 1e-12!r}, throughput: {words}}}"
        )
    return lines


def _layer(layer: dict[str, Any]) -> list[str]:
    ranks = {r: n for r, n in layer["ranks"].items() if n > 1}
    lines = ["workload:", f"  bits_per_value: {{All: {WORD}}}", "  einsums:", "  - name: Layer"]
    lines.append("    tensor_accesses:")
    for tensor, indices in layer["tensors"].items():
        parts = []
        for number, terms in enumerate(indices):
            kept = [(r, c) for r, c in terms if r in ranks]
            if not kept:
                continue
            if len(kept) == 1:  # a stride alone skips words, which then need no place
                parts.append(f"{kept[0][0]}: {kept[0][0].lower()}")
                continue
            text = "+".join(r.lower() if c == 1 else f"{c}*{r.lower()}" for r, c in kept)
            parts.append(f"X{number}: {text}")
        written = ", output: True" if tensor == "Outputs" else ""
        lines.append(f"    - {{name: {tensor}, projection: {{{', '.join(parts)}}}{written}}}")
    bounds = ", ".join(f"0 <= {r.lower()} < {n}" for r, n in ranks.items())
    lines.append(f"    iteration_space_shape: [{bounds}]")
    return lines


def nest(layer: dict[str, Any], path: list[Any]) -> dict[str, Any]:
    """Return the neutral nest of a mapping's nodes, outermost first.

    A tensor stands where its space is reserved.  Its storage node may stand further out, before
    loops that slide a window over it or that replace its tile each time.
    """
    left, loops, spatial = dict(layer["ranks"]), [], []
    keeps: dict[str, list[Any]] = {t: [] for t in layer["tensors"]}
    for node in path:
        kind = type(node).__name__
        if kind == "Reservation":
            for tensor in node.purposes:
                keeps[str(tensor)].append([str(node.resource), len(loops)])
            continue
        if kind not in ("Temporal", "Spatial"):
            continue
        name = node.rank_variable
        rank = str(name if isinstance(name, str) else next(iter(name))).upper()
        size = int(node.tile_shape)
        factor = -(-left[rank] // size)
        left[rank] = min(left[rank], size)
        if factor == 1:
            continue
        if kind == "Spatial":
            spatial.append([rank, factor, str(node.name)])
        else:
            loops.append([rank, factor])
    return {"loops": loops, "spatial": spatial, "keeps": keeps}


def search(job: dict[str, Any]) -> dict[str, Any]:
    """Run AccelForge on one layer and return nest, claim and CPU seconds."""
    # here, so that the translation above can be tested where AccelForge is not installed
    import accelforge
    from accelforge.frontend.mapper.metrics import Metrics
    from accelforge.mapper.FFM.main import map_workload_to_arch
    from accelforge.util.parallel import set_n_parallel_jobs

    set_n_parallel_jobs(1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spec.yaml"
        file.write_text(specification(job["chip"], job["layer"]))
        watch = Stopwatch(job["limit_s"])
        try:
            spec = accelforge.Spec.from_yaml(str(file))
            spec.mapper.metrics = Metrics[METRICS[job["objective"]]]
            # without the detailed evaluation afterwards, which needs graphviz to draw the mapping
            found = map_workload_to_arch(spec, print_progress=False, eval_in_detail=False)
        except OutOfTime:
            return {"status": "timeout", "cpu_s": watch.seconds}
    seconds = watch.seconds
    row = found.data.iloc[0]  # one objective has one best mapping
    claim = {name: float(row[f"Total<SEP>{name}"]) for name in CLAIMS[job["objective"]]}
    path = list(row["Total<SEP>mapping"]()._flatten())
    kept = nest(job["layer"], path)
    return {"status": "finished", "cpu_s": seconds, "claim": claim, "nest": kept}


def main() -> None:
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    result = search(json.loads(Path(sys.argv[1]).read_text()))
    Path(sys.argv[2]).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
