"""One way in: what is accepted, what is refused and with which words."""

import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from onewatt.errors import ImportFailure, InputError
from onewatt.importers.load import load_workload
from onewatt.importers.zoo import load_zoo
from onewatt.spec import files

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def test_every_suffix(tmp_path):
    import tflite_files

    small = tmp_path / "small.TFLITE"
    small.write_bytes(tflite_files.small_network())
    assert load_workload(small).macs == load_workload(str(small), batch=2).macs / 2
    alexnet = LIGHT / "light_bvlc_alexnet.onnx"
    assert load_workload(str(alexnet)).macs == load_workload(alexnet).macs == 654_560_384


def test_yaml_and_its_batch(tmp_path):
    path = tmp_path / "net.yaml"
    workload = load_zoo("alexnet")
    path.write_text(files.dumps(workload, "workload"))
    assert load_workload(path) == workload
    four = load_workload(path, batch=4)
    assert four.macs == 4 * workload.macs
    path.write_text(files.dumps(load_zoo("bert_base:4"), "workload"))
    with pytest.raises(InputError, match="has no rank N"):
        load_workload(path, batch=2)
    with pytest.raises(InputError, match="found shapes for a YAML workload"):
        load_workload(path, shapes={"x": (1,)})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("alexnt", "Did you mean 'alexnet'"),
        ("model.h5", "is no file and no known network"),
        ("", "found '' as a network; expected"),
        ("none.onnx", "cannot be read"),
        ("none.yaml", "cannot be read"),
        ("weights.safetensors", "weights without a network"),
        ("net.pt2", "unpickle"),
        (3, "found a int as a network"),
        (None, "found a NoneType"),
    ],
)
def test_refusals(source, message):
    with pytest.raises(InputError, match=message):
        load_workload(source)


def test_directories_without_a_configuration(tmp_path):
    with pytest.raises(ImportFailure, match=r"directory without config\.json"):
        load_workload(tmp_path)


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, "2"])
def test_batches_that_are_none(batch):
    with pytest.raises(InputError, match="whole number of at least 1"):
        load_workload("alexnet", batch=batch)


@pytest.mark.parametrize("option", ["example_inputs", "context", "shapes", "seq_len"])
def test_options_that_do_not_apply(option):
    value = {"x": (1,)} if option == "shapes" else 5
    with pytest.raises(InputError, match=option):
        load_workload("alexnet", **{option: value})


def test_missing_torch_names_the_package():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from onewatt.errors import MissingDependency\n"
        "from onewatt.importers.pytorch import load_module\n"
        "try: load_module(object(), [(1,)])\n"
        "except MissingDependency as e: assert 'onewatt[torch]' in str(e)\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
