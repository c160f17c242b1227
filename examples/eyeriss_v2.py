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
from pathlib import Path
from typing import NamedTuple

from eyeriss_v2_figure import bars, curves
from eyeriss_v2_scaling import lines_of, scaling, scaling_markdown
from eyeriss_v2_setup import (
    HERE,
    Free,
    Pair,
    Parameters,
    outcome,
    parameters,
    variations,
    with_free,
)

from onewatt.model.rs_plus.run import Outcome

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
        trial = with_free(given, filter_words=words)
        low, high = (words, high) if 1 / outcome(trial, V1).latency < goal else (low, words)
    given = with_free(given, filter_words=words, standing_power=0.0, energy_scale=1.0)
    assert energy is not None
    one, other = outcome(given, V2_SPARSE), outcome(given, V1)
    gates = {v: given.chips[v].gates for v in ("v1", "v2")}
    # scale * e + power * gates * t = 1 / inf_J for v2, and `energy` times that for v1
    a, b = one.energy, gates["v2"] * one.latency
    c, d = other.energy, gates["v1"] * other.latency
    x, y = 1 / ABSOLUTE[1], energy / ABSOLUTE[1]
    scale, power = (x * d - b * y) / (a * d - b * c), (a * y - x * c) / (a * d - b * c)
    return Free(filter_words=words, standing_power=power, energy_scale=scale)


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


def _percent(share: float) -> str:
    """Write a change without the sign of a zero."""
    return f"{share:+.0%}" if abs(share) >= 0.005 else "0%"


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
            f"{_percent(row.error)} | {row.within:.0%} | {mark} |"
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
            curves(lines_of(steps)), encoding="utf-8"
        )
        (asked.output / "eyeriss_v2_sensitivity.svg").write_text(
            bars(sensitivity(given)), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
