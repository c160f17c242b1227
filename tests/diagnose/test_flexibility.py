import math

import msgspec
import pytest

import onewatt as ow
from chips_by_hand import tiny
from diagnose.test_eyexam import without_limits
from onewatt.diagnose.flexibility import DATAFLOW, PES, UNEVEN, flexibility
from onewatt.diagnose.stresses import (
    BATCH_1,
    CHANNELS_1,
    DENSE,
    GIVEN,
    UNSTRUCTURED,
    ZEROS,
    Case,
    one_channel,
)
from onewatt.errors import InputError
from onewatt.spec.architecture import SparseFeature
from onewatt.spec.workload import Workload

CHIPS = ("eyeriss", "eyeriss_256", "eyeriss_like", "systolic_ws")


def cases(network):
    return ow.stressed(ow.load_workload(network, batch=16), ow.load_workload(network))


@pytest.fixture(scope="module")
def rows():
    chips = [ow.load_chip(name) for name in CHIPS]
    found = {}
    for network in ("mlperf_ad", "mlperf_kws"):
        for row in flexibility(cases(network), chips):
            found[row.chip, network, row.stress] = row
    return found


def test_shares_are_shares(rows):
    assert len(rows) == len(CHIPS) * 2 * 5
    for row in rows.values():
        assert 0 < row.worst <= row.mean <= row.array_mean <= 1
        assert row.worst <= row.whole <= 1
        assert row.worst == min(x.kept for x in row.layers)
        assert row.worst_layer in {x.layer for x in row.layers if x.kept == row.worst}
        logs = [math.log(x.kept) for x in row.layers for _ in range(x.count)]
        assert row.mean == pytest.approx(math.exp(sum(logs) / len(logs)))


def test_no_mapping_keeps_more_than_the_bound(rows):
    """The search on a chip with a free link off chip reaches at most what flexibility says."""
    for name in CHIPS:
        chip = ow.load_chip(name)
        outermost = chip.memories[0]
        fast = msgspec.structs.replace(
            outermost, shared_bandwidth=None, read_bandwidth=None, write_bandwidth=None
        )
        free = tuple(fast if n is outermost else n for n in chip.nodes)
        net = ow.load_workload("mlperf_ad")
        result = ow.search(
            net, msgspec.structs.replace(chip, nodes=free), objective="latency", effort=500
        )
        row = rows[name, "mlperf_ad", BATCH_1]
        for layer, einsum in zip(
            row.layers, [e for e in net.einsums if e.work == "mac"], strict=True
        ):
            ideal = -(-einsum.points // chip.pes)
            assert ideal * einsum.count / result.cycles(layer.layer) <= layer.kept + 1e-12


def test_what_breaks_the_chips(rows):
    """Eyeriss and the systolic array fall on FC layers alone and on depthwise layers."""
    for chip in ("eyeriss", "systolic_ws"):
        assert rows[chip, "mlperf_ad", BATCH_1].mean < 0.1 * 0.5
        assert rows[chip, "mlperf_ad", BATCH_1].limit in ("GIN_filter", "weights_load")
        assert (
            rows[chip, "mlperf_kws", CHANNELS_1].mean < 0.2 * rows[chip, "mlperf_kws", GIVEN].mean
        )
    worst = rows["systolic_ws", "mlperf_kws", GIVEN]
    assert worst.worst_layer.endswith(".dw")
    assert (worst.limit, round(worst.worst, 4)) == (DATAFLOW, round(9 / 1024, 4))
    assert rows["eyeriss", "mlperf_kws", GIVEN].array_mean > 0.85  # it lays groups


def test_by_hand():
    """54 points on 2 x 3 PEs: 9 steps; 30 inputs and 6 weights at half a word a cycle: 72."""
    einsum = next(e for e in ow.load_workload("mlperf_kws").einsums if e.name == "block1.dw")
    sizes = {"G": 2, "P": 3, "Q": 3, "R": 3, "S": 1}
    ranks = tuple(msgspec.structs.replace(r, size=sizes.get(r.name, 1)) for r in einsum.ranks)
    net = Workload(name="one", einsums=(msgspec.structs.replace(einsum, ranks=ranks),))
    chip = without_limits(tiny())
    noc = next(n for n in chip.networks if n.name == "NoC")
    slow = msgspec.structs.replace(noc, words_per_cycle=0.5)
    narrow = msgspec.structs.replace(chip, nodes=tuple(slow if n is noc else n for n in chip.nodes))
    wide, thin = flexibility([Case(stress=GIVEN, workload=net)], [chip, narrow])
    assert (wide.worst, wide.limit) == (1.0, PES)
    assert (thin.worst, thin.limit, thin.array_mean) == (9 / 72, "NoC", 1.0)


def test_stresses():
    given, alone, thin, dense, zeros = cases("mlperf_kws")
    assert [c.stress for c in (given, alone, thin, dense, zeros)] == [
        GIVEN, BATCH_1, CHANNELS_1, DENSE, ZEROS,
    ]  # fmt: skip
    assert given.workload.macs == 16 * alone.workload.macs == dense.workload.macs
    for before, after in zip(given.workload.einsums, thin.workload.einsums, strict=True):
        if before.work == "mac" and "C" in before.sizes and "G" in before.sizes:
            assert after.sizes["C"] == after.sizes["M"] == 1
            assert after.sizes["G"] == before.sizes["G"] * max(before.sizes["C"], before.sizes["M"])
            assert one_channel(after) == after
    macs = [e for e in zeros.workload.einsums if e.work == "mac"]
    assert {t.density for e in macs for t in e.inputs} == {UNSTRUCTURED}
    assert {e.output.density for e in macs} == {1.0}


def test_uneven_zeros_cost_a_chip_that_skips_them():
    """PEs wait for the slowest one, and of 256 PEs one nearly always has a full window."""
    chip = ow.load_chip("eyeriss_256")
    skips = (SparseFeature(tensor="Inputs", skips=("Weights",)),)
    mac = msgspec.structs.replace(chip.mac, sparse=skips)
    chip = msgspec.structs.replace(
        chip, nodes=tuple(mac if n is chip.mac else n for n in chip.nodes)
    )
    found = {r.stress: r for r in flexibility(cases("mlperf_kws"), [chip])}
    assert found[DENSE].mean == found[GIVEN].mean > 0.9
    assert found[ZEROS].mean == pytest.approx(found[GIVEN].mean * UNSTRUCTURED, rel=0.05)
    assert found[ZEROS].limit == UNEVEN


def test_windows_of_inputs_and_weights_let_a_chip_gain_by_zeros():
    """Eyeriss v2 keeps more than the quarter that is left if no PE ever ran ahead."""
    found = {r.stress: r for r in flexibility(cases("mlperf_ad"), [ow.load_chip("eyeriss_v2")])}
    assert found[GIVEN].mean == found[DENSE].mean > 0.95
    assert 0.5 < found[ZEROS].mean < 0.65
    assert found[ZEROS].limit == UNEVEN


def test_networks_without_macs_are_refused():
    net = ow.load_workload("mlperf_ad")
    vector = tuple(e for e in net.einsums if e.work == "vector")
    case = Case(stress=GIVEN, workload=msgspec.structs.replace(net, einsums=vector))
    with pytest.raises(InputError, match="no layer of MACs"):
        flexibility([case], [tiny()])
