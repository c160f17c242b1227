"""What tests of the command line share."""

import msgspec
import pytest

import onewatt.codesign.explore  # noqa: F401 - it takes the real functions before `asked` replaces them
from onewatt.cli import main
from onewatt.components import chips
from onewatt.errors import InputError
from onewatt.importers import densities as density_files
from onewatt.importers import load as importer
from onewatt.mapper import search as mapper
from onewatt.model import evaluate as model
from onewatt.model.budget import judge
from report.example import chip, result


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run the command line in an empty folder; return its code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments):
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return go


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
