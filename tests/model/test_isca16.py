"""The convention isca16: its two equations by hand, and the counts against the equations."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chips_by_hand import energy, tiny
from laws.nests import einsums, placed_mappings
from layers_by_hand import gemm
from near import near
from onewatt.errors import MappingError
from onewatt.model.evaluate import evaluate
from onewatt.model.isca16 import RATIOS, Reuse, input_energy, psum_energy, reuse
from onewatt.spec.architecture import Axis, Clock, Container, Memory
from onewatt.spec.mapping import Mapping, Storage

EVERY = ("Inputs", "Weights", "Outputs")


def ratios():
    """The tiny chip with the costs of the paper in joules, no upkeep and room for anything."""
    chip = tiny(buffer_bits=None, spad_bits=10**6, upkeep=Clock())
    nodes = []
    for node in chip.nodes:
        if isinstance(node, Memory):
            price = PRICES[node.name]
            optional = EVERY if node.name != "DRAM" else ()
            keeps = () if optional else EVERY
            node = msgspec.structs.replace(
                node, energy=energy(price), keeps=keeps, may_keep=optional
            )
        elif node.name in ("NoC", "column"):
            node = msgspec.structs.replace(node, energy=energy(2.0, "hop"), axes=("X", "Y"))
        elif isinstance(node, Container):
            node = msgspec.structs.replace(
                node, fanout=(Axis(name="Y", size=64), Axis(name="X", size=64))
            )
        nodes.append(node)
    return msgspec.structs.replace(chip, nodes=tuple(nodes))


PRICES = {"DRAM": 200.0, "GLB": 6.0, "NoC": 2.0, "column": 2.0, "Spad": 1.0}


def charged(layer, chip, mapping, tensor):
    """Words times price; the energies of a ledger round accesses up in each instance."""
    cost = evaluate(layer, chip, mapping, convention="isca16")
    counts = cost.count_by(lambda e: (e.tensor, e.component))
    return {c: n * PRICES[c] for (t, c), n in counts.items() if t == tensor and c != "MAC"}


def test_the_worked_values_of_the_equations():
    """By hand: 200 + 12 + 12 + 24, and 600 + 48 + 24 + 36."""
    assert input_energy(Reuse(1, 2, 3, 4)) == 248
    assert psum_energy(Reuse(2, 3, 3, 2)) == 708


def test_a_nest_whose_reuse_is_known():
    """36 products an output: 2 groups in DRAM, 3 in the buffer, 3 in the array, 2 in a register."""
    layer, chip = gemm(m=2, c=36, p=2), ratios()
    mapping = Mapping.parse(
        "DRAM[Inputs Weights Outputs] C/18 P/1 GLB[Inputs Weights Outputs] C/6 M/1 C/2@Y "
        "Spad[Inputs Weights Outputs] C/1"
    )
    found = reuse(layer, chip, mapping)
    assert found["Outputs"] == Reuse(2, 3, 3, 2)
    assert found["Inputs"] == Reuse(1, 1, 1, 2)
    sums = charged(layer, chip, mapping, "Outputs")
    # a register is read and written in every MAC: 72 instead of the 36 of the equation
    assert sums == {"DRAM": 4 * 600, "GLB": 4 * 48, "column": 4 * 24, "Spad": 4 * 72}
    assert charged(layer, chip, mapping, "Inputs") == {
        "DRAM": 72 * 200, "GLB": 72 * 6, "NoC": 72 * 2, "Spad": 144,
    }  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_nest_is_charged_by_the_equations(data):
    layer, chip = data.draw(einsums()), ratios()
    mapping = data.draw(placed_mappings(layer))
    factors = reuse(layer, chip, mapping)
    kept = {
        (n.memory, t) for n in mapping.nodes if isinstance(n, Storage) for t in n.tensors
    }  # fmt: skip
    for tensor in layer.tensors:
        a, b, c, _ = factors[tensor.name]
        spad = ("Spad", tensor.name) in kept
        costs = RATIOS._replace(register=RATIOS.register if spad else 0.0)
        if tensor is layer.output:
            each = psum_energy(factors[tensor.name], costs) + 2 * a * b * c * costs.register
        else:
            buffered = ("GLB", tensor.name) in kept
            costs = costs._replace(buffer=RATIOS.buffer if buffered else 0.0)
            each = input_energy(factors[tensor.name], costs)
        whole = math.fsum(charged(layer, chip, mapping, tensor.name).values())
        assert whole == near(layer.words(tensor) * each)


def test_time_is_read_literally():
    layer, chip = gemm(m=2, c=36, p=2), ratios()
    mapping = Mapping.parse("DRAM[Inputs Weights Outputs] M/1 C/1 P/1")
    whole = evaluate(layer, chip, mapping)
    read = evaluate(layer, chip, mapping, convention="isca16")
    assert read.busy == whole.busy
    with pytest.raises(MappingError, match="begin with 'DRAM'"):
        evaluate(layer, chip, Mapping.parse("M/1 C/1 P/1"), convention="isca16")
