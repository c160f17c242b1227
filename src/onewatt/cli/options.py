"""The options that verbs share, each defined once, and how their text is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, get_args

import typer

from onewatt.errors import InputError, UnitError, unknown

if TYPE_CHECKING:
    from onewatt.mapper.exact import Tiles
    from onewatt.spec.result import Convention, Objective

Word = TypeVar("Word", bound=str)

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        help="An ONNX or TFLite file, a Hugging Face config, a workload YAML or a zoo name.",
    ),
]
ModelLayer = Annotated[
    str,
    typer.Argument(
        metavar="MODEL[::LAYER]", show_default=False, help="A model, and which of its layers."
    ),
]
Chip = Annotated[
    str,
    typer.Option(
        "--chip",
        "-c",
        metavar="CHIP",
        show_default=False,
        help="A preset (see 'onewatt chips') or a YAML file, also of Timeloop.",
    ),
]
ResultFile = Annotated[
    Path,
    typer.Argument(metavar="RESULT.json", show_default=False, help="From 'onewatt analyze -o'."),
]
BudgetText = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="LIMITS",
        help="Limits with units, such as '1 W, 30 fps'; missed gives exit code 2.",
    ),
]
ObjectiveName = Annotated[
    str,
    typer.Option(
        "--objective",
        metavar="NAME",
        help="edp, energy, latency or layer_edp (each layer its own).",
    ),
]
Within = Annotated[
    str | None,
    typer.Option(
        "--within",
        metavar="TIME",
        help="With --objective energy: least energy among what takes no longer, such as '10 ms'.",
    ),
]
TilesName = Annotated[
    str,
    typer.Option(
        "--tiles",
        metavar="NAME",
        help="Which tile sizes the optimum is proved among, from few to all: perfect (factors), "
        "tight or full.",
    ),
]
Fresh = Annotated[
    bool,
    typer.Option(
        "--fresh", help="Search every layer anew: read and keep no finished ones (ONEWATT_CACHE)."
    ),
]
ConventionName = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        help="How to count: literal, or timeloop or isca16 to compare with them.",
    ),
]
AnalysisConvention = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        help="literal, or jssc17: the row-stationary mappings of Eyeriss as its paper counts.",
    ),
]
RowStationaryFile = Annotated[
    Path | None,
    typer.Option(
        "--row-stationary",
        metavar="FILE.csv",
        help="With jssc17: m, n, e, p, q, r and t by layer instead of the best.",
    ),
]
DataflowName = Annotated[
    str,
    typer.Option(
        "--dataflow",
        metavar="NAME",
        help="preset (the chip's own limits), free, row-stationary, rs-plus, weight-stationary, "
        "output-stationary-a, -b or -c, no-local-reuse.",
    ),
]
EnergyTable = Annotated[
    Path | None,
    typer.Option(
        "--energy-table", metavar="ERT.yaml", help="Accelergy's energies instead of the chip's."
    ),
]
AreaTable = Annotated[
    Path | None,
    typer.Option(
        "--area-table", metavar="ART.yaml", help="Accelergy's areas, beside --energy-table."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print one line a layer, for a spreadsheet.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no table and no progress.")]
Batch = Annotated[
    int, typer.Option("--batch", metavar="N", min=1, help="Inferences computed together.")
]
SequenceLength = Annotated[
    int | None,
    typer.Option("--seq-len", metavar="N", min=1, help="Tokens that go in, for a language model."),
]
Context = Annotated[
    int | None,
    typer.Option(
        "--context", metavar="N", min=1, help="Tokens in the cache, to decode the next one."
    ),
]
Shapes = Annotated[
    list[str] | None,
    typer.Option("--shape", metavar="NAME=1x3x224x224", help="Shape of a model input; repeatable."),
]
Densities = Annotated[
    Path | None,
    typer.Option("--densities", metavar="FILE.csv", help="Measured densities by layer."),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the search.")]
Jobs = Annotated[
    int,
    typer.Option(
        "-j",
        "--jobs",
        metavar="N",
        min=0,
        help="Worker processes (0: all); the same answer.",
    ),
]


def read_shapes(texts: list[str] | None) -> dict[str, tuple[int, ...]] | None:
    """Return the shapes that ``--shape`` options give, by name.

    Raises
    ------
    InputError
        If one is not NAME=1x3x224x224, or a name comes twice.

    Examples
    --------
    >>> read_shapes(["image=1x3x224x224"])
    {'image': (1, 3, 224, 224)}
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts or ():
        name, _, sizes = text.rpartition("=")
        parts = sizes.split("x")
        if not name or not all(p.isascii() and p.isdigit() and int(p) > 0 for p in parts):
            raise InputError(
                f"--shape: found {text!r}; expected NAME=SIZExSIZE..., such as image=1x3x224x224"
            )
        if name in shapes:
            raise InputError(f"--shape: found input {name!r} twice")
        shapes[name] = tuple(map(int, parts))
    return shapes or None


def read_objective(name: str) -> Objective:
    """Return an objective by name."""
    from onewatt.spec.result import Objective

    return _one_of("--objective", "objective", name, get_args(Objective))


def read_within(text: str | None, objective: Objective) -> float | None:
    """Return the cap on latency [s] that ``--within`` gives.

    Raises
    ------
    InputError
        If it is no time of more than nothing, or the objective is not energy.

    Examples
    --------
    >>> read_within("10 ms", "energy")
    0.01
    """
    from onewatt.units import parse_quantity

    if text is None:
        return None
    try:
        cap = parse_quantity(text, "s")
    except UnitError as error:
        raise UnitError(f"--within: {error}") from error
    if cap <= 0:
        raise InputError(f"--within: found {text!r}; expected a time of more than 0")
    if objective != "energy":
        raise InputError(
            f"--within: found {text!r} with objective {objective!r}; a cap on latency goes with "
            "the least energy: add --objective energy"
        )
    return cap


def read_tiles(name: str) -> Tiles:
    """Return a set of tile sizes by name."""
    from onewatt.mapper.exact import Tiles

    return _one_of("--tiles", "tile set", name, get_args(Tiles))


def read_convention(name: str) -> Convention:
    """Return a convention by name."""
    from onewatt.spec.result import Convention

    return _one_of("--convention", "convention", name, get_args(Convention))


def _one_of(option: str, what: str, name: str, choices: tuple[Word, ...]) -> Word:
    for valid in choices:
        if name == valid:
            return valid
    raise InputError(f"{option}: {unknown(what, name, choices)}")


def check_folder(folder: Path) -> None:
    """Refuse a place that cannot be written to before anything is searched."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"-o: {folder} is a file; expected a directory")
    _check_above("-o", folder)


def check_file(option: str, path: Path) -> None:
    """Refuse a file that cannot be written before anything is searched."""
    if path.is_dir():
        raise InputError(f"{option}: {path} is a directory; expected a file")
    _check_above(option, path.parent)


def _check_above(option: str, folder: Path) -> None:
    above = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not above.is_dir():
        raise InputError(f"{option}: {above} is a file; expected a directory")
    if not os.access(above, os.W_OK):
        raise InputError(f"{option}: {above} cannot be written to")
