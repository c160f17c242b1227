"""Strategies on Optuna: they learn from what was tried where to try next."""

# Optuna's types are complete, but it may not be installed.
# pyright: reportMissingImports=false

from __future__ import annotations

import math
import random
from typing import Any

from onewatt.codesign.knobs import is_ordered
from onewatt.codesign.strategies.base import Asking, Proposals, Tried
from onewatt.codesign.strategies.plain import EVALUATIONS, at_least
from onewatt.codesign.study import point_of
from onewatt.errors import MissingDependency
from onewatt.spec.study import Knob
from onewatt.spec.types import Noun

Places = tuple[int, ...]


class Evolve(Noun, tag_field="strategy", tag="evolve"):
    """NSGA-II: a population that is crossed, mutated and sorted by dominance; limits first.

    Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective genetic algorithm:
    NSGA-II", IEEE TEVC 6(2), 2002, as Optuna implements it.
    """

    population: int = 24
    crossover: float = 0.9
    swap: float = 0.5

    def __post_init__(self) -> None:
        """Refuse populations that cannot be crossed."""
        at_least(2, population=self.population)

    def evaluations(self, points: int) -> int:
        """Return a hundred, or all there are."""
        return min(points, EVALUATIONS)

    def proposals(self, asking: Asking) -> Proposals:
        """Yield one population after the other."""
        optuna = _optuna()
        sampler = optuna.samplers.NSGAIISampler(
            population_size=self.population, crossover_prob=self.crossover,
            swapping_prob=self.swap, seed=asking.seed,
        )  # fmt: skip
        yield from _asked(optuna, sampler, asking, self.population)


class Tpe(Noun, tag_field="strategy", tag="tpe"):
    """Multi-objective tree-structured Parzen estimator: tries where good points were dense.

    Ozaki, Tanigaki, Watanabe, Nomura and Onishi, "Multiobjective tree-structured Parzen estimator",
    JAIR 73, 2022, as Optuna implements it.
    """

    generation: int = 8
    startup: int = 16

    def __post_init__(self) -> None:
        """Refuse empty generations."""
        at_least(1, generation=self.generation, startup=self.startup)

    def evaluations(self, points: int) -> int:
        """Return a hundred, or all there are."""
        return min(points, EVALUATIONS)

    def proposals(self, asking: Asking) -> Proposals:
        """Yield generations; within one, what is asked counts as bad, so that it spreads out.

        The estimator does not remember what it has tried: a proposal that is known already steps to
        a neighbour until it is new.
        """
        optuna = _optuna()
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=self.startup, seed=asking.seed, constant_liar=True
        )
        yield from _asked(optuna, sampler, asking, self.generation, stray=True)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingDependency(
            "strategies evolve and tpe need Optuna; install it with pip install "
            "'onewatt[explore]', or use grid, random or coordinate_descent"
        ) from error
    return optuna


def _asked(
    optuna: Any, sampler: Any, asking: Asking, generation: int, *, stray: bool = False
) -> Proposals:
    """Yield generations of a sampler, told in the order in which they were asked.

    With `stray`, a trial at a point that was proposed before gives way to one at an untried
    neighbour.
    """
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.WARNING))
    try:
        study = optuna.create_study(directions=["minimize"] * asking.objectives, sampler=sampler)
        names = [f"{i} {k.path}" for i, k in enumerate(asking.space)]
        spread = {n: _distribution(optuna, k) for n, k in zip(names, asking.space, strict=True)}
        walk = _Walk(asking) if stray else None

        def ask() -> tuple[Any, Places]:
            trial = study.ask(spread)
            places = tuple(int(trial.params[n]) for n in names)
            new = places if walk is None else walk.from_(places)
            if new == places:
                return trial, places
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(dict(zip(names, new, strict=True)))
            return study.ask(spread), new

        while True:
            asked = [ask() for _ in range(generation)]
            trials = [trial for trial, _ in asked]
            told = yield [point_of(asking.space, places) for _, places in asked]
            for trial, tried in zip(trials, told, strict=True):
                _tell(optuna, study, trial, tried)
    finally:
        optuna.logging.set_verbosity(before)


class _Walk:
    """Steps from points that were proposed before to neighbours that were not."""

    def __init__(self, asking: Asking) -> None:
        self._sizes = tuple(len(k.choices) for k in asking.space)
        self._seen: set[Places] = set()
        self._chance = random.Random(asking.seed)

    def from_(self, places: Places) -> Places:
        """Return the places themselves if they are new, else new ones not far away."""
        able = [i for i, n in enumerate(self._sizes) if n > 1]
        if able and len(self._seen) < math.prod(self._sizes):
            while places in self._seen:
                knob = self._chance.choice(able)
                place = self._chance.randrange(self._sizes[knob])
                places = (*places[:knob], place, *places[knob + 1 :])
        self._seen.add(places)
        return places


def _distribution(optuna: Any, knob: Knob) -> Any:
    last = len(knob.choices) - 1
    if is_ordered(knob):
        return optuna.distributions.IntDistribution(0, last)
    return optuna.distributions.CategoricalDistribution(tuple(range(last + 1)))


def _tell(optuna: Any, study: Any, trial: Any, tried: Tried) -> None:
    if tried.values is None:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return
    for i, miss in enumerate(tried.misses):
        trial.set_constraint(f"limit {i}", miss)
    study.tell(trial, list(tried.values))
