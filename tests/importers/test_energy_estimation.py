"""Files of MIT's energy estimation tool: read, refused by place and field, written, read back."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onewatt as ow
from onewatt.errors import ImportFailure, InputError
from onewatt.importers import layers
from onewatt.importers.energy_estimation import (
    FIELDS,
    energy_estimation_text,
    read_energy_estimation,
)
from onewatt.spec.workload import Workload

#: AlexNet, its first two layers and one fully connected, typed from the shapes of the network.
ALEXNET = """\
1,227,227,3,1,0,16,11,11,3,96,0,16,55,55,96,1,181000,16,4,4,0,0,0,0
2,27,27,96,1,30000,16,5,5,48,256,100,8,27,27,256,1,0,16,1,1,2,2,2,2
3,1,1,4096,4,5000,16,1,1,4096,1000,1000000,16,1,1,1000,4,0,16,1,1,0,0,0,0
"""


def read(tmp_path, text, name="net.txt"):
    path = tmp_path / name
    path.write_text(text)
    return ow.load_workload(path)


def test_a_file_is_a_network(tmp_path):
    net = read(tmp_path, ALEXNET)
    conv1, conv2, fc = net.einsums
    assert [e.op for e in net.einsums] == ["conv", "conv", "gemm"]
    assert [e.macs for e in net.einsums] == [105415200, 223948800, 4 * 4096 * 1000]
    assert conv1.sizes["P"] == 55
    assert str(conv1.inputs[0].projection[3]) == "4P+R"
    assert conv2.sizes["G"] == 2
    assert conv2.inputs[1].bits == 8
    assert conv2.words(conv2.inputs[0]) == 31 * 31 * 96
    # nonzeros stay what they were: the padding is further zeros
    assert conv2.inputs[0].density * 31 * 31 * 96 == pytest.approx(27 * 27 * 96 - 30000)
    assert conv1.output.density == pytest.approx(1 - 181000 / (55 * 55 * 96))
    assert fc.sizes == {"P": 4, "M": 1000, "C": 4096}
    assert fc.inputs[1].density == pytest.approx(1 - 1e6 / 4096e3)
    assert net.source == "energy estimation tool"


def test_the_zoo_goes_out_and_comes_back(tmp_path):
    for name in ("alexnet", "mobilenet_v1", "resnet18"):
        net = ow.load_workload(name)
        text = energy_estimation_text(net)
        back = read(tmp_path, text)
        macs = [e for e in net.einsums if e.work == "mac" for _ in range(e.count)]
        assert [e.macs for e in back.einsums] == [e.points for e in macs]
        sixteen = [
            msgspec.structs.replace(
                e, inputs=tuple(msgspec.structs.replace(t, bits=16) for t in e.inputs),
                output=msgspec.structs.replace(e.output, bits=16),
            ) for e in macs
        ]  # fmt: skip
        assert [e.signature for e in back.einsums] == [e.signature for e in sixteen]
        assert energy_estimation_text(back) == text


@pytest.mark.parametrize(("name", "layers"), [("mlperf_kws", 10), ("mlperf_ad", 10)])
def test_quantised_layers_keep_their_bits(tmp_path, name, layers):
    """Wide partial sums, as TFLite files state them, are no reason to refuse a layer."""
    net = ow.load_workload(name)
    macs = [e for e in net.einsums if e.work == "mac"]
    assert {e.output.accumulate_bits for e in macs} == {32}
    text = energy_estimation_text(net)
    rows = [line.split(",") for line in text.splitlines()]
    assert len(rows) == layers == sum(e.count for e in macs)
    assert {row[i] for row in rows for i in (6, 12, 18)} == {"8"}
    assert sum(e.macs for e in read(tmp_path, text).einsums) == net.macs


@st.composite
def lines(draw):
    """Return the numbers of a layer without padding, as anyone may write them."""
    groups, own, each = (draw(st.integers(1, 4)) for _ in range(3))
    tall, wide, maps = (draw(st.integers(1, 4)) for _ in range(3))
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    down, across = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    if max(rows, columns, tall, wide, groups) == 1:
        down = across = 1  # fully connected: there is nothing to step over
    shapes = (
        ((rows - 1) * down + tall, (columns - 1) * across + wide, groups * own, maps),
        (tall, wide, own, groups * each),
        (rows, columns, groups * each, maps),
    )
    numbers = []
    for shape in shapes:
        words = shape[0] * shape[1] * shape[2] * shape[3]
        numbers += [*shape, draw(st.integers(0, words)), draw(st.integers(1, 16))]
    return [*numbers, down, across, 0, 0, 0, 0]


@given(st.lists(lines(), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_a_file_without_padding_comes_back_to_the_letter(tmp_path_factory, found):
    text = "".join(f"{i},{','.join(map(str, one))}\n" for i, one in enumerate(found, 1))
    assert energy_estimation_text(read(tmp_path_factory.mktemp("net"), text)) == text


def test_padding_goes_out_as_zeros(tmp_path):
    text = energy_estimation_text(read(tmp_path, ALEXNET))
    second = text.splitlines()[1].split(",")
    padded = (31 * 31 - 27 * 27) * 96
    assert second[1:7] == ["31", "31", "96", "1", str(30000 + padded), "16"]
    assert second[-4:] == ["0"] * 4
    assert energy_estimation_text(read(tmp_path, text)) == text


def edited(line, field, value):
    rows = [row.split(",") for row in ALEXNET.splitlines()]
    rows[line - 1][FIELDS.index(field)] = value
    return "\n".join(",".join(row) for row in rows)


@pytest.mark.parametrize(
    ("line", "field", "value", "message"),
    [
        (2, "layer_index", "3", "layer_index is 3; expected 2, the number of the line"),
        (1, "IfMap height", "0", "IfMap height is '0'; expected a whole number from 1"),
        (1, "IfMap bits", "65", "IfMap bits is '65'; expected a whole number from 1 to 64"),
        (2, "Filt zeros", "-1", "Filt zeros is '-1'; expected a whole number from 0"),
        (2, "Filt filters", "2.5", "Filt filters is '2.5'"),
        (2, "Filt filters", "", "Filt filters is ''"),
        (2, "Filt filters", "257", "Filt filters is 257; expected a multiple of the 2 groups"),
        (2, "Filt channels", "50", "Filt channels is 50; expected a divisor of the 96 IfMap"),
        (1, "Filt height", "228", "Filt height is 228; expected at most the 227 rows"),
        (1, "Filt width", "228", "Filt width is 228; expected at most the 227 columns"),
        (2, "OfMap height", "28", "OfMap height is 28; expected 27 from IfMap, Filt, Stride"),
        (2, "Pad left", "0", "OfMap width is 27; expected 25 from IfMap, Filt, Stride and Pad"),
        (2, "OfMap channels", "255", "OfMap channels is 255; expected the 256 filters"),
        (3, "OfMap maps", "1", "OfMap maps is 1; expected the 4 IfMap maps"),
        (3, "IfMap zeros", "16385", "IfMap zeros is 16385; expected at most the 16384 entries"),
        (1, "Stride y", "9" * 400, "Stride y is '9999"),
        (1, "Stride y", "５", "Stride y is '５'"),
    ],
)
def test_a_bad_field_is_refused_by_place_and_name(tmp_path, line, field, value, message):
    with pytest.raises(ImportFailure, match=rf"net\.txt:{line}: {message}"):
        read(tmp_path, edited(line, field, value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("1,2,3\n", "net.txt:1: has 3 fields; expected the 25 whole numbers layer_index"),
        (ALEXNET.replace("\n2,", "\n\n2,"), "net.txt:2: has 0 fields"),
        ("layer,inputs,weights\n", "net.txt:1: has 3 fields"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, text, message):
    with pytest.raises(ImportFailure, match=message):
        read(tmp_path, text)


def test_blank_lines_at_the_end_and_spaces_are_no_mistake(tmp_path):
    spaced = "\ufeff" + ALEXNET.replace(",", ", ") + "\n\n"
    assert read(tmp_path, spaced, "a.csv").einsums == read(tmp_path, ALEXNET).einsums


def test_a_batch_is_in_the_file_already(tmp_path):
    (tmp_path / "net.txt").write_text(ALEXNET)
    with pytest.raises(InputError, match="found batch 4; the file says how many maps"):
        ow.load_workload(tmp_path / "net.txt", batch=4)
    with pytest.raises(InputError, match="seq_len"):
        ow.load_workload(tmp_path / "net.txt", seq_len=4)


def network(*einsums):
    return Workload(name="net", einsums=einsums)


def conv(**options):
    return layers.convolution(
        "c", ("x", "w", "y"), outputs=2, inputs=2, size=(4, 4), kernel=(3, 3), **options
    )


@pytest.mark.parametrize(
    "einsum",
    [
        conv(dilation=(2, 2)),
        layers.transposed_convolution("t", ("x", "w", "y"), outputs=2, inputs=2, size=(4, 4),
                                      kernel=(3, 3)),
        layers.convolution("3", ("x", "w", "y"), outputs=2, inputs=2, size=(4, 4, 4),
                           kernel=(3, 3, 3)),
    ],
    ids=lambda e: e.op + e.name,
)  # fmt: skip
def test_what_the_tool_does_not_know_is_refused(einsum):
    with pytest.raises(InputError, match=f"layer '{einsum.name}' .*knows nothing else"):
        energy_estimation_text(network(einsum))


def test_products_of_matrices_side_by_side_are_a_grouped_convolution(tmp_path):
    """Heads of attention: the same loops over the same words."""
    heads = layers.matmul("m", ("x", "w", "y"), groups=8, rows=4, outputs=5, inputs=6)
    text = energy_estimation_text(network(heads))
    assert text == "1,4,1,48,1,0,16,1,1,6,40,0,16,4,1,40,1,0,16,1,1,0,0,0,0\n"
    assert read(tmp_path, text).macs == heads.macs


def test_equal_layers_are_written_as_often_as_they_occur():
    three = msgspec.structs.replace(conv(), count=3)
    written = energy_estimation_text(network(three), bits=8).splitlines()
    assert [line.split(",")[0] for line in written] == ["1", "2", "3"]
    assert len({line.partition(",")[2] for line in written}) == 1
    assert written[0].split(",")[6] == "8"
    pool = next(e for e in ow.load_workload("alexnet").einsums if e.work == "vector")
    with pytest.raises(InputError, match="has no convolution"):
        energy_estimation_text(network(pool))
    with pytest.raises(InputError, match="bits is 0"):
        energy_estimation_text(network(three), bits=0)


def test_a_layer_costs_what_it_cost_before(tmp_path):
    """The words of a file and of the network it came from have one energy on a chip."""
    net = network(conv(stride=(2, 1), batch=2))
    back = read_energy_estimation(_written(tmp_path, energy_estimation_text(net)))
    chip = ow.load_chip("eyeriss")
    one, other = (ow.search(x, chip, objective="energy", tiles="perfect") for x in (net, back))
    assert one.energy == pytest.approx(other.energy)


def _written(tmp_path, text):
    path = tmp_path / "net.txt"
    path.write_text(text)
    return path


def energy(tmp_path, chip, *, inputs=0, filters=0, bits=(8, 8, 8)):
    """Return the least energy of one layer of the file with so many zeros and bits [J]."""
    text = (
        f"1,8,8,16,1,{inputs},{bits[0]},3,3,16,16,{filters},{bits[1]},"
        f"6,6,16,1,0,{bits[2]},1,1,0,0,0,0\n"
    )
    found = ow.search(read(tmp_path, text), chip, objective="energy", tiles="perfect")
    return found.energy


@pytest.mark.parametrize(
    ("name", "gates"), [("eyeriss", {"inputs"}), ("eyeriss_v2", {"inputs", "filters"})]
)
def test_more_zeros_never_cost_more(tmp_path, name, gates):
    """And less where the chip holds work on them back: Eyeriss on zero inputs alone."""
    chip = ow.load_chip(name)
    for tensor, words in (("inputs", 1024), ("filters", 2304)):
        spent = [
            energy(tmp_path, chip, **{tensor: words * share // 4}) for share in range(4)
        ]  # fmt: skip
        pairs = list(itertools.pairwise(spent))
        assert all(b <= a * (1 + 1e-12) for a, b in pairs)
        assert all(b < a for a, b in pairs) == (tensor in gates)


@pytest.mark.parametrize("name", ["eyeriss", "eyeriss_v2"])
def test_fewer_bits_never_cost_more(tmp_path, name):
    """Nor less: a word of a chip is as wide as the chip's memories and multipliers."""
    chip = ow.load_chip(name)
    spent = [energy(tmp_path, chip, bits=(b, b, b)) for b in (8, 6, 4, 2)]
    assert all(b <= a for a, b in itertools.pairwise(spent))
    assert len(set(spent)) == 1
