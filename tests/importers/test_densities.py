"""Densities from a table."""

import pytest

from onewatt.errors import InputError
from onewatt.importers.densities import with_densities
from onewatt.importers.zoo import load_zoo

NET = load_zoo("alexnet")
HEAD = "layer,inputs,weights,outputs\n"


def apply(tmp_path, text):
    path = tmp_path / "d.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return with_densities(NET, path)


def test_values_and_defaults(tmp_path):
    found = apply(tmp_path, HEAD + "conv2, 0.4, 0.38, 0.2\nconv3,,0.35,\n")
    layers = {e.name: [t.density for t in e.tensors] for e in found.einsums}
    assert layers["conv2"] == [0.4, 0.38, 0.2]
    assert layers["conv3"] == [1.0, 0.35, 1.0]
    assert layers["conv1"] == [1.0, 1.0, 1.0]
    assert found.macs == NET.macs
    assert apply(tmp_path, HEAD) == NET


def test_order_and_further_columns_do_not_matter(tmp_path):
    found = apply(tmp_path, "\ufeffnote,outputs,weights,inputs,layer\nx,0.1,0.2,0.3,fc6\n")
    layer = next(e for e in found.einsums if e.name == "fc6")
    assert [t.density for t in layer.tensors] == [0.3, 0.2, 0.1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"d\.csv:1: has no column 'layer'"),
        ("layer,inputs,weights\n", "has no column 'outputs'"),
        (HEAD + "conv9,1,1,1\n", r"d\.csv:2: unknown layer 'conv9'. Did you mean 'conv"),
        (HEAD + "conv1,1,1,1\nconv1,1,1,1\n", r"d\.csv:3: layer 'conv1' comes twice"),
        (HEAD + "conv1,1,1.5,1\n", r"d\.csv:2: column 'weights' has '1.5'"),
        (HEAD + "conv1,-0.1,1,1\n", "column 'inputs' has '-0.1'"),
        (HEAD + "conv1,nan,1,1\n", "column 'inputs' has 'nan'"),
        (HEAD + "conv1,1,1,all\n", "column 'outputs' has 'all'"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_refusals(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        apply(tmp_path, text)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        with_densities(NET, tmp_path / "none.csv")
