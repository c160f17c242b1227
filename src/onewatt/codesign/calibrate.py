"""Calibration: a chip whose few coefficients are fitted to measured energies and latencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from onewatt.codesign.calibrate_chip import Factor, Factors, calibrated
from onewatt.codesign.calibrate_fit import Floats
from onewatt.codesign.calibrate_select import Choice, Design, Errors, Rows, errors, select
from onewatt.codesign.calibrate_table import MeasuredRow, MeasuredTable, load_rows
from onewatt.codesign.calibrate_terms import (
    CLOCK,
    IDLE,
    SCALE,
    Blocks,
    RowTerms,
    energy_design,
    latency_design,
    row_terms,
)
from onewatt.errors import InputError
from onewatt.mapper.search import search
from onewatt.spec.architecture import Architecture
from onewatt.spec.result import Objective, Result
from onewatt.spec.workload import Workload

Progress = Callable[[int, int, str], None]
#: How often mappings and coefficients are found in turn, and when they agree.
ROUNDS = 4
_AGREE = 5e-3


class Coefficient(NamedTuple):
    """A fitted coefficient: the parts it covers, its value with a 95 % interval, and its unit.

    The unit is ``x`` for a multiple of what the chip states, else W, J or s.  `log_error` is the
    standard error of its logarithm.
    """

    name: str
    covers: tuple[str, ...]
    value: float
    low: float
    high: float
    log_error: float
    unit: str


class Side(NamedTuple):
    """What was fitted to one column, energy or latency.

    `predicted` is what the calibrated chip gives for the rows `lines` of the table, searched anew.
    """

    what: str
    coefficients: tuple[Coefficient, ...]
    lines: tuple[int, ...]
    measured: Floats
    predicted: Floats
    held_out: Floats | None
    fit: Errors
    left_out: Errors | None
    spread: float
    refused: tuple[tuple[str, str], ...]
    prior: bool


class Calibration(NamedTuple):
    """A calibrated chip with its provenance.

    `settled` says that the mappings of the calibrated chip are those that it was fitted with.
    """

    base: Architecture
    chip: Architecture
    table: MeasuredTable
    objective: Objective
    energy: Side | None
    latency: Side | None
    settled: bool


class Checked(NamedTuple):
    """Errors on rows that were not fitted; `dropped` rows were, and are not counted."""

    table: MeasuredTable
    energy: Errors
    latency: Errors
    dropped: int
    predicted: tuple[tuple[float, float], ...]


class Options(NamedTuple):
    """How to calibrate: the objective of mappings, and what is asked for.

    `energy` and `latency` name the coefficients beside the common one, None to choose.
    """

    objective: Objective = "edp"
    energy: tuple[str, ...] | None = None
    latency: tuple[str, ...] | None = None
    prior: bool = False
    workers: int = 1
    cache: Path | None = None
    progress: Progress | None = None


def calibrate(
    chip: Architecture, table: MeasuredTable, options: Options | None = None
) -> Calibration:
    """Fit a few coefficients of a chip to measured rows.

    Parameters
    ----------
    chip : Architecture
        The chip to start from: its nodes and the ratios of its energies stay.
    table : MeasuredTable
        Measured energies [J] and latencies [s] of whole batches.
    options : Options or None
        What to fit and how.

    Returns
    -------
    Calibration
        The chip, its coefficients with intervals, and its errors on the rows and on networks left
        out.

    Raises
    ------
    InputError
        If the rows do not support a fit; says which coefficients, and what rows would help.

    Notes
    -----
    One coefficient multiplies all of the chip's energies (``scale``) or times (``clock``); parts
    get one of their own where it lowers the error on networks left out.  Mappings depend on prices,
    so both are found in turn until they agree; what is reported is a search on the chip returned.
    """
    options = options or Options()
    works = load_rows(table)
    _check_asked(table, options)
    best: tuple[float, Calibration] | None = None
    results = _searched(table.rows, works, chip, options)
    for _ in range(ROUNDS):
        terms = [row_terms(r, chip) for r in results]
        latency = _fit_latency(chip, table, terms, options)
        energy = _fit_energy(chip, table, terms, latency, options)
        made = _assemble(chip, table, energy, latency)
        results = _searched(table.rows, works, made, options)
        now, agree = _compare(chip, made, table, (energy, latency), results, options)
        loss = _loss(now)
        if best is None or loss < best[0]:
            best = loss, now
        if agree:
            break
    assert best is not None
    return best[1]


def check_against(
    calibration: Calibration, other: MeasuredTable, options: Options | None = None
) -> Checked:
    """Return the errors of a calibrated chip on rows that it was not fitted to.

    A row of the other table that is also in the fitted one, value for value, is not counted.
    """
    options = options or Options()

    def key(row: MeasuredRow) -> tuple[object, ...]:
        return row.source, row.batch, row.energy, row.latency

    fitted = {key(r) for r in calibration.table.rows}
    kept = [r for r in other.rows if key(r) not in fitted]
    left = msgspec.structs.replace(other, rows=tuple(kept))
    results = _searched(kept, load_rows(left), calibration.chip, options)
    energies = np.array([r.energy for r in results])
    latencies = np.array([r.latency for r in results])
    return Checked(
        left, _errors(kept, "energy", energies), _errors(kept, "latency", latencies),
        len(other.rows) - len(kept), tuple((r.energy, r.latency) for r in results),
    )  # fmt: skip


def _errors(rows: Sequence[MeasuredRow], what: str, predicted: Floats) -> Errors:
    index = _with(rows, what)
    return errors(predicted[list(index)], _measured(rows, what))


def _with(rows: Sequence[MeasuredRow], what: str) -> tuple[int, ...]:
    """Return which rows have a value."""
    return tuple(i for i, row in enumerate(rows) if getattr(row, what) is not None)


def _measured(rows: Sequence[MeasuredRow], what: str) -> Floats:
    return np.array([getattr(rows[i], what) for i in _with(rows, what)], dtype=np.float64)


def _check_asked(table: MeasuredTable, options: Options) -> None:
    for what, column in (("energy", "energy_J"), ("latency", "latency_s")):
        if getattr(options, what) is not None and not _with(table.rows, what):
            raise InputError(
                f"{table.path}: coefficients of {what} are asked for, and column {column!r} has no "
                "value; expected measured rows"
            )


def _searched(
    rows: Sequence[MeasuredRow],
    works: dict[tuple[str, int], Workload],
    chip: Architecture,
    options: Options,
) -> list[Result]:
    """Return the result of each row; rows of one network and batch share it."""
    known: dict[tuple[str, int], Result] = {}
    for row in rows:
        key = (row.source, row.batch)
        if key not in known:
            known[key] = search(
                works[key], chip, objective=options.objective, batch=row.batch,
                workers=options.workers, progress=options.progress, cache=options.cache,
            )  # fmt: skip
    return [known[r.source, r.batch] for r in rows]


class _Fit(NamedTuple):
    """A choice of coefficients with the design and the rows it is of."""

    design: Design
    lines: tuple[int, ...]
    choice: Choice


def _fit_latency(
    chip: Architecture, table: MeasuredTable, terms: list[RowTerms], options: Options
) -> _Fit | None:
    index = _with(table.rows, "latency")
    if not index:
        return None
    design = latency_design(chip, [terms[i] for i in index])
    return _select(design, table, index, "latency", CLOCK, options)


def _fit_energy(
    chip: Architecture,
    table: MeasuredTable,
    terms: list[RowTerms],
    latency: _Fit | None,
    options: Options,
) -> _Fit | None:
    index = _with(table.rows, "energy")
    if not index:
        return None
    times = latency_design(chip, terms)
    stated: Blocks = (tuple(p for p in times.parts if p in times.relative),)
    blocks = stated if latency is None else latency.choice.blocks
    values = np.ones(1) if latency is None else latency.choice.fitted.values
    seconds = times.model(blocks)(values)[0]
    design = energy_design(chip, [terms[i] for i in index], [float(seconds[i]) for i in index])
    return _select(design, table, index, "energy", SCALE, options)


def _select(
    design: Design,
    table: MeasuredTable,
    index: tuple[int, ...],
    what: str,
    common: str,
    options: Options,
) -> _Fit:
    rows = Rows(_measured(table.rows, what), tuple(table.rows[i].workload for i in index))
    try:
        choice = select(
            design, rows, common=common, asked=getattr(options, what), prior=options.prior
        )
    except InputError as error:
        raise InputError(f"{table.path}: {what}: {error}") from error
    return _Fit(design, index, choice)


def _factors(fit: _Fit | None, what: str, table: MeasuredTable) -> Factors:
    if fit is None:
        return {}
    fitted, found = fit.choice.fitted, Factors()
    blocks: Blocks = fit.choice.blocks
    for i, block in enumerate(blocks):
        value, low, high = (float(v[i]) for v in (fitted.values, fitted.low, fitted.high))
        for part in block:
            unit = "x" if part in fit.design.relative else _unit(part, what)
            band = f"{value:.4g} ({low:.3g} to {high:.3g}) {unit}"
            why = f"fitted {what}: {band}, table sha256 {table.digest[:12]}"
            found[part] = Factor(value, low, high, why)
    return found


def _unit(part: str, what: str) -> str:
    if what == "latency":
        return "s"
    return "W" if part == IDLE else "J"


def _assemble(
    chip: Architecture, table: MeasuredTable, energy: _Fit | None, latency: _Fit | None
) -> Architecture:
    words = [
        f"{what} errors {_share(fit.choice.fit.median_ape)} median on the rows, "
        f"{_share(fit.choice.left_out.median_ape if fit.choice.left_out else None)} on networks "
        "left out"
        for what, fit in (("energy", energy), ("latency", latency))
        if fit is not None
    ]
    source = (
        f"{chip.name} calibrated to {len(table.rows)} rows of {Path(table.path).name} (sha256 "
        f"{table.digest}); {'; '.join(words)}; before: {chip.source}"
    )
    return calibrated(
        chip, _factors(energy, "energy", table), _factors(latency, "latency", table), source
    )


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.3g} %"


def _compare(
    base: Architecture,
    made: Architecture,
    table: MeasuredTable,
    fits: tuple[_Fit | None, _Fit | None],
    results: list[Result],
    options: Options,
) -> tuple[Calibration, bool]:
    """Return what the chip made says of the rows, and whether it is what its fit said."""
    sides, agree = list[Side | None](), True
    for what, fit, common in (("energy", fits[0], SCALE), ("latency", fits[1], CLOCK)):
        if fit is None:
            sides.append(None)
            continue
        found = np.array([getattr(results[i], what) for i in fit.lines])
        agree &= bool(np.abs(found / fit.choice.predicted - 1).max() <= _AGREE)
        sides.append(_side(what, fit, common, table, found, options.prior))
    whole = Calibration(base, made, table, options.objective, sides[0], sides[1], agree)
    return whole, agree


def _side(
    what: str, fit: _Fit, common: str, table: MeasuredTable, predicted: Floats, prior: bool
) -> Side:
    choice, measured = fit.choice, _measured(table.rows, what)
    fitted = choice.fitted
    coefficients = tuple(
        Coefficient(
            _name(block, common), block,
            float(fitted.values[i]), float(fitted.low[i]), float(fitted.high[i]),
            float(fitted.log_error[i]),
            "x" if fit.design.relative.issuperset(block) else _unit(_name(block, common), what),
        )
        for i, block in enumerate(choice.blocks)
    )  # fmt: skip
    return Side(
        what, coefficients, fit.lines, measured, predicted, choice.held_out,
        errors(predicted, measured), choice.left_out, fitted.spread, choice.refused, prior,
    )  # fmt: skip


def _name(block: tuple[str, ...], common: str) -> str:
    """Return what a coefficient is called: its part, or the common one."""
    first, *more = block
    return common if more else first


def _loss(made: Calibration) -> float:
    """Return the sum of squared log errors on the rows."""
    sides = [s for s in (made.energy, made.latency) if s is not None]
    return float(sum(np.square(np.log(s.predicted / s.measured)).sum() for s in sides))
