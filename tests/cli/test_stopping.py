"""Searches that are stopped, and pipes that are closed."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import jsonschema
import pytest

from onewatt.cli import main
from onewatt.errors import Stopped
from onewatt.mapper import exact
from onewatt.mapper import search as mapper
from onewatt.report.schema import result_schema
from onewatt.report.store import load_result
from onewatt.spec.files import load

STOPPING = "\nonewatt: stopping with the best so far; Ctrl-C again ends at once\n"


@pytest.fixture
def run(asked, run):
    """Run the command line where nothing is searched; see `asked`."""
    return run


def test_interrupt_leaves_nothing(run, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(mapper, "search", interrupted)
    code, out, err = run("analyze", "x", "--chip", "tiny", "-o", "out")
    assert (code, out) == (130, "")
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_proof_leaves_what_was_written(run, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(exact, "certify", interrupted)
    code, out, err = run("map", "x::conv3", "--chip", "tiny", "-o", "m.yaml", "--certificate", "p")
    assert (code, err) == (
        130,
        "onewatt: interrupted before the proof was done; files written stay\n",
    )
    assert "conv3" in out
    assert [p.name for p in tmp_path.iterdir()] == ["m.yaml"]


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


def test_a_closed_pipe_is_no_error():
    line = f"{sys.executable} -m onewatt schema chip | head -c 10"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.stdout


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


def test_an_interrupt_inside_the_compiler_is_an_interrupt(asked, capsys, monkeypatch):
    def search(*_arguments, **_options):
        try:
            raise KeyboardInterrupt
        finally:  # the compiler keeps what it has, and fails at that
            raise RuntimeError("no compiled object yet")

    monkeypatch.setattr(mapper, "search", search)
    assert main(["analyze", "little", "--chip", "tiny"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_an_error_without_an_interrupt_is_not_hidden(asked, monkeypatch):
    def search(*_arguments, **_options):
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr(mapper, "search", search)
    with pytest.raises(RuntimeError, match="a fault of the program"):
        main(["analyze", "little", "--chip", "tiny"])
