"""The zoo: published totals and layer tables."""

import csv
from pathlib import Path

import onnx
import pytest

from onewatt.errors import InputError
from onewatt.importers.load import load_workload
from onewatt.importers.onnx import load_onnx
from onewatt.importers.zoo import load_zoo, zoo_names

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"

TOTALS = {
    "alexnet": 724_406_816,
    "vgg16": 15_470_264_320,
    "squeezenet": 349_151_936,
    "resnet18": 1_814_073_344,
    "resnet50": 4_089_184_256,
    "mobilenet_v1": 568_740_352,
    "mobilenet_v1:0.5:128": 49_160_192,
    "mobilenet_v2": 300_774_272,
    "llama_1b": 649_882_238_976,
    "mlperf_ad": 264_192,
    "mlperf_ic": 12_501_632,
    "mlperf_kws": 2_656_768,
    "mlperf_vww": 7_489_664,
}


def layers(workload):
    return [e for e in workload.einsums if e.work == "mac"]


@pytest.mark.parametrize("name", TOTALS)
def test_totals(name):
    workload = load_zoo(name)
    assert workload.macs == TOTALS[name]
    assert not workload.unpriced
    assert load_zoo(name, batch=4).macs == 4 * TOTALS[name]


def test_alexnet_layers():
    found = {e.name: e for e in layers(load_zoo("alexnet"))}
    assert {n: e.macs for n, e in found.items()} == {
        "conv1": 105_415_200,
        "conv2": 223_948_800,
        "conv3": 149_520_384,
        "conv4": 112_140_288,
        "conv5": 74_760_192,
        "fc6": 37_748_736,
        "fc7": 16_777_216,
        "fc8": 4_096_000,
    }
    conv1 = found["conv1"]
    assert conv1.words(conv1.inputs[0]) == 3 * 227 * 227
    assert found["fc6"].sizes["C"] == 256
    assert found["fc6"].sizes["R"] == found["fc6"].sizes["S"] == 6
    assert found["conv2"].sizes["G"] == 2
    ops = [e.op for e in load_zoo("alexnet").einsums if e.work == "vector"]
    assert (ops.count("relu"), ops.count("lrn"), ops.count("maxpool")) == (7, 2, 3)


def test_mobilenet_of_eyeriss_v2():
    table = Path("/work/shared/data/eyeriss_v2/mobilenet05_128_layers.csv")
    expected = [
        1769472, 589824, 2097152, 294912, 2097152, 589824, 4194304, 147456, 2097152, 294912,
        4194304, 73728, 2097152, 147456, 4194304, 147456, 4194304, 147456, 4194304, 147456,
        4194304, 147456, 4194304, 36864, 2097152, 73728, 4194304, 512000,
    ]  # fmt: skip
    if table.exists():
        with table.open() as file:
            assert [int(r["dense_macs"]) for r in csv.DictReader(file)] == expected
    found = layers(load_zoo("mobilenet_v1:0.5:128"))
    assert [e.macs for e in found] == expected
    assert [e.op for e in found[1:5]] == ["depthwise", "conv", "depthwise", "conv"]


def test_same_layers_as_the_onnx_files():
    for name in ("resnet50", "squeezenet"):
        ours = sorted(e.signature for e in layers(load_zoo(name)))
        theirs = sorted(e.signature for e in layers(load_onnx(LIGHT / f"light_{name}.onnx")))
        assert ours == theirs


def test_googlenet_from_its_table():
    """Szegedy et al., table 1: size, channels in, and the six numbers of every block."""
    macs = 112**2 * 64 * 147 + 56**2 * (64 * 64 + 64 * 192 * 9)
    blocks = (
        (28, 192, 64, 96, 128, 16, 32, 32), (28, 256, 128, 128, 192, 32, 96, 64),
        (14, 480, 192, 96, 208, 16, 48, 64), (14, 512, 160, 112, 224, 24, 64, 64),
        (14, 512, 128, 128, 256, 24, 64, 64), (14, 512, 112, 144, 288, 32, 64, 64),
        (14, 528, 256, 160, 320, 32, 128, 128), (7, 832, 256, 160, 320, 32, 128, 128),
        (7, 832, 384, 192, 384, 48, 128, 128),
    )  # fmt: skip
    for size, c, one, r3, three, r5, five, pool in blocks:
        macs += size**2 * (c * (one + r3 + r5 + pool) + r3 * three * 9 + r5 * five * 25)
    assert load_zoo("googlenet").macs == macs + 1024 * 1000 == 1_582_671_872


def test_bert_from_its_definition():
    macs = 128 * 12 * (4 * 768**2 + 2 * 128 * 768 + 8 * 768**2) + 768**2 + 2 * 768
    assert load_zoo("bert_base").macs == macs
    assert load_zoo("bert_base:64").macs < macs / 2
    assert load_workload("bert_base", seq_len=64).einsums == load_zoo("bert_base:64").einsums


def test_integers_of_mlperf_tiny():
    for name in ("mlperf_ad", "mlperf_ic", "mlperf_kws", "mlperf_vww"):
        for layer in layers(load_zoo(name)):
            assert [t.bits for t in layer.tensors] == [8, 8, 8]
            assert layer.output.accumulate_bits == 32
    assert layers(load_zoo("resnet18"))[0].output.bits is None


def test_activations_are_fused_and_additions_are_not():
    found = {e.name: e for e in load_zoo("resnet18").einsums}
    assert found["conv1.bn"].fused
    assert found["conv1.relu"].fused
    assert not found["layer1.0.add"].fused
    assert not found["maxpool"].fused


@pytest.mark.parametrize("name", zoo_names())
def test_names_and_values_are_consistent(name):
    workload = load_zoo(name)
    made = {"input", *(e.output.value for e in workload.einsums)}
    for einsum in workload.einsums:
        for tensor in einsum.inputs:
            known = tensor.value in made or not tensor.value
            assert (
                known
                or tensor.value.endswith((".weight", ".ids", ".first", ".flat"))
                or (".p" in tensor.value)
            ), tensor.value


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("alexnt", "Did you mean 'alexnet'"),
        ("mobilenet_v1:x", "'width' is 'x'; expected a number from 0.05 to 4"),
        ("mobilenet_v1:nan", "'width' is 'nan'"),
        ("mobilenet_v1:1:7", "'resolution' is '7'; expected a whole number from 32"),
        ("mobilenet_v1:1:128:3", "expected at most 2, as mobilenet_v1:<width>:<resolution>"),
        ("resnet50:2", "expected at most 0"),
        ("bert_base:1.5", "'seq' is '1.5'; expected a whole number"),
        ("bert_base:9999", "from 1 to 512"),
    ],
)
def test_bad_names_and_options(name, message):
    with pytest.raises(InputError) as caught:
        load_zoo(name)
    assert message in str(caught.value)


def test_options_that_do_not_apply():
    with pytest.raises(InputError, match="has no sequence"):
        load_zoo("alexnet", seq_len=3)
    with pytest.raises(InputError, match="'seq' is '0'"):
        load_zoo("bert_base", seq_len=0)
    with pytest.raises(InputError, match="batch 0"):
        load_zoo("alexnet", batch=0)
