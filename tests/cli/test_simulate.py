"""``onewatt simulate``, and ``show --energy-estimation``."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

import onewatt as ow
from onewatt.cli import main
from onewatt.errors import MappingError
from onewatt.importers import layers
from onewatt.report.simulated import array_of, checksum, layer_of
from onewatt.simulate import EYERISS, replay
from onewatt.spec.files import dumps

LYING = b"{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999,), }"
LAYER = """\
schema: onewatt/workload/1
name: small
einsums:
- name: conv
  op: conv
  ranks: [{name: N, size: 1}, {name: G, size: 1}, {name: M, size: 4}, {name: C, size: 3},
          {name: P, size: 5}, {name: Q, size: 4}, {name: R, size: 3}, {name: S, size: 2}]
  inputs:
  - {name: Inputs, projection: [N, C, 2P+R, Q+S], density: 0.5}
  - {name: Weights, projection: [M, C, R, S]}
  output: {name: Outputs, projection: [N, M, P, Q]}
"""


@pytest.fixture
def run(capsys, tmp_path):
    small = tmp_path / "small.yaml"
    small.write_text(LAYER)

    def call(*arguments):
        code = main(["simulate", *(str(small) if a == "small" else str(a) for a in arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_layer_beside_the_model(run):
    code, out, _ = run("small", "--chip", "eyeriss", "--json", "--seed", 3)
    assert code == 0
    found = json.loads(out)
    assert found["schema"] == "onewatt/simulation/1"
    assert found["output"]["shape"] == [1, 4, 5, 4]
    assert 0.3 < found["gated"] < 0.7
    by_name = {(row["component"], row["action"]): row for row in found["counts"]}
    for kind in (("DRAM filter", "read"), ("GLB ifmap", "read"), ("GIN ifmap", "hop"),
                 ("column", "hop"), ("ifmap spad", "read"), ("GLB psum", "update")):  # fmt: skip
        assert by_name[kind]["machine"] == by_name[kind]["model"] > 0
    first = by_name["GLB psum", "read"]
    assert first["model"] - first["machine"] == 4 * 5 * 4
    assert "first read" in first["note"]
    cycles = {row["name"]: row for row in found["cycles"]}
    assert cycles["multiplying"]["machine"] == cycles["multiplying"]["model"]
    again = json.loads(run("small", "--chip", "eyeriss", "--json", "--seed", 3)[1])
    assert again == found
    other = json.loads(run("small", "--chip", "eyeriss", "--json", "--seed", 4)[1])
    assert other["output"]["sha256"] != found["output"]["sha256"]


@pytest.mark.parametrize("asked", [(), ("--density", "1"), ("--mapping", "m4 n1 e5 p4 q2 r1 t1")])
def test_what_it_prints_is_as_the_schema_says(run, capsys, asked):
    assert main(["schema", "simulation"]) == 0
    checker = jsonschema.Draft202012Validator(json.loads(capsys.readouterr().out))
    checker.check_schema(checker.schema)
    found = json.loads(run("small", "--chip", "eyeriss", "--json", *asked)[1])
    checker.validate(found)
    for broken in (
        found | {"schema": "onewatt/simulation/2"},
        found | {"mapping": "m4"},
        found | {"more": 1},
        found | {"cycles": [found["cycles"][0] | {"machine": 0.5}]},
        {k: v for k, v in found.items() if k != "counts"},
    ):
        assert not checker.is_valid(broken)


def test_the_table_says_what_is_the_same_and_what_not(run):
    code, out, _ = run("small", "-c", "eyeriss", "--mapping", "m4 n1 e5 p4 q2 r1 t1")
    assert code == 0
    assert "m4 n1 e5 p4 q2 r1 t1" in out
    assert "output 1 x 4 x 5 x 4, sha256" in out
    lines = {line.split("  ")[0]: line for line in out.splitlines()}
    assert lines["GIN filter hop"].rstrip().endswith("same")
    assert "%" in lines["GLB psum read"]


def test_tensors_of_ones_own_and_what_is_written(run, tmp_path):
    rng = np.random.default_rng(0)
    inputs, weights = rng.integers(-9, 9, (1, 3, 11, 5)), rng.integers(-9, 9, (4, 3, 3, 2))
    np.save(tmp_path / "x.npy", inputs)
    np.save(tmp_path / "w.npy", weights.astype(np.int8))
    folder, trace = tmp_path / "made", tmp_path / "t.csv"
    code, out, err = run(
        "small", "-c", "eyeriss", "--inputs", tmp_path / "x.npy", "--weights", tmp_path / "w.npy",
        "-o", folder, "--trace", trace, "--json",
    )  # fmt: skip
    assert code == 0
    wanted = np.zeros((1, 4, 5, 4), np.int64)
    for p, q in np.ndindex(5, 4):
        seen = inputs[0, :, 2 * p : 2 * p + 3, q : q + 2]
        wanted[0, :, p, q] = (weights * seen).sum(axis=(1, 2, 3))
    assert np.array_equal(np.load(folder / "outputs.npy"), wanted)
    assert np.array_equal(np.load(folder / "inputs.npy"), inputs)
    found = json.loads(out)
    assert found["output"]["sha256"] == checksum(wanted)
    # the trace alone says the same
    again = replay(trace.read_text(), name=str(trace))
    assert [again.output[i] for i in range(wanted.size)] == wanted.ravel().tolist()
    counted = {(r["component"], r["action"]): r["machine"] for r in found["counts"] if r["machine"]}
    assert again.counts == counted
    assert "rows of" in err
    drawn = json.loads((tmp_path / "t.json").read_text())
    assert {e["ph"] for e in drawn["traceEvents"]} == {"M", "X"}


def test_inputs_may_come_without_their_padding(run, tmp_path):
    inner = np.arange(3 * 9 * 4).reshape(1, 3, 9, 4)
    np.save(tmp_path / "x.npy", inner)
    folder = tmp_path / "made"
    code, *_ = run("small", "-c", "eyeriss", "--inputs", tmp_path / "x.npy", "-o", folder, "--json")
    assert code == 0
    padded = np.load(folder / "inputs.npy")
    assert np.array_equal(padded, np.pad(inner, ((0, 0), (0, 0), (1, 1), (0, 1))))


def test_a_window_of_the_trace(run, tmp_path):
    trace = tmp_path / "t.csv"
    assert run("small", "-c", "eyeriss", "--trace", trace, "--json")[0] == 0
    whole = trace.read_text().splitlines()
    assert run("small", "-c", "eyeriss", "--trace", trace, "--cycles", "100:120", "--json")[0] == 0
    part = trace.read_text().splitlines()
    assert part[1:] == [r for r in whole[1:] if 100 <= int(r.split(",")[0]) < 120]
    assert len(part) > 1


def test_a_matrix_product_takes_rows_and_channels(run, tmp_path):
    fc = layers.gemm("fc", ("x", "w", "y"), rows=3, outputs=5, inputs=7)
    path = tmp_path / "fc.yaml"
    path.write_text(dumps(ow.Workload(name="fc", einsums=(fc,)), "workload"))
    rng = np.random.default_rng(0)
    inputs, weights = rng.integers(-9, 9, (3, 7)), rng.integers(-9, 9, (5, 7))
    np.save(tmp_path / "x.npy", inputs)
    np.save(tmp_path / "w.npy", weights)
    code, *_ = run(
        path, "-c", "eyeriss", "--inputs", tmp_path / "x.npy", "--weights", tmp_path / "w.npy",
        "-o", tmp_path, "--json",
    )  # fmt: skip
    assert code == 0
    made = np.load(tmp_path / "outputs.npy")  # rows of the product are rows of the output
    assert np.array_equal(made[0, :, :, 0].T, inputs @ weights.T)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["small", "-c", "eyeriss", "--cycles", "1:2"], "--cycles goes with --trace"),
        (["small", "-c", "eyeriss", "--trace", "t.json"], "ends in .csv"),
        (["small", "-c", "eyeriss", "--trace", "t.csv", "--cycles", "5"], "expected FROM:TO"),
        (["small", "-c", "eyeriss", "--trace", "t.csv", "--cycles", "5:5"], "expected FROM:TO"),
        (["small", "-c", "eyeriss", "--density", "1.5"], "density of inputs is 1.5"),
        (["small", "-c", "eyeriss", "--seed", "-1"], "--seed: found -1"),
        (["small", "-c", "eyeriss", "--inputs", "no.npy"], "no.npy: cannot be read"),
        (["small", "-c", "eyeriss", "--inputs", "x", "--density", "1"], "leave it or --inputs out"),
        (["small", "-c", "eyeriss", "--mapping", "m4"], "found no n, e"),
        (["small", "-c", "eyeriss", "--mapping", "m4 n1 e5 p4 q7 r1 t1"], "words of an ifmap spad"),
        (["small", "-c", "systolic_ws"], "not built like Eyeriss"),
        (["small", "-c", "eyeriss_v2"], "onewatt.simulate.sparse_pe"),
        (["alexnet", "-c", "eyeriss"], "name one as MODEL::LAYER"),
        (["alexnet::pool1", "-c", "eyeriss"], "vector work"),
        (["mlperf_kws::block1.pw", "-c", "eyeriss", "--trace", "t.csv"],
         "rows of trace; expected at most 1000000: choose fewer cycles"),
    ],
)  # fmt: skip
def test_refusals(run, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == 1
    assert message in err
    assert not out
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no array of numbers"),
        (b"\x93NUMPY\x01\x00v\x00" + LYING.ljust(117) + b"\n", "is no array of numbers"),
        ("objects", "is no array of numbers"),
        ("several", "holds several arrays"),
        ("shape", r"has shape (1, 3, 4, 4); expected (1, 3, 11, 5)"),
        ("large", "expected -32768 to 32767"),
    ],
    ids=["empty", "lying header", "objects", "several", "shape", "large"],
)  # fmt: skip
def test_files_that_are_no_inputs_are_refused(run, tmp_path, content, message):
    path = tmp_path / "x.npy"
    if content == "objects":
        np.save(path, np.array([{}, []], dtype=object), allow_pickle=True)
    elif content == "several":
        with path.open("wb") as file:
            np.savez(file, a=np.ones(3), b=np.ones(3))
    elif content == "shape":
        np.save(path, np.ones((1, 3, 4, 4), int))
    elif content == "large":
        np.save(path, np.full((1, 3, 11, 5), 40000))
    else:
        path.write_bytes(content)
    code, _, err = run("small", "-c", "eyeriss", "--inputs", path)
    assert code == 1
    assert message in err


def test_the_chip_of_the_paper_is_the_default_array():
    assert array_of(ow.load_chip("eyeriss")) == EYERISS


def test_a_chip_of_other_words_is_refused():
    with pytest.raises(MappingError, match="computes 8 bits"):
        array_of(_eight_bits())


def _eight_bits():
    import msgspec

    chip = ow.load_chip("eyeriss")
    nodes = tuple(
        msgspec.structs.replace(n, inputs_bits=8, weights_bits=8) if n.name == "MAC" else n
        for n in chip.nodes
    )
    return msgspec.structs.replace(chip, nodes=nodes)


def test_a_transposed_convolution_is_refused():
    einsum = layers.transposed_convolution(
        "up", ("x", "w", "y"), outputs=2, inputs=2, size=(4, 4), kernel=(3, 3)
    )
    with pytest.raises(MappingError, match="spreads inputs over outputs"):
        layer_of(einsum)


def test_every_layer_of_a_network_runs(run):
    for einsum in ow.load_workload("mlperf_kws").einsums:
        if einsum.work == "mac":
            code, out, _ = run(f"mlperf_kws::{einsum.name}", "-c", "eyeriss", "--json")
            assert code == 0
            rows = {(r["component"], r["action"]): r for r in json.loads(out)["counts"]}
            assert rows["mac", "compute"]["machine"] == einsum.points


def test_show_writes_for_the_energy_estimation_tool(capsys, tmp_path):
    path = tmp_path / "net.txt"
    assert main(["show", "alexnet", "--energy-estimation", str(path)]) == 0
    said = capsys.readouterr()
    assert "8 layers" in said.err
    assert "left out, the tool has no line for them: conv1.relu" in said.err
    assert main(["show", str(path)]) == 0
    assert "724 M MAC" in capsys.readouterr().out
    first = path.read_text().splitlines()[0]
    assert first == "1,227,227,3,1,0,16,11,11,3,96,0,16,55,55,96,1,0,16,4,4,0,0,0,0"
