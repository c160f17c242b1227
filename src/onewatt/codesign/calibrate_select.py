"""Which coefficients measured rows support: counts, collinearity and networks left out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from onewatt.codesign.calibrate_fit import (
    Fitted,
    Floats,
    fit_log,
    fit_prior,
    spearman,
    uncertainty,
    unmoved,
)
from onewatt.codesign.calibrate_terms import COMPUTE, Blocks, Design
from onewatt.errors import InputError, unknown

#: Beyond this condition number of the scaled terms, columns count as collinear (D. A. Belsley,
#: E. Kuh, R. E. Welsch, *Regression Diagnostics*, 1980: harm begins between 30 and 100).
MOST_CONDITION = 100.0
MOST_COEFFICIENTS = 6
#: The largest standard error of a coefficient's logarithm: beyond, the rows do not know it.
MOST_LOG_ERROR = 1.0
#: Parts beside the common coefficient of which all sets are tried.
_LISTED = 3
#: A coefficient has to lower the error on left-out networks to this share of what it was.
_WORTH = 0.9
#: And a set with a coefficient at zero, which few parts cost, by this much more.
_ZERO = 0.5
#: Errors below this are rounding.
_EXACT = 1e-3
#: The least spread of a prior.
_LEAST_SPREAD = 0.05
#: The least spread of the ratio of two parts: what is known of one says little of another.
_LEAST_RATIO = 0.3
#: The spread of a coefficient that has a prior but no band.
_NO_BAND = 0.25


class Errors(NamedTuple):
    """How predictions differ from what was measured; shares, not percent."""

    rows: int
    mape: float | None
    median_ape: float | None
    spearman: float | None


class Choice(NamedTuple):
    """A supported set of coefficients, fitted, with its errors and why others are left out.

    `held_out` are the predictions of each row by the fit without its network; `chosen` says that
    the set was picked by `left_out`, not asked for.
    """

    blocks: Blocks
    fitted: Fitted
    predicted: Floats
    held_out: Floats | None
    fit: Errors
    left_out: Errors | None
    refused: tuple[tuple[str, str], ...]
    chosen: bool


class Rows(NamedTuple):
    """Measured values and the network of each."""

    measured: Floats
    networks: tuple[str, ...]

    @property
    def folds(self) -> list[list[int]]:
        """The rows of each network."""
        names = dict.fromkeys(self.networks)
        return [[i for i, n in enumerate(self.networks) if n == name] for name in names]


def errors(predicted: Floats, measured: Floats) -> Errors:
    """Return the mean and median of ``|predicted - measured| / measured``, and the rank order."""
    if not len(measured):
        return Errors(0, None, None, None)
    share = np.abs(predicted / measured - 1)
    return Errors(
        len(measured), float(share.mean()), float(np.median(share)), spearman(predicted, measured)
    )


def select(design: Design, rows: Rows, *, common: str, asked: Sequence[str] | None = None,
           prior: bool = False) -> Choice:  # fmt: skip
    """Fit the coefficients that the rows support, or those that are asked for.

    Parameters
    ----------
    design : Design
        The terms of the rows.
    rows : Rows
        What was measured.
    common : str
        Name of the coefficient of all parts without one of their own.
    asked : sequence of str or None
        Parts that get a coefficient of their own beside the common one; None to choose.
    prior : bool
        Whether the chip's own values and bands count as prior knowledge.

    Raises
    ------
    InputError
        If the rows do not support the coefficients; says which, and what rows would help.
    """
    _check_varies(design, rows, common)
    trial = _Trial(design, rows, common, prior)
    if asked is not None:
        blocks = trial.named(asked)
        problem = trial.problem(blocks) or trial.undecided(blocks)
        if problem:
            raise InputError(problem)
        return trial.choice(blocks, (), chosen=False)
    blocks = trial.start()
    problem = trial.problem(blocks)
    if problem:
        raise InputError(problem)
    return trial.grow(blocks)


def _check_varies(design: Design, rows: Rows, common: str) -> None:
    """Refuse equal values for networks that differ."""
    if len(set(rows.networks)) < 2 or float(np.ptp(rows.measured)) > 0:
        return
    shape = design.model((tuple(design.relative),))(np.ones(1))[0]
    ratio = float(shape.max() / shape.min())
    if ratio > 1.5:
        what = "latencies" if common == "clock" else "energies"
        raise InputError(
            f"all {len(rows.measured)} {what} are {rows.measured[0]:g}, while the work of the "
            f"networks differs by a factor {ratio:.3g}: nothing in the table varies that a "
            "coefficient could follow; expected what each network was measured at"
        )


class _Trial:
    """Fits of sets of coefficients, each tried once."""

    def __init__(self, design: Design, rows: Rows, common: str, prior: bool) -> None:
        self.design, self.rows, self.common, self.prior = design, rows, common, prior
        self.known: dict[Blocks, tuple[float, Floats | None]] = {}
        self.whole: dict[Blocks, tuple[Floats, float | None]] = {}

    def start(self) -> Blocks:
        """Return one coefficient for everything that the chip states."""
        return (tuple(p for p in self.design.parts if p in self.design.relative),)

    def split(self, blocks: Blocks, part: str) -> Blocks:
        """Return blocks with a part on its own; the first block holds what is left."""
        rest = tuple(p for p in blocks[0] if p != part)
        return (rest, *blocks[1:], (part,))

    def named(self, asked: Sequence[str]) -> Blocks:
        """Return the blocks that are asked for by name."""
        blocks = self.start()
        for name in asked:
            if name == self.common:
                continue
            if name not in self.design.parts:
                names = [self.common, *self.design.parts]
                raise InputError(unknown("coefficient", name, names))
            if (name,) not in blocks[1:]:
                blocks = self.split(blocks, name)
        return blocks if blocks[0] else blocks[1:]

    def label(self, block: tuple[str, ...]) -> str:
        """Return what a block is called."""
        return block[0] if len(block) == 1 else self.common

    def spreads(self, blocks: Blocks) -> Floats:
        """Return the spreads of the prior: of the first block, and of the others' ratio to it."""
        each = [[self.design.spreads.get(p, _NO_BAND) for p in b] for b in blocks]
        own = [max(float(np.median(e)), _LEAST_SPREAD) for e in each]
        apart = [max(float(np.sqrt(max(s**2 - own[0] ** 2, 0.0))), _LEAST_RATIO) for s in own[1:]]
        return np.array([own[0], *apart])

    def fit(self, blocks: Blocks, rows: list[int] | None = None) -> tuple[Floats, float | None]:
        """Return the coefficients of some rows, and the spread of errors where a prior sets it."""
        if rows is None and blocks in self.whole:
            return self.whole[blocks]
        measured = self.rows.measured if rows is None else self.rows.measured[rows]
        model = self.design.model(blocks, rows)
        if self.prior:
            found = fit_prior(model, measured, self.spreads(blocks))
        else:
            near = self.fit(blocks)[0] if rows is not None else None
            found = unmoved(model, fit_log(model, measured, len(blocks), near)), None
        if rows is None:
            self.whole[blocks] = found
        return found

    def problem(self, blocks: Blocks) -> str:
        """Return why the rows do not support a set of coefficients, or an empty string."""
        if not blocks or not all(blocks):
            return "no part of the chip has a coefficient; ask for at least one"
        flat = self._flat(blocks)
        if flat:
            return flat
        if self.prior:
            return ""
        return self._too_few(blocks) or self._collinear(blocks) or self._unknown(blocks)

    def _flat(self, blocks: Blocks) -> str:
        for block in blocks:
            if not self.design.model((block,))(np.ones(1))[0].any():
                return f"coefficient {self.label(block)!r}: no row has any of it"
        return ""

    def _too_few(self, blocks: Blocks) -> str:
        k, folds, n = len(blocks), self.rows.folds, len(self.rows.measured)
        names = ", ".join(self.label(b) for b in blocks)
        many = f"{k} coefficients ({names}) need" if k > 1 else f"1 coefficient ({names}) needs"
        has = f"the table has {_many(n, 'measured row')} of {_many(len(folds), 'network')}"
        if len(folds) < max(k, 2):
            return (
                f"{has}; {many} at least {max(k, 2)} networks, so that one can be left out; "
                f"add rows of {max(k, 2) - len(folds)} more with another mix of layers, fit fewer "
                "coefficients, or use a prior"
            )
        left = n - max(map(len, folds))
        if left < k + 1:
            return (
                f"{has}; {many} at least {k + 1} rows when any one network is left out, and "
                f"{left} would be left; add {k + 1 - left} or more, best of other networks, fit "
                "fewer coefficients, or use a prior"
            )
        return ""

    def _collinear(self, blocks: Blocks) -> str:
        if len(blocks) < 2:
            return ""
        x, _ = self.fit(blocks)
        predicted, slopes = self.design.model(blocks)(x)
        live = np.flatnonzero(slopes.any(0))
        if len(live) < 2:
            return ""
        blocks, slopes = tuple(blocks[i] for i in live), slopes[:, live]
        relative = slopes / predicted[:, None]
        size = np.sqrt(np.square(relative).sum(0))
        _, found, turned = np.linalg.svd(relative / size)
        condition = float(found[0] / found[-1]) if found[-1] > 0 else float("inf")
        if condition <= MOST_CONDITION:
            return ""
        pair = np.argsort(-np.abs(turned[-1]))[:2]
        one, other = (self.label(blocks[int(i)]) for i in sorted(pair))
        a, b = (slopes[:, int(i)] for i in sorted(pair))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = a / b
            spread = float(np.nanmax(ratio) / np.nanmin(ratio))
        return (
            f"coefficients {one!r} and {other!r} are collinear: their ratio differs by a factor "
            f"{spread:.3g} at most over the rows, and the condition number is {condition:.3g} (at "
            f"most {MOST_CONDITION:g}); add networks or batches with much more of the one and less "
            "of the other, or fit one of them"
        )

    def _unknown(self, blocks: Blocks) -> str:
        x, _ = self.fit(blocks)
        for value, block in zip(x, blocks, strict=True):
            if value <= 0 and COMPUTE in block:
                return f"coefficient {self.label(block)!r}: the rows leave no time for computing"
        if len(blocks) < 2:
            return ""
        found = uncertainty(self.design.model(blocks), self.rows.measured, x)
        live = np.where(np.isfinite(found.log_error), found.log_error, 0.0)
        worst = int(live.argmax())
        if live[worst] <= MOST_LOG_ERROR:
            return ""
        return (
            f"coefficient {self.label(blocks[worst])!r}: the rows know it only within a factor "
            f"{np.exp(min(live[worst], 50.0)):.3g} either way; add networks in which it weighs "
            "more, or leave it out"
        )

    def undecided(self, blocks: Blocks) -> str:
        """Return which coefficient no row depends on, or an empty string."""
        slopes = self.design.model(blocks)(self.fit(blocks)[0])[1]
        for i in np.flatnonzero(~slopes.any(0)):
            return (
                f"coefficient {self.label(blocks[i])!r} decides no row: another part is always "
                "slower; add networks that it holds up, or leave it out"
            )
        return ""

    def score(self, blocks: Blocks) -> tuple[float, Floats | None]:
        """Return the root mean square of log errors on networks left out, and the predictions."""
        if blocks not in self.known:
            self.known[blocks] = self._score(blocks)
        return self.known[blocks]

    def _score(self, blocks: Blocks) -> tuple[float, Floats | None]:
        folds, n = self.rows.folds, len(self.rows.measured)
        if len(folds) < 2 or not blocks[0]:
            return float("inf"), None
        held = np.zeros(n)
        for fold in folds:
            x, _ = self.fit(blocks, [i for i in range(n) if i not in fold])
            held[fold] = self.design.model(blocks, fold)(x)[0]
        if not (held > 0).all():
            return float("inf"), held
        return float(np.sqrt(np.square(np.log(held / self.rows.measured)).mean())), held

    def grow(self, blocks: Blocks) -> Choice:
        """Return the set of coefficients that serves left-out networks best, for its size.

        All sets of up to `_LISTED` parts beside the common coefficient are tried, then one more at
        a time; each coefficient more has to be worth it.
        """
        start = blocks
        for many in range(1, _LISTED + 1):
            sets = itertools.combinations(self._candidates(start), many)
            blocks = self._better(blocks, [self._with(start, parts) for parts in sets])
        while len(blocks) < MOST_COEFFICIENTS:
            more = self._better(
                blocks, [self.split(blocks, p) for p in self._candidates(blocks)]
            )  # fmt: skip
            if more == blocks:
                break
            blocks = more
        refused = tuple((p, self._refusal(blocks, p)) for p in self._candidates(blocks))
        return self.choice(blocks, refused, chosen=True)

    def _with(self, blocks: Blocks, parts: Sequence[str]) -> Blocks:
        for part in parts:
            blocks = self.split(blocks, part)
        return blocks

    def _better(self, blocks: Blocks, sets: list[Blocks]) -> Blocks:
        """Return the best of some sets if it is worth its coefficients, else the one before."""
        now = self.score(blocks)[0]
        if now <= _EXACT:
            return blocks
        fit = [(i, self.score(s)[0]) for i, s in enumerate(sets) if not self.problem(s)]
        scored = [(score / (_ZERO if self._has_zero(sets[i]) else 1.0), i) for i, score in fit]
        if not scored:
            return blocks
        score, best = min(scored)
        more = len(sets[best]) - len(blocks)
        return sets[best] if score < _WORTH**more * now else blocks

    def _has_zero(self, blocks: Blocks) -> bool:
        return bool((self.fit(blocks)[0] <= 0).any())

    def _refusal(self, blocks: Blocks, part: str) -> str:
        """Return why a part has no coefficient of its own beside those chosen."""
        tried = self.split(blocks, part)
        if not tried[0]:
            return f"it is all that {self.common!r} has left"
        problem = self.problem(tried)
        if problem:
            return problem
        now, score = self.score(blocks)[0], self.score(tried)[0]
        if not np.isfinite(now):
            return "with one network, nothing says whether it helps on others"
        return (
            f"it changes the error on left-out networks from {100 * now:.3g} % to "
            f"{100 * score:.3g} %, which is not worth a coefficient"
        )

    def _candidates(self, blocks: Blocks) -> list[str]:
        known = {p for b in blocks[1:] for p in b}
        free = [p for p in self.design.apart if p not in known]
        if self.prior:
            free = [p for p in free if p in self.design.relative]
        return free if len(self.design.relative) > 1 else [p for p in free if p not in blocks[0]]

    def choice(
        self, blocks: Blocks, refused: tuple[tuple[str, str], ...], *, chosen: bool
    ) -> Choice:
        """Return a set of coefficients with everything that is reported of it."""
        x, spread = self.fit(blocks)
        model, measured = self.design.model(blocks), self.rows.measured
        fitted = uncertainty(
            model, measured, x, prior=self.spreads(blocks) if self.prior else None, spread=spread
        )
        predicted = model(x)[0]
        held = self.score(blocks)[1]
        return Choice(
            blocks, fitted, predicted, held, errors(predicted, measured),
            errors(held, measured) if held is not None else None, refused, chosen,
        )  # fmt: skip


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
