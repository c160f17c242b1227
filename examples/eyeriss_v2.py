"""Eyeriss v2 against its paper: every published ratio beside what the model says, with its error.

Y.-H. Chen, T.-J. Yang, J. Emer, V. Sze, IEEE JETCAS 9(2), 2019 (jetcas19).  Three free parameters
and all assumed densities are in eyeriss_v2.yaml beside this script.

    python examples/eyeriss_v2.py              # the table
    python examples/eyeriss_v2.py -o docs      # and scaling.csv, the two figures, in that folder
    python examples/eyeriss_v2.py --fit        # the three free parameters, from two rows

docs/eyeriss_v2.md tells what comes out.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from eyeriss_v2_figure import bars, curves

import onewatt as ow
from onewatt.errors import InputError
from onewatt.model.rs_plus.charge import with_rate
from onewatt.model.rs_plus.machine import Machine, machine_of
from onewatt.model.rs_plus.run import Outcome, run
from onewatt.spec.architecture import Architecture, Axis, Container

HERE = Path(__file__).parent
Pair = tuple[str, str]  # a chip (v1, v1.5, v2) and a network

V2_SPARSE, V1 = ("v2", "sparse MobileNet"), ("v1", "MobileNet")
V2_ALEX, V1_ALEX = ("v2", "sparse AlexNet"), ("v1", "AlexNet")
#: Published ratios (jetcas19, text): of inferences per second and per joule.
RATIOS: dict[str, tuple[Pair, Pair, float, float | None]] = {
    "v2 sparse MobileNet / v1 MobileNet": (V2_SPARSE, V1, 12.6, 2.5),
    "v2 sparse AlexNet / v1 AlexNet": (V2_ALEX, V1_ALEX, 42.5, 11.3),
    "v2 sparse MobileNet / v1 AlexNet": (V2_SPARSE, V1_ALEX, 225.1, 42.0),
    "network: v1.5 / v1, MobileNet": (("v1.5", "MobileNet"), V1, 5.6, 1.8),
    "sparsity: v2 sparse / dense MobileNet": (V2_SPARSE, ("v2", "MobileNet"), 1.2, 1.3),
    "v2 sparse MobileNet / sparse AlexNet": (V2_SPARSE, V2_ALEX, 5.3, 3.9),
    "v2 MobileNet / AlexNet": (("v2", "MobileNet"), ("v2", "AlexNet"), 12.6, None),
}
#: Published figures of v2 on sparse MobileNet: inferences per second and per joule (text).
ABSOLUTE = (1470.6, 2560.3)
#: The rows that the free parameters are fitted on; every other row is a prediction.
FITTED = ("v2 sparse MobileNet / v1 MobileNet", "v2 sparse MobileNet [1/J]")
#: Published GOPS/W of layers of v2 on nominal operations (text): network, layer.
LAYERS = {
    ("AlexNet", "conv1"): 148.1, ("AlexNet", "conv3"): 392.0, ("sparse AlexNet", "conv3"): 1423.2,
    ("sparse AlexNet", "fc8"): 465.1, ("MobileNet", "block13.dw"): 77.7,
}  # fmt: skip
#: What 25.6 GB/s of DRAM take off the speed (text) [1].
DRAM_LIMIT, LIMITED = 25.6e9, {"sparse AlexNet": -0.16, "sparse MobileNet": -0.24}
#: Published traffic of the convolutions of v2 with DRAM (text) [B].
TRAFFIC = {"AlexNet": 7.1e6, "sparse AlexNet": 4.6e6}
SIZES = {256: 16, 1024: 32, 16384: 128}
SCALED = ("alexnet", "googlenet", "mobilenet_v1")


class Free(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The three free parameters: words a cycle, W for each million gates, and a factor."""

    filter_words: float
    standing_power: float
    energy_scale: float


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chip of the ablation, its gates [1e6 NAND2] and the depth of its pipeline."""

    chip: str
    gates: float
    stages: int


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in eyeriss_v2.yaml."""

    free: Free
    chips: dict[str, Variant]
    networks: dict[str, str]
    densities: dict[str, dict[str, tuple[float, float]]]
    spreads: dict[str, float | dict[str, float]]


class Row(NamedTuple):
    """A published figure beside the model's; `fitted` says whether it was fitted on."""

    quantity: str
    unit: str
    published: float
    model: float
    fitted: bool
    within: float

    @property
    def error(self) -> float:
        """Relative error of the model [1]."""
        return self.model / self.published - 1


def parameters(path: Path = HERE / "eyeriss_v2.yaml") -> Parameters:
    """Return the parameters of a file.

    Raises
    ------
    InputError
        If the file is no list of parameters.
    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Parameters)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error}; see {HERE / 'eyeriss_v2.yaml'}") from error


def workload(given: Parameters, network: str) -> ow.Workload:
    """Return a network with its assumed densities."""
    net, known = ow.load_workload(given.networks[network]), given.densities.get(network, {})
    names = {e.name for e in net.einsums}
    if stray := set(known) - names:
        raise InputError(f"densities of {network!r} name {min(stray)!r}, which is no layer of it")
    einsums = tuple(_dense(e, *known.get(e.name, (1.0, 1.0))) for e in net.einsums)
    return msgspec.structs.replace(net, einsums=einsums)


def _dense(einsum: ow.Einsum, inputs: float, weights: float) -> ow.Einsum:
    shares = {"Inputs": inputs, "Weights": weights}
    tensors = tuple(
        msgspec.structs.replace(t, density=shares[t.name]) if t.name in shares else t
        for t in einsum.inputs
    )
    return msgspec.structs.replace(einsum, inputs=tensors)


def spreads(given: Parameters, network: str) -> dict[str, float]:
    """Return by layer how much the density of weights differs from PE to PE."""
    own, usual = given.spreads.get(network, {}), given.spreads["default"]
    assert isinstance(own, dict)
    assert isinstance(usual, float)
    known = given.densities.get(network, {})
    return {n: own.get(n, usual) for n, (_, weights) in known.items() if weights < 1}


def machine(given: Parameters, variant: str, *, dram: float | None = None) -> Machine:
    """Return a chip of the ablation; `dram` limits its DRAM [B/s]."""
    chosen = given.chips[variant]
    chip = ow.load_chip(chosen.chip)
    if any(n.name == "weight_bus" for n in chip.networks):
        chip = with_rate(chip, "weight_bus", given.free.filter_words)
    if dram:
        rate = dram / chip.clock  # words of a byte
        outer = msgspec.structs.replace(chip.memories[0], shared_bandwidth=rate)
        chip = msgspec.structs.replace(chip, nodes=(outer, *chip.nodes[1:]))
    return machine_of(chip, stages=chosen.stages)


def outcome(given: Parameters, pair: Pair, *, dram: float | None = None) -> Outcome:
    """Return a network on a chip of the ablation."""
    variant, network = pair
    return run(
        workload(given, network), machine(given, variant, dram=dram),
        standing=given.free.standing_power * given.chips[variant].gates,
        scale=given.free.energy_scale, spreads=spreads(given, network),
    )  # fmt: skip


def outcomes(given: Parameters) -> dict[Pair, Outcome]:
    """Return every network on every chip that a ratio speaks of."""
    pairs = dict.fromkeys(p for over, under, *_ in RATIOS.values() for p in (over, under))
    return {pair: outcome(given, pair) for pair in pairs}


def table(given: Parameters) -> list[Row]:
    """Return every published ratio and figure beside the model's; 20 % for speed, 35 % energy."""
    done, rows = outcomes(given), list[Row]()
    for name, (over, under, speed, energy) in RATIOS.items():
        faster = done[under].latency / done[over].latency
        rows.append(Row(name, "inf/s ratio", speed, faster, name in FITTED, 0.20))
        if energy is not None:
            thriftier = done[under].energy / done[over].energy
            rows.append(Row(name, "inf/J ratio", energy, thriftier, name in FITTED, 0.35))
    best = done[V2_SPARSE]
    rows.append(Row("v2 sparse MobileNet", "inf/s", ABSOLUTE[0], 1 / best.latency, False, 0.20))
    rows.append(Row("v2 sparse MobileNet", "inf/J", ABSOLUTE[1], 1 / best.energy, True, 0.35))
    return rows


def layer_table(given: Parameters) -> list[Row]:
    """Return the published GOPS/W of layers beside the model's."""
    rows: list[Row] = []
    for (network, name), published in LAYERS.items():
        done = outcome(given, ("v2", network))
        spent = done.cost.energy_by(lambda e: (e.einsum, e.component == "DRAM"))[name, False]
        nominal = next(2 * p.layer.macs for p in done.plans if p.layer.name == name)
        rows.append(Row(f"v2 {network} {name}", "GOPS/W", published, nominal / spent / 1e9, False,
                        0.35))  # fmt: skip
    return rows


def dram_table(given: Parameters) -> list[tuple[str, float, float]]:
    """Return what a limit on DRAM takes off the speed: network, published, model [1]."""
    rows: list[tuple[str, float, float]] = []
    for network, published in LIMITED.items():
        free = outcome(given, ("v2", network))
        limited = outcome(given, ("v2", network), dram=DRAM_LIMIT)
        rows.append((network, published, free.latency / limited.latency - 1))
    return rows


def traffic_table(given: Parameters) -> list[tuple[str, float, float]]:
    """Return what convolutions move from and to DRAM: network, published, model [B]."""
    rows: list[tuple[str, float, float]] = []
    for network, published in TRAFFIC.items():
        done = outcome(given, ("v2", network), dram=DRAM_LIMIT)
        per_cycle = DRAM_LIMIT / done.machine.chip.clock
        moved = sum(
            p.busy["DRAM"] * per_cycle for p in done.plans if p.layer.name.startswith("conv")
        )
        rows.append((network, published, moved))
    return rows


def mesh_shares(given: Parameters) -> dict[str, float]:
    """Return by network the share of the mesh in the energy of v2 [1]; published: 6 to 10 %."""
    shares: dict[str, float] = {}
    for network in given.networks:
        done = outcome(given, ("v2", network))
        mesh = {n.name for n in done.machine.chip.networks}
        spent = sum(e.energy for e in done.cost.entries if e.component in mesh)
        shares[network] = spent / done.energy
    return shares


def fit(given: Parameters) -> Free:
    """Return the free parameters that meet the two fitted rows.

    Speed fixes the words of filters, by halving an interval.  With them the energies of both
    networks are linear in the other two, so two equations give them.
    """
    _, _, speed, energy = RATIOS[FITTED[0]]
    goal = 1 / speed * (1 / outcome(given, V2_SPARSE).latency)
    low, high = 0.25, 64.0
    for _ in range(50):
        words = (low + high) / 2
        trial = _with(given, filter_words=words)
        low, high = (words, high) if 1 / outcome(trial, V1).latency < goal else (low, words)
    given = _with(given, filter_words=words, standing_power=0.0, energy_scale=1.0)
    assert energy is not None
    one, other = outcome(given, V2_SPARSE), outcome(given, V1)
    gates = {v: given.chips[v].gates for v in ("v1", "v2")}
    # scale * e + power * gates * t = 1 / inf_J for v2, and `energy` times that for v1
    a, b = one.energy, gates["v2"] * one.latency
    c, d = other.energy, gates["v1"] * other.latency
    x, y = 1 / ABSOLUTE[1], energy / ABSOLUTE[1]
    scale, power = (x * d - b * y) / (a * d - b * c), (a * y - x * c) / (a * d - b * c)
    return Free(filter_words=words, standing_power=power, energy_scale=scale)


def _with(given: Parameters, **free: float) -> Parameters:
    return msgspec.structs.replace(given, free=msgspec.structs.replace(given.free, **free))


def variations(given: Parameters, by: float = 0.2) -> dict[str, tuple[Parameters, Parameters]]:
    """Return parameters with one thing less and more, by name."""
    made: dict[str, tuple[Parameters, Parameters]] = {}
    for field in Free.__struct_fields__:
        value = getattr(given.free, field)
        made[field.replace("_", " ")] = (
            _with(given, **{field: value * (1 - by)}), _with(given, **{field: value * (1 + by)})
        )  # fmt: skip
    for i, tensor in enumerate(("inputs", "weights")):
        less, more = (_scaled(given, i, 1 + sign * by) for sign in (-1, 1))
        made[f"density of {tensor}"] = less, more
    wider = [
        msgspec.structs.replace(given, spreads=_times(given.spreads, 1 + sign * by))
        for sign in (-1, 1)
    ]
    made["spread from PE to PE"] = wider[0], wider[1]
    return made


def _scaled(given: Parameters, place: int, factor: float) -> Parameters:
    def changed(pair: tuple[float, float]) -> tuple[float, float]:
        values = list(pair)
        if values[place] < 1:
            values[place] = min(1.0, values[place] * factor)
        return values[0], values[1]

    densities = {
        network: {name: changed(pair) for name, pair in layers.items()}
        for network, layers in given.densities.items()
    }
    return msgspec.structs.replace(given, densities=densities)


def _times(
    values: Mapping[str, float | dict[str, float]], factor: float
) -> dict[str, float | dict[str, float]]:
    return {
        k: {n: x * factor for n, x in v.items()} if isinstance(v, dict) else v * factor
        for k, v in values.items()
    }


def sensitivity(given: Parameters) -> dict[str, dict[str, tuple[float, float]]]:
    """Return by ratio and parameter what 20 % less and more of it change [1]."""
    usual = table(given)
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name, ends in variations(given).items():
        low, high = (table(end) for end in ends)
        for row, a, b in zip(usual, low, high, strict=True):
            changes = a.model / row.model - 1, b.model / row.model - 1
            found.setdefault(f"{row.quantity}, {row.unit}", {})[name] = changes
    return found


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


def markdown(given: Parameters) -> str:
    """Return the ratios, the layers and the limit on DRAM as tables in Markdown."""
    lines = [
        "| quantity | unit | published | model | error | limit | |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in (*table(given), *layer_table(given)):
        mark = "fitted" if row.fitted else ("" if abs(row.error) <= row.within else "missed")
        lines.append(
            f"| {row.quantity} | {row.unit} | {row.published:g} | {row.model:.4g} | "
            f"{row.error:+.0%} | {row.within:.0%} | {mark} |"
        )
    for network, published, found in dram_table(given):
        lines.append(
            f"| v2 {network} at 25.6 GB/s | speed | {published:+.0%} | {found:+.0%} | | | |"
        )
    for network, published, found in traffic_table(given):
        lines.append(
            f"| v2 {network}, convolutions | MB of DRAM | {published / 1e6:.1f} | "
            f"{found / 1e6:.1f} | {found / published - 1:+.0%} | | |"
        )
    for network, share in mesh_shares(given).items():
        lines.append(f"| v2 {network}, mesh | share of energy | 6-10% | {share:.0%} | | | |")
    lines += ["", "| chip and network | inferences/s | inferences/J | power |", "|---|---|---|---|"]
    for (chip, network), done in outcomes(given).items():
        power = done.energy / done.latency
        lines.append(
            f"| {chip} {network} | {1 / done.latency:.1f} | {1 / done.energy:.1f} | "
            f"{power * 1e3:.0f} mW |"
        )
    return "\n".join(lines) + "\n"


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


def main() -> None:
    """Print the tables; write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, help="folder for the figures and the tables")
    parser.add_argument("-p", "--parameters", type=Path, default=HERE / "eyeriss_v2.yaml")
    parser.add_argument("--fit", action="store_true", help="fit the free parameters and stop")
    asked = parser.parse_args()
    given = parameters(asked.parameters)
    if asked.fit:
        found = fit(given)
        for field in Free.__struct_fields__:
            print(f"{field}: {getattr(found, field):.5g}")
        return
    print(markdown(given))
    steps = scaling(given)
    print(scaling_markdown(steps))
    if asked.output:
        asked.output.mkdir(parents=True, exist_ok=True)
        (asked.output / "eyeriss_v2_scaling.svg").write_text(
            curves(_lines(steps)), encoding="utf-8"
        )
        (asked.output / "eyeriss_v2_sensitivity.svg").write_text(
            bars(sensitivity(given)), encoding="utf-8"
        )


def _lines(steps: list[Step]) -> dict[tuple[str, str], list[tuple[float, float]]]:
    lines: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for step in steps:
        key = step.chip, f"{step.network}, {step.kind}"
        lines.setdefault(key, []).append((step.pes, step.speedup))
    return lines


if __name__ == "__main__":
    main()
