"""Accelergy's tables: real ones are read, wrong ones are refused with their place."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from near import near
from onewatt.components.accelergy import load_energy_table, with_energy_table
from onewatt.components.chips import load_chip
from onewatt.components.library import prices
from onewatt.errors import InputError

DATA = os.environ.get("ONEWATT_REFERENCE_DATA")
ERT = """\
ERT:
    version: '0.4'
    tables:
      - name: top.GLB[1..1]
        actions:
          - name: read
            arguments: {}
            energy: 20.0
          - name: write
            arguments: {data_delta: 1}
            energy: 1.5e+1
          - name: write
            arguments: {data_delta: 0}
            energy: 9
          - name: leak
            energy: 5e-05
          - name: metadata_read
            energy: 3.0
      - name: top.mac[1..168]
        actions:
          - {name: compute, energy: 0.5}
"""
ART = """\
ART:
    version: '0.4'
    tables:
      - {name: 'top.GLB[1..1]', area: 2000000.0}
      - {name: 'top.dummy[1..14]', area: 1.0}
"""


def written(tmp_path, ert=ERT, art=None):
    (tmp_path / "a.ERT.yaml").write_text(ert)
    if art is None:
        return load_energy_table(tmp_path / "a.ERT.yaml")
    (tmp_path / "a.ART.yaml").write_text(art)
    return load_energy_table(tmp_path / "a.ERT.yaml", tmp_path / "a.ART.yaml")


def test_a_table_prices_the_nodes_it_names(tmp_path):
    table = written(tmp_path, ERT, ART)
    chip = with_energy_table(load_chip("eyeriss"), table, {"GLB": "GLB", "MAC": "top.mac"})
    found = prices(chip)
    assert found.find("GLB", "read").energy == near(20e-12)
    assert found.find("GLB", "drain").energy == near(20e-12)
    assert found.find("GLB", "update").energy == near(15e-12)  # the dearest arguments
    assert found.find("GLB", "leak").energy == near(5e-17)
    assert found.find("MAC", "compute").energy == near(0.5e-12)
    assert found.find("GLB", "read").source.startswith("a.ERT.yaml, a.ART.yaml")
    assert {a.component: a.area for a in found.areas}["GLB"] == near(2e-6)
    assert found.find("DRAM", "read") == prices(load_chip("eyeriss")).find("DRAM", "read")


def test_equal_names_find_each_other(tmp_path):
    chip = with_energy_table(load_chip("eyeriss_like"), written(tmp_path))
    assert prices(chip).find("mac", "compute").energy == near(0.5e-12)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"GLBB": "GLB"}, "chip 'eyeriss': unknown node 'GLBB'. Did you mean 'GLB'?"),
        ({"GLB": "GLBX"}, "a.ERT.yaml: unknown component 'GLBX'. Did you mean 'GLB'?"),
        ({"GLB": "mac"}, "component 'top.mac' has actions compute; expected one of read, write"),
        ({"psum_column": "GLB"}, "expected one of hop, transfer for node 'psum_column'"),
    ],
)
def test_wrong_names(tmp_path, names, message):
    with pytest.raises(InputError, match=re.escape(message)):
        with_energy_table(load_chip("eyeriss"), written(tmp_path), names)


def test_no_name_in_common(tmp_path):
    table = written(tmp_path, ERT.replace("GLB", "G").replace("top.mac", "top.m"))
    with pytest.raises(InputError, match="shares no name with chip 'eyeriss'"):
        with_energy_table(load_chip("eyeriss"), table)


def test_a_name_that_two_components_have(tmp_path):
    table = written(tmp_path, ERT.replace("top.mac", "top.sub.GLB"))
    with pytest.raises(InputError, match=r"found 2 components 'GLB'; expected one of top.GLB"):
        table.find("GLB")
    assert table.find("top.sub.GLB").actions == {"compute": 0.5e-12}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("energy: 20.0", "energy: -20.0", "a.ERT.yaml:8:21: found '-20.0'; expected an energy"),
        ("energy: 20.0", "energy: .nan", "found '.nan'; expected an energy in pJ, a number"),
        ("energy: 20.0", "energy: nan", "found 'nan'; expected an energy in pJ, finite"),
        ("energy: 20.0", "energy: 1e999", "found '1e999'; expected an energy in pJ, finite"),
        ("energy: 20.0", "energy: dear", "a.ERT.yaml:8:21: found 'dear'; expected an energy in pJ"),
        ("energy: 20.0", "energy: [1]", "expected an energy in pJ, a number"),
        ("energy: 20.0", "cost: 20.0", "a.ERT.yaml:6:13: found no 'energy' of action 'read'"),
        ("ERT:", "ART:", "a.ERT.yaml:1:1: found no 'ERT'; expected Accelergy's ERT file"),
        ("    tables:", "    tablets:", "found no list 'tables'; expected one"),
        ("        actions:\n          - {", "        a:\n          - {", "found no list 'actions'"),
        ("- name: top.mac[1..168]", "- mac: x", "found no 'name'; expected a table with 'name'"),
        ("top.mac[1..168]", "top.GLB[1..1]", "found component 'top.GLB' twice; expected it once"),
        ("arguments: {}", "arguments: &a {}", "found an anchor or alias"),
        ("version: '0.4'", "version: [", "not valid YAML"),
    ],
)  # fmt: skip
def test_wrong_tables(tmp_path, old, new, message):
    assert old in ERT
    with pytest.raises(InputError, match=re.escape(message)):
        written(tmp_path, ERT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected a mapping with 'ERT'"),
        ("ERT: 3", "expected a mapping with 'tables'"),
        ("ERT: {tables: [3]}", "expected a table with 'name' and 'actions'"),
        ("ERT: {tables: []}", "has no tables; expected at least one component"),
    ],
)
def test_files_that_are_no_table(tmp_path, text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        written(tmp_path, text)


def test_wrong_areas(tmp_path):
    with pytest.raises(InputError, match=r"a.ART.yaml:4:39: found '-2.0'; expected an area in µm²"):
        written(tmp_path, ERT, ART.replace("2000000.0", "-2.0"))
    with pytest.raises(InputError, match=r"found no 'area' of 'top.GLB'"):
        written(tmp_path, ERT, ART.replace("area: 2000000.0", "size: 3"))


def test_every_reference_table_is_read():
    if not DATA:
        pytest.skip("ONEWATT_REFERENCE_DATA is not set: real energy tables are NOT read")
    found = sorted((Path(DATA) / "timeloop_cases").glob("*/*.ERT.yaml"))
    assert len(found) >= 20
    for ert in found:
        table = load_energy_table(ert, Path(str(ert).replace(".ERT.", ".ART.")))
        assert all(e.actions and e.area is not None for e in table.entries), ert.parent.name
