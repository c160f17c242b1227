"""Bounds: never above a mapping, equal to hand-made formulas, and worth having."""

from __future__ import annotations

import itertools
import math
import os
import random

import msgspec
import numpy as np
import pytest

import onewatt as ow
from chips_by_hand import EVERY, energy, tiny
from layers_by_hand import conv, einsum, gemm
from mapper.brute_force import all_costs
from mapper.random_cases import chip as random_chip
from mapper.random_cases import layer as random_layer
from near import near
from onewatt.components.library import prices
from onewatt.mapper.exact import search_layer
from onewatt.model.blocking import Operand, _most_points, exponents, least_price
from onewatt.model.bound import bound, least
from onewatt.model.boundaries import overlap
from onewatt.model.evaluate import evaluate, evaluate_workload
from onewatt.spec.architecture import (
    Architecture,
    Axis,
    Clock,
    Compute,
    Container,
    Memory,
    Share,
    Technology,
)
from onewatt.spec.workload import Workload

CASES = int(os.environ.get("ONEWATT_EXAMPLES", "150"))
NOTHING = energy(0.0)


def only_dram(bits, **fields):
    """A chip whose words cost something off chip alone."""
    return Architecture(
        name="dram", clock=1e9, technology=Technology(node=65e-9),
        nodes=(
            Memory(name="DRAM", keeps=EVERY, energy=energy(1e-12), shared_bandwidth=1.0),
            Memory(name="GLB", keeps=EVERY, capacity=bits, energy=NOTHING, **fields),
            Compute(name="MAC", energy=energy(0.0, "compute")),
        ),
    )  # fmt: skip


def many_cases():
    """Random small layers on random chips with the costs of all their mappings."""
    found, seed = 0, 0
    while found < CASES:
        seed += 1
        rng = random.Random(seed)
        layer, chip = random_layer(rng), random_chip(rng)
        every = all_costs(layer, chip, "perfect", most=400)
        if every:
            found += 1
            yield layer, chip, every


def test_no_mapping_of_random_cases_beats_a_bound():
    close = []
    for layer, chip, every in many_cases():
        whole = least(layer, chip, prices(chip))
        parts = [least(layer, chip, prices(chip), p) for p in ("once", "compulsory")]
        cheapest, fastest = min(e for e, _, _ in every), min(c for _, c, _ in every)
        assert whole[0] <= cheapest * (1 + 1e-9)
        assert whole[1] <= fastest
        for one, more in itertools.pairwise([*parts, whole]):
            assert one[0] <= more[0] * (1 + 1e-12)
            assert one[1] <= more[1]
        close.append(whole[0] / cheapest)
    assert sum(close) / len(close) > 0.8  # a bound of nothing would hold too


@pytest.mark.parametrize("words", [12, 27, 48, 75, 192, 300])
@pytest.mark.parametrize("layer", [gemm(m=40, c=30, p=50), conv(m=16, c=8, p=12, r=3)])
def test_no_mapping_beats_the_bound_where_the_buffer_is_small(layer, words):
    chip = only_dram(16 * words)
    least_energy, least_cycles = least(layer, chip, prices(chip))
    found = search_layer(layer, chip, prices(chip), tiles="perfect").front
    assert least_energy <= min(c.energy for c in found)
    assert least_cycles <= min(c.cycles for c in found)


@pytest.mark.parametrize("words", [48, 192, 3072])
def test_a_product_needs_what_smith_and_others_proved(words):
    """2 N / sqrt(S) - 2 S words, outputs counted once; arXiv:1702.02017."""
    m, c, p = 320, 640, 480
    chip = only_dram(16 * words)
    found, _ = least(gemm(m=m, c=c, p=p), chip, prices(chip))
    sharp = 2 * m * c * p / math.sqrt(words) - 2 * words
    assert found >= sharp * 1e-12 * (1 - 1e-8)
    # sums that come back are read and updated: three words cross where two did
    assert found <= 2 * sharp * 1e-12


def test_a_period_by_hand():
    """S = 48, X = 96: each tensor at most (48 + 96) / 3 = 48 words, so 48^1.5 products."""
    each = [Operand(1e9, 1.0, 1.0, room=0) for _ in range(3)]
    n = 1e9
    assert least_price(each, [48.0], [(0.5, 0.5, 0.5)], n) >= 96 * (n / 48**1.5 - 1) * (1 - 1e-12)
    nine = [each[0]._replace(windows=9.0), *each[1:]]
    assert least_price(nine, [48.0], [(0.5, 0.5, 0.5)], n) >= 96 * (n / (3 * 48**1.5) - 1) * 0.999
    two = least_price(each, [24.0], [(0.5, 0.5, 0.5)], n, places=2)
    assert two >= 48 * (n / 24**1.5 - 2) * (1 - 1e-12)


def most_by_bisection(operands, rooms, powers, values, paid):
    """Return max Π (windows n)^s with Σ price n = means, n <= words, by Lagrange's multiplier."""
    means, rows = paid + sum(v * r for v, r in zip(values, rooms, strict=True) if v), []
    for t, s in zip(operands, powers, strict=True):
        price = min(t.price, values[t.room] * t.bits) if t.room >= 0 else t.price
        means += price * t.flying
        rows.append((t, s, price))
    rows = [row for row in rows if row[1] > 0]

    def words(multiplier):
        return [t.words if c * multiplier * t.words <= s else s / (c * multiplier)
                for t, s, c in rows]  # fmt: skip

    low, high = 1e-30, 1e30
    for _ in range(400):
        middle = math.sqrt(low * high)
        spent = sum(c * n for (_, _, c), n in zip(rows, words(middle), strict=True))
        low, high = (middle, high) if spent > means else (low, middle)
    return math.prod((t.windows * n) ** s
                     for (t, s, _), n in zip(rows, words(high), strict=True))  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_the_most_operations_of_a_period_are_those_of_lagrange(seed):
    rng = random.Random(seed)
    rooms = [rng.choice([rng.uniform(1, 500), math.inf]) for _ in range(rng.randint(0, 2))]
    operands = [
        Operand(
            rng.uniform(1, 1e4), rng.choice([1.0, 9.0]), rng.choice([0.0, rng.uniform(0.1, 5)]),
            rng.randint(-1, len(rooms) - 1), rng.choice([1.0, 16.0]), rng.choice([0.0, 12.0]),
        )
        for _ in range(3)
    ]  # fmt: skip
    powers = rng.choice([(0.5, 0.5, 0.5), (0.0, 1.0, 1.0), (1.0, 0.0, 0.5)])
    tries = [tuple(0.0 if math.isinf(r) else rng.choice([0.0, rng.uniform(0.01, 2)])
                   for r in rooms) for _ in range(3)]  # fmt: skip
    paid = [rng.uniform(0.1, 2000) for _ in range(4)]
    values = np.array(tries).reshape(3, len(rooms))
    found = _most_points(operands, rooms, powers, values, np.array(paid))
    for p, row in zip(paid, found, strict=True):
        for v, most in zip(tries, row, strict=True):
            expected = most_by_bisection(operands, rooms, powers, v, p)
            assert most == pytest.approx(expected, rel=1e-9)


def test_exponents_cover_every_rank():
    depthwise = [frozenset("GPR"), frozenset("GR"), frozenset("GP")]
    assert exponents(depthwise, "GPR") == [(0.0, 1.0, 1.0), (0.5, 0.5, 0.5), (1.0, 0.0, 0.0)]


def test_operations_of_a_set_are_counted_by_its_projections():
    """Any set of points of a window: no more than sqrt(windows · inputs · weights · outputs)."""
    rng = random.Random(3)
    for _ in range(300):
        a, b = rng.choice([(1, 1), (2, 1), (1, 2), (3, 2), (2, 2)])
        sizes = {r: rng.randint(2, 4) for r in "MCPR"}
        layer = einsum("x", sizes, f"C {a}P+{b}R", "M C R", "M P")
        windows = overlap(layer, layer.inputs[0].projection[1])
        every = list(itertools.product(*(range(sizes[r]) for r in "MCPR")))
        points = rng.sample(every, rng.randint(1, len(every)))
        inputs = {(c, a * p + b * r) for _, c, p, r in points}
        weights = {(m, c, r) for m, c, _, r in points}
        outputs = {(m, p) for m, _, p, _ in points}
        most = math.sqrt(windows * len(inputs) * len(weights) * len(outputs))
        assert len(points) <= most * (1 + 1e-12)


def test_larger_memories_never_raise_the_bound():
    layer = conv(m=32, c=16, p=14)
    found = [least(layer, only_dram(16 * n), prices(only_dram(16 * n)))[0]
             for n in (16, 32, 64, 256, 2048, 10**6)]  # fmt: skip
    assert all(b <= a for a, b in itertools.pairwise(found))
    assert found[0] > 1.5 * found[-1]
    chip = only_dram(16 * 10**6)
    assert found[-1] == near(least(layer, chip, prices(chip), "compulsory")[0])


def test_halves_shares_and_endless_memories_count():
    layer = gemm(m=64, c=64, p=64)

    def of(bits, **fields):
        chip = only_dram(bits, **fields)
        return least(layer, chip, prices(chip))[0]

    assert of(2 * 16 * 100, reserves_half=True) == near(of(16 * 100))
    assert of(None) == near(least(layer, only_dram(None), prices(only_dram(None)), "once")[0])
    shares = tuple(Share(tensor=t, capacity=16 * 30) for t in EVERY)
    assert of(None, partition=shares) > of(None)
    assert of(None, partition=shares) >= of(16 * 90) * (1 - 1e-9)


def test_operands_of_the_arithmetic_are_compulsory():
    """One PE with one memory: each operation reads two words and updates a sum."""
    layer, chip = gemm(m=4, c=5, p=6), only_dram(None)
    chip = msgspec.structs.replace(chip, nodes=(chip.nodes[0], chip.nodes[2]))
    found, _ = least(layer, chip, prices(chip), "compulsory")
    n, sums = 4 * 5 * 6, 4 * 6
    assert found == near((2 * n + n + (n - sums)) * 1e-12)
    every = all_costs(layer, chip, "perfect")
    assert found == near(min(e for e, _, _ in every))


def test_pes_that_share_a_read_share_its_price():
    layer = gemm(m=8, c=8, p=8)
    chip = only_dram(None)
    array = Container(name="PE", fanout=(Axis(name="X", size=4), Axis(name="Y", size=4)))
    chip = msgspec.structs.replace(
        chip, nodes=(chip.nodes[0], array, chip.nodes[2]), upkeep=Clock()
    )
    found, _ = least(layer, chip, prices(chip), "compulsory")
    cheapest = min(c.energy for c in search_layer(layer, chip, prices(chip), tiles="perfect").front)
    assert 0.75 * cheapest < found <= cheapest


@pytest.mark.parametrize("objective", ["energy", "latency", "edp", "layer_edp"])
def test_a_bound_says_what_it_is_made_of(objective):
    layer, chip = gemm(m=256, c=256, p=256), ow.load_chip("eyeriss")
    found = bound(layer, chip, prices(chip), objective)
    assert found.unit == {"energy": "J", "latency": "s"}.get(objective, "J s")
    assert 0 < found.compulsory <= found.value
    e, c = least(layer, chip, prices(chip))
    t = c / chip.clock
    assert found.value == near({"J": e, "s": t}.get(found.unit, e * t))


@pytest.mark.parametrize(
    ("name", "least_share", "once_share"), [("conv1", 0.85, 0.5), ("conv3", 0.9, 0.6)]
)
def test_the_optimum_of_alexnet_is_near_its_bound(name, least_share, once_share):
    chip = ow.load_chip("eyeriss")
    layer = next(e for e in ow.load_workload("alexnet").einsums if e.name == name)
    one = msgspec.structs.replace(layer, count=1)
    best = search_layer(one, chip, prices(chip), goal="energy", tiles="perfect").front[0]
    once, compulsory, sizes = (
        least(one, chip, prices(chip), p)[0] for p in ("once", "compulsory", "sizes")
    )
    assert once < once_share * best.energy
    assert compulsory < sizes <= best.energy
    assert sizes > least_share * best.energy


def test_other_conventions_keep_to_what_they_charge():
    """They count less than the literal machine pays, so its operands are no bound for them."""
    layer, chip = gemm(m=6, c=6, p=6), tiny()
    mapping = search_layer(layer, chip, prices(chip), goal="energy").front[0].mapping
    net = Workload(name="net", einsums=(layer,))
    for convention in ("literal", "timeloop", "isca16"):
        result = evaluate_workload(net, chip, mapping, convention=convention)
        found = result.layers[0].lower_bound
        spent = evaluate(layer, chip, mapping, convention=convention).energy
        assert found.value <= spent
        assert (found.compulsory is None) == (convention != "literal")
