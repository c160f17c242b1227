"""What the Eyeriss v2 paper concludes from its exam comes out of ours."""

import msgspec
import pytest

import onewatt as ow
from onewatt.diagnose.bounds import with_axes
from onewatt.diagnose.flexibility import flexibility
from onewatt.diagnose.stresses import GIVEN, Case
from onewatt.spec.architecture import Network
from onewatt.spec.workload import Workload

FACTORS = (1, 2, 4)


def layers(network, *names):
    net = ow.load_workload(network)
    return Workload(name=network, einsums=tuple(e for e in net.einsums if e.name in names))


def depthwise():
    return layers("mlperf_kws", *(f"block{i}.dw" for i in range(1, 5)))


def larger(chip, factor):
    return with_axes(chip, tuple(a.size * factor for a in chip.axes))


def delivered(chip, factor):
    """The chip with so many times the words a cycle on every network and in every port."""

    def faster(node):
        changes = {
            field: rate * factor
            for field in ("words_per_cycle", "read_bandwidth", "write_bandwidth",
                          "shared_bandwidth")
            if (rate := getattr(node, field, None))
        }  # fmt: skip
        return msgspec.structs.replace(node, **changes)

    return msgspec.structs.replace(chip, nodes=tuple(map(faster, chip.nodes)))


def bounds(net, chip):
    result = ow.search(net, chip, objective="latency", effort=40_000)
    return [layer.bounds for layer in ow.eyexam(result).layers]


def test_depthwise_layers_underfill_arrays_that_spread_channels():
    """One filter in a group: 1 of 32 columns, and 9 taps on 32 rows."""
    exam = ow.eyexam(ow.search(depthwise(), ow.load_chip("systolic_ws"), effort=40_000))
    for layer in exam.layers:
        assert layer.bounds[1] == 9  # the dataflow leaves 9 of 1024 PEs with work
        assert layer.bounds[3] <= 9
        assert layer.steps[1].lost == max(s.lost for s in layer.steps)
        assert "lays G over X" in layer.steps[1].knob
    assert exam.costliest.name == "dataflow"


def test_an_array_that_also_spreads_groups_fills_up():
    for layer in bounds(depthwise(), ow.load_chip("eyeriss_256")):
        assert layer[3] > 0.9 * 256


@pytest.mark.parametrize(
    ("network", "names"),
    [("mlperf_ad", ("fc1", "fc10")), ("mlperf_kws", ("block1.dw", "block2.dw"))],
)
def test_more_pes_alone_do_not_help(network, names):
    """Fully connected and depthwise layers on Eyeriss with up to 16 times the PEs."""
    net, chip = layers(network, *names), ow.load_chip("eyeriss")
    reached = [bounds(net, larger(chip, n)) for n in FACTORS]
    for before, after in zip(reached[0], reached[-1], strict=True):
        assert after[2] > 10 * before[2]  # the PEs are there
        assert after[6] < 1.1 * before[6]  # and nothing comes of them


def test_delivery_that_grows_with_the_array_helps():
    """The same arrays with words a cycle in proportion to the PEs."""
    net, chip = layers("mlperf_ad", "fc1", "fc10"), ow.load_chip("eyeriss")
    reached = [bounds(net, delivered(larger(chip, n), n * n)) for n in FACTORS]
    for n, each in zip(FACTORS, reached, strict=True):
        for before, after in zip(reached[0], each, strict=True):
            assert after[6] > 0.85 * n * n * before[6]


def test_a_chip_for_any_shape_keeps_its_bounds():
    """Any rank on any axis, and a word a cycle for each PE: nothing is lost but fragments.

    The multicast networks of eyeriss at the same words a cycle lose most of it.
    """
    rigid = ow.load_chip("eyeriss")
    chip = ow.with_dataflow(ow.load_chip("eyeriss_256"), "rs-plus")
    wide = tuple(
        msgspec.structs.replace(n, words_per_cycle=float(chip.pes)) if isinstance(n, Network) else n
        for n in chip.nodes
    )
    flexible = msgspec.structs.replace(chip, nodes=wide)
    for net in (depthwise(), layers("mlperf_ad", "fc1", "fc2", "fc10")):
        case = Case(stress=GIVEN, workload=net)
        kept, lost = flexibility([case], [flexible, rigid])
        assert kept.worst > 0.8
        assert kept.mean > 0.85
        assert lost.mean < 0.2
        assert lost.array_mean > 0.85  # the array would be full: delivery it is
