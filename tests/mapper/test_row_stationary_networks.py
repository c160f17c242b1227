"""Convention jssc17 on networks whose tables are not here: laws that any table has to keep."""

from __future__ import annotations

import pytest

import onewatt as ow
from onewatt.errors import MappingError
from onewatt.mapper.row_stationary import search
from onewatt.model.jssc17.evaluate import row
from onewatt.model.jssc17.limits import check
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.shape import Shape
from onewatt.spec.workload import Einsum, Index, Rank, Tensor

CHIP = ow.load_chip("eyeriss")
MACHINE = Machine.of(CHIP)
KIB = 8192


def layers(model, batch):
    """Return the layers of a network that do MACs, one of each shape."""
    found = {}
    for einsum in ow.load_workload(model, batch=batch).einsums:
        if einsum.work == "mac":
            found.setdefault(einsum.signature, einsum)
    return list(found.values())


def product(n, m, c):
    """A matrix product of n rows, c inputs and m outputs."""

    def tensor(name, *ranks):
        return Tensor(name=name, projection=tuple(map(Index.parse, ranks)))

    return Einsum(
        name="product", op="gemm", ranks=tuple(Rank(name=k, size=v) for k, v in
                                               (("N", n), ("M", m), ("C", c))),
        inputs=(tensor("Inputs", "N", "C"), tensor("Weights", "M", "C")),
        output=tensor("Outputs", "N", "M"),
    )  # fmt: skip


def keeps_the_laws(einsum):
    """Hold the best mapping of a layer against what no mapping can do."""
    shape = Shape.of(einsum)
    found = row(einsum, CHIP, search(einsum, CHIP))
    check(shape, MACHINE, found.mapping)
    assert 1 <= found.active_pes <= 168
    assert found.ifmap + found.psum <= 100 * KIB
    n = einsum.count
    cycles = found.processing * CHIP.clock / n
    assert cycles >= shape.macs / 168 * (1 - 1e-9)
    outputs = shape.N * shape.G * shape.M * shape.E * shape.F
    weights = shape.G * shape.M * shape.C * shape.R * shape.S
    rows = min((shape.E - 1) * shape.U + shape.R, shape.E * shape.R)
    inputs = shape.N * shape.G * shape.C * rows * shape.W
    assert found.buffer / 16 / n >= 2 * outputs + inputs
    assert found.dram / 16 / n >= (weights + inputs + outputs) * (1 - 1e-9)  # dense
    # the link, and the three buses, carry every word once at least
    assert found.total * CHIP.clock / n >= found.dram / 16 / n / MACHINE.link * (1 - 1e-9)
    assert cycles >= weights / MACHINE.filter_bus * (1 - 1e-9)
    assert cycles >= inputs / MACHINE.ifmap_bus * (1 - 1e-9)
    assert cycles >= outputs / MACHINE.psum_bus * (1 - 1e-9)
    return found


@pytest.mark.parametrize(
    ("model", "batch"),
    [("mobilenet_v1", 1), ("resnet50", 1), ("googlenet", 1), ("vgg16", 1), ("alexnet", 16)],
)
def test_every_layer_of_a_network(model, batch):
    for einsum in layers(model, batch):
        keeps_the_laws(einsum)


@pytest.mark.parametrize("batch", [1, 2, 4, 16])
def test_matrix_products_from_batch_1_to_16(batch):
    for m, c in ((1000, 2048), (64, 64), (7, 300), (4096, 1)):
        keeps_the_laws(product(batch, m, c))


def test_a_batch_never_costs_more_than_its_images_one_by_one():
    """Any mapping of one image is a mapping of each of several."""
    for m, c in ((1000, 2048), (64, 64), (7, 300)):
        one = row(product(1, m, c), CHIP, search(product(1, m, c), CHIP, goal="latency"))
        for batch in (2, 4, 16):
            many = product(batch, m, c)
            found = row(many, CHIP, search(many, CHIP, goal="latency"))
            assert found.total <= batch * one.total * (1 + 1e-9)


def test_fully_connected_layers_wait_for_filters_at_batch_1_and_less_with_a_batch():
    """Each filter word is used once an image, so batch 1 runs at the speed of the link."""
    one, many = (
        row(product(n, 1000, 2048), CHIP, search(product(n, 1000, 2048), CHIP, goal="latency"))
        for n in (1, 16)
    )
    link = 1000 * 2048 / MACHINE.link / CHIP.clock
    assert link <= one.total <= 1.1 * link
    assert many.total / 16 < 0.2 * one.total


def test_depthwise_layers_use_one_filter_and_one_channel():
    """Groups run in turn, so a pass has one filter of one channel: p = q = r = t = 1."""
    for einsum in layers("mobilenet_v1", 1):
        if einsum.name.endswith(".dw"):
            found = search(einsum, CHIP)
            assert (found.p, found.q, found.r, found.t) == (1, 1, 1, 1)
            assert row(einsum, CHIP, found).active_pes == 3 * found.e


def test_dilation_is_refused_by_name():
    def tensor(name, *ranks):
        return Tensor(name=name, projection=tuple(map(Index.parse, ranks)))

    sizes = {"N": 1, "M": 8, "C": 8, "P": 9, "Q": 9, "R": 3, "S": 3}
    einsum = Einsum(
        name="aspp", op="conv", ranks=tuple(Rank(name=k, size=v) for k, v in sizes.items()),
        inputs=(tensor("Inputs", "N", "C", "P+2R", "Q+2S"), tensor("Weights", *"MCRS")),
        output=tensor("Outputs", *"NMPQ"),
    )  # fmt: skip
    with pytest.raises(MappingError, match=r"'aspp': index P\+2R dilates the filter"):
        search(einsum, CHIP)
