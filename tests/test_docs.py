"""Every command in the README runs in an empty folder and prints what the README shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def commands():
    """Yield (command, expected output) of every console block."""
    for block in BLOCK.findall((ROOT / "README.md").read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("empty")


def run(command, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "90"}
    return subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
    )


def tidy(text):
    return [line.rstrip() for line in text.strip().splitlines()]


def test_readme_commands(folder, request):
    """One test, as a command reads what those before it wrote."""
    if not (Path(sys.executable).parent / "onewatt").exists():
        pytest.skip("onewatt is not installed as a command beside this Python")
    found = list(commands())
    assert found
    for command, expected in found:
        check(command, expected, folder, update=request.config.getoption("--update-golden"))


def check(command, expected, folder, *, update):
    done = run(command, folder)
    assert "Traceback" not in done.stderr
    shown = tidy(done.stdout + done.stderr)
    if update:
        text = (ROOT / "README.md").read_text()
        (ROOT / "README.md").write_text(
            text.replace(f"$ {command}\n{expected}", f"$ {command}\n" + "\n".join(shown) + "\n", 1)
        )
        return
    wanted = tidy(expected)
    if "..." in wanted:
        cut = wanted.index("...")
        tail = wanted[cut + 1 :]
        assert shown[:cut] == wanted[:cut]
        assert not tail or shown[-len(tail) :] == tail
    else:
        assert shown == wanted


def test_readme_python(tmp_path):
    blocks = PYTHON.findall((ROOT / "README.md").read_text())
    assert blocks
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks))
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_readme_names_only_files_that_exist():
    text = (ROOT / "README.md").read_text()
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / path).exists(), path


def test_every_source_key_is_in_the_bibliography():
    """Sources named in the chips are keys of docs/references.bib."""
    keys = set(
        re.findall(r"^@\w+\{([^,]+),", (ROOT / "docs/references.bib").read_text(), re.MULTILINE)
    )
    assert {"jssc17", "isca16", "nnd", "tae"} <= keys


def test_the_examples_run(capsys):
    from onewatt.cli import main

    chip, net = ROOT / "examples/edge_chip.yaml", ROOT / "examples/two_layers.yaml"
    assert main(["analyze", str(net), "--chip", str(chip), "--json", "-j", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["totals"]["macs"] == 32 * 16 * 28 * 28 * 9 + 250_880
    assert [layer["name"] for layer in found["layers"]] == ["conv", "relu", "classifier"]


def test_the_study_of_the_examples_explores(tmp_path, monkeypatch, capsys):
    from onewatt.cli import main
    from onewatt.codesign.study import load_study, size

    path = ROOT / "examples/buffer_size.yaml"
    assert size(load_study(path).space) == 12
    monkeypatch.chdir(tmp_path)
    assert main(["explore", str(path), "--evaluations", "2", "--executor", "here", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["evaluated"] == 2


def test_every_knob_of_the_page_on_exploring_exists():
    """The paths in docs/explore.md are paths of Eyeriss, and its YAML blocks are studies."""
    from onewatt.codesign.paths import fields
    from onewatt.codesign.study import study_of
    from onewatt.components.chips import load_chip
    from onewatt.spec.files import loads

    text = (ROOT / "docs/explore.md").read_text()
    known = fields(load_chip("eyeriss"))
    named = set(re.findall(r"`chip\.([A-Za-z_.]+)`", text)) - {"NODE.FIELD", "FIELD"}
    assert {"GLB.capacity", "PE.Y"} <= named
    assert named <= set(known)
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        head = "" if "workload:" in block else "workload: mlperf_kws\nchip: eyeriss\n"
        assert study_of(loads(head + block, "study")).space


def test_the_two_ends_of_the_story(capsys):
    """A phone of three uses fits a watt on average; the computers of a car do not."""
    from onewatt.cli import main

    phone, car = ROOT / "examples/phone.yaml", ROOT / "examples/car.yaml"
    assert main(["device", str(phone), "--budget", "1 W", "--json", "-j", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [w["rate_Hz"] for w in found["workloads"]] == [60.0, 5.0, 20.0, 5.0]
    assert all(w["met"] for w in found["workloads"])
    assert 0.3 < found["totals"]["power_W"] < 0.7
    assert main(["device", str(car), "--budget", "1 W", "--json"]) == 2
    (limit,) = json.loads(capsys.readouterr().out)["budget"]
    assert limit["factor"] == 2500
