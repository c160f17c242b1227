"""Files: what they say becomes nouns and back, and every refusal names its place."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onewatt.errors import InputError, OnewattError
from onewatt.spec.architecture import (
    ActionEnergy,
    Architecture,
    Axis,
    Compute,
    Container,
    Memory,
    Technology,
)
from onewatt.spec.files import dumps, load, loads
from onewatt.spec.workload import Einsum, Index, Rank, Tensor, Workload

CHIP = """\
schema: onewatt/chip/1
name: small
clock: 200 MHz
technology: {node: 65 nm}
nodes:
- memory: DRAM
  keeps: [Inputs, Weights, Outputs]
  energy: {read: 400 pJ, fill: {energy: 410 pJ, low: 300 pJ, high: 500 pJ, source: here}}
- container: PE
  fanout: {X: 14, Y: 12}
- compute: MAC
  energy: {compute: 2 pJ}
"""


def replaced(old, new):
    assert old in CHIP
    return CHIP.replace(old, new)


def test_short_forms_are_read():
    chip = loads(CHIP, "chip")
    assert chip.clock == 200e6
    assert chip.axes == (Axis(name="X", size=14), Axis(name="Y", size=12))
    assert chip.memories[0].energy == (
        ActionEnergy(action="read", energy=400e-12),
        ActionEnergy(action="fill", energy=410e-12, low=300e-12, high=500e-12, source="here"),
    )


def test_long_forms_say_the_same():
    longer = replaced("{X: 14, Y: 12}", "[{name: X, size: 14}, {name: Y, size: 12}]")
    assert loads(longer, "chip") == loads(CHIP, "chip")


def test_one_word_stands_for_a_list_of_one():
    chip = loads(replaced("- container", "- network: bus\n  tensors: Inputs\n- container"), "chip")
    assert chip.networks[0].tensors == ("Inputs",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clock: 200 MHz", "clock: 200", "t.yaml:3:8: found 200, expected a frequency"),
        ("clock: 200 MHz", "clock: 2 nJ", "t.yaml:3:8: found '2 nJ': unit 'nJ', which is an ener"),
        ("clock: 200 MHz", "clock: -1 Hz", "t.yaml:3:8: found '-1 Hz'; expected a quantity of at"),
        ("clock: 200 MHz", "clock: 0 Hz", "chip 'small' has clock 0.0 Hz; expected more than 0"),
        ("clock: 200 MHz", "clocks: 1 Hz", "t.yaml:3:1: unknown key of architecture 'clocks'."),
        ("clock: 200 MHz", "clocks: 1 Hz", "Did you mean 'clock'?"),
        ("clock: 200 MHz\n", "", "t.yaml:1:1: architecture has no 'clock', which it needs"),
        ("clock: 200 MHz", "clock: [1]", "t.yaml:3:8: found a list or mapping; expected a quan"),
        ("name: small", "name: [a]", "t.yaml:2:7: found a list or mapping; expected a word"),
        ("name: small", "name:", "expected a word"),
        ("- memory: DRAM", "- memorie: DRAM", "t.yaml:6:3: unknown kind of node 'memorie'. Did"),
        ("- memory: DRAM", "- memory: DRAM\n  name: X", "t.yaml:7:3: found 'name' twice"),
        ("- memory: DRAM", "- DRAM:", "t.yaml:6:3: unknown kind of node 'DRAM'"),
        ("- compute: MAC", "- MAC\n- compute: A", "t.yaml:11:3: found 'MAC'; expected memory or"),
        ("X: 14", "X: 0", "t.yaml:10:12: axis 'X' has size 0; expected at least 1"),
        ("X: 14", "X: 1.5", "t.yaml:10:15: found '1.5'; expected a whole number"),
        ("X: 14", "X: many", "t.yaml:10:15: found 'many'; expected a whole number"),
        ("X: 14", "Y: 14", "t.yaml:10:19: found key 'Y' twice"),
        ("X: 14", "[X]: 14", "found a list or mapping as a key; expected a word"),
        ("{X: 14, Y: 12}", "14", "t.yaml:10:11: found '14'; expected a list of axis"),
        ("read:", "reads:", "t.yaml:8:12: unknown value 'reads'. Did you mean 'read'?"),
        ("low: 300 pJ", "lwo: 300 pJ", "unknown key of actionenergy 'lwo'. Did you mean 'low'?"),
        ("onewatt/chip/1", "onewatt/chip/9", "t.yaml:1:9: found schema 'onewatt/chip/9'; expected"),
        ("onewatt/chip/1", "[1]", "t.yaml:1:9: found schema a list; expected 'onewatt/chip/1'"),
        ("- compute: MAC", "- compute: DRAM", "chip 'small' has two nodes named 'DRAM'"),
        (", Outputs]", "]", "outermost memory 'DRAM' does not keep 'Outputs'"),
        ("- compute: MAC", "- compute: MAC\n  work: vector", "exactly one compute node with work"),
        ("- compute: MAC", "- compute: MAC\n  lanes: 1e999", "found '1e999'; expected a whole num"),
    ],
)  # fmt: skip
def test_messages_name_file_line_and_column(old, new, message):
    with pytest.raises(InputError, match=re.escape(message)):
        loads(replaced(old, new), "chip", name="t.yaml")


HOSTILE = {
    "anchor": ("a: &x [1]\nb: *x\n", "t:1:4: found an anchor or alias"),
    "billion laughs": ("a: &a [l,l]\nb: &b [*a,*a]\nc: [*b,*b]\n", "found an anchor or alias"),
    "python tag": ("!!python/object/apply:os.system ['true']", "expected architecture"),
    "merge key": ("<<: {name: x}\nname: y\n", "unknown key of architecture '<<'"),
    "deep": ("[" * 2000, "nested deeper than 64 levels"),
    "huge": ("x" * 30_000_000, "holds 30 million characters; expected at most 16 million"),
    "empty": ("", "t: is empty"),
    "only a comment": ("# nothing\n", "t: is empty"),
    "scalar": ("hello", "expected architecture"),
    "list": ("- a\n", "expected architecture"),
    "two documents": ("a: 1\n---\nb: 2\n", "not valid YAML"),
    "open bracket": ("a: [1,", "not valid YAML"),
    "null byte": ("a: \x00", "not valid YAML"),
    "twice": ("name: a\nname: b\n", "t:2:1: found key 'name' twice"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_yaml_is_refused_with_its_place(what):
    text, message = HOSTILE[what]
    with pytest.raises(InputError, match=re.escape(message)):
        loads(text, "chip", name="t")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_read_or_refused_never_a_crash(text):
    with pytest.raises(OnewattError):
        loads(text, "workload", name="t")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(CHIP)), st.text(alphabet=":-{}[]&*!|>'\"%@,#? \n\t019e.KMJ", max_size=4))
def test_a_damaged_chip_is_read_or_refused_never_a_crash(at, noise):
    damaged = CHIP[:at] + noise + CHIP[at + len(noise) :]
    with contextlib.suppress(OnewattError):
        assert isinstance(loads(damaged, "chip", name="t"), Architecture)


def test_unknown_kind_of_file():
    with pytest.raises(InputError, match=r"unknown kind of file 'chips'. Did you mean 'chip'"):
        loads(CHIP, "chips")


def test_a_file_that_is_missing_not_text_or_huge(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"missing.yaml: cannot be read"):
        load(tmp_path / "missing.yaml", "chip")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path, "chip")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="is not UTF-8 text; expected a YAML file"):
        load(tmp_path / "binary.yaml", "chip")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="is not UTF-8 text; expected a file of text"):
        load(tmp_path / "binary.txt", "chip")
    monkeypatch.setattr("onewatt.spec.files._MOST_BYTES", 10)
    (tmp_path / "huge.yaml").write_text(CHIP)
    with pytest.raises(InputError, match="larger than"):
        load(tmp_path / "huge.yaml", "chip")


words = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1,
                max_size=8)  # fmt: skip
joules = st.floats(min_value=0, max_value=1e3)
energies = st.lists(
    st.builds(
        ActionEnergy,
        action=st.sampled_from(["read", "fill", "update", "drain", "leak"]),
        energy=joules, low=st.none() | joules, high=st.none() | joules, source=words | st.just(""),
    ),
    max_size=4,
).map(tuple)  # fmt: skip
chips = st.builds(
    lambda name, clock, node, capacity, energy, banks, rate, x, half: Architecture(
        name=name, clock=clock, technology=Technology(node=node),
        nodes=(
            Memory(name="m", keeps=("Inputs", "Weights", "Outputs"), capacity=capacity,
                   energy=energy, banks=banks, read_bandwidth=rate, reserves_half=half),
            Container(name="c", fanout=(Axis(name="X", size=x),)),
            Compute(name="mac"),
        ),
    ),
    words, st.floats(1e-3, 1e12), st.floats(1e-10, 1e-5), st.none() | st.integers(1, 2**50),
    energies, st.integers(1, 10**6), st.none() | st.floats(1e-6, 1e6), st.integers(1, 1000),
    st.booleans(),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(chips)
def test_every_chip_is_written_and_read_back_the_same(chip):
    assert loads(dumps(chip, "chip"), "chip") == chip


ranks = st.lists(st.sampled_from("NMCPQRS"), min_size=1, unique=True)


@settings(deadline=None)
@given(names=ranks, size=st.integers(1, 180), bits=st.none() | st.integers(1, 64),
       density=st.floats(0, 1), step=st.integers(1, 9))  # fmt: skip
def test_every_workload_is_written_and_read_back_the_same(names, size, bits, density, step):
    first = Index.parse(f"{step}{names[0]}")
    tensor = Tensor(name="Inputs", projection=(first,), bits=bits, density=density)
    einsum = Einsum(
        name="l", op="conv", ranks=tuple(Rank(name=n, size=size) for n in names),
        inputs=(tensor, Tensor(name="Weights", projection=(first,))),
        output=Tensor(name="Outputs", projection=(first,)),
    )  # fmt: skip
    workload = Workload(name="w", einsums=(einsum,))
    assert loads(dumps(workload, "workload"), "workload") == workload


def test_a_mapping_is_text_or_a_list():
    text = loads("DRAM[Inputs] M/48 P/1@X GLB[Inputs]", "mapping")
    assert loads(dumps(text, "mapping"), "mapping") == text
    with pytest.raises(InputError, match="t:1:1: "):
        loads("DRAM[Inputs] M/", "mapping", name="t")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("memory: M\n  keeps: [Weigths]", "Did you mean 'Weights'"),
        ("memory: M\n  width: 0 bit", "width 0; expected more than 0"),
        ("memory: M\n  read_bandwidth: 0 word/cycle", "read_bandwidth 0.0"),
        ("memory: M\n  sparse: [{tensor: Inputs, gates: [Wieghts]}]", "Did you mean 'Weights'"),
        ("network: b\n  tensors: [Input]", "Did you mean 'Inputs'"),
        ("network: b\n  tensors: [Inputs]\n  axes: [Q]", "unknown axis 'Q'"),
        ("network: b\n  tensors: [Inputs]\n  sinks: [MAX]", "Did you mean 'MAC'"),
        ("compute: alu\n  work: vector\n  lanes: 0", "lanes 0; expected more than 0"),
    ],
)
def test_what_a_chip_cannot_mean_is_refused(node, message):
    text = (
        "name: small\nclock: 1 GHz\ntechnology: {node: 65 nm}\nnodes:\n"
        "- memory: DRAM\n  keeps: [Inputs, Weights, Outputs]\n- compute: MAC\n"
    )
    loads(text, "chip", name="t.yaml")
    with pytest.raises(InputError, match=r"t\.yaml:\d+:\d+: .*" + message):
        loads(f"{text}- {node}\n", "chip", name="t.yaml")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("{where: X, ranks: [M, M]}", "limit at 'X' names rank 'M' twice"),
        ("{where: DRAM, order: [M, C, M]}", "limit at 'DRAM' names rank 'M' twice"),
        ("{where: X, ranks: [M]}, {where: X, ranks: [C]}", "'odd' names place 'X' twice"),
    ],
)
def test_limits_that_contradict_themselves_are_refused(limits, message):
    with pytest.raises(InputError, match=r"t\.yaml:\d+:\d+: .*" + message):
        loads(f"{CHIP}dataflow: {{name: odd, limits: [{limits}]}}\n", "chip", name="t.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Weights", "Foo"), "expected inputs 'Inputs' and 'Weights' and output 'Outputs'"),
        (("M: 2", "M: 1152921504606846976"), "expected at most 2.53"),
        (("[C]", "[99999999999999999999C]"), "index 99999999999999999999C reaches 2e.20; expected"),
        (("[M, C]", "[4503599627370497C, M]"), "sums below 2.53"),
        (("ranks:", "count: 1000000000000000000000\n  ranks:"), "has count 1000000000000000000000"),
    ],
)
def test_what_a_layer_cannot_mean_is_refused(change, message):
    text = (
        "name: net\neinsums:\n- name: fc\n  op: gemm\n  ranks: {M: 2, C: 3}\n"
        "  inputs:\n  - {name: Inputs, projection: [C]}\n  - {name: Weights, projection: [M, C]}\n"
        "  output: {name: Outputs, projection: [M]}\n"
    )
    loads(text, "workload")
    with pytest.raises(InputError, match=message):
        loads(text.replace(*change), "workload")
