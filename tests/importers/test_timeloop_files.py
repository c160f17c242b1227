"""Timeloop v4 files: what is read, what is refused and how, and the way back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onewatt as ow
from onewatt.errors import InputError
from onewatt.importers.timeloop.load import is_timeloop, load_timeloop

ARCHITECTURE = """
architecture:
  version: 0.4
  nodes:
  - !Container
    name: system
    attributes: {technology: "32nm", global_cycle_seconds: 2e-9, PSUM_WIDTH: 24}
  - !Component
    name: DRAM
    class: DRAM
    attributes: {type: "LPDDR4", width: 64, datawidth: 8}
  - !Component
    name: glb
    class: smartbuffer_SRAM
    attributes: {depth: 1024, width: 64, n_banks: 32, datawidth: 8, read_bandwidth: 16}
    constraints:
      dataspace: {keep: [Inputs, Outputs], bypass: [Weights]}
  - !Container
    name: PE_column
    spatial: {meshX: 14}
    constraints:
      spatial:
        permutation: [N, C, P, R, S, Q, M]
        factors: [N=1, C=1, P=1, R=1, S=1]
        split: 7
  - !Container
    name: PE
    spatial: {meshY: 12}
  - !Parallel
    nodes:
    - !Component
      name: ifmap_spad
      class: smartbuffer_RF
      attributes: {depth: 12, width: 16, datawidth: 8, update_fifo_depth: 2}
      constraints:
        dataspace: {keep: [Inputs]}
        temporal: {factors: [N=1, M=1, C=1, P=1, Q=1, R=1, S=1]}
    - !Component
      name: psum_spad
      class: smartbuffer_RF
      attributes: {depth: 16, width: 16, datawidth: 16}
      constraints:
        dataspace: {keep: [Outputs]}
        temporal:
          permutation: [N, C, P, Q, R, S, M]
          factors: [N=1, C=1, R=1, S=1, P=1, Q=1]
    - !Nothing
  - !Component
    name: mac
    class: intmac
    attributes: {multiplier_width: 8, adder_width: 16}
"""
PROBLEM = """
problem:
  version: 0.4
  shape:
    name: conv
    dimensions: [C, M, R, S, N, P, Q]
    coefficients:
    - {name: Wstride, default: 1}
    - {name: Hstride, default: 1}
    data_spaces:
    - name: Weights
      projection: [[[C]], [[M]], [[R]], [[S]]]
    - name: Inputs
      projection: [[[N]], [[C]], [[R], [P, Wstride]], [[S], [Q, Hstride]]]
    - name: Outputs
      projection: [[[N]], [[M]], [[Q]], [[P]]]
      read_write: true
  instance: {C: 4, M: 8, R: 3, S: 3, N: 1, P: 14, Q: 14, Wstride: 2, Hstride: 2}
"""
MAPPING = """
mapping:
- {target: DRAM, type: temporal, factors: "C=4 Q=1", permutation: CMRSNPQ}
- {target: glb, type: temporal, factors: [R=3, P=0], permutation: [R, P]}
- {target: PE_column, type: spatial, factors: [Q=14], split: 7}
- {target: PE, type: spatial, factors: [S=3]}
- {target: psum_spad, type: temporal, factors: [M=8]}
"""


def read(tmp_path, *texts):
    paths = []
    for i, text in enumerate(texts):
        paths.append(tmp_path / f"{i}.yaml")
        paths[-1].write_text(text)
    return load_timeloop(paths)


def swapped(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


def test_an_architecture_becomes_a_chip_with_a_dataflow(tmp_path):
    chip = read(tmp_path, ARCHITECTURE).architecture
    assert [n.name for n in chip.nodes] == [
        "DRAM", "glb", "PE_column", "PE", "ifmap_spad", "psum_spad", "mac"
    ]  # fmt: skip
    assert chip.clock == pytest.approx(5e8)
    assert chip.technology.node == pytest.approx(32e-9)
    dram, glb, _, psum = chip.memories
    assert dram.capacity is None
    assert set(dram.keeps) == {"Inputs", "Weights", "Outputs"}
    assert (glb.capacity, glb.width, glb.word, glb.banks) == (65536, 64, 8, 32)
    assert (glb.keeps, glb.may_keep) == (("Inputs", "Outputs"), ())
    assert glb.read_bandwidth == 16
    assert psum.keeps == ("Outputs",)
    assert [(a.name, a.size) for a in chip.axes] == [("PE_column_X", 14), ("PE_Y", 12)]
    limits = {limit.where: limit for limit in chip.dataflow.limits}
    assert set(limits["PE_column_X"].ranks) == {"M", "Q"}
    assert limits["psum_spad"].ranks == ("M",)
    assert (chip.mac.inputs_bits, chip.mac.accumulate_bits) == (8, 16)


def test_a_problem_becomes_an_einsum_with_its_strides(tmp_path):
    einsum = read(tmp_path, PROBLEM).einsum
    assert einsum.sizes == {"C": 4, "M": 8, "R": 3, "S": 3, "N": 1, "P": 14, "Q": 14}
    inputs = next(t for t in einsum.inputs if t.name == "Inputs")
    assert [str(i) for i in inputs.projection] == ["N", "C", "R+2P", "S+2Q"]
    assert einsum.macs == 4 * 8 * 9 * 14 * 14


def test_data_spaces_of_other_names_become_ours_in_their_order(tmp_path):
    text = PROBLEM.replace("Weights", "A").replace("Inputs", "B").replace("Outputs", "Z")
    assert [t.name for t in read(tmp_path, text).einsum.inputs] == ["Inputs", "Weights"]


def test_a_mapping_becomes_a_loop_nest(tmp_path):
    design = read(tmp_path, ARCHITECTURE, PROBLEM, MAPPING)
    assert str(design.mapping) == (
        "DRAM[Weights Inputs Outputs] C/1 glb[Inputs Outputs] P/1 R/1 Q/1@PE_column_X S/1@PE_Y "
        "ifmap_spad[Inputs] psum_spad[Outputs] M/1"
    )
    ow.evaluate(design.einsum, design.architecture, design.mapping, convention="timeloop")


def test_a_mapping_is_read_for_a_chip_and_layer_of_ours(tmp_path):
    design = read(tmp_path, ARCHITECTURE, PROBLEM)
    (tmp_path / "map.yaml").write_text(MAPPING)
    given = load_timeloop(
        tmp_path / "map.yaml", einsum=design.einsum, architecture=design.architecture
    )
    assert given.mapping == read(tmp_path, ARCHITECTURE, PROBLEM, MAPPING).mapping


def test_constraints_may_stand_in_their_own_section(tmp_path):
    text = "constraints:\n  version: 0.4\n  targets:\n"
    text += "  - {target: glb, type: temporal, factors: [C=1]}\n"
    chip = read(tmp_path, ARCHITECTURE, PROBLEM, text).architecture
    assert "C" not in next(n for n in chip.dataflow.limits if n.where == "glb").ranks


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("n_banks: 32", "n_bankz: 32", r"0.yaml:\d+:\d+: unknown attribute .* 'n_bankz'.*n_ba"),
        ("depth: 1024", "depth: width * 16", "expressions are not evaluated"),
        ("depth: 1024", "depth: -4", "expected a number from 0"),
        ("depth: 1024", "depth: .inf", "expected a number"),
        ("depth: 1024, ", "", "'glb' needs 'depth', 'entries' or 'sizeKB'"),
        ("version: 0.4", "version: 0.3", "found version '0.3'; expected '0.4'"),
        ("n_banks: 32", "allow_overbooking: true", "allow_overbooking 'true' of 'glb' is not"),
        ("n_banks: 32", "network_fill_latency: 3", "network_fill_latency '3' of 'glb' is"),
        ("class: intmac", "class: quantum", "unknown class 'quantum'"),
        ("class: intmac", "class: XY_NoC", "class 'XY_NoC' is not modelled"),
        ("- !Parallel", "- !Pipelined", "node !Pipelined is not modelled"),
        ("!Nothing", "!Nothng", "unknown tag '!Nothng'. Did you mean '!Nothing'"),
        ("- !Nothing", "- !!python/object/apply:os.system ['true']", "unknown tag 'tag:yaml.org"),
        ("spatial: {meshX: 14}", "spatial: {meshZ: 14}", "unknown key of spatial 'meshZ'"),
        ("keep: [Inputs, Outputs]", "keep: [Input, Outputs]", "unknown data space 'Input'"),
        ("bypass: [Weights]", "bypass: [Weights, Inputs]", "'Inputs' is kept and bypassed"),
        ("name: PE\n", "name: glb\n", "two nodes named 'glb'"),
        ("factors: [N=1, C=1, P=1, R=1, S=1]", "factors: [N=1, C=4]", "constraint C=4"),
        ("factors: [N=1, C=1, P=1, R=1, S=1]", "factors: [K=1]", "unknown rank 'K'"),
        ("split: 7", "no_link_transfer: [Inputs]", "'no_link_transfer' of .* not modelled"),
        ("split: 7", "splitt: 7", "unknown key of .* 'splitt'. Did you mean 'split'"),
        ("name: system", "name: s\n    sparse_optimizations: {a: 1}", "'sparse_optimizations'"),
        ("name: system", "name: &a system", "found an anchor or alias"),
    ],
)  # fmt: skip
def test_what_an_architecture_may_not_say_is_refused_by_name(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, swapped(ARCHITECTURE, old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Wstride: 2", "WStride: 2", "unknown key of instance .* 'WStride'.* mean 'Wstride'"),
        ("C: 4,", "", "instance has no 'C'"),
        ("C: 4", "C: 0", "expected a whole number from 1"),
        ("C: 4", "C: 1e300", "expected a number from 0 to 2"),
        ("[P, Wstride]", "[P, Wstrid]", "unknown coefficient 'Wstrid'. Did you mean 'Wstride'"),
        ("[[C]], [[M]]", "[[C]], [[K]]", "unknown dimension 'K'"),
        ("read_write: true", "read_write: false", "found 3 data spaces that are read and 0"),
        ("read_write: true", "reed_write: true", "unknown key of data space 'reed_write'"),
        ("C: 4", "densities: {Input: 0.5}, C: 4", "unknown key of densities 'Input'"),
        ("C: 4", "densities: {Inputs: {density: 1, distribution: banded}}, C: 4", "'banded' is"),
    ],
)  # fmt: skip
def test_what_a_problem_may_not_say_is_refused_by_name(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, swapped(PROBLEM, old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("target: glb", "target: gbl", "unknown target 'gbl'. Did you mean 'glb'"),
        ("C=4 Q=1", "C=5 Q=1", "the factors of rank 'C' make 5; expected 4"),
        ("C=4 Q=1", "C=4 C=1", "factor of rank 'C' twice"),
        ("C=4 Q=1", "C<4", "found 'C<4' among factors"),
        ("permutation: CMRSNPQ", "permutation: CMRSNPP", "rank 'P' twice in a permutation"),
        ("type: spatial", "type: spatail", "unknown type 'spatail'. Did you mean 'spatial'"),
        ("factors: [Q=14]", "factors: [Q=14], rmw_first_update: [Outputs]", "unknown key|not mod"),
        ("factors: [R=3, P=0]", "factors: [R=3, P=0], rmw_first_update: [Outputs]", "not modelled"),
        ("target: psum_spad, type: temporal", "target: psum_spad, type: spatial", "is no array"),
        ("factors: [M=8]", "factors: [R=1, C=1, M=8, N=2]", "the mapping loops|rank 'N' make 2"),
    ],
)  # fmt: skip
def test_what_a_mapping_may_not_say_is_refused(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, ARCHITECTURE, PROBLEM, swapped(MAPPING, old, new))


def test_a_mapping_that_breaks_a_constraint_is_refused(tmp_path):
    text = swapped(MAPPING, "factors: [Q=14]", "factors: [C=4]").replace("C=4 Q=1", "Q=14")
    with pytest.raises(InputError, match=r"loops 4 times over 'C' .* constraint is C=1"):
        read(tmp_path, ARCHITECTURE, PROBLEM, text)


def test_a_mapping_alone_says_what_it_needs(tmp_path):
    with pytest.raises(InputError, match="needs a problem"):
        read(tmp_path, MAPPING)


def test_sections_of_two_files_may_not_overlap(tmp_path):
    with pytest.raises(InputError, match="found 'problem' also in"):
        read(tmp_path, PROBLEM, PROBLEM)


def test_unknown_sections_and_jinja_are_refused(tmp_path):
    with pytest.raises(InputError, match="unknown key of a Timeloop file 'problm'"):
        read(tmp_path, "problm: {}")
    with pytest.raises(InputError):
        read(tmp_path, "{{include('a.yaml')}}\n" + PROBLEM)


def test_an_explosion_of_aliases_is_refused(tmp_path):
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    with pytest.raises(InputError, match="found an anchor or alias"):
        read(tmp_path, "\n".join(lines))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_broken_files_give_input_errors_only(tmp_path_factory, data):
    text = data.draw(st.sampled_from([ARCHITECTURE, PROBLEM, ARCHITECTURE + PROBLEM + MAPPING]))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text) - 1))
        stop = start + data.draw(st.integers(0, 12))
        junk = st.sampled_from(
            ["", "[", "{", ":", "- ", "1e9", "null", "!X ", "\n", "'", "-1", "[]"]
        )
        text = text[:start] + data.draw(junk) + text[stop:]
    path = tmp_path_factory.mktemp("broken") / "file.yaml"
    path.write_text(text)
    with contextlib.suppress(InputError):  # nothing else may come out
        load_timeloop(path)


def test_files_are_told_apart_by_their_sections():
    assert is_timeloop(PROBLEM)
    assert not is_timeloop("schema: onewatt/chip/1\nname: x")
    assert not is_timeloop("name: x\nproblems:\n")


WEIGHTS = """\
    - !Component
      name: weights_spad
      class: smartbuffer_RF
      attributes: {depth: 192, width: 16, datawidth: 8}
      constraints:
        dataspace: {keep: [Weights]}
        temporal: {permutation: [N, M, P, Q, S, C, R], factors: [N=1, M=1, P=1, Q=1, S=1]}
"""


def test_limits_of_parallel_memories_become_one_place_with_an_order(tmp_path):
    """Our mapper has one place for loops there: weights loop outside of sums."""
    text = swapped(
        ARCHITECTURE, "  - !Parallel\n    nodes:\n", f"  - !Parallel\n    nodes:\n{WEIGHTS}"
    )
    chip = read(tmp_path, text).architecture
    limits = {n.where: n for n in chip.dataflow.limits}
    assert limits["psum_spad"].order == ("R", "C", "M")
    assert "weights_spad" not in limits
    with pytest.raises(InputError, match="loops at weights_spad, ifmap_spad, psum_spad"):
        read(tmp_path, text.replace("permutation: [N, M, P, Q, S, C, R], ", ""))


def test_a_message_names_the_file_of_the_constraint(tmp_path):
    text = "constraints:\n  targets:\n  - {target: glb, type: temporal, factors: [C=3]}\n"
    with pytest.raises(InputError, match=r"1\.yaml:3:5: constraint C=3"):
        read(tmp_path, ARCHITECTURE, text)
    broken = swapped(ARCHITECTURE, "factors: [N=1, C=1, P=1, R=1, S=1]", "factors: [C=4]")
    with pytest.raises(InputError, match=r"0\.yaml:\d+:\d+: constraint C=4"):
        read(tmp_path, broken, text.replace("C=3", "C=1"))
