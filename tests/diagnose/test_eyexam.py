import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onewatt as ow
from chips_by_hand import tiny
from diagnose.brute import fewest_steps, groups_of_pes
from mapper.random_cases import chip as random_chip
from mapper.random_cases import layer as random_layer
from near import near
from onewatt.diagnose import storage
from onewatt.diagnose.bounds import placed, space
from onewatt.diagnose.eyexam import CHOICE, STEPS
from onewatt.diagnose.storage import fewest_steps as fewest_that_fit
from onewatt.errors import InputError, MappingError
from onewatt.mapper.row_stationary_network import search_row_stationary
from onewatt.spec.architecture import Memory, Network, SparseFeature
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import Workload

TINY = ["mlperf_ad", "mlperf_kws"]


def without_limits(chip):
    """The chip with every port and network as fast as it is asked to be."""

    def fast(node):
        if isinstance(node, Memory):
            return msgspec.structs.replace(
                node, read_bandwidth=None, write_bandwidth=None, shared_bandwidth=None
            )
        if isinstance(node, Network):
            return msgspec.structs.replace(node, words_per_cycle=None)
        return node

    return msgspec.structs.replace(chip, nodes=tuple(map(fast, chip.nodes)))


def changed(rng, chip, einsum):
    """Several lanes, and zeros that the arithmetic skips."""
    lanes = rng.choice([1, 1, 2, 3])
    skips = (SparseFeature(tensor="Inputs", skips=("Weights",)),) if rng.random() < 0.4 else ()
    mac = msgspec.structs.replace(chip.mac, lanes=lanes, sparse=skips)
    nodes = tuple(mac if n is chip.mac else n for n in chip.nodes)
    inputs = tuple(
        msgspec.structs.replace(t, density=rng.choice([1.0, 0.5, 0.1])) for t in einsum.inputs
    )
    einsum = msgspec.structs.replace(einsum, inputs=inputs, count=rng.choice([1, 3]))
    return msgspec.structs.replace(chip, nodes=nodes), einsum


def case(seed):
    """A random result: chip and layer that fit each other, with a mapping, not always the best."""
    rng = random.Random(seed)
    chip, einsum = changed(rng, random_chip(rng), random_layer(rng))
    net = Workload(name="net", einsums=(einsum,))
    try:
        return ow.search(
            net, chip, objective=rng.choice(["edp", "energy", "latency"]), effort=20_000
        )
    except MappingError:
        return None


def allowed(chip):
    limits = {limit.where: limit.ranks for limit in chip.dataflow.limits}
    return lambda rank, axis: limits.get(axis) is None or rank in limits[axis]


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_each_bound_is_what_its_definition_says(seed):
    result = case(seed)
    if result is None:
        return
    chip, einsum = result.architecture, result.workload.einsums[0]
    (layer,) = ow.eyexam(result).layers
    sizes, may = einsum.sizes, allowed(chip)
    axes = {a.name: a.size for a in chip.axes}
    density = einsum.inputs[0].density if chip.mac.sparse else 1.0

    def cycles(steps):
        return math.ceil(steps / chip.mac.lanes * density)

    serial = math.prod(n for r, n in sizes.items() if not any(may(r, a) for a in axes))
    parallel = math.prod(n for r, n in sizes.items() if any(may(r, a) for a in axes))
    pes = math.prod(axes.values())
    expected = [
        cycles(1),
        cycles(serial),
        cycles(serial * groups_of_pes(parallel, pes)),
        cycles(fewest_steps(sizes, axes, may)),
    ]
    assert [s.cycles for s in layer.steps[:4]] == expected
    assert layer.bounds[:4] == tuple(einsum.points / c for c in expected)


@given(st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_bounds_fall_and_add_up(seed):
    result = case(seed)
    if result is None:
        return
    einsum = result.workload.einsums[0]
    exam = ow.eyexam(result)
    (layer,) = exam.layers
    assert [s.name for s in layer.steps] == list(STEPS)
    assert all(a >= b for a, b in zip(layer.bounds, layer.bounds[1:], strict=False))
    assert layer.bounds[-1] == einsum.macs / result.cycles(einsum.name)
    assert layer.bounds[0] <= einsum.points
    left = layer.bounds[0] - sum(s.loss for s in layer.steps)
    assert left == pytest.approx(layer.bounds[-1], abs=1e-9 * layer.bounds[0])
    assert all(s.lost >= 0 for s in layer.steps)
    assert 0 <= layer.chosen <= layer.steps[4].lost + 1e-9
    assert math.fsum(c.cycles for c in exam.causes) == pytest.approx(exam.cycles, rel=1e-12)
    assert exam.cycles == sum(result.cost.cycles_by_einsum().values())
    for step in layer.steps:
        assert step.cause
        assert not step.knob or step.lost > 0


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_the_sixth_bound_is_the_busiest_part_of_the_ledger(seed):
    result = case(seed)
    if result is None:
        return
    (layer,) = ow.eyexam(result).layers
    chip, einsum = result.architecture, result.workload.einsums[0]
    ports = {b.component: b.cycles for b in result.cost.busy if b.component != "compute"}
    dense = not chip.mac.sparse or einsum.inputs[0].density == 1.0
    if dense:
        most = max(b.cycles for b in result.cost.busy)
        assert layer.steps[5].cycles * einsum.count == most
    assert layer.steps[5].cycles * einsum.count >= max(ports.values(), default=0)
    moved = {}
    for row in layer.deliveries:
        moved.setdefault(row.component, {}).setdefault(row.port, []).append(row.cycles)
    for name, mine in moved.items():
        needed = max(math.fsum(rows) for rows in mine.values())
        assert math.ceil(needed - 1e-9) * einsum.count == ports[name]
    assert set(ports) == set(moved)


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_the_fifth_bound_is_reached_where_ports_cost_nothing(seed):
    """Witness: the proved optimum of latency on a chip whose ports never hold anything up."""
    rng = random.Random(seed)
    chip, einsum = without_limits(random_chip(rng)), random_layer(rng)
    if einsum.points > 300:
        return
    reached = fastest(einsum, chip)
    if reached is None:
        return
    within = space(einsum, chip).allowed
    fitting = fewest_that_fit(einsum, chip, placed(einsum, chip, within), within, einsum.points)
    assert fitting.proved
    assert fitting.steps == reached


def fastest(einsum, chip):
    """The fewest cycles of all mappings with tiles of every size, or None."""
    nodes = tuple(
        msgspec.structs.replace(n, buffering=2) if isinstance(n, Memory) else n for n in chip.nodes
    )
    chip = msgspec.structs.replace(chip, nodes=nodes)
    try:
        result = ow.search(
            Workload(name="net", einsums=(einsum,)), chip, objective="latency", tiles="full"
        )
    except MappingError:
        return None
    assert result.layers[0].optimal
    return result.cycles(einsum.name)


@pytest.mark.parametrize(
    ("bits", "steps"), [(4096, 9), (128, 9), (96, 12), (64, 18), (48, 36), (32, 54)]
)
def test_small_buffers_cost_steps(bits, steps):
    """A buffer outside the array holds the tiles of all PEs, so a small one leaves PEs idle.

    Six PEs use 6 inputs and 6 outputs of 16 bits, or fewer if they share them.
    """
    einsum = next(e for e in ow.load_workload("mlperf_kws").einsums if e.name == "block1.dw")
    sizes = {"G": 2, "P": 3, "Q": 3, "R": 3, "S": 1}
    ranks = tuple(msgspec.structs.replace(r, size=sizes.get(r.name, 1)) for r in einsum.ranks)
    einsum = msgspec.structs.replace(einsum, ranks=ranks)
    chip = without_limits(tiny(buffer_bits=bits))
    within = space(einsum, chip).allowed
    fitting = fewest_that_fit(einsum, chip, placed(einsum, chip, within), within, einsum.points)
    assert (fitting.steps, bool(fitting.tight)) == (steps, steps > 9)
    assert fastest(einsum, chip) == steps


@pytest.mark.parametrize("limit", ["_MOST_TRIES", "_MOST_PLACEMENTS"])
def test_too_many_placements_leave_a_bound_that_holds(monkeypatch, limit):
    monkeypatch.setattr(storage, limit, 1)
    rng, unproved = random.Random(3), 0
    for _ in range(300):
        chip, einsum = without_limits(random_chip(rng)), random_layer(rng)
        within = space(einsum, chip).allowed
        placement = placed(einsum, chip, within)
        fitting = fewest_that_fit(einsum, chip, placement, within, einsum.points)
        assert placement.steps <= fitting.steps <= einsum.points
        if fitting.proved:
            continue
        unproved += 1
        with monkeypatch.context() as patch:
            patch.setattr(storage, limit, 10**6)
            exact = fewest_that_fit(einsum, chip, placement, within, einsum.points)
        assert exact.proved
        assert fitting.steps <= exact.steps
    assert unproved > 5


@pytest.mark.parametrize("network", TINY)
@pytest.mark.parametrize("chip", ["eyeriss", "eyeriss_256", "eyeriss_like", "systolic_ws"])
def test_every_layer_of_a_network_on_every_chip(network, chip):
    result = ow.search(ow.load_workload(network), ow.load_chip(chip))
    exam = ow.eyexam(result)
    macs = {e.name: e.macs for e in result.workload.einsums if e.work == "mac"}
    assert [x.name for x in exam.layers] == list(macs)
    for layer in exam.layers:
        assert layer.bounds == tuple(sorted(layer.bounds, reverse=True))
        assert layer.bounds[-1] == macs[layer.name] / result.cycles(layer.name)
        assert layer.bounds[2] <= layer.peak * (1 + 1e-12)
        assert layer.spatial * layer.temporal * layer.peak == pytest.approx(layer.bounds[3])
    assert math.fsum(c.cycles for c in exam.causes) == pytest.approx(exam.cycles)
    assert math.fsum(c.share for c in exam.causes) == pytest.approx(1)


def one(name, chip, *, objective="latency", network="mlperf_kws"):
    net = ow.load_workload(network)
    kept = tuple(e for e in net.einsums if e.name == name)
    return ow.search(
        msgspec.structs.replace(net, einsums=kept), chip, objective=objective, effort=3000
    )


def test_a_measurement_is_the_last_bound():
    result = one("block1.dw", ow.load_chip("systolic_ws"))
    (layer,) = ow.eyexam(result).layers
    slower = layer.steps[5].cycles * 1.5
    (measured,) = ow.eyexam(result, measured={"block1.dw": slower}).layers
    assert measured.measured
    assert measured.bounds[:6] == layer.bounds[:6]
    assert measured.bounds[6] == layer.macs / slower
    assert "measured" in measured.steps[6].cause
    with pytest.raises(InputError, match="one component alone is busy"):
        ow.eyexam(result, measured={"block1.dw": slower / 3})
    with pytest.raises(InputError, match=r"Did you mean 'block1\.dw'"):
        ow.eyexam(result, measured={"block1.dv": slower})


def test_a_ledger_of_other_mappings_is_refused():
    result = one("block1.dw", ow.load_chip("systolic_ws"))
    busy = tuple(msgspec.structs.replace(b, cycles=1.0) for b in result.cost.busy)
    cost = msgspec.structs.replace(result.cost, busy=busy)
    with pytest.raises(InputError, match="do not belong together"):
        ow.eyexam(msgspec.structs.replace(result, cost=cost))


def test_a_mapping_outside_the_dataflow_keeps_its_bounds():
    """The textbook array lays no groups over its columns; a mapping that does is still bounded."""
    chip = ow.load_chip("systolic_ws")
    free = ow.with_dataflow(chip, "free")
    result = one("block1.dw", free)
    moved = msgspec.structs.replace(result, architecture=chip)
    (layer,) = ow.eyexam(moved).layers
    assert layer.bounds == tuple(sorted(layer.bounds, reverse=True))
    assert layer.bounds[-1] == layer.macs / result.cycles("block1.dw")


def test_single_buffers_show_as_access_pattern():
    chip = ow.load_chip("systolic_ws")
    nodes = tuple(
        msgspec.structs.replace(n, buffering=1) if n.name == "buffer" else n for n in chip.nodes
    )
    (layer,) = ow.eyexam(one("conv1", msgspec.structs.replace(chip, nodes=nodes))).layers
    last = layer.steps[-1]
    assert last.lost > 0
    assert "buffer" in last.cause
    assert last.knob == "a second buffer in buffer"


def searched_with_zeros(density):
    """Search one layer with a share of non-zeros on a chip that skips zeros."""
    chip = ow.load_chip("eyeriss_256")
    skips = (SparseFeature(tensor="Inputs", skips=("Weights",)),)
    mac = msgspec.structs.replace(chip.mac, sparse=skips)
    chip = msgspec.structs.replace(
        chip, nodes=tuple(mac if n is chip.mac else n for n in chip.nodes)
    )
    net = ow.load_workload("mlperf_kws")
    conv = next(e for e in net.einsums if e.name == "conv1")
    inputs = tuple(msgspec.structs.replace(t, density=density) for t in conv.inputs)
    conv = msgspec.structs.replace(conv, inputs=inputs)
    return ow.search(msgspec.structs.replace(net, einsums=(conv,)), chip, effort=3000)


def test_uneven_zeros_show_as_access_pattern():
    (layer,) = ow.eyexam(searched_with_zeros(0.25)).layers
    assert layer.peak == 256 / 0.25
    assert layer.steps[-1].lost > 0
    assert "zeros" in layer.steps[-1].cause


def test_layers_without_work_are_named():
    exam = ow.eyexam(searched_with_zeros(0.0))
    assert (exam.layers, exam.left) == ((), ("conv1",))


def test_the_choice_of_a_mapping_is_told_apart_from_storage():
    """A mapping by hand on one PE: nothing but the choice holds it back."""
    from onewatt.model.evaluate import evaluate_workload
    from onewatt.spec.mapping import Mapping

    net = ow.load_workload("mlperf_ad")
    kept = msgspec.structs.replace(net, einsums=(net.einsums[0],))
    chip = without_limits(tiny(buffer_bits=2**30, spad_bits=2**20))
    ranks = " ".join(f"{r.name}/1" for r in kept.einsums[0].ranks if r.size > 1)
    text = f"DRAM[Inputs Weights Outputs] GLB[Inputs Outputs] {ranks} Spad[Inputs Weights Outputs]"
    result = evaluate_workload(kept, chip, Mapping.parse(text))
    exam = ow.eyexam(result)
    assert exam.costliest.name == CHOICE
    assert exam.layers[0].bounds[4] == 1.0
    assert exam.layers[0].bounds[3] > 5.9


def test_as_the_paper_counts_the_last_step_names_what_the_array_waits_for():
    """Convention jssc17: the link is bandwidth where it is slower than the array, else a wait."""
    net = ow.load_workload("alexnet", batch=4)
    chip = ow.load_chip("eyeriss")
    mappings = {"conv3": RowStationary.parse("m64 n4 e13 p16 q3 r2 t2")}
    result = search_row_stationary(net, chip, mappings=mappings, batch=4)
    exam = ow.eyexam(result)
    found = {x.name: x for x in exam.layers}
    for name, layer in found.items():
        assert list(layer.bounds) == sorted(layer.bounds, reverse=True)
        assert layer.cycles == near(result.cost.cycles(name))
    fc6 = found["fc6"]
    words = sum(e.bits for e in result.cost.entries if (e.einsum, e.component) == ("fc6", "DRAM"))
    assert fc6.steps[5].cycles == near(words / 16 / 1.2)
    assert fc6.steps[5].cause.startswith("DRAM moves Weights")
    assert fc6.steps[5].lost > 0.9 * fc6.cycles
    conv3 = found["conv3"]
    assert conv3.steps[5].lost == 0
    # feature maps have no second copy: inputs come for every 64 of 384 channels, outputs leave once
    link = (6 * 4 * 256 * 15 * 15 + 4 * 384 * 13 * 13) / 1.2
    assert f"the array waits {link:.0f} cycles for the link off chip" in conv3.steps[6].cause
    assert "filters and first windows" in conv3.steps[6].cause
    assert conv3.steps[6].lost == near(conv3.cycles - conv3.steps[5].cycles)
    ran = ow.eyexam(result, measured={"conv3": conv3.cycles + 1000})
    step = next(x for x in ran.layers if x.name == "conv3").steps[6]
    assert step.cause.startswith("measured on a machine that ran it; by the model, PEs wait")


def test_as_the_paper_counts_deliveries_are_coded_as_in_the_ledger():
    """Convention jssc17: words over the link are those of the run-length code, which are paid."""
    net = ow.load_workload("alexnet", batch=4)
    shares = {"Inputs": 0.3, "Weights": 1.0, "Outputs": 0.2}

    def sparse(einsum):
        if einsum.work != "mac":
            return einsum
        inputs = tuple(msgspec.structs.replace(t, density=shares[t.name]) for t in einsum.inputs)
        output = msgspec.structs.replace(einsum.output, density=shares["Outputs"])
        return msgspec.structs.replace(einsum, inputs=inputs, output=output)

    net = msgspec.structs.replace(net, einsums=tuple(map(sparse, net.einsums)))
    chip = ow.load_chip("eyeriss")
    result = search_row_stationary(net, chip, objective="latency", batch=4)
    exam = ow.eyexam(result)
    paid = {(e.einsum, e.tensor): e.bits / 16 for e in result.cost.entries if e.component == "DRAM"}
    for layer, roof in zip(exam.layers, ow.roofline(exam), strict=True):
        rows = [d for d in layer.deliveries if d.component == "DRAM"]
        assert {d.tensor for d in rows} == set(shares)
        for d in rows:
            assert d.words == near(paid[layer.name, d.tensor])
        assert layer.steps[5].bound <= roof.bound * (1 + 1e-6) + 1e-9
    assert 0.2 * 4 * 96 * 55 * 55 < paid["conv1", "Outputs"] < 0.3 * 4 * 96 * 55 * 55


@pytest.mark.parametrize("objective", ["edp", "latency"])
def test_what_whole_cycles_cost_has_a_cause_and_a_knob(objective):
    """375 steps on PEs of two lanes take 188 cycles, half a cycle more than the peak."""
    exam = ow.eyexam(one("block1.dw", ow.load_chip("eyeriss_v2"), objective=objective))
    step = exam.layers[0].steps[2]
    assert step.lost > 0
    assert step.cause.endswith("all of them full; 188 whole cycles where 187.5 would do")
    assert step.knob == "a larger layer or batch, to fill the last cycle"
    for step in exam.layers[0].steps:
        assert bool(step.knob) == (step.lost > 0)
