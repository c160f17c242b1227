"""``onewatt calibrate`` from the command line."""

from __future__ import annotations

import json

import jsonschema
import pytest

from onewatt.report.schema import schema

HEAD = "workload,batch,energy_J,latency_s\n"
ROWS = {"mlperf_ad": 2.2e-4, "mlperf_ic": 9.6e-3, "mlperf_kws": 2.2e-3, "mlperf_vww": 5.0e-3}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(HEAD + "".join(f"{n},1,{e},\n" for n, e in ROWS.items()))
    return path


def valid(run, found):
    """Check a calibration by the published schema, and that the schema refuses what is none."""
    checker = jsonschema.Draft202012Validator(json.loads(run("schema", "calibration")[1]))
    checker.check_schema(checker.schema)
    checker.validate(found)
    for broken in (
        found | {"settled": "yes"}, found | {"more": 1},
        {k: v for k, v in found.items() if k != "table"},
        found | {"energy": found["energy"] | {"prior": None}},
    ):  # fmt: skip
        assert not checker.is_valid(broken)


def test_a_latency_table_is_valid_too(run, table):
    table.write_text(HEAD + "".join(f"{n},1,,{e}\n" for n, e in ROWS.items()))
    code, out, _ = run("calibrate", "microcontroller", "table.csv", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["energy"] is None
    jsonschema.Draft202012Validator(schema("calibration")).validate(found)


def test_a_chip_is_written_and_analyzed(run, table):
    code, out, _ = run("calibrate", "microcontroller", "table.csv", "-o", "mine.yaml", "--json")
    assert code == 0
    found = json.loads(out)
    valid(run, found)
    assert found["schema"] == "onewatt/calibration/1"
    assert found["energy"]["leave_one_network_out"]["rows"] == 4
    code, out, _ = run("analyze", "mlperf_ic", "--chip", "mine.yaml", "--json")
    assert code == 0
    row = next(r for r in found["energy"]["rows"] if r["workload"] == "mlperf_ic")
    assert json.loads(out)["totals"]["energy_J"] == pytest.approx(row["predicted"], rel=1e-9)


def test_rows_that_were_not_fitted(run, table, tmp_path):
    (tmp_path / "other.csv").write_text(HEAD + "squeezenet,1,0.3,\nalexnet,1,0.7,\n")
    arguments = ("calibrate", "microcontroller", "table.csv", "--against", "other.csv", "--json")
    code, out, _ = run(*arguments)
    assert code == 0
    valid(run, json.loads(out))
    against = json.loads(out)["against"]
    assert against["rows"] == against["energy"]["rows"] == 2
    assert against["latency"] == {"rows": 0, "mape": None, "median_ape": None, "spearman": None}
    shares = [abs(p["predicted_energy_J"] / p["energy_J"] - 1) for p in against["predictions"]]
    assert against["mape"] == pytest.approx(sum(shares) / 2)
    assert run(*arguments)[1] == out


def test_rows_that_were_fitted_are_said_to_be_left_out(run, table):
    code, out, _ = run("calibrate", "microcontroller", "table.csv", "--against", "table.csv")
    assert code == 0
    assert "energy: no rows" in out
    assert "without 4 rows that were fitted, value for value" in out


def test_what_is_printed_for_people(run, table):
    code, out, _ = run("calibrate", "microcontroller", "table.csv", "-o", "mine.yaml")
    assert code == 0
    for words in ("energy", "pJ an operation", "on networks left out: 4 rows", "Wrote mine.yaml"):
        assert words in out


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        (HEAD + "mlperf_ad,1,1,\n", (), "energy: the table has 1 measured row"),
        (HEAD + "mlperf_ad,1,-1,\n", (), "table.csv:2: column 'energy_J': found '-1'"),
        (HEAD + "mlperf_xx,1,1,\n", (), "table.csv:2: column 'workload'"),
        ("workload,batch\nmlperf_ad,1\n", (), "neither column"),
        (None, ("-o", "no/such/folder/x.yaml"), "-o: no/such/folder/x.yaml cannot be written"),
        (None, ("--energy", "sran"), "Did you mean 'sram'?"),
        (None, ("--objective", "speed"), "speed"),
        (None, ("--against", "none.csv"), "none.csv: cannot be read"),
    ],
)
def test_refusals_are_one_line_and_write_nothing(run, table, tmp_path, text, arguments, words):
    if text is not None:
        table.write_text(text)
    code, out, err = run("calibrate", "microcontroller", "table.csv", "-o", "x.yaml", *arguments)
    assert code == 1
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not out
    assert not (tmp_path / "x.yaml").exists()


def test_an_unknown_chip(run, table):
    code, _, err = run("calibrate", "microcontrollr", "table.csv")
    assert code == 1
    assert "Did you mean 'microcontroller'?" in err


def test_a_calibrated_chip_is_explained(run, table, tmp_path):
    """Every page works on a chip with a launch."""
    layers = {"mlperf_ad": 10, "mlperf_ic": 15, "mlperf_kws": 12, "mlperf_vww": 30}
    rows = (f"{n},1,{e},{30 * e + 0.002 * layers[n]}\n" for n, e in ROWS.items())
    table.write_text(HEAD + "".join(rows))
    code, _, err = run(
        "calibrate", "microcontroller", "table.csv", "-o", "mine.yaml", "--latency", "launch"
    )
    assert code == 0, err
    for verb in ("explain", "analyze"):
        code, out, err = run(verb, "mlperf_kws", "--chip", "mine.yaml")
        assert (code, err) == (0, ""), err
        assert out
