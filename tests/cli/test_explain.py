"""The verbs explain and flexibility, with real networks on real chips."""

import json

import jsonschema
import pytest

from onewatt.report.schema import exam_schema, flexibility_schema, schema


@pytest.fixture
def saved(run):
    assert run("analyze", "mlperf_ad", "-c", "systolic_ws", "-o", "demo", "-q", "-j", "1")[0] == 0
    return "demo/result.json"


def test_a_saved_result_is_explained(run, saved):
    code, out, err = run("explain", saved)
    assert (code, err) == (0, "")
    assert "Of all causes, bandwidth costs most" in out
    assert "weights_load" in out
    code, out, _ = run("explain", saved, "--layer", "fc5")
    assert code == 0
    assert out.startswith("fc5 (gemm)")
    assert "layer shape" in out


def test_a_model_is_mapped_first(run):
    code, out, _ = run("explain", "mlperf_ad::fc5", "-c", "systolic_ws", "-j", "1")
    assert code == 0
    assert "fc5" in out
    assert "fc6" not in out


def test_json(run, saved):
    code, out, err = run("explain", saved, "--json")
    assert (code, err) == (0, "")
    table = json.loads(out)
    jsonschema.validate(table, exam_schema(), jsonschema.Draft202012Validator)
    assert len(table["layers"]) == 10
    code, out, _ = run("explain", saved, "--json", "--layer", "fc5")
    one = json.loads(out)
    assert [x["name"] for x in one["layers"]] == ["fc5"]
    assert one["causes"] == table["causes"]  # of the whole network still


def test_prices_are_printed_drawn_and_valid(run, tmp_path):
    base = ("analyze", "mlperf_ad", "-c", "systolic_ws", "--tiles", "perfect")
    assert run(*base, "-o", "demo", "-q", "-j", "1", "--budget", "1 nJ")[0] == 2
    asked = ("explain", "demo/result.json", "--prices", "--tiles", "perfect", "-j", "1")
    code, out, _ = run(*asked, "--page", "page.html")
    assert code == 0
    assert "weights_load words per cycle" in out
    assert "none found: no figure is enough" in out
    assert out.endswith("Wrote page.html.\n")
    page = (tmp_path / "page.html").read_text()
    assert 'id="worth"' in page
    assert "weights_load words per cycle" in page
    assert "none found: no figure is enough" in page
    assert "onewatt analyze mlperf_ad" in page, "the command that made the result"
    code, out, _ = run(*asked, "--json", "--page", "again.html")
    assert code == 0
    table = json.loads(out)
    jsonschema.validate(table, schema("prices"), jsonschema.Draft202012Validator)
    assert not table["smallest_change"]["met"]
    assert (tmp_path / "again.html").read_text() == page
    assert run("report", "demo/result.json")[0] == 0
    assert 'id="worth"' not in (tmp_path / "demo/report.html").read_text()


def test_flexibility(run):
    asked = ("flexibility", "systolic_ws", "eyeriss_256", "--network", "mlperf_ad")
    code, out, _ = run(*asked)
    assert code == 0
    assert out.count("mlperf_ad") == 10
    code, out, err = run(*asked, "--json", "--batch", "4")
    assert (code, err) == (0, "")
    table = json.loads(out)
    jsonschema.validate(table, flexibility_schema(), jsonschema.Draft202012Validator)
    assert {r["chip"] for r in table["rows"]} == {"systolic_ws", "eyeriss_256"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["explain", "mlperf_ad"], "give --chip to map it"),
        (["explain", "gone.json"], "gone.json: cannot be read"),
        (["explain", "mlperf_ad", "-c", "eyris"], "found no chip 'eyris'"),
        (["explain", "mlperf_ad", "-c", "eyeriss", "--objective", "spede"], "unknown objective"),
        (["explain", "mlperf_ad::fc5", "-c", "systolic_ws", "--layer", "fc6"], "unknown layer"),
        (["explain", "gone.json", "--page", "x.html"], "--page goes with --prices"),
        (["explain", "gone.json", "--prices", "--page", "."], "is a directory"),
        (["flexibility"], "Missing argument 'CHIP...'"),
        (["flexibility", "eyris"], "found no chip 'eyris'"),
        (["flexibility", "eyeriss", "--network", "alexnt"], "alexnt"),
        (["flexibility", "eyeriss", "--dataflow", "fee"], "Did you mean 'free'?"),
    ],
)
def test_bad_input_is_one_line_and_code_1(run, arguments, says):
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("onewatt: error: ")
    assert err.count("\n") == 1
    assert says in err


def test_the_last_bound_is_what_the_machine_took(run, tmp_path):
    """A run of the same mapping replaces the model's waits; of another one it is refused."""
    layer = ("alexnet::conv5", "-c", "eyeriss")
    _, out, _ = run("simulate", *layer, "--json")
    ran = tmp_path / "run.json"
    ran.write_text(out)
    cycles = next(c for c in json.loads(out)["cycles"] if c["name"] == "with the link")
    asked = ("analyze", "alexnet", "-c", "eyeriss", "--convention", "jssc17", "-q", "-o")
    assert run(*asked, "one")[0] == 0
    code, out, err = run("explain", "one/result.json", "--measured", str(ran), "--json")
    assert (code, err) == (0, "")
    (conv5,) = [x for x in json.loads(out)["layers"] if x["name"] == "conv5"]
    assert conv5["measured"]
    assert conv5["steps"][-1]["cycles"] == pytest.approx(cycles["machine"], rel=1e-9)
    assert conv5["cycles"] == pytest.approx(cycles["machine"], rel=1e-9)

    assert run(*asked, "four", "--batch", "4")[0] == 0
    for result, file, says in (
        ("four/result.json", ran, "with one batch and the same densities"),
        ("one/result.json", "one/result.json", "is no run of 'onewatt simulate --json'"),
        ("one/result.json", "none.json", "No such file"),
    ):
        code, _, err = run("explain", result, "--measured", str(file))
        assert code == 1
        assert says in err
