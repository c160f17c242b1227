"""Verbs take Timeloop files where they take ours, and ``map`` writes one."""

from __future__ import annotations

import json

import pytest

from onewatt.cli import main

CHIP = """
architecture:
  version: 0.4
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {width: 64, datawidth: 8}}
  - !Component {name: glb, class: SRAM, attributes: {depth: 512, width: 64, datawidth: 8}}
  - !Container {name: PE, spatial: {meshX: 4}}
  - !Component {name: spad, class: regfile, attributes: {depth: 64, width: 8, datawidth: 8}}
  - !Component {name: mac, class: intmac, attributes: {width: 8}}
"""
LAYER = """
problem:
  version: 0.4
  shape:
    name: gemm
    dimensions: [M, N, K]
    data_spaces:
    - {name: A, projection: [[[M]], [[K]]]}
    - {name: B, projection: [[[N]], [[K]]]}
    - {name: Z, projection: [[[M]], [[N]]], read_write: true}
  instance: {M: 8, N: 4, K: 16}
"""
MAPPING = """
mapping:
- {target: DRAM, type: temporal, factors: [M=8, K=16]}
- {target: PE, type: spatial, factors: [N=4]}
- {target: spad, type: dataspace, keep: [Z], bypass: [A, B]}
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("chip", CHIP), ("layer", LAYER), ("mapping", MAPPING)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def test_evaluate_reads_layer_chip_and_mapping_together(files, capsys):
    assert main(["evaluate", "layer.yaml", "chip.yaml", "mapping.yaml", "--json"]) == 0
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert layer["name"] == "gemm"


def test_one_file_may_hold_everything(files, capsys):
    (files / "all.yaml").write_text(CHIP + LAYER + MAPPING)
    assert main(["evaluate", "all.yaml", "all.yaml", "all.yaml", "--json"]) == 0


def test_map_writes_a_mapping_for_timeloop_that_evaluate_reads(files, capsys):
    assert main(["map", "layer.yaml", "--chip", "chip.yaml", "--timeloop", "best.yaml"]) == 0
    assert "keep: [A, B, Z]" in (files / "best.yaml").read_text()
    assert main(["evaluate", "layer.yaml", "chip.yaml", "best.yaml"]) == 0


@pytest.mark.parametrize(("name", "says"), [("chip", "array PE"), ("layer", "gemm")])
def test_show(files, capsys, name, says):
    assert main(["show", f"{name}.yaml"]) == 0
    assert says in capsys.readouterr().out


def test_a_file_without_what_is_asked_for_is_refused(files, capsys):
    assert main(["map", "layer.yaml", "--chip", "layer.yaml"]) == 1
    assert "without an architecture" in capsys.readouterr().err
    assert main(["map", "chip.yaml", "--chip", "chip.yaml"]) == 1
    assert "without a problem" in capsys.readouterr().err
