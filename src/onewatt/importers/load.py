"""One way in for every network: a file, a directory, a PyTorch program or a name of the zoo."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from onewatt.errors import ImportFailure, InputError, nearest
from onewatt.importers.zoo import in_zoo, load_zoo, zoo_names
from onewatt.spec.workload import Rank, Workload

Shapes = Mapping[str, tuple[int, ...]]

_ACCEPTED = (
    "an .onnx or .tflite file, a .yaml workload, a .txt or .csv file of the energy estimation "
    "tool, a directory with config.json, a torch.nn.Module or ExportedProgram, or a name of the zoo"
)


def load_workload(
    source: Any,
    *,
    example_inputs: Any = None,
    batch: int = 1,
    seq_len: int | None = None,
    context: int | None = None,
    shapes: Shapes | None = None,
) -> Workload:
    """Return the workload of a network in any form onewatt reads.

    Parameters
    ----------
    source : str, Path, torch.nn.Module or torch.export.ExportedProgram
        A path (``.onnx``, ``.tflite``, ``.yaml``, or ``.txt`` and ``.csv`` as the energy estimation
        tool of MIT reads them), a directory with ``config.json``, a PyTorch
        program, or a name of the zoo such as ``mobilenet_v1:0.5:128``.
    example_inputs : object, optional
        For a module: tensors or shapes of its arguments.
    batch : int
        Batch size [1].
    seq_len : int, optional
        Tokens per sequence [1], for a configuration or a text network of the zoo.
    context : int, optional
        Cached tokens [1] of one decode step, for a configuration.
    shapes : mapping of str to tuple of int, optional
        Shapes of inputs by name, for an ONNX file or a module.

    Returns
    -------
    Workload
        The network as Einsums, and by name whatever has no price.

    Raises
    ------
    InputError
        If the source is none of these, or an option does not apply to it.
    """
    if type(batch) is not int or batch < 1:
        raise InputError(f"found batch {batch!r}; expected a whole number of at least 1")
    given = {"example_inputs": example_inputs, "seq_len": seq_len, "context": context,
             "shapes": shapes}  # fmt: skip
    if isinstance(source, (str, Path)):
        return _from_text(str(source), batch, given)
    return _from_object(source, batch, given)


def _only(what: str, given: dict[str, Any], *allowed: str) -> None:
    """Refuse options that the source has no use for."""
    for name, value in given.items():
        if value is not None and name not in allowed:
            fit = ", ".join(allowed) or "none of these options"
            raise InputError(f"found {name} for {what}, which takes {fit}; leave {name} out")


def _from_object(source: Any, batch: int, given: dict[str, Any]) -> Workload:
    torch = sys.modules.get("torch")  # whoever holds a module has imported it
    if torch is not None and isinstance(source, torch.nn.Module):
        from onewatt.importers.pytorch import load_module

        _only("a torch module", given, "example_inputs", "shapes")
        return load_module(source, given["example_inputs"], batch=batch, shapes=given["shapes"])
    if torch is not None and isinstance(source, torch.export.ExportedProgram):
        from onewatt.importers.pytorch import load_exported

        _only("an ExportedProgram", given)
        if batch != 1:
            raise InputError(
                f"found batch {batch} for an ExportedProgram, whose shapes are fixed; export it at "
                "that batch"
            )
        return load_exported(source)
    raise InputError(f"found a {type(source).__name__} as a network; expected {_ACCEPTED}")


def _from_text(text: str, batch: int, given: dict[str, Any]) -> Workload:
    if not text.strip():  # which Path would read as this directory
        raise InputError(f"found {text!r} as a network; expected {_ACCEPTED}")
    path = Path(text)
    suffix = path.suffix.lower()
    if in_zoo(text):  # a folder of that name is './resnet50'
        _only("a network of the zoo", given, "seq_len")
        return load_zoo(text, batch=batch, seq_len=given["seq_len"])
    if suffix in (".onnx", ".tflite", ".yaml", ".yml", ".txt", ".csv"):
        return _from_file(path, suffix, batch, given)
    from onewatt.importers.pytorch import refuse_file

    refuse_file(path)
    if path.name == "config.json" or (path.is_dir() and (path / "config.json").exists()):
        from onewatt.importers.huggingface import load_config

        _only("a configuration", given, "seq_len", "context")
        return load_config(path, batch=batch, seq_len=given["seq_len"], context=given["context"])
    if path.is_dir():
        raise ImportFailure(f"{text}: is a directory without config.json; expected {_ACCEPTED}")
    head = text.split(":")[0]
    state = "cannot be read as a network" if path.exists() else "is no file and no known network"
    raise InputError(
        f"{text!r} {state}.{nearest(head, zoo_names())} Expected {_ACCEPTED}: "
        f"{', '.join(zoo_names())}"
    )


def _from_file(path: Path, suffix: str, batch: int, given: dict[str, Any]) -> Workload:
    if suffix == ".onnx":
        from onewatt.importers.onnx import load_onnx

        _only("an ONNX file", given, "shapes")
        return load_onnx(path, batch=batch, shapes=given["shapes"])
    if suffix == ".tflite":
        from onewatt.importers.tflite import load_tflite

        _only("a TensorFlow Lite file", given, "shapes")
        return load_tflite(path, batch=batch, shapes=given["shapes"])
    if suffix in (".txt", ".csv"):
        from onewatt.importers.energy_estimation import read_energy_estimation

        _only("a file of the energy estimation tool", given)
        if batch != 1:
            raise InputError(
                f"{path}: found batch {batch}; the file says how many maps each layer has, so "
                "change them there"
            )
        return read_energy_estimation(path)
    from onewatt.importers.timeloop.load import is_timeloop
    from onewatt.spec import files

    _only("a YAML workload", given)
    text = files.text_of(path)
    workload = _from_timeloop(path) if is_timeloop(text) else _from_yaml(text, path)
    return workload if batch == 1 else with_batch(workload, batch)


def _from_yaml(text: str, path: Path) -> Workload:
    from onewatt.spec import files

    workload: Workload = files.loads(text, "workload", name=str(path))
    return workload


def _from_timeloop(path: Path) -> Workload:
    from onewatt.importers.timeloop.load import load_timeloop

    einsum = load_timeloop(path).einsum
    if einsum is None:
        raise InputError(f"{path}: is a Timeloop file without a problem; expected one as a layer")
    return Workload(name=path.stem, einsums=(einsum,), source="Timeloop v4")


def with_batch(workload: Workload, batch: int) -> Workload:
    """Return a workload whose every layer runs on `batch` times as many inputs (rank N)."""
    einsums: list[Any] = []
    for einsum in workload.einsums:
        sizes = einsum.sizes
        if "N" not in sizes:
            raise InputError(
                f"layer {einsum.name!r} of {workload.name!r} has no rank N, so batch {batch} has "
                "no meaning; add the rank N or leave the batch out"
            )
        sizes["N"] *= batch
        ranks = tuple(Rank(name=n, size=s) for n, s in sizes.items())
        einsums.append(msgspec.structs.replace(einsum, ranks=ranks))
    return msgspec.structs.replace(workload, einsums=tuple(einsums))
