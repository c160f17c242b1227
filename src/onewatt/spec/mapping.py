"""Mappings: in which order, where and from which memory an Einsum is computed."""

from __future__ import annotations

import re

from onewatt.errors import MappingError
from onewatt.spec.types import Noun


class Temporal(Noun, tag_field="kind", tag="temporal"):
    """A loop over time: cuts what it is given of a rank into tiles of `size`, one after another.

    The last tile may be smaller, so a size need not divide.
    """

    rank: str
    size: int


class Spatial(Noun, tag_field="kind", tag="spatial"):
    """A loop over space: cuts what it is given of a rank into tiles of `size`, one an instance.

    `axis` names an axis of the array.  The number of instances follows: ceil(given / size).
    """

    rank: str
    size: int
    axis: str


class Storage(Noun, tag_field="kind", tag="storage"):
    """A memory that holds the tile of some tensors that the loops inside it use."""

    memory: str
    tensors: tuple[str, ...]


Node = Temporal | Spatial | Storage

_NODE = re.compile(
    r"(?P<memory>[\w.\-]+)\s*\[(?P<tensors>[^\]]*)\]|(?P<rank>\w+)/(?P<size>\d+)(?:@(?P<axis>\w+))?"
)


class Mapping(Noun):
    """A loop nest, outermost node first; everything inside it is one point of compute."""

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        """Write the canonical text, such as ``DRAM[Inputs Outputs] P/14 P/1@X GLB[Inputs]``."""
        return " ".join(_text(n) for n in self.nodes)

    @classmethod
    def parse(cls, text: str) -> Mapping:
        """Read the canonical text: ``P/14`` loops over tiles of 14, ``P/1@X`` spreads them over X.

        Examples
        --------
        >>> str(Mapping.parse("DRAM[Inputs Outputs] P/4 P/1@X Spad[Inputs]"))
        'DRAM[Inputs Outputs] P/4 P/1@X Spad[Inputs]'
        """
        nodes: list[Node] = []
        position = 0
        while rest := text[position:].lstrip():
            position = len(text) - len(rest)
            match = _NODE.match(text, position)
            if match is None:
                raise MappingError(
                    f"found {rest.split()[0]!r} at position {position} of the mapping; expected "
                    "MEMORY[tensors], RANK/size or RANK/size@AXIS"
                )
            position = match.end()
            if match["memory"]:
                tensors = tuple(match["tensors"].split())
                nodes.append(Storage(memory=match["memory"], tensors=tensors))
            elif match["axis"]:
                nodes.append(
                    Spatial(rank=match["rank"], size=int(match["size"]), axis=match["axis"])
                )
            else:
                nodes.append(Temporal(rank=match["rank"], size=int(match["size"])))
        return cls(nodes=tuple(nodes))


def _text(node: Node) -> str:
    match node:
        case Storage(memory=memory, tensors=tensors):
            return f"{memory}[{' '.join(tensors)}]"
        case Spatial(rank=rank, size=size, axis=axis):
            return f"{rank}/{size}@{axis}"
        case Temporal(rank=rank, size=size):
            return f"{rank}/{size}"


def loop_nest(mapping: Mapping, sizes: dict[str, int]) -> str:
    """Draw a mapping as an indented loop nest.

    Parameters
    ----------
    mapping : Mapping
        The loop nest.
    sizes : dict of str to int
        Size of each rank of the Einsum [1].

    Returns
    -------
    str
        One line a node.

    Examples
    --------
    >>> print(loop_nest(Mapping.parse("DRAM[Inputs] P/14 Spad[Inputs] P/1@X"), {"P": 55}))
    DRAM keeps Inputs
      for P in 4 steps of 14 (last 13)
        Spad keeps Inputs
          spatial-for P on X: 14 of 1
            compute
    """
    lines: list[str] = []
    extent = dict(sizes)
    for depth, node in enumerate(mapping.nodes):
        pad = "  " * depth
        if isinstance(node, Storage):
            lines.append(f"{pad}{node.memory} keeps {', '.join(node.tensors)}")
            continue
        given = extent[node.rank]
        trips, last = -(-given // node.size), given % node.size
        extent[node.rank] = min(node.size, given)
        tail = f" (last {last})" if last and trips > 1 else ""
        if isinstance(node, Spatial):
            lines.append(
                f"{pad}spatial-for {node.rank} on {node.axis}: {trips} of {node.size}{tail}"
            )
        else:
            lines.append(f"{pad}for {node.rank} in {trips} steps of {node.size}{tail}")
    lines.append("  " * len(mapping.nodes) + "compute")
    return "\n".join(lines)
