"""The store of finished layers: a second run finds them again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from onewatt.errors import MappingError, OnewattError
from onewatt.mapper.exact import Found
from onewatt.mapper.front import Choice
from onewatt.model.evaluate import evaluate, versions
from onewatt.spec.architecture import Architecture
from onewatt.spec.mapping import Mapping
from onewatt.spec.price import Prices
from onewatt.spec.workload import Einsum


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a file holds: whose answer it is, mappings as text, and how much was looked at."""

    key: str
    mappings: tuple[str, ...]
    boxes: int
    scored: int
    gap: float = 0.0


def key(
    einsum: Einsum, architecture: Architecture, prices: Prices, goal: str, tiles: str,
    effort: int | None = None,
) -> str:  # fmt: skip
    """Return the name of an answer: a digest of all that it depends on.

    What is proved does not depend on the `effort` that was spent; what is not does.
    """
    nameless = msgspec.structs.replace(einsum, name="", count=1)
    asked = msgspec.json.encode((nameless, architecture, prices, goal, tiles, versions()))
    if effort is not None:
        asked += msgspec.json.encode(effort)
    return hashlib.sha256(asked).hexdigest()[:32]


def load(
    folder: Path | None, name: str, einsum: Einsum, architecture: Architecture, prices: Prices
) -> Found | None:
    """Return a finished layer, costed anew, or None if there is none or its file is damaged."""
    if folder is None:
        return None
    try:
        kept = msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=_Kept)
        if kept.key != name or not 0 <= kept.gap <= 1:
            return None  # the answer of another layer may fit this one, and is none
        choices: list[Choice] = []
        for text in kept.mappings:
            mapping = Mapping.parse(text)
            cost = evaluate(einsum, architecture, mapping, prices=prices)
            choices.append(Choice(cost.energy, cost.cycles(einsum.name), mapping))
    except (OSError, ValueError, MappingError, OnewattError):
        return None
    return Found(tuple(choices), kept.boxes, kept.scored, kept.gap) if choices else None


def save(folder: Path | None, name: str, found: Found) -> None:
    """Keep a finished layer; a folder that cannot be written is no error."""
    if folder is None:
        return
    mappings = tuple(str(c.mapping) for c in found.front)
    kept = _Kept(name, mappings, found.boxes, found.scored, found.gap)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f"{name}.{os.getpid()}.part"
        half.write_bytes(msgspec.json.encode(kept))
        half.replace(folder / f"{name}.json")
    except OSError:
        return
