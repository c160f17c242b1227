import io
import json
import subprocess
import sys

import jsonschema
import msgspec
import pytest

from onewatt.cli import main
from onewatt.cli.searching import cache_folder
from onewatt.cli.terminal import progress
from onewatt.errors import OnewattError
from onewatt.mapper import search as mapper
from onewatt.mapper.search import DEFAULT_TILES
from onewatt.report.schema import result_schema
from onewatt.report.store import load_result, save_result
from onewatt.spec.files import dumps, load
from report.example import chip, conv, pool, result

HEAVY = ["numpy", "numba", "onnx", "torch", "plotly", "rich", "msgspec", "yaml"]


@pytest.fixture
def run(asked, run):
    """Run the command line where nothing is searched; see `asked`."""
    return run


@pytest.fixture
def saved(tmp_path):
    save_result(result(), tmp_path / "a.json", command="onewatt analyze little --chip tiny")
    save_result(result((conv("conv1", 8, 14),)), tmp_path / "b.json")
    return "a.json", "b.json"


def test_help_lists_every_verb(run):
    code, out, _ = run("--help")
    assert code == 0
    for verb in (
        "analyze",
        "device",
        "map",
        "evaluate",
        "report",
        "show",
        "compare",
        "chips",
        "schema",
    ):
        assert verb in out
        assert run(verb, "--help")[0] == 0
    assert run() == (code, out, "")


@pytest.mark.parametrize("argument", ["--help", "--version", "analyze --help"])
def test_help_is_cheap(argument):
    code = (
        "import sys, time\nfrom onewatt.cli import main\n"
        f"code = main({argument.split()!r})\n"
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "assert not heavy, heavy\nassert time.process_time() < 0.3, time.process_time()\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "onewatt" in done.stdout


def test_analyze_prints_tables(run, asked):
    code, out, err = run("analyze", "little", "--chip", "tiny")
    assert (code, err) == (0, "")
    assert "Energy by level" in out
    assert asked["load"] == {
        "source": "little", "batch": 1, "seq_len": None, "context": None, "shapes": None,
    }  # fmt: skip
    assert asked["search"]["objective"] == "edp"


def test_analyze_passes_every_option_on(run, asked):
    code, _, _ = run(
        "analyze", "little", "-c", "tiny", "--objective", "energy", "--batch", "4", "--seq-len",
        "8", "--context", "9", "--shape", "a=1x3", "--shape", "b:0=2", "--densities", "d.csv",
        "--dataflow", "free", "--seed", "7", "-j", "3", "--quiet", "--within", "10 ms",
    )  # fmt: skip
    assert code == 0
    assert asked["load"]["shapes"] == {"a": (1, 3), "b:0": (2,)}
    assert (asked["load"]["batch"], asked["load"]["seq_len"], asked["load"]["context"]) == (4, 8, 9)
    assert str(asked["densities"]) == "d.csv"
    search = asked["search"]
    assert search["architecture"].dataflow.name == "free"
    picked = {k: search[k] for k in ("objective", "within", "batch", "seed", "workers")}
    assert picked == {"objective": "energy", "within": 0.01, "batch": 4, "seed": 7, "workers": 3}


def test_a_chip_takes_on_a_dataflow_of_the_catalogue(run, asked):
    code, _, _ = run("analyze", "little", "-c", "tiny", "--dataflow", "row-stationary", "-q")
    assert code == 0
    assert asked["search"]["architecture"].dataflow.name == "row-stationary"


def test_json_is_one_object_and_nothing_else(run):
    code, out, err = run("analyze", "little", "--chip", "tiny", "--json")
    assert code == 0
    table = json.loads(out)
    jsonschema.validate(table, result_schema(), jsonschema.Draft202012Validator)
    assert err == "onewatt: warning: without a price and missing from every figure: nms\n"


def test_csv(run):
    code, out, _ = run("analyze", "little", "--chip", "tiny", "--csv")
    assert code == 0
    assert len(out.splitlines()) == 5


def test_quiet_says_nothing(run):
    assert run("analyze", "little", "--chip", "tiny", "-q", "--budget", "1 nW") == (2, "", "")


def test_output_folder_holds_three_files(run, tmp_path):
    code, out, _ = run("analyze", "little net", "--chip", "tiny", "-o", "out/demo")
    assert code == 0
    assert "Wrote out/demo/report.html" in out
    names = sorted(p.name for p in (tmp_path / "out/demo").iterdir())
    assert names == ["layers.csv", "report.html", "result.json"]
    found = load_result(tmp_path / "out/demo/result.json")
    assert found == msgspec.structs.replace(result(), budget=())
    page = (tmp_path / "out/demo/report.html").read_text()
    assert "onewatt analyze &#x27;little net&#x27; --chip tiny<" in page


@pytest.mark.parametrize(
    ("budget", "expected", "word"), [("1 W", 0, "power met"), ("100 uW, 30 fps", 2, "power MISSED")]
)
def test_a_budget_gates(run, budget, expected, word):
    code, out, err = run("analyze", "little", "--chip", "tiny", "--budget", budget)
    assert (code, err) == (expected, "")
    assert word in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["analyze", "missing.onnx", "--chip", "tiny"], "missing.onnx: no such file"),
        (["analyze", "x", "--chip", "tyny"], "no chip 'tyny'"),
        (["analyze", "x", "--chip", "tiny", "--budget", "1"], "budget '1': found '1'"),
        (["analyze", "x", "--chip", "tiny", "--objective", "enrgy"], "Did you mean 'energy'?"),
        (["analyze", "x", "--chip", "tiny", "--tiles", "perfct"], "Did you mean 'perfect'?"),
        (["map", "x", "--chip", "tiny", "--tiles", "ful"], "Did you mean 'full'?"),
        (
            ["analyze", "x", "-c", "tiny", "--objective", "energy", "--within", "9"],
            "without a unit",
        ),
        (["analyze", "x", "-c", "tiny", "--objective", "energy", "--within", "0 s"], "more than 0"),
        (["analyze", "x", "-c", "tiny", "--within", "9 s"], "add --objective energy"),
        (["map", "x", "-c", "tiny", "--within", "9 s"], "add --objective energy"),
        (["analyze", "x", "--chip", "tiny", "--dataflow", "fee"], "Did you mean 'free'?"),
        (["map", "x", "-c", "tiny", "--dataflow", "row_stationary"], "'row-stationary'?"),
        (["map", "x", "-c", "tiny", "--dataflow", "no-local-reuse"], "'tiny' cannot run 'no-lo"),
        (["analyze", "x", "--chip", "tiny", "--shape", "1x3"], "--shape: found '1x3'"),
        (["analyze", "x", "--chip", "tiny", "--shape", "a=1x-3"], "--shape: found 'a=1x-3'"),
        (["analyze", "x", "--chip", "tiny", "--shape", "a=1", "--shape", "a=1"], "'a' twice"),
        (["analyze", "x", "--chip", "tiny", "--batch", "0"], "--batch"),
        (["analyze", "x", "--chip", "tiny", "--json", "--csv"], "choose one"),
        (["analyze", "x"], "Missing option '--chip'"),
        (["analyze"], "Missing argument 'MODEL'"),
        (["analyz"], "No such command 'analyz'"),
        (["--verbose"], "No such option"),
        (["map", "x", "--chip", "tiny"], "has 4 layers; name one as MODEL::LAYER"),
        (["map", "x::conv9", "--chip", "tiny"], "unknown layer 'conv9'"),
        (["map", "x::", "--chip", "tiny"], "expected a layer's name after '::'"),
        (["map", "x::pool", "--chip", "tiny", "-o", "m.yaml"], "has no mapping to write"),
        (["map", "x::pool", "--chip", "tiny", "--verify"], "--verify: layer 'pool' is vector"),
        (
            ["map", "x::pool", "--chip", "tiny", "--certificate", "p"],
            "has no mapping to write or p",
        ),
        (["map", "x::fc", "--chip", "tiny", "--certificate", "."], "--certificate: . is a dir"),
        (["map", "x::fc", "--chip", "tiny", "-o", "/dev/null/m"], "/dev/null is a file; expect"),
        (["evaluate", "x", "tiny", "gone.yaml"], "gone.yaml: cannot be read"),
        (["evaluate", "x", "tiny", "m.yaml", "--convention", "timelop"], "Did you mean 'timeloop'"),
        (["report", "gone.json"], "gone.json: cannot be read"),
        (["compare", "gone.json", "gone.json"], "gone.json: cannot be read"),
        (["show", "gone.yaml"], "gone.yaml: cannot be read"),
        (["show", "gone.json"], "gone.json: cannot be read"),
        (["show", "x", "--layer", "a"], "--layer is for a result.json"),
        (["schema", "chop"], "Did you mean 'chip'?"),
    ],
)
def test_bad_input_is_one_line_and_code_1(run, arguments, says):
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("onewatt: error: ")
    assert err.count("\n") == 1
    assert says in err


def test_every_kind_of_error_of_ours_is_one_line(run, monkeypatch):
    def kinds(kind):
        return [kind, *(k for child in kind.__subclasses__() for k in kinds(child))]

    for kind in kinds(OnewattError):

        def fail(*_, error=kind, **__):
            raise error("no")

        monkeypatch.setattr(mapper, "search", fail)
        assert run("analyze", "x", "--chip", "tiny") == (1, "", "onewatt: error: no\n")


def test_bugs_are_not_hidden(run, monkeypatch):
    def bug(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(mapper, "search", bug)
    with pytest.raises(ZeroDivisionError):
        run("analyze", "x", "--chip", "tiny")


def test_an_output_that_is_a_file_is_refused_before_searching(run, asked, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run("analyze", "x", "--chip", "tiny", "-o", "file")
    assert code == 1
    assert "file is a file; expected a directory" in err
    assert "search" not in asked


def test_finished_layers_are_kept_where_it_is_said(run, asked, monkeypatch, tmp_path):
    monkeypatch.setenv("ONEWATT_CACHE", str(tmp_path / "kept"))
    for verb in (["analyze", "little", "-q"], ["map", "little::conv2"]):
        assert run(*verb, "--chip", "tiny")[0] == 0
        assert asked["search"]["cache"] == tmp_path / "kept"
        assert asked["search"]["tiles"] == DEFAULT_TILES
        assert run(*verb, "--chip", "tiny", "--fresh", "--tiles", "full")[0] == 0
        assert asked["search"]["cache"] is None
        assert asked["search"]["tiles"] == "full"
    monkeypatch.delenv("ONEWATT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    if sys.platform == "linux":
        assert cache_folder() == tmp_path / "home" / "onewatt" / "layers"


def test_a_person_is_told_that_the_mapper_compiles(monkeypatch):
    from onewatt.mapper import compiled

    class Screen(io.StringIO):
        def isatty(self):
            return True

    for ready, word in ((False, "compiling the mapper (once)"), (True, "searching")):
        screen = Screen()
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setattr(compiled, "compiled", lambda ready=ready: ready)
        with progress(True) as advance:
            advance(0, 3, "conv")
        assert word in screen.getvalue()


def test_map_draws_the_nest_and_writes_it(run, tmp_path):
    code, out, _ = run("map", "little::conv2", "--chip", "tiny", "-o", "m.yaml")
    assert code == 0
    assert "for M in 2 steps of 8" in out
    assert load(tmp_path / "m.yaml", "mapping") == result().layers[1].mapping
    code, out, _ = run("map", "little::conv2", "--chip", "tiny", "--json")
    assert [layer["name"] for layer in json.loads(out)["layers"]] == ["conv2"]


def test_evaluate_costs_a_mapping(run, asked, tmp_path):
    (tmp_path / "m.yaml").write_text(dumps(result().layers[1].mapping, "mapping"))
    code, out, _ = run("evaluate", "little::conv2", "tiny", "m.yaml", "--convention", "timeloop")
    assert code == 0
    assert "for M in 2 steps of 8" in out
    assert asked["evaluate"]["convention"] == "timeloop"
    assert asked["evaluate"]["mapping"] == result().layers[1].mapping
    code, out, _ = run("evaluate", "little", "tiny", "m.yaml")
    assert "Energy by level" in out
    code, out, _ = run("evaluate", "little", "tiny", "m.yaml", "--json")
    assert json.loads(out)["schema"] == "onewatt/result/1"


def test_report_draws_again(run, saved, tmp_path):
    code, out, _ = run("report", saved[0])
    assert (code, out) == (0, "Wrote report.html.\n")
    assert "onewatt analyze little --chip tiny" in (tmp_path / "report.html").read_text()
    assert run("report", saved[0], "-o", "x/page.html")[0] == 0
    assert (tmp_path / "x/page.html").exists()


def test_compare(run, saved):
    code, out, _ = run("compare", *saved)
    assert code == 0
    assert "energy of level" in out
    code, out, _ = run("compare", *saved, "--json")
    assert json.loads(out)["schema"] == "onewatt/comparison/1"


def test_show(run, saved, tmp_path):
    assert "Energy by level" in run("show", saved[0])[1]
    assert "for M in 2 steps of 8" in run("show", saved[0], "--layer", "conv2")[1]
    assert "unknown layer" in run("show", saved[0], "--layer", "conv99")[2]
    assert "memory GLB" in run("show", "tiny")[1]
    assert "conv2" in run("show", "some.onnx")[1]
    network = msgspec.structs.replace(result().workload, einsums=(conv("a"), pool("b")))
    for kind, noun, word in (
        ("chip", chip(), "memory GLB"),
        ("workload", network, "M16 C16"),
        ("mapping", result().layers[0].mapping, "Q/1@X"),
    ):
        text = dumps(noun, kind)
        (tmp_path / "x.yaml").write_text(text)
        assert word in run("show", "x.yaml")[1]
        (tmp_path / "x.yaml").write_text(text.partition("\n")[2])
        assert word in run("show", "x.yaml")[1]
    (tmp_path / "x.yaml").write_text("a: 1")
    assert "is no chip, workload or mapping" in run("show", "x.yaml")[2]


def test_chips(run):
    assert "A tiny chip" in run("chips")[1]
    assert run("chips", "list") == run("chips")
    assert json.loads(run("chips", "--json")[1])["chips"][0]["name"] == "tiny"
    assert "memory GLB" in run("chips", "show", "tiny")[1]
    assert "memory: GLB" in run("chips", "show", "tiny", "--yaml")[1]


@pytest.mark.parametrize("kind", ["result", "chip", "workload", "mapping"])
def test_schemas_are_schemas(run, kind):
    code, out, _ = run("schema", kind)
    assert code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(out))


def test_quiet_json_still_prints_the_object(asked, capsys):
    assert main(["analyze", "little", "--chip", "tiny", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "onewatt/result/1"


def test_a_folder_in_the_way_leaves_nothing_half_written(asked, capsys, tmp_path):
    (tmp_path / "out" / "layers.csv").mkdir(parents=True)
    assert main(["analyze", "little", "--chip", "tiny", "-o", str(tmp_path / "out")]) == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["layers.csv"]
