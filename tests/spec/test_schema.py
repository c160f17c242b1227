"""JSON Schemas: they accept what the reader accepts, and refuse what an editor should mark."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml
from jsonschema import Draft202012Validator

from onewatt.errors import InputError
from onewatt.spec.files import KINDS, dumps, loads
from onewatt.spec.schema import json_schema

PRESETS = sorted(p.name for p in files("onewatt.chips").iterdir() if p.name.endswith(".yaml"))
WORKLOAD = """\
name: one
einsums:
- name: l
  op: conv
  ranks: {P: 4, R: 3}
  inputs:
  - {name: Inputs, projection: [2P+R], bits: 8 bit}
  - {name: Weights, projection: [R]}
  output: {name: Outputs, projection: [P]}
"""


def chip():
    return yaml.safe_load((files("onewatt.chips") / "eyeriss.yaml").read_text("utf-8"))


def refusals(kind, data):
    return list(Draft202012Validator(json_schema(kind)).iter_errors(data))


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_a_schema(kind):
    schema = json_schema(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_valid_as_written_and_as_dumped(preset):
    text = (files("onewatt.chips") / preset).read_text("utf-8")
    assert refusals("chip", yaml.safe_load(text)) == []
    assert refusals("chip", yaml.safe_load(dumps(loads(text, "chip"), "chip"))) == []


def test_a_workload_and_a_mapping_are_valid_in_both_forms():
    for text, kind in ((WORKLOAD, "workload"), ("DRAM[Inputs] M/48 P/1@X", "mapping")):
        noun = loads(text, kind)
        assert refusals(kind, yaml.safe_load(text)) == []
        assert refusals(kind, yaml.safe_load(dumps(noun, kind))) == []


def test_what_may_be_left_out_may_also_be_null():
    data = chip()
    data["nodes"][0]["capacity"] = None
    assert refusals("chip", data) == []
    assert loads(yaml.safe_dump(data), "chip").memories[0].capacity is None
    data["clock"] = None
    assert refusals("chip", data)


def damaged(change):
    data = chip()
    change(data)
    return data


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(clokc="200 MHz"),
        lambda d: d.pop("clock"),
        lambda d: d.update(clock=200),
        lambda d: d.update(clock="200"),
        lambda d: d.update(clock="200 nJ"),
        lambda d: d.update(clock="-200 MHz"),
        lambda d: d.update(schema="onewatt/chip/2"),
        lambda d: d["nodes"][0].update(kepes=["Inputs"]),
        lambda d: d["nodes"][0].update(buffering=3),
        lambda d: d["nodes"][0].pop("memory"),
        lambda d: d["nodes"][0]["energy"].update(reads="1 pJ"),
        lambda d: d["nodes"][0]["energy"]["read"].update(lwo="1 pJ"),
        lambda d: d["nodes"].append({"container": "C", "fanout": {"Z": "many"}}),
    ],
)
def test_mistakes_are_refused_by_the_schema_and_by_the_reader(change):
    data = damaged(change)
    assert refusals("chip", data)
    with pytest.raises(InputError):
        loads(yaml.safe_dump(data), "chip")


def test_quantities_say_which_units_they_take():
    clock = json_schema("chip")["properties"]["clock"]
    assert clock["description"] == "a frequency with its unit, such as '200 MHz'"


def test_unknown_kind():
    with pytest.raises(InputError, match=r"unknown kind of file 'chps'. Did you mean 'chip'"):
        json_schema("chps")
