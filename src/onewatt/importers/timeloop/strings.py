"""The one-line mappings of Timeloop's statistics: ``L1[WIO] K16 - L0[W] C4X P2``."""

from __future__ import annotations

import re

from onewatt.errors import MappingError, unknown
from onewatt.importers.timeloop.constraints import axis_letter
from onewatt.importers.timeloop.mapping import Loop, Nest, nest_of
from onewatt.spec.architecture import Architecture, Container
from onewatt.spec.mapping import Mapping, Storage
from onewatt.spec.workload import Einsum

_LEVEL = re.compile(r"L(?P<number>\d{1,3})\[(?P<tensors>\w*)\]")
_LOOP = re.compile(r"(?P<rank>[A-Za-z]+)(?P<count>\d{1,15})(?:,(?P<last>\d{1,15}))?(?P<axis>[XY]?)")


def read_mapping_string(text: str, einsum: Einsum, architecture: Architecture) -> Mapping:
    """Return the loop nest of a mapping string as Timeloop's statistics print it.

    Parameters
    ----------
    text : str
        Levels joined by ``-``, outermost first, each with the initials of the tensors it keeps and
        its loops; ``X`` and ``Y`` mark loops over an axis of the array inside the level.
    einsum : Einsum
        The layer.
    architecture : Architecture
        The chip; its innermost memory is ``L0``.

    Returns
    -------
    Mapping
        The loop nest.

    Raises
    ------
    MappingError
        If the text is no such string, names a level, tensor, rank or axis that does not exist, or
        its factors do not make the layer.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> from onewatt.importers.layers import gemm
    >>> layer = gemm("layer", ("x", "w", "y"), rows=6, outputs=2, inputs=4)
    >>> text = "L2[WIO] P6 - L1[WIO] C4Y M2X - L0[W]"
    >>> str(read_mapping_string(text, layer, load_chip("systolic_ws")).nodes[1])
    "Temporal(rank='P', size=1)"
    """
    memories = architecture.memories
    nest: Nest = []
    expected = len(memories)
    for part in text.split(" - "):
        head, *loops = part.split() or [""]
        match = _LEVEL.fullmatch(head)
        if match is None:
            raise MappingError(f"found {head!r} in a mapping string; expected such as 'L1[WIO]'")
        expected -= 1
        if int(match["number"]) != expected:
            raise MappingError(
                f"found level L{match['number']} in a mapping string; expected L{expected}, as "
                f"chip {architecture.name!r} has {len(memories)} memories, outermost first"
            )
        memory = memories[-1 - expected].name
        kept = tuple(_tensor(einsum, initial) for initial in match["tensors"])
        nest += [Storage(memory=memory, tensors=kept)] if kept else []
        for loop in loops:
            nest += _loop(einsum, architecture, memory, loop)
    if expected:
        raise MappingError(f"a mapping string ends at L{expected}; expected levels down to L0")
    return nest_of(einsum, nest)


def _tensor(einsum: Einsum, initial: str) -> str:
    names = [t.name for t in einsum.tensors if t.name[0] == initial]
    if len(names) != 1:
        initials = [t.name[0] for t in einsum.tensors]
        raise MappingError(f"in a mapping string: {unknown('initial', initial, initials)}")
    return names[0]


def _loop(einsum: Einsum, architecture: Architecture, memory: str, text: str) -> list[Loop]:
    match = _LOOP.fullmatch(text)
    if match is None:
        raise MappingError(f"found {text!r} in a mapping string; expected such as K16 or K16X")
    if match["rank"] not in einsum.sizes:
        raise MappingError(f"in a mapping string: {unknown('rank', match['rank'], einsum.sizes)}")
    count = int(match["count"])
    last = int(match["last"] or count)
    if not 1 <= last <= count:
        raise MappingError(f"found {text!r} in a mapping string; expected a factor of at least 1")
    axis = _axis(architecture, memory, match["axis"]) if match["axis"] else ""
    return [Loop(match["rank"], count, last, axis)] if count > 1 else []


def _axis(architecture: Architecture, memory: str, letter: str) -> str:
    """Return the axis of the array just inside a memory."""
    names = [n.name for n in architecture.nodes]
    memories = [m.name for m in architecture.memories]
    after = memories[memories.index(memory) + 1 :]
    end = names.index(after[0]) if after else len(names)
    for node in architecture.nodes[names.index(memory) : end]:
        if isinstance(node, Container):
            for axis in node.fanout:
                if axis_letter(node, axis.name) == letter:
                    return axis.name
    raise MappingError(
        f"a mapping string has a loop over {letter} inside {memory!r}, where chip "
        f"{architecture.name!r} has no such axis"
    )
