"""``onewatt analyze --convention jssc17`` and what it refuses."""

from __future__ import annotations

import json

import jsonschema
import pytest

from near import near
from onewatt.cli import main
from onewatt.report.schema import result_schema

TABLE = "layer,m,n,e,p,q,r,t\nconv1,96,1,7,16,1,1,2\nconv2,64,1,27,16,2,1,1\n"


def run(capsys, *arguments):
    code = main(["analyze", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_network_as_the_paper_counts(capsys, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    densities = tmp_path / "densities.csv"
    densities.write_text("layer,inputs,weights,outputs\nconv2,0.613,,0.169\n")
    code, out, _ = run(
        capsys, "alexnet", "--chip", "eyeriss", "--batch", "4", "--convention", "jssc17", "--json",
        "--row-stationary", str(table), "--densities", str(densities), "-o", str(tmp_path / "out"),
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    jsonschema.validate(found, result_schema())
    assert found["convention"] == "jssc17"
    layers = {layer["name"]: layer for layer in found["layers"]}
    conv2 = {
        (t["component"], t["tensor"]): t["read_words"] + t["write_words"]
        for t in layers["conv2"]["traffic"]
    }
    buffer = conv2["GLB", "Inputs"] + conv2["GLB", "Outputs"]
    assert buffer * 2 / 1e6 == near(77.6, rel=0.01)  # jssc17, Table V
    assert layers["conv1"]["active_pes"] == 154
    assert not layers["conv1"]["optimal"]
    assert layers["conv3"]["optimal"]
    assert (tmp_path / "out/report.html").exists()
    assert main(["show", str(tmp_path / "out/result.json")]) == 0
    assert "jssc17" in capsys.readouterr().out


def test_the_budget_is_judged(capsys):
    code, out, _ = run(
        capsys, "mlperf_ic", "-c", "eyeriss", "--convention", "jssc17", "--budget", "1 mW"
    )
    assert code == 2
    assert "missed" in out.lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--chip", "eyeriss", "--convention", "isca16"), "re-reads a given mapping"),
        (("--chip", "eyeriss", "--convention", "jscc17"), "Did you mean 'jssc17'"),
        (("--chip", "eyeriss", "--row-stationary", "x.csv"), "together with --convention jssc17"),
        (("--chip", "systolic_ws", "--convention", "jssc17"), "not built like Eyeriss"),
        (("--chip", "eyeriss", "--convention", "jssc17", "--row-stationary", "no.csv"), "no.csv"),
    ],
)
def test_what_does_not_go_together_is_refused(capsys, arguments, message):
    code, out, err = run(capsys, "mlperf_ad", *arguments)
    assert (code, out) == (1, "")
    assert message in err
