"""``onewatt show``: a chip, workload, mapping or result, as a tree or tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onewatt.cli import terminal
from onewatt.cli.inputs import kind_of, timeloop_file
from onewatt.errors import InputError, unknown


def show(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            show_default=False,
            help="A result.json or front.json, a YAML file, a chip, a model or a zoo name.",
        ),
    ],
    layer: Annotated[
        str | None, typer.Option("--layer", help="One layer of a result: nest and traffic.")
    ] = None,
    point: Annotated[
        int | None, typer.Option("--point", metavar="N", help="One point of a front.json.")
    ] = None,
    energy_estimation: Annotated[
        Path | None,
        typer.Option(
            "--energy-estimation",
            metavar="FILE.txt",
            help="Write the network there for MIT's energy estimation tool.",
        ),
    ] = None,
) -> None:
    """Show what a file or a name stands for."""
    if energy_estimation is not None:
        _write_energy_estimation(what, energy_estimation)
        return
    if what.endswith(".json") and _is_front_file(Path(what)):
        _show_front(Path(what), point)
        return
    if point is not None:
        raise InputError("--point is for a front.json")
    if what.endswith(".json") and _is_result(Path(what)):
        _show_result(Path(what), layer)
        return
    if layer is not None:
        raise InputError("--layer is for a result.json")
    from onewatt.report.nouns import show_noun
    from onewatt.spec.files import load

    path = Path(what)
    if timeloop_file(path):
        _show_timeloop(path)
        return
    kind = kind_of(path) if path.suffix in (".yaml", ".yml") else None
    show_noun(load(path, kind) if kind else _named(what), terminal.console())


def _write_energy_estimation(what: str, path: Path) -> None:
    """Write the layers of a model as lines of 25 numbers."""
    from onewatt.importers.energy_estimation import energy_estimation_text
    from onewatt.importers.load import load_workload
    from onewatt.report.store import write_text

    workload = load_workload(what)
    text = energy_estimation_text(workload)
    write_text(path, text)
    left = [e.name for e in workload.einsums if e.work != "mac"]
    left += [u.name for u in workload.unpriced]
    shown = ", ".join(left[:6]) + (", ..." if len(left) > 6 else "")
    terminal.say(
        f"onewatt: {text.count(chr(10))} layers in {path}"
        + (f"; left out, the tool has no line for them: {shown}" if left else "")
    )


def _show_timeloop(path: Path) -> None:
    """Show the chip of a Timeloop file, and its layer."""
    from onewatt.importers.timeloop.load import load_timeloop
    from onewatt.report.nouns import show_noun
    from onewatt.spec.workload import Workload

    design = load_timeloop(path)
    if design.architecture is not None:
        show_noun(design.architecture, terminal.console())
    if design.einsum is not None:
        layer = Workload(name=path.stem, einsums=(design.einsum,), source="Timeloop v4")
        show_noun(layer, terminal.console())
    if design.mapping is not None:
        show_noun(design.mapping, terminal.console())


def _is_front_file(path: Path) -> bool:
    """Say whether a JSON file is a front."""
    from onewatt.report.front_store import is_front

    return _is_result(path) and is_front(path)


def _show_front(path: Path, point: int | None) -> None:
    from onewatt.report.front_store import load_front
    from onewatt.report.front_text import show_front, show_point

    front = load_front(path)
    if point is None:
        show_front(front, terminal.console())
    else:
        show_point(front, point, terminal.console())


def _is_result(path: Path) -> bool:
    """Say whether a JSON file may be a result; a model's configuration is not."""
    return path.name != "config.json"


def _show_result(path: Path, layer: str | None) -> None:
    from onewatt.report.store import load_result
    from onewatt.report.text import show_layer, show_result

    result = load_result(path)
    if layer is None:
        show_result(result, terminal.console())
        return
    names = [x.name for x in result.layers]
    if layer not in names:
        raise InputError(f"--layer: {unknown('layer', layer, names)}")
    show_layer(result, layer, terminal.console())


def _named(what: str) -> object:
    """Return the chip of that name, or else the workload."""
    from onewatt.components.chips import load_chip, preset_names

    if what in preset_names():
        return load_chip(what)
    from onewatt.importers.load import load_workload

    return load_workload(what)
