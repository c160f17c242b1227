import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onewatt as ow
from diagnose.test_eyexam import case
from onewatt.diagnose.bounds import with_axes


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_no_layer_lies_above_its_roof(seed):
    result = case(seed)
    if result is None:
        return
    exam = ow.eyexam(result)
    (roof,), (layer,) = ow.roofline(exam), exam.layers
    assert roof.ceiling <= roof.peak * (1 + 1e-12)
    assert roof.reached <= roof.bound * (1 + 1e-9)
    # the sixth bound is the roof, but for whole cycles and an idle choice of mapping
    cycles = layer.macs / layer.count / roof.bound
    assert layer.steps[5].cycles <= cycles + 1
    assert [s.bound for s in roof.slopes] == sorted(s.bound for s in roof.slopes)


def test_by_hand():
    """37.7 M weights through 1.2 words a cycle, each for one MAC: 1.2 MACs a cycle at most."""
    net = ow.load_workload("alexnet")
    fc6 = tuple(e for e in net.einsums if e.name == "fc6")
    result = ow.search(
        msgspec.structs.replace(net, einsums=fc6), ow.load_chip("eyeriss"), effort=1000
    )
    (roof,) = ow.roofline(ow.eyexam(result))
    slope = roof.slopes[0]
    assert (slope.component, slope.rate) == ("DRAM", 1.2)
    assert slope.tensors[:2] == ("Inputs", "Weights")
    words = sum(
        e.count for e in result.cost.entries
        if e.component == "DRAM" and e.action in ("read", "fill", "update")
    )  # fmt: skip
    assert slope.intensity == pytest.approx(37748736 / words)
    assert roof.reached == pytest.approx(slope.bound, rel=1e-6)


def test_fewer_pes_lower_the_ceiling():
    """A mapping for 2 x 3 PEs, on arrays that have more."""
    chip, rng = ow.load_chip("eyeriss_256"), random.Random(1)
    net = ow.load_workload("mlperf_ad")
    kept = msgspec.structs.replace(net, einsums=(net.einsums[0],))
    size = rng.choice([(2, 3), (4, 4)])
    result = ow.search(kept, with_axes(chip, size), objective="latency", effort=1000)
    (small,) = ow.roofline(ow.eyexam(result))
    (same,) = ow.roofline(ow.eyexam(msgspec.structs.replace(result, architecture=chip)))
    assert (same.peak, small.peak) == (256, size[0] * size[1])
    assert same.ceiling == small.ceiling <= small.peak
