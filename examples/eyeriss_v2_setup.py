"""What eyeriss_v2.yaml says, and the chips and networks of the study that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

import onewatt as ow
from onewatt.errors import InputError
from onewatt.model.rs_plus.charge import with_rate
from onewatt.model.rs_plus.machine import Machine, machine_of
from onewatt.model.rs_plus.run import Outcome, run

HERE = Path(__file__).parent
Pair = tuple[str, str]  # a chip (v1, v1.5, v2) and a network


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


def with_free(given: Parameters, **free: float) -> Parameters:
    """Return the parameters with other values of free ones."""
    return msgspec.structs.replace(given, free=msgspec.structs.replace(given.free, **free))


def variations(given: Parameters, by: float = 0.2) -> dict[str, tuple[Parameters, Parameters]]:
    """Return parameters with one thing less and more, by name."""
    made: dict[str, tuple[Parameters, Parameters]] = {}
    for field in Free.__struct_fields__:
        value = getattr(given.free, field)
        made[field.replace("_", " ")] = (
            with_free(given, **{field: value * (1 - by)}),
            with_free(given, **{field: value * (1 + by)}),
        )
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
