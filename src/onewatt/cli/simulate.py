"""``onewatt simulate``: run one layer on the machine, word by word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import options, terminal
from onewatt.cli.inputs import chip_with, only, split_layer
from onewatt.errors import InputError

if TYPE_CHECKING:
    from onewatt.simulate.eyeriss.layout import Layer
    from onewatt.simulate.eyeriss.run import RowStationaryRun, Window
    from onewatt.simulate.integers import Integers
    from onewatt.spec.workload import Einsum

_END = 2**62


def simulate(
    layer: options.ModelLayer,
    chip: options.Chip,
    mapping: Annotated[
        str | None,
        typer.Option(
            "--mapping",
            metavar="'m64 n1 ...'",
            help="The seven parameters of row-stationary; by default the best for layer_edp.",
        ),
    ] = None,
    batch: options.Batch = 1,
    inputs: Annotated[
        Path | None,
        typer.Option("--inputs", metavar="FILE.npy", help="Inputs instead of random ones."),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE.npy", help="Weights instead of random ones."),
    ] = None,
    density: Annotated[
        float | None,
        typer.Option(
            "--density", metavar="SHARE", help="Non-zeros of random inputs; else the layer's."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of random tensors.")] = 0,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE.csv",
            help="Write every word by cycle and port there, and FILE.json for Perfetto.",
        ),
    ] = None,
    cycles: Annotated[
        str | None,
        typer.Option("--cycles", metavar="FROM:TO", help="With --trace: only these cycles."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Write inputs, weights and outputs there (.npy)."
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Run one layer on the PE array, word by word, and compare with the model.

    The output is exact, every access is counted; with --trace a hardware design
    can be checked against the machine.
    """
    window = _window(trace, cycles)
    model, name = split_layer(layer)
    if seed < 0:
        raise InputError(f"--seed: found {seed}; expected 0 or more")

    from onewatt.importers.load import load_workload
    from onewatt.mapper.row_stationary import search
    from onewatt.report.simulated import array_of, compare_run, layer_of, simulated_json
    from onewatt.simulate.eyeriss.run import row_stationary
    from onewatt.spec.row_stationary import RowStationary

    architecture = chip_with(chip)
    einsum = only(load_workload(model, batch=batch), name).einsums[0]
    array, sizes = array_of(architecture), layer_of(einsum)
    if mapping is None:
        chosen = search(einsum, architecture, goal="layer_edp")
    else:
        chosen = RowStationary.parse(mapping)
    fmaps, filters = _tensors(einsum, sizes, inputs, weights, density, seed)
    with terminal.progress(not as_json, doing="simulating, by passes") as progress:
        run = row_stationary(
            fmaps, filters, chosen, stride=(sizes.U, sizes.V), groups=sizes.G, array=array,
            window=window, progress=progress and (lambda done, of: progress(done, of, einsum.name)),
        )  # fmt: skip
    found = compare_run(einsum, architecture, chosen, run=run, inputs=fmaps)
    if trace is not None:
        _write_trace(run, trace)
    if output is not None:
        _write_arrays(output, {"inputs": fmaps, "weights": filters, "outputs": run.output})
    if as_json:
        terminal.print_json(simulated_json(found))
        return
    from onewatt.report.simulated_text import show_simulated

    show_simulated(found, terminal.console())


def _window(trace: Path | None, cycles: str | None) -> Window | None:
    """Return the cycles to write down; all of them if only a file is named."""
    from onewatt.simulate.eyeriss.run import Window

    if trace is None:
        if cycles is not None:
            raise InputError("--cycles goes with --trace FILE.csv, which says where they go")
        return None
    if trace.suffix != ".csv":
        raise InputError(f"--trace: found {str(trace)!r}; expected a name that ends in .csv")
    if cycles is None:
        return Window(0, _END)
    first, mark, end = cycles.partition(":")
    whole = all(part.isascii() and part.isdigit() for part in (first, end))
    if not mark or not whole or not int(first) < int(end) <= _END:
        raise InputError(
            f"--cycles: found {cycles!r}; expected FROM:TO, such as 0:2000 (TO is not in it)"
        )
    return Window(int(first), int(end))


def _tensors(
    einsum: Einsum, sizes: Layer, inputs: Path | None, weights: Path | None,
    density: float | None, seed: int,
) -> tuple[Integers, Integers]:  # fmt: skip
    """Return what the layer runs on: files, or else random values of the layer's densities."""
    from onewatt.simulate.eyeriss import tensors

    if inputs is not None and density is not None:
        raise InputError("--density is for random inputs; leave it or --inputs out")
    shares = {t.name: t.density for t in einsum.inputs}
    fmaps, filters = tensors.random_tensors(
        sizes, seed, inputs=shares["Inputs"] if density is None else density,
        weights=shares["Weights"],
    )  # fmt: skip
    if inputs is not None:
        fmaps = tensors.shaped_inputs(tensors.read_array(inputs), sizes, str(inputs))
    if weights is not None:
        filters = tensors.shaped_weights(tensors.read_array(weights), sizes, str(weights))
    return fmaps, filters


def _write_trace(run: RowStationaryRun, path: Path) -> None:
    from onewatt.report.store import write_texts
    from onewatt.simulate.eyeriss.trace import trace_csv, trace_perfetto

    write_texts({path: trace_csv(run), path.with_suffix(".json"): trace_perfetto(run)})
    terminal.say(f"onewatt: {len(run.events):,} rows of {run.total_cycles:,} cycles in {path}")


def _write_arrays(folder: Path, arrays: dict[str, Integers]) -> None:
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values.astype(np.int32), allow_pickle=False)
