"""A strategy of one's own: coordinate descent that carries the whole front along."""

from __future__ import annotations

from dataclasses import dataclass

from onewatt.codesign.front import pareto
from onewatt.codesign.strategies.base import Asking, Proposals, Tried
from onewatt.codesign.study import point_of


@dataclass(frozen=True)
class FrontDescent:
    """All values of one knob for every point of the front so far, then the next knob.

    Coordinate descent keeps one point and an aim; here what nothing beats stays, whatever it is
    good for.  Where knobs hardly interact, such as those of a network and of a chip, one line
    serves all points of the front.  It starts from a point that one has, and ends when a round over
    all knobs brought nothing new.

    Attributes
    ----------
    start : tuple of tuple of str
        A value by the name of its knob; the first value for the others.
    order : tuple of str
        Knobs in the order in which they are turned; the others follow in that of the study.
    """

    start: tuple[tuple[str, str], ...]
    order: tuple[str, ...] = ()

    def evaluations(self, points: int) -> int:
        """Return a hundred, or all there are."""
        return min(points, 100)

    def proposals(self, asking: Asking) -> Proposals:
        """Yield lines through the front; seeds decide nothing."""
        space, given = asking.space, dict(self.start)
        names = [k.path for k in space]
        turned = [names.index(n) for n in (*self.order, *(n for n in names if n not in self.order))]
        first = tuple(k.choices.index(given.get(k.path, k.choices[0])) for k in space)
        known = {first: (yield [point_of(space, first)])[0]}
        while True:
            before = len(known)
            for knob in turned:
                places = range(len(space[knob].choices))
                new = dict.fromkeys(
                    line
                    for at in _front(known)
                    for i in places
                    if (line := (*at[:knob], i, *at[knob + 1 :])) not in known
                )
                if new:
                    told = yield [point_of(space, p) for p in new]
                    known |= dict(zip(new, told, strict=True))
            if len(known) == before:
                return


def _front(known: dict[tuple[int, ...], Tried]) -> list[tuple[int, ...]]:
    """Return the places that nothing beats; what misses a limit only where nothing keeps them."""
    able = {p: t.values for p, t in known.items() if t.values is not None}
    kept = {p: v for p, v in able.items() if not known[p].excess} or able
    places = list(kept)
    best = [places[i] for i in pareto(list(kept.values()))]
    return best or list(known)
