"""How v1 and v2 of Eyeriss get faster with more PEs (jetcas19, section III)."""

from __future__ import annotations

import functools
from typing import NamedTuple

import msgspec
from eyeriss_v2_setup import Parameters

import onewatt as ow
from onewatt.model.rs_plus.charge import with_rate
from onewatt.model.rs_plus.machine import machine_of
from onewatt.model.rs_plus.run import Outcome, run
from onewatt.spec.architecture import Architecture, Axis, Container

#: PEs, and the side of the array of v1.
SIZES = {256: 16, 1024: 32, 16384: 128}
SCALED = ("alexnet", "googlenet", "mobilenet_v1")


def v1_scaled(given: Parameters, side: int) -> Architecture:
    """Return v1 with a square array; its buses stay as wide, its buffer grows with the PEs."""
    chip = ow.load_chip(given.chips["v1"].chip)
    chip = with_rate(chip, "weight_bus", given.free.filter_words)
    square = (Axis(name="Y", size=side), Axis(name="X", size=side))
    nodes = tuple(
        msgspec.structs.replace(n, fanout=square) if isinstance(n, Container) else n
        for n in chip.nodes
    )
    return msgspec.structs.replace(chip, nodes=nodes)


class Step(NamedTuple):
    """A network, or its layers of one kind, at a number of PEs: speed over that at 256 PEs."""

    chip: str
    network: str
    kind: str
    pes: int
    speedup: float

    @property
    def of_linear(self) -> float:
        """Share of the speedup that the PEs would allow [1]."""
        return self.speedup * min(SIZES) / self.pes


def scaling(given: Parameters, networks: tuple[str, ...] = SCALED) -> list[Step]:
    """Return how v1 and v2 get faster with PEs: dense data, one MAC a PE, DRAM without limit."""
    steps: list[Step] = []
    for network in networks:
        net, first = ow.load_workload(network), dict[tuple[str, str], float]()
        for pes, side in SIZES.items():
            chips = {"v1": v1_scaled(given, side), "v2": ow.load_chip(f"eyeriss_v2_{pes}")}
            for name, chip in chips.items():
                for kind, cycles in _by_kind(run(net, machine_of(chip))).items():
                    usual = first.setdefault((name, kind), cycles)
                    steps.append(Step(name, network, kind, pes, usual / cycles))
    return steps


def _by_kind(done: Outcome) -> dict[str, float]:
    """Return cycles of all layers, of fully connected and of depthwise ones."""
    cycles: dict[str, float] = {}
    for plan in done.plans:
        size = plan.layer.size
        kinds = ["all"]
        if size["P"] * size["Q"] * size["N"] == 1:
            kinds.append("FC")
        if size["G"] > 1 and size["M"] * size["C"] == 1:
            kinds.append("DW")
        for kind in kinds:
            cycles[kind] = cycles.get(kind, 0.0) + plan.cycles * plan.layer.runs
    return cycles


def scaling_markdown(steps: list[Step]) -> str:
    """Return the scaling study as a table in Markdown."""
    lines = ["| network | layers | " + " | ".join(
        f"{chip}, {pes} PEs" for chip in ("v1", "v2") for pes in list(SIZES)[1:]
    ) + " | v2 of linear |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    found = {(s.network, s.kind, s.chip, s.pes): s for s in steps}
    for network, kind in dict.fromkeys((s.network, s.kind) for s in steps):
        at = functools.partial(lambda n, k, c, p: found[n, k, c, p], network, kind)
        cells = [f"{at(c, p).speedup:.2f}" for c in ("v1", "v2") for p in list(SIZES)[1:]]
        share = at("v2", max(SIZES)).of_linear
        lines.append(f"| {network} | {kind} | {' | '.join(cells)} | {share:.0%} |")
    return "\n".join(lines) + "\n"


def lines_of(steps: list[Step]) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Return by chip and layers the points of a curve: PEs and speed."""
    lines: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for step in steps:
        key = step.chip, f"{step.network}, {step.kind}"
        lines.setdefault(key, []).append((step.pes, step.speedup))
    return lines
