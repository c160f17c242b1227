"""``onewatt explain``: why a network is not faster, constraint by constraint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import options, searching, terminal
from onewatt.cli.inputs import chip_with, only, split_layer
from onewatt.errors import InputError, unknown

if TYPE_CHECKING:
    from onewatt.diagnose.eyexam import Exam, LayerExam
    from onewatt.spec.result import Result


def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RESULT.json|MODEL[::LAYER]",
            show_default=False,
            help="A result of 'onewatt analyze -o', or a model with --chip.",
        ),
    ],
    chip: Annotated[
        str | None,
        typer.Option(
            "--chip", "-c", metavar="CHIP", show_default=False,
            help="Map the model on this chip first: a preset or a YAML file.",
        ),
    ] = None,
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="NAME", help="The seven bounds of one layer.")
    ] = None,
    objective: options.ObjectiveName = "edp",
    batch: options.Batch = 1,
    dataflow: options.DataflowName = "preset",
    measured: Annotated[
        list[Path] | None,
        typer.Option(
            "--measured", metavar="RUN.json",
            help="Cycles of a layer from 'onewatt simulate --json' for the last bound; repeatable.",
        ),
    ] = None,
    as_json: options.AsJson = False,
    jobs: options.Jobs = 0,
    fresh: options.Fresh = False,
) -> None:  # fmt: skip
    """Say which constraints of a chip a network's time goes to, and what would lift them.

    For each layer seven bounds on its MACs per cycle (Eyexam), each with one constraint more.
    """
    stopped = False
    if chip is None:
        result = _saved(what)
    else:
        result, stopped = _searched(
            what, chip, objective=objective, batch=batch, dataflow=dataflow, jobs=jobs,
            fresh=fresh, watched=not as_json,
        )  # fmt: skip

    from onewatt.diagnose.eyexam import eyexam
    from onewatt.report.measured import measured_cycles

    exam = eyexam(result, measured=measured_cycles(result, measured or ()))
    _print(exam, _named(exam, layer), as_json=as_json)
    searching.check_finished(result, stopped)


def _saved(what: str) -> Result:
    if not what.endswith(".json") or Path(what).name == "config.json":
        raise InputError(f"{what!r} is no result; expected a RESULT.json, or give --chip to map it")
    from onewatt.report.store import load_result

    return load_result(Path(what))


def _searched(
    what: str, chip: str, *, objective: str, batch: int, dataflow: str, jobs: int, fresh: bool,
    watched: bool,
) -> tuple[Result, bool]:  # fmt: skip
    wanted = options.read_objective(objective)
    model, name = split_layer(what)

    from onewatt.importers.load import load_workload

    architecture = chip_with(chip, dataflow, None, None)
    workload = load_workload(model, batch=batch)
    return searching.found(
        only(workload, name) if name else workload, architecture, objective=wanted,
        tiles="tight", fresh=fresh, watched=watched, batch=batch, workers=jobs,
    )  # fmt: skip


def _named(exam: Exam, layer: str | None) -> LayerExam | None:
    if layer is None:
        return None
    names = [x.name for x in exam.layers]
    if layer not in names:
        raise InputError(f"--layer: {unknown('layer', layer, names)}")
    return exam.layers[names.index(layer)]


def _print(exam: Exam, layer: LayerExam | None, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        from onewatt.report.exam_tables import exam_json

        kept = exam.layers if layer is None else (layer,)
        table = exam_json(exam) | {
            "layers": exam_json(msgspec.structs.replace(exam, layers=kept))["layers"]
        }
        terminal.print_json(table)
        return
    from onewatt.report.exam_text import show_exam, show_layer_exam

    if layer is not None:
        show_layer_exam(layer, terminal.console())
    else:
        show_exam(exam, terminal.console())
