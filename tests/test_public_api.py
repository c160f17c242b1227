"""What is public looks public: documented, typed, importable, and its examples run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import onewatt


def modules():
    for info in pkgutil.walk_packages(onewatt.__path__, "onewatt."):
        if not info.name.endswith("__main__"):
            yield info.name


@pytest.mark.parametrize("name", sorted(set(onewatt.__all__) - {"__version__"}))
def test_public_names_exist_and_are_documented(name):
    thing = getattr(onewatt, name)
    assert inspect.getdoc(thing), f"{name} has no docstring"
    if inspect.isfunction(thing):
        signature = inspect.signature(thing)
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(
            p.annotation is not inspect.Parameter.empty for p in signature.parameters.values()
        )
        positional = [p for p in signature.parameters.values() if p.kind < p.KEYWORD_ONLY]
        assert len(positional) <= 3, f"{name} has more than three positional parameters"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = onewatt.serach


@pytest.mark.parametrize("name", list(modules()))
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_importing_the_package_is_cheap():
    heavy = ("numpy", "numba", "onnx", "torch")
    code = f"import onewatt, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_analysis_of_an_onnx_file_does_not_import_torch():
    code = (
        "import sys; from onewatt.cli import main; "
        "code = main(['analyze', 'mlperf_ad', '--chip', 'eyeriss', '--quiet', '-j', '1']); "
        "print(code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "0 False", done.stderr
