"""Gemmini: cycles of RTL (FireSim) on six configurations, each predicted from the other five."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import dosa
import numpy as np
import reference
from wording import paragraphs, percent, table, verdict

import onewatt as ow
from onewatt.codesign.calibrate_fit import Floats, Model, fit_log, spearman
from onewatt.model.dma_latency import TERMS, Coefficients, TileWork, shown, tile_cycles, tile_work

#: Shares of the shorter side that are tried.
EXPOSED = np.arange(0.0, 1.0001, 0.05)


class Rows(NamedTuple):
    """The rows of DOSA's test on hardware: our terms, the cycles of RTL and those of Timeloop."""

    works: tuple[TileWork, ...]
    measured: Floats
    timeloop: Floats
    configurations: tuple[str, ...]


@cache
def rows() -> Rows:
    """Return the 102 rows."""
    given = dosa.other_rows(reference.folder("dosa").parent)
    works: list[TileWork] = []
    for row in given:
        einsum, chip = dosa.layer(row), dosa.chip(row)
        mapping = ow.read_mapping_string(row["mapping.mapping"], einsum, chip)
        works.append(tile_work(einsum, chip, mapping))
    return Rows(
        tuple(works), np.array([float(r["target.gemmini_cycle"]) for r in given]),
        np.array([float(r["target.cycle"]) for r in given]),
        tuple(r["config.id"] for r in given),
    )  # fmt: skip


def model(works: list[TileWork], exposed: float) -> Model:
    """Return the predictions of rows as a function of the cycles of the terms."""
    computing = np.array([w.computing for w in works])
    moving = np.array([w.moving for w in works])
    part = np.array([shown(w, exposed) for w in works])[:, None]

    def predict(x: Floats) -> tuple[Floats, Floats]:
        longer = (computing @ x >= moving @ x)[:, None]
        slopes = np.where(longer, computing + part * moving, moving + part * computing)
        return slopes @ x, slopes

    return predict


def fit(works: list[TileWork], measured: Floats) -> Coefficients:
    """Return the coefficients, none negative, that fit the logarithms of cycles best."""
    found: list[tuple[float, Coefficients]] = []
    for exposed in EXPOSED:
        predict = model(works, float(exposed))
        x = fit_log(predict, measured, len(TERMS))
        loss = float(np.square(np.log(predict(x)[0] / measured)).sum())
        found.append((loss, Coefficients(tuple(map(float, x)), float(exposed))))
    return min(found)[1]


@cache
def left_out() -> tuple[Floats, Floats, dict[str, Coefficients]]:
    """Return predictions and Timeloop times one constant, each without the row's configuration."""
    given = rows()
    names = np.array(given.configurations)
    ours, constant = np.zeros(len(names)), np.zeros(len(names))
    fitted: dict[str, Coefficients] = {}
    for name in sorted(set(given.configurations)):
        rest, held = np.flatnonzero(names != name), np.flatnonzero(names == name)
        fitted[name] = fit([given.works[i] for i in rest], given.measured[rest])
        ours[held] = [tile_cycles(given.works[i], fitted[name]) for i in held]
        factor = best_constant(given.timeloop[rest], given.measured[rest])
        constant[held] = factor * given.timeloop[held]
    return ours, constant, fitted


def best_constant(model_cycles: Floats, measured: Floats) -> float:
    """Return the factor with the least mean error: a weighted median of the ratios."""
    ratio, weight = measured / model_cycles, model_cycles / measured
    order = np.argsort(ratio)
    total = np.cumsum(weight[order])
    return float(ratio[order][np.searchsorted(total, total[-1] / 2)])


def section() -> str:
    """Return the section of Gemmini."""
    given = rows()
    ours, constant, fitted = left_out()
    whole = fit(list(given.works), given.measured)
    shares = [np.abs(p / given.measured - 1) for p in (given.timeloop, constant, ours)]
    lines: list[list[str]] = []
    names = np.array(given.configurations)
    better = True
    for name in fitted:
        held = names == name
        means = [float(s[held].mean()) for s in shares]
        better &= means[2] < means[1]
        lines.append([name, str(int(held.sum())), *(_share(m) for m in means)])
    lines.append(["all", str(len(names)), *(_share(float(s.mean())) for s in shares)])
    mean, rank = float(shares[2].mean()), spearman(ours, given.measured)
    assert rank is not None
    terms = [[t, f"{c:.3g}", *(f"{f.cycles[i]:.3g}" for f in fitted.values())]
             for i, (t, c) in enumerate(zip(TERMS, whole.cycles, strict=True))]  # fmt: skip
    terms.append(["exposed", f"{whole.exposed:.2f}",
                  *(f"{f.exposed:.2f}" for f in fitted.values())])  # fmt: skip
    worst = np.argsort(-np.abs(np.log(ours / given.measured)))[:4]
    missed = ", ".join(
        f"{percent(float(ours[i] / given.measured[i] - 1))} (configuration "
        f"{given.configurations[i]})"
        for i in worst
    )
    return paragraphs(
        "## Gemmini: cycles of RTL on six configurations (dosa23)",
        "102 mappings on arrays of 16 x 16 PEs, simulated on FireSim. `onewatt.model.dma_latency` "
        "counts what a mapping asks of the array and of the DMA engine and prices it with eight "
        "coefficients, none negative and the same for every configuration: cycles a row in the "
        "array, to fill it for each piece of work (*array fill*), for each beat of inputs, weights "
        "and outputs (*burst*), for bursts shorter than a beat (*DMA latency*), and the share of "
        "the shorter side that stays visible although buffers have two halves (*exposed*).",
        "Mean error; each configuration is predicted by coefficients, and by a constant, that were "
        "fitted to the other five. The coefficients are honest about that; the list of terms is "
        "not: it was drawn up looking at all the rows, and some sixty others were tried. A latency "
        "for each tile was fitted to zero; another share for tiles that leave no room for a second "
        "half came out smaller than for those that do, which no machine does. Both are left out. "
        "The 1,567 rows of the training file, of another design, are not used.",
        table(["configuration", "rows", "Timeloop", "times a constant", "ours"], lines),
        f"Median error {_share(float(np.median(shares[2])))}, rank correlation {rank:.4f} "
        f"(Timeloop: {spearman(given.timeloop, given.measured):.3f}).",
        f"Targets: below 18 %: **{verdict(mean < 0.18)}**; below 15 % and 0.98: "
        f"**{verdict(mean < 0.15 and rank >= 0.98)}**; better than the constant on every "
        f"configuration: **{verdict(better)}**.",
        "The coefficients from all rows, and without each configuration [cycles]; a row of 16 "
        "words in the array takes 16 * 0.64 + 4.7 = 15 of them:",
        table(["term", "all", *(f"without {n}" for n in fitted)], terms),
        f"Missed most: {missed}. The first computes on lines of 4 positions with tiles larger than "
        "half the buffer; the model has no term for the two together.",
    )


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
