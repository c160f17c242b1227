"""Arm Ethos-U55: whole networks against the estimates of the vendor's compiler, Vela 5.2.0."""

from __future__ import annotations

import csv
from functools import cache
from typing import NamedTuple

import reference
from msgspec.structs import replace
from wording import error, paragraphs, percent, table, verdict

import onewatt as ow
from onewatt.spec.architecture import Architecture, Network
from onewatt.spec.workload import WEIGHTS, Workload

#: Cycles of the core that one cycle of the preset stands for.
STEP = 4
#: Which of Vela's resources each part of the preset belongs to.
RESOURCE = {"compute": "compute", "weight_decoder": "compute", "output_stage": "compute",
            "sram_axi": "SRAM", "flash_axi": "flash"}  # fmt: skip


class Row(NamedTuple):
    """One network on one NPU: Vela's cycles and ours, and what limits each."""

    network: str
    macs: int
    vela: float
    ours: float
    plain: float
    vela_limit: str
    our_limit: str
    plain_limit: str
    vela_compute: float
    our_compute: float


@cache
def rows() -> tuple[Row, ...]:
    """Return the twelve rows of the Ethos-U55."""
    with (reference.folder("vela") / "vela_5.2.0_totals.csv").open(encoding="utf-8") as file:
        given = [r for r in csv.DictReader(file) if r["npu"].startswith("ethos-u55")]
    return tuple(_row(r) for r in sorted(given, key=lambda r: (r["network"], _macs(r))))


def _macs(row: dict[str, str]) -> int:
    return int(row["npu"].rpartition("-")[2])


def _row(row: dict[str, str]) -> Row:
    macs = _macs(row)
    chip = ow.load_chip("ethos_u55" if macs == 256 else f"ethos_u55_{macs}")
    network = ow.load_workload(f"mlperf_{row['network'].lower()}")
    share = float(row["flash_KiB"]) * 1024 / weight_bytes(network)
    plain, by = cycles(network, chip)
    coded, by_coded = cycles(network, with_coded_weights(chip, share))
    vela = {"compute": float(row["cyc_npu"]), "SRAM": float(row["cyc_sram"]),
            "DRAM": float(row["cyc_dram"]), "flash": float(row["cyc_flash"])}  # fmt: skip
    return Row(
        row["network"], macs, float(row["cyc_total"]), coded, plain, _most(vela), _most(by_coded),
        _most(by), vela["compute"], by_coded["compute"],
    )  # fmt: skip


def _most(cycles: dict[str, float]) -> str:
    return max(cycles, key=lambda name: cycles[name])


def weight_bytes(network: Workload) -> int:
    """Return the size of the weights of a network, a byte each."""
    return sum(
        e.words(t) * e.count
        for e in network.einsums
        if e.work == "mac"
        for t in e.inputs
        if t.name == WEIGHTS
    )


def with_coded_weights(chip: Architecture, share: float) -> Architecture:
    """Return a chip whose flash holds weights coded to a share of their size."""

    def coded(node: object) -> object:
        if not (isinstance(node, Network) and node.name == "flash_axi"):
            return node
        return replace(node, words_per_cycle=STEP / share)

    return replace(chip, nodes=tuple(coded(n) for n in chip.nodes))


def cycles(network: Workload, chip: Architecture) -> tuple[float, dict[str, float]]:
    """Return the cycles of a network, and those of each resource summed over layers."""
    result = ow.search(network, chip, objective="latency")
    by = dict.fromkeys(("compute", "SRAM", "flash"), 0.0)
    for einsum in network.einsums:
        mine: dict[str, float] = {}
        for busy in result.cost.busy:
            if busy.einsum == einsum.name and busy.component in RESOURCE:
                where = RESOURCE[busy.component]
                mine[where] = max(mine.get(where, 0.0), busy.cycles * STEP)
        for where, spent in mine.items():
            by[where] += spent
    return result.latency * chip.clock * STEP, by


def section() -> str:
    """Return the section of the Ethos-U55."""
    given = rows()
    errors = [error(r.ours, r.vela) for r in given]
    plain = [error(r.plain, r.vela) for r in given]
    same = sum(r.vela_limit == r.our_limit for r in given)
    lines = [
        [
            r.network, str(r.macs), f"{r.vela:,.0f}", f"{r.ours:,.0f}", percent(e),
            f"{r.vela_limit} / {r.our_limit}", percent(error(r.our_compute, r.vela_compute)),
            percent(p),
        ]
        for r, e, p in zip(given, errors, plain, strict=True)
    ]  # fmt: skip
    heads = ("network", "MACs", "Vela", "ours", "error", "limit: Vela / ours", "compute alone",
             "error, 0.65 byte a weight")  # fmt: skip
    plain_same = sum(r.vela_limit == r.plain_limit for r in given)
    rest = [e for r, e in zip(given, errors, strict=True) if r.network != "AD"]
    return paragraphs(
        "## Arm Ethos-U55: whole networks by Vela 5.2.0 (vela)",
        "Presets `ethos_u55` (256 MACs), `ethos_u55_128`, `_64` and `_32` against the vendor's "
        "estimator, which is no measurement either. Networks of MLPerf Tiny from the zoo, mappings "
        "of least latency, cycles of 500 MHz.",
        "Vela codes the weights: to 76 % of their bytes for AD, 102 % for IC (with what it adds to "
        "them) and 36 % for VWW. How well depends on the trained values, which a workload does not "
        "have. So there are two answers: with the size of Vela's flash image as an input, which "
        "for AD, which waits for flash alone, fixes the answer; and as `onewatt analyze` has it, "
        "with 0.65 byte a weight, the geometric mean of these three networks, for all.",
        table(heads, lines),
        f"Targets, of total cycles: median error under 20 %: **{verdict(_median(errors) < 0.2)}** "
        f"({100 * _median(errors):.1f} %; without AD {100 * _median(rest):.1f} %); the same "
        f"limiting resource in at least 10 of 12: **{verdict(same >= 10)}** ({same}). With 0.65 "
        f"byte a weight: {100 * _median(plain):.1f} %, **{verdict(_median(plain) < 0.2)}**, and "
        f"{plain_same} of 12, **{verdict(plain_same >= 10)}**; that share is not independent of "
        "the rows.",
        "Not counted, and why ours is mostly below: the latency of commands and bursts, the choice "
        "of block sizes (Vela reads inputs again for each block of channels: two to four times our "
        "words on the SRAM port), scales and biases. Lanes of element-wise work are whole here: 64 "
        "MACs would take 1.33 a step and 32 MACs 0.67.",
    )


def _median(errors: list[float]) -> float:
    sizes = sorted(abs(e) for e in errors)
    middle = len(sizes) // 2
    return (sizes[middle] + sizes[~middle]) / 2
