"""Maps one layer with ZigZag (LOMA, its defaults); runs in ZigZag's own environment.

    python zigzag_runner.py job.json result.json

ZigZag gives every operand its own memory levels on one temporal order ("uneven" mapping), so the
nest it returns says for each tensor how many loops lie above each of its memories.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from stopwatch import OutOfTime, Stopwatch

OPERANDS = {"Inputs": "I1", "Weights": "I2", "Outputs": "O"}
LAYER_OPERANDS = {"Inputs": "I", "Weights": "W", "Outputs": "O"}
DIMENSIONS = {"N": "B", "M": "K", "P": "OY", "Q": "OX", "R": "FY", "S": "FX"}
#: The defaults of its API: prime factors merged to six loops, three spatial mappings.
EFFORT = {"loma_lpf_limit": 6, "loma_show_progress_bar": False, "nb_mappings_generated": 3}
UNLIMITED = 1 << 40
FAST = 1024  # words a cycle, where the chip states no limit
WORD = 8  # bit; every level is described in words of this many bits


def accelerator(chip: dict[str, Any]) -> dict[str, Any]:
    """Return ZigZag's description of the chip, innermost memory first.

    ZigZag pays for rows of `bandwidth_max` bits in steps of `bandwidth_min`; steps of one word and
    the price of a word times the words of a row charge every word what the chip says.
    """
    axes = [f"D{i + 1}" for i in range(len(chip["axes"]))]
    memories = {}
    for level in reversed(chip["levels"]):
        operands = [OPERANDS[t] for t in level["keeps"]]
        reading, writing = (level[k] or FAST for k in ("read_rate", "write_rate"))
        memories[level["name"]] = {
            "size": (level["words"] or UNLIMITED) * WORD,
            "r_cost": float(level["read_pJ"] * reading),
            "w_cost": float(level["write_pJ"] * writing),
            "area": 0.0,
            "latency": 1,
            "operands": operands,
            "ports": [
                _port("r_port_1", "read", reading, operands, {"O": ("tl", "th"), "I": ("tl",)}),
                _port("w_port_1", "write", writing, operands, {"O": ("fh", "fl"), "I": ("fh",)}),
            ],
            "served_dimensions": [] if level["in_array"] else axes,
        }
    return {
        "name": "chip",
        "memories": memories,
        "operational_array": {
            "unit_energy": float(chip["mac_pJ"]),
            "unit_area": 1.0,
            "dimensions": axes,
            "sizes": [size for _, size in chip["axes"]],
        },
    }


def _port(
    name: str, kind: str, rate: float, operands: list[str], ways: dict[str, tuple[str, ...]]
) -> dict[str, Any]:
    allocation = [f"{o}, {way}" for o in operands for way in ways[o[0]]]
    bits = int(rate * WORD)
    return {
        "name": name, "type": kind, "bandwidth_min": WORD, "bandwidth_max": bits,
        "allocation": allocation,
    }  # fmt: skip


def workload(layer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return ZigZag's description of a layer."""
    ranks, relations, halos = layer["ranks"], [], []
    shape: dict[str, str] = {}
    for tensor, indices in layer["tensors"].items():
        text = ""
        for terms in indices:
            if len(terms) == 1:
                text += "" if _skipped(ranks, terms[0][0]) else f"[{_dim(terms[0][0]).lower()}]"
                continue
            (p, a), (r, b) = terms
            halo = "i" + _dim(p)[1].lower()
            relations.append(f"{halo}={a}*{_dim(p).lower()}+{b}*{_dim(r).lower()}")
            halos.append((halo.upper(), a * (ranks[p] - 1) + b * (ranks[r] - 1) + 1))
            text += f"[{halo}]"
        shape[tensor] = LAYER_OPERANDS[tensor] + text
    kept = [r for r in ranks if not _skipped(ranks, r)]
    node: dict[str, Any] = {
        "id": 0,
        "name": "layer",
        "operator_type": "Conv",
        "equation": f"{shape['Outputs']}+={shape['Weights']}*{shape['Inputs']}",
        "dimension_relations": relations,
        "loop_dims": [_dim(r) for r in kept],
        "loop_sizes": [ranks[r] for r in kept],
        "operand_precision": dict.fromkeys(("O", "O_final", "W", "I"), WORD),
        "operand_source": {"I": 0, "W": 0},
    }
    if halos:
        node["pr_loop_dims"] = [name for name, _ in halos]
        node["pr_loop_sizes"] = [size for _, size in halos]
        node["padding"] = [[0, 0]] * len(halos)
    return [node]


def _dim(rank: str) -> str:
    return DIMENSIONS.get(rank, rank)


def _skipped(ranks: dict[str, int], rank: str) -> bool:
    return ranks[rank] == 1 and rank in "NG"


def nest(chip: dict[str, Any], evaluation: Any) -> dict[str, Any]:
    """Return the neutral nest of ZigZag's best evaluation."""
    back = {v: k for k, v in DIMENSIONS.items()}
    mapping = evaluation.temporal_mapping.mapping_dic_origin
    levels = {str(op): levels for op, levels in mapping.items()}
    orders = {op: [loop for level in levels[op] for loop in level] for op in levels}
    inside_out = orders["O"]
    assert all(order == inside_out for order in orders.values())
    keeps = {}
    for tensor, op in LAYER_OPERANDS.items():
        names = [v["name"] for v in reversed(chip["levels"]) if tensor in v["keeps"]]
        above, at = len(inside_out), []
        for name, loops in zip(names, levels[op], strict=True):
            above -= len(loops)
            at.append([name, above])
        keeps[tensor] = at[::-1]
    axes = [name for name, _ in chip["axes"]]
    spatial = []
    for axis, loops in evaluation.layer.spatial_mapping.items():
        name = axes[int(str(axis)[1:]) - 1]
        spatial += [[back.get(str(d), str(d)), int(f), name] for d, f in loops.items() if f > 1]
    temporal = [[back.get(str(d), str(d)), int(f)] for d, f in reversed(inside_out)]
    return {"loops": temporal, "spatial": spatial, "keeps": keeps}


def explore(job: dict[str, Any], folder: Path) -> Any:
    """Run ZigZag's stages as its API does and return the best evaluation of the layer.

    One thing differs: every operand is read for every operation.  The API has it fixed that a word
    used again at once is free, which no chip file here says; with reads counted, ZigZag's energies
    agree with onewatt's mostly to a percent, and its choices are up to a fifth better by them.
    """
    # here, so that the translation above can be tested where ZigZag is not installed
    from zigzag.mapping.temporal_mapping import TemporalMappingType
    from zigzag.stages import main as stages_main
    from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage
    from zigzag.stages.mapping.spatial_mapping_generation import SpatialMappingGeneratorStage
    from zigzag.stages.mapping.temporal_mapping_generator_stage import (
        TemporalMappingGeneratorStage,
    )
    from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage
    from zigzag.stages.parser.workload_parser import WorkloadParserStage
    from zigzag.stages.results import reduce_stages as reduce
    from zigzag.stages.workload_iterator import WorkloadStage

    least = reduce.MinimalEDPStage if job["objective"] == "edp" else reduce.MinimalEnergyStage
    stages = [
        WorkloadParserStage, AcceleratorParserStage, WorkloadStage, least,
        SpatialMappingGeneratorStage, least, TemporalMappingGeneratorStage, CostModelStage,
    ]  # fmt: skip
    found = stages_main.MainStage(
        list_of_callables=stages,
        accelerator=str(folder / "chip.yaml"),
        workload=workload(job["layer"]),
        mapping=str(folder / "mapping.yaml"),
        access_same_data_considered_as_no_access=False,
        temporal_mapping_type=TemporalMappingType.UNEVEN,
        **{**EFFORT, **job.get("effort", {})},
    ).run()
    return found[0][0]


def search(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run ZigZag on one layer and return nest, claim and CPU seconds."""
    chip = job["chip"]
    mapping = [{"name": "default", "memory_operand_links": {"O": "O", "W": "I2", "I": "I1"}}]
    (folder / "chip.yaml").write_text(yaml.safe_dump(accelerator(chip), sort_keys=False))
    (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping))
    watch = Stopwatch(job["limit_s"])
    try:
        best = explore(job, folder)
    except OutOfTime:
        return {"status": "timeout", "cpu_s": watch.seconds}
    claim = {"energy_pJ": float(best.energy_total), "cycles": float(best.latency_total2)}
    seconds = watch.seconds
    return {"status": "finished", "cpu_s": seconds, "claim": claim, "nest": nest(chip, best)}


def main() -> None:
    logging.disable(logging.WARNING)
    job = json.loads(Path(sys.argv[1]).read_text())
    with tempfile.TemporaryDirectory() as folder:
        result = search(job, Path(folder))
    Path(sys.argv[2]).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
