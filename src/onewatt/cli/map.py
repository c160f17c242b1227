"""``onewatt map``: the best mapping of one layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import options, searching, terminal
from onewatt.cli.inputs import chip_with, only, split_layer, timeloop_file
from onewatt.errors import InputError, Stopped

if TYPE_CHECKING:
    from onewatt.mapper.exact import Goal, Tiles
    from onewatt.spec.architecture import Architecture
    from onewatt.spec.mapping import Mapping
    from onewatt.spec.workload import Einsum


def map(
    layer: options.ModelLayer,
    chip: options.Chip,
    objective: options.ObjectiveName = "edp",
    within: options.Within = None,
    tiles: options.TilesName = "tight",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="MAPPING.yaml", help="Write the mapping there."),
    ] = None,
    timeloop: Annotated[
        Path | None,
        typer.Option("--timeloop", metavar="FILE", help="Write the mapping for Timeloop v4 there."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate", metavar="PROOF.json", help="Prove the optimum and write the proof."
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove the optimum and recount the proof.")
    ] = False,
    as_json: options.AsJson = False,
    dataflow: options.DataflowName = "preset",
    energy_table: options.EnergyTable = None,
    area_table: options.AreaTable = None,
    seed: options.Seed = 0,
    fresh: options.Fresh = False,
) -> None:
    """Find the best mapping of one layer and draw its loop nest.

    Ctrl-C ends the search with the best so far: it is reported with how far it may be off, and the
    exit code is 130.  A second Ctrl-C ends at once and writes nothing.
    """
    wanted = options.read_objective(objective)
    cap = options.read_within(within, wanted)
    among = options.read_tiles(tiles)
    files = {"-o": output, "--timeloop": timeloop, "--certificate": certificate}
    for option, path in files.items():
        if path is not None:
            options.check_file(option, path)
    model, name = split_layer(layer)

    from onewatt.importers.load import load_workload

    architecture = chip_with(chip, dataflow, energy_table, area_table)
    workload = only(load_workload(model), name)
    _check_work(workload.einsums[0], [*(k for k, v in files.items() if v), *["--verify"] * verify])
    result, stopped = searching.found(
        workload, architecture, objective=wanted, within=cap, tiles=among, fresh=fresh, seed=seed,
        watched=not as_json,
    )  # fmt: skip
    if not result.layers:
        raise InputError(f"chip {architecture.name!r} cannot compute layer {layer!r}")
    found = result.layers[0]
    if found.mapping is not None:
        _write(workload.einsums[0], architecture, found.mapping, model, output, timeloop)
    if as_json:
        from onewatt.report.tables import result_json

        terminal.print_json(result_json(result))
    else:
        from onewatt.report.text import show_layer

        show_layer(result, found.name, terminal.console())
    searching.check_finished(result, stopped)
    if certificate is not None or verify:
        if stopped:
            raise Stopped("stopped before the proof was made")
        goal: Goal = "front" if wanted == "edp" or cap is not None else wanted
        try:
            _prove(workload.einsums[0], architecture, goal, among, certificate, verify)
        except KeyboardInterrupt as error:
            raise Stopped("interrupted before the proof was done; files written stay") from error


def _check_work(einsum: Einsum, asked: list[str]) -> None:
    """Refuse to write or prove the mapping of vector work, which has none."""
    if asked and einsum.work == "vector":
        raise InputError(
            f"{asked[0]}: layer {einsum.name!r} is vector work and has no mapping to write or prove"
        )


def _write(
    einsum: Einsum,
    architecture: Architecture,
    mapping: Mapping,
    model: str,
    output: Path | None,
    timeloop: Path | None,
) -> None:
    """Write a mapping as ours and for Timeloop, whichever is asked: both or neither."""
    from onewatt.report.store import write_texts
    from onewatt.spec.files import dumps

    texts: dict[Path, str] = {}
    if output is not None:
        texts[output] = dumps(mapping, "mapping")
    if timeloop is not None:
        texts[timeloop] = _for_timeloop(einsum, architecture, mapping, model)
    write_texts(texts)


def _prove(
    einsum: Einsum,
    architecture: Architecture,
    goal: Goal,
    tiles: Tiles,
    path: Path | None,
    recount: bool,
) -> None:
    """Search once more without a limit, keep the proof and recount it."""
    from onewatt.cli.verify import RECOUNTING
    from onewatt.mapper.certificate import save_certificate
    from onewatt.mapper.exact import certify
    from onewatt.mapper.verify import check

    proof = certify(einsum, architecture, goal, tiles)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_certificate(proof, path)
    if recount:
        with terminal.progress(True, RECOUNTING) as advance:
            boxes = check(proof, advance)
        typer.echo(f"proved; {boxes} boxes recounted by the checker", err=True)


def _for_timeloop(einsum: Einsum, architecture: Architecture, mapping: Mapping, model: str) -> str:
    """Return a mapping for Timeloop, with the data spaces of its problem if there is one."""
    from onewatt.importers.timeloop.export import timeloop_mapping_yaml
    from onewatt.importers.timeloop.load import load_timeloop

    names = load_timeloop(model).names if timeloop_file(model) else None
    return timeloop_mapping_yaml(einsum, architecture, mapping, names=names)
