"""Timeloop's constraints and mapping directives: one grammar of targets, types and loops."""

# PyYAML carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import Literal, NamedTuple, NoReturn

import yaml

from onewatt.errors import unknown
from onewatt.importers.timeloop.loops import Factor, factors, permutation
from onewatt.importers.timeloop.source import Fields, Source, empty
from onewatt.spec.architecture import Architecture, Container, Dataflow, Limit, Memory

Kind = Literal["temporal", "spatial"]

_TYPES = ("temporal", "spatial", "dataspace", "datatype", "bypass")
_LOOPS = ("target", "type", "factors", "permutation")
_KEPT = ("target", "type", "keep", "bypass")
_UNMODELLED_LOOPS = {
    "no_reuse": "every memory reuses what it keeps",
    "no_link_transfer": "neighbours pass nothing on in Timeloop's reading here",
    "rmw_first_update": "the first sum of an output is never read",
    "remainders": "state the remainders of a mapping in its factors, as P14,13",
    "default_max_factor": "state factors by rank",
    "default_min_factor": "state factors by rank",
}
_UNMODELLED_KEPT = {"no_coalesce": "partial sums are always added up"}
_UNMODELLED_GROUP = {"max_overbooked_proportion": "tiles always fit"}


class Directive(NamedTuple):
    """Loops at a place: factors, permutation (innermost first) and how many of it are on X."""

    node: yaml.Node
    factors: tuple[Factor, ...]
    permutation: tuple[str, ...]
    split: int | None = None


class Directives:
    """What constraints or a mapping say, by target."""

    def __init__(self, sizes: dict[str, int], names: dict[str, str]) -> None:
        self.source: Source | None = None
        self.sizes, self.ranks, self.names = sizes, list(sizes), names
        self.loops: dict[tuple[str, Kind], Directive] = {}
        self.kept: dict[str, dict[str, bool]] = {}
        self.places: dict[str, yaml.Node] = {}
        self.homes: dict[int, Source] = {}

    @property
    def name(self) -> str:
        """The file they come from."""
        return self.source.name if self.source else "<none>"

    def held(self, target: str) -> dict[str, bool]:
        """Return for each tensor that a place must keep or bypass whether it keeps it."""
        return self.kept.get(target, {})

    def fail(self, node: yaml.Node, message: str) -> NoReturn:
        """Refuse a node, naming its place."""
        self.homes[id(node)].fail(node, message)

    def read_list(self, source: Source, node: yaml.Node, what: str) -> None:
        """Read a list of directives, each with its target and type."""
        self.source = source
        for entry in source.items(node, what):
            if not isinstance(entry, yaml.MappingNode):
                source.fail(entry, f"found no mapping in {what}; expected one with 'target'")
            head = {k.value: v for k, v in source.reader.pairs(entry)}
            kind = source.choice(source.needed(entry, head, "type", what), "type", _TYPES)
            target = source.name_of(source.needed(entry, head, "target", what), "target")
            self.read(source, entry, target, kind)

    def read_group(self, source: Source, node: yaml.Node, target: str) -> None:
        """Read the constraints that a node of the architecture carries."""
        self.source = source
        declared = ("temporal", "spatial", "dataspace")
        for kind, entry in source.fields(
            node, f"constraints of {target!r}", declared, _UNMODELLED_GROUP
        ).items():
            self.read(source, entry, target, kind)

    def read(self, source: Source, node: yaml.Node, target: str, kind: str) -> None:
        """Read one directive."""
        self.places.setdefault(target, node)
        self.homes[id(node)] = source
        if kind == "temporal" or kind == "spatial":
            self._read_loops(source, node, target, kind)
            return
        fields = source.fields(node, "dataspace directive", _KEPT, _UNMODELLED_KEPT)
        for key, keeps in (("keep", True), ("bypass", False)):
            for space in source.words(fields.get(key), key):
                if space not in self.names:
                    source.fail(fields[key], unknown("data space", space, self.names))
                held = self.kept.setdefault(target, {})
                if held.setdefault(self.names[space], keeps) is not keeps:
                    source.fail(node, f"{space!r} is kept and bypassed at {target!r}")

    def _read_loops(self, source: Source, node: yaml.Node, target: str, kind: Kind) -> None:
        declared = (*_LOOPS, "split") if kind == "spatial" else _LOOPS
        fields = source.fields(node, f"{kind} directive", declared, _UNMODELLED_LOOPS)
        if (target, kind) in self.loops:
            source.fail(node, f"found two {kind} directives for {target!r}; expected one")
        self.loops[target, kind] = Directive(
            node,
            tuple(factors(source, fields.get("factors"), self.ranks)),
            tuple(permutation(source, fields.get("permutation"), self.ranks)),
            _split(source, fields),
        )


def _split(source: Source, fields: Fields) -> int | None:
    if "split" not in fields or empty(fields["split"]):
        return None
    return source.whole(fields["split"], "split", least=0)


def place_of(architecture: Architecture, target: str) -> str | None:
    """Return the node of a chip that Timeloop means; its front end renames arrays."""
    for node in architecture.nodes:
        names = (node.name, f"inter_{node.name}_spatial")
        if target == node.name or (isinstance(node, Container) and target in names):
            return node.name
    return None


def check_targets(architecture: Architecture, directives: Directives) -> None:
    """Refuse directives for nodes the chip does not have, or that cannot obey them."""
    arrays = {n.name for n in architecture.nodes if isinstance(n, Container)}
    memories = {m.name for m in architecture.memories}
    for target, node in directives.places.items():
        place = place_of(architecture, target)
        if place is None or place not in arrays | memories:
            directives.fail(node, unknown("target", target, [*memories, *arrays]))
    for (target, kind), directive in directives.loops.items():
        if kind == "spatial" and place_of(architecture, target) not in arrays:
            directives.fail(
                directive.node,
                f"{target!r} is no array; expected one: "
                f"{', '.join(sorted(arrays)) or 'the chip has none'}",
            )
    for target, held in directives.kept.items():
        if place_of(architecture, target) in arrays and any(held.values()):
            directives.fail(directives.places[target], f"array {target!r} cannot keep data")


def dataflow_of(architecture: Architecture, directives: Directives) -> Dataflow:
    """Return constraints as limits on loops; what is no such limit is refused.

    A factor of 1 forbids a rank, a full permutation orders the loops.  A factor above 1, a bound
    and a permutation of some ranks only are not limits of a dataflow.

    Raises
    ------
    InputError
        With file:line:column.
    """
    check_targets(architecture, directives)
    limits: list[Limit] = []
    for (target, kind), directive in directives.loops.items():
        place = place_of(architecture, target)
        node = next(n for n in architecture.nodes if n.name == place)
        free = _free(directives, directive)
        if kind == "temporal":
            if not isinstance(node, Container):
                limits.append(_limit(directives, directive, str(place), free))
            elif free:
                _no_limit(directives, directive, f"loops over time at array {target!r}")
        elif isinstance(node, Container):
            limits += _on_axes(directive, node, free)
    for run in _runs(architecture):
        limits = _joined(directives, limits, run)
    return Dataflow(name="timeloop", limits=tuple(limits), source="Timeloop v4")


def _runs(architecture: Architecture) -> list[list[str]]:
    """Return memories in a row that keep different tensors: one place for loops of our mapper."""
    runs: list[list[Memory]] = [[]]
    for node in architecture.nodes:
        if not isinstance(node, Memory) or node.may_keep:
            runs.append([])
        elif {t for m in runs[-1] for t in m.keeps} & {*node.keeps}:
            runs.append([node])
        else:
            runs[-1].append(node)
    return [[m.name for m in run] for run in runs if len(run) > 1]


def _joined(directives: Directives, limits: list[Limit], run: list[str]) -> list[Limit]:
    """Put the limits of memories in a row on the innermost: loops of each, outermost first.

    Where all of them may loop over the same ranks in any order, so may the one place.  Otherwise
    each rank must be at one of them, in a stated order.
    """
    every = tuple(r for r, size in directives.sizes.items() if size > 1)
    stated = {n.where: n for n in limits if n.where in run}
    mine = [stated.get(name, Limit(where=name, ranks=every)) for name in run]
    mine = [n for n in mine if n.ranks]
    others = [n for n in limits if n.where not in run]
    ranks = tuple(dict.fromkeys(r for n in mine for r in n.ranks or ()))
    if all(set(n.ranks or ()) == set(ranks) and not n.order[1:] for n in mine):
        return [*others, Limit(where=run[-1], ranks=ranks)]
    order = [r for n in mine for r in n.order or n.ranks or ()]
    if len(set(order)) != len(order) or any(not n.order and len(n.ranks or ()) > 1 for n in mine):
        directives.fail(
            directives.places[next(n for n in run if n in stated)],
            f"loops at {', '.join(run)}: not modelled by onewatt as a limit for its mapper, which "
            "has one place for them; order them all, each rank at one of them, or give a mapping",
        )
    return [*others, Limit(where=run[-1], ranks=ranks, order=tuple(order))]


def _no_limit(directives: Directives, directive: Directive, what: str) -> NoReturn:
    directives.fail(
        directive.node,
        f"{what}: not modelled by onewatt as a limit for its mapper; give a mapping with it",
    )


def _free(directives: Directives, directive: Directive) -> list[str]:
    """Return the ranks that may loop: those without factor, or with the rest of the rank."""
    fixed = {f.rank: f for f in directive.factors}
    for factor in fixed.values():
        if directives.sizes[factor.rank] > 1 and (factor.sign != "=" or factor.trips > 1):
            _no_limit(directives, directive, f"constraint {factor.rank}{factor.sign}{factor.trips}")
    return [
        r
        for r, size in directives.sizes.items()
        if size > 1 and (r not in fixed or fixed[r].trips == 0)
    ]


def _limit(directives: Directives, directive: Directive, place: str, free: list[str]) -> Limit:
    listed = [r for r in directive.permutation if r in free]
    if listed and set(listed) != set(free):
        _no_limit(directives, directive, f"a permutation of {', '.join(listed)} only")
    return Limit(where=place, ranks=tuple(free), order=tuple(reversed(listed)))


def _on_axes(directive: Directive, node: Container, free: list[str]) -> list[Limit]:
    """Return the limits of each axis: the first `split` ranks of a permutation are on X."""
    limits: list[Limit] = []
    for axis in node.fanout:
        ranks = free
        if directive.split is not None and directive.permutation:
            on_x = directive.permutation[: directive.split]
            ranks = [r for r in free if (r in on_x) is (axis_letter(node, axis.name) == "X")]
        limits.append(Limit(where=axis.name, ranks=tuple(ranks)))
    return limits


def axis_letter(node: Container, axis: str) -> str:
    """Return X or Y: by the names of an array's axes where they end so, else by their order."""
    names = [a.name for a in node.fanout]
    letters = [name[-1].upper() for name in names]
    if letters in (["X"], ["Y"], ["X", "Y"], ["Y", "X"]):
        return letters[names.index(axis)]
    return "XY"[names.index(axis)]
