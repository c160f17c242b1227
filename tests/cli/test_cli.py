import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import jsonschema
import msgspec
import pytest

from near import near
from onewatt.cli import main
from onewatt.cli.searching import cache_folder
from onewatt.cli.terminal import progress
from onewatt.components import chips
from onewatt.errors import InputError, OnewattError, Stopped
from onewatt.importers import densities as density_files
from onewatt.importers import load as importer
from onewatt.mapper import search as mapper
from onewatt.mapper.search import DEFAULT_TILES
from onewatt.model import evaluate as model
from onewatt.model.budget import judge
from onewatt.report.schema import result_schema
from onewatt.report.store import load_result, save_result
from onewatt.spec.files import dumps, load
from report.example import chip, conv, pool, result

STOPPING = "\nonewatt: stopping with the best so far; Ctrl-C again ends at once\n"
HEAVY = ["numpy", "numba", "onnx", "torch", "plotly", "rich", "msgspec", "yaml"]


@pytest.fixture
def asked(monkeypatch):
    """Replace what reads and searches by what remembers what it was asked."""
    seen = {}

    def load_workload(source, **options):
        if source == "missing.onnx":
            raise InputError("missing.onnx: no such file")
        seen["load"] = {"source": source, **options}
        return result().workload

    def search(workload, architecture, **options):
        seen["search"] = {"architecture": architecture, **options}
        found = result(workload.einsums, unpriced=bool(workload.unpriced))
        budget = options.get("budget")
        verdicts = judge(found, budget) if budget else ()
        return msgspec.structs.replace(found, budget=verdicts)

    def with_densities(workload, path):
        seen["densities"] = path
        return workload

    def evaluate_workload(workload, architecture, mapping, **options):
        seen["evaluate"] = {"mapping": mapping, **options}
        return result(workload.einsums, unpriced=bool(workload.unpriced))

    def load_chip(name):
        if name != "tiny":
            raise InputError(f"no chip {name!r}")
        return chip()

    monkeypatch.setattr(importer, "load_workload", load_workload)
    monkeypatch.setattr(density_files, "with_densities", with_densities)
    monkeypatch.setattr(mapper, "search", search)
    monkeypatch.setattr(model, "evaluate_workload", evaluate_workload)
    monkeypatch.setattr(chips, "load_chip", load_chip)
    monkeypatch.setattr(chips, "list_chips", lambda: (chips.ChipInfo("tiny", "A tiny chip", "us"),))
    monkeypatch.setattr(chips, "preset_names", lambda: ("tiny",))
    return seen


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
    assert "onewatt analyze &#x27;little net&#x27; --chip tiny -o out/demo" in page


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


def test_interrupt_leaves_nothing(run, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(mapper, "search", interrupted)
    code, out, err = run("analyze", "x", "--chip", "tiny", "-o", "out")
    assert (code, out) == (130, "")
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []


def test_interrupt_from_the_keyboard(tmp_path):
    code = (
        "import sys, time\nfrom onewatt.cli import main\nfrom onewatt.mapper import search as m\n"
        "def search(*a, **k):\n    print('searching', flush=True)\n    time.sleep(60)\n"
        "m.search = search\n"
        "sys.exit(main(['analyze', 'alexnet', '--chip', 'eyeriss', '-o', 'out']))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert child.stdout.readline() == "searching\n"
        os.kill(child.pid, signal.SIGINT)
        assert child.stderr.readline() + child.stderr.readline() == STOPPING
        assert child.poll() is None
        os.kill(child.pid, signal.SIGINT)
        _, err = child.communicate(timeout=30)
    finally:
        child.kill()
        child.communicate()
    assert child.returncode == 130
    assert "onewatt: interrupted" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", "alexnet", "-o", "out", "-j", "1"],
        ["analyze", "alexnet", "-o", "out", "-j", "2"],
        ["map", "alexnet::conv3", "-o", "conv3.yaml"],
    ],
)
def test_one_interrupt_keeps_the_best_so_far(tmp_path, arguments):
    script = tmp_path / "main.py"  # a file: workers import the main module
    script.write_text(
        "import sys\nfrom onewatt.cli import main\nfrom onewatt.mapper import search as m\n"
        "real = m.search\n"
        "def search(*a, **k):\n    print('searching', flush=True)\n    return real(*a, **k)\n"
        "m.search = search\n"
        "if __name__ == '__main__':\n    sys.exit(main(sys.argv[1:]))"
    )
    child = subprocess.Popen(
        [sys.executable, str(script), *arguments, "--chip", "eyeriss", "--tiles", "full",
         "--fresh"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stdout.readline() == "searching\n"
        time.sleep(0.3)
        os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=300)  # it may have to compile first
    finally:
        child.kill()
        child.communicate()
    assert child.returncode == 130
    assert err.startswith(STOPPING)
    assert re.search(r"onewatt: stopped: \d of \d layers not proved, at most .* % above", err)
    assert "Traceback" not in err
    assert "not proved, at most" in " ".join(out.split())
    if "map" in arguments:
        load(tmp_path / "conv3.yaml", "mapping")
        return
    found = load_result(tmp_path / "out/result.json")
    assert all(0 < layer.gap < 1 for layer in found.layers if not layer.optimal)
    assert not all(layer.optimal for layer in found.layers)
    table = json.loads((tmp_path / "out/result.json").read_text())
    jsonschema.validate(table, result_schema(), jsonschema.Draft202012Validator)
    assert "layers not proved, at most" in (tmp_path / "out/report.html").read_text()


def test_a_search_stopped_with_nothing_leaves_nothing(run, monkeypatch, tmp_path):
    def search(*_, **__):
        raise Stopped("stopped before any mapping of layer 'a' was found")

    monkeypatch.setattr(mapper, "search", search)
    code, out, err = run("analyze", "x", "--chip", "tiny", "-o", "out")
    assert (code, out) == (130, "")
    assert err == (
        "onewatt: stopped before any mapping of layer 'a' was found; no file was changed\n"
    )
    assert list(tmp_path.iterdir()) == []


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


def test_a_closed_pipe_is_no_error():
    line = f"{sys.executable} -m onewatt schema chip | head -c 10"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.stdout


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


def test_accelergy_tables_replace_the_energies_of_a_chip(tmp_path, capsys):
    chip = tmp_path / "chip.yaml"
    chip.write_text(
        "name: small\nclock: 1 GHz\ntechnology: {node: 32 nm}\nnodes:\n"
        "- {memory: DRAM, keeps: [Inputs, Weights, Outputs], energy: {read: 1 pJ}}\n"
        "- {compute: mac, energy: {compute: 1 pJ}}\n"
    )
    table = tmp_path / "ERT.yaml"
    rows = "\n".join(
        f"  - {{name: 'top.{name}[1..1]', actions: [{actions}]}}"
        for name, actions in (
            ("DRAM", "{name: read, energy: 7}, {name: write, energy: 7}"),
            ("mac", "{name: compute, energy: 3}"),
        )
    )
    table.write_text(f"ERT:\n  version: '0.4'\n  tables:\n{rows}\n")
    net = tmp_path / "net.yaml"
    net.write_text(
        "name: net\neinsums:\n- name: fc\n  op: gemm\n  ranks: {M: 2, C: 3}\n"
        "  inputs:\n  - {name: Inputs, projection: [C]}\n  - {name: Weights, projection: [M, C]}\n"
        "  output: {name: Outputs, projection: [M]}\n"
    )
    assert (
        main(["analyze", str(net), "--chip", str(chip), "--energy-table", str(table), "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    # 6 products; every product reads both operands, updates a sum and reads it but the first time
    assert found["totals"]["energy_J"] == near((6 * 3 + (6 + 6 + 6 + 4) * 7) * 1e-12)
    assert main(["analyze", str(net), "--chip", str(chip), "--area-table", str(table)]) == 1
    assert "--area-table needs --energy-table" in capsys.readouterr().err


def test_a_network_without_any_price_is_refused(capsys, tmp_path, monkeypatch):
    from onewatt.spec.workload import Unpriced, Workload

    bare = Workload(name="odd", einsums=(), unpriced=(Unpriced(name="x", op="Mystery"),))
    monkeypatch.setattr(importer, "load_workload", lambda source, **options: bare)
    assert main(["analyze", "odd.onnx", "--chip", "eyeriss", "--budget", "1 W"]) == 1
    assert "nothing that can be priced: 'x' (Mystery)" in capsys.readouterr().err


def test_quiet_json_still_prints_the_object(asked, capsys):
    assert main(["analyze", "little", "--chip", "tiny", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "onewatt/result/1"


def test_a_folder_in_the_way_leaves_nothing_half_written(asked, capsys, tmp_path):
    (tmp_path / "out" / "layers.csv").mkdir(parents=True)
    assert main(["analyze", "little", "--chip", "tiny", "-o", str(tmp_path / "out")]) == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["layers.csv"]


def test_an_interrupt_inside_compiled_code_is_an_interrupt(asked, capsys, monkeypatch):
    def search(*_arguments, **_options):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            inner = SystemError("returned a result with an exception set")
            inner.__cause__ = error
            raise SystemError("and once more on the way up") from inner

    monkeypatch.setattr(mapper, "search", search)
    assert main(["analyze", "little", "--chip", "tiny"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_cap_on_latency_is_met_told_and_refused(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(arguments)
        return code, *capsys.readouterr()

    asked = ["analyze", "mlperf_ad", "--chip", "eyeriss", "--objective", "energy"]
    code, out, err = run(*asked, "--within", "1.7 ms", "-o", "kept")
    assert code == 0, err
    assert "energy within 1.7 ms" in " ".join(out.split())
    table = json.loads((tmp_path / "kept" / "result.json").read_text())
    assert table["within_s"] == 0.0017
    assert table["totals"]["latency_s"] <= 0.0017
    assert "energy within 1.7 ms" in (tmp_path / "kept" / "report.html").read_text()
    assert load_result(tmp_path / "kept" / "result.json").within == 0.0017
    code, _, err = run(*asked, "--within", "1 us")
    assert code == 1
    assert "the least latency is" in err
    assert "held up by" in err


def test_map_writes_a_proof_and_verify_recounts_it(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(arguments)
        return code, *capsys.readouterr()

    code, _, err = run(
        "map", "mlperf_ad::fc1", "--chip", "eyeriss", "--objective", "energy", "--tiles", "perfect",
        "--certificate", "proof.json", "--verify",
    )  # fmt: skip
    assert code == 0, err
    assert "boxes recounted by the checker" in err
    code, out, _ = run("verify", "proof.json")
    assert code == 0
    assert "proved: no mapping of 'fc1' on 'eyeriss' is better in energy" in out
    (tmp_path / "proof.json").write_text('{"trees": []}')
    code, _, err = run("verify", "proof.json")
    assert code == 1
    assert "is not a certificate" in err
