"""Certificates: an answer with the tree of boxes that proves there is none better, as a file."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Literal

import msgspec

from onewatt.errors import InputError
from onewatt.spec.architecture import Architecture
from onewatt.spec.workload import Einsum

_MOST = 1 << 28  # codes take no more memory than this when unpacked
_CUT = 8  # the least code of a cut


class Tree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the boxes of one case were cut, depth first.

    `template` counts the choices of what memories keep; `through` says of each inner slot which
    tensor's own ranks do not loop there (-1: of none, -2: nothing does).  A code 0, 1 or 2 is a
    leaf: bounded, empty, or a single tiling; 8 + 2 r + h is a cut of rank r at the place that
    follows, at the tile that follows it (0: by whether its last tile rests), upper half first if h
    is 1.
    """

    template: int
    through: tuple[int, ...]
    codes: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse a tree that breaks off inside a cut."""
        at = 0
        while at < len(self.codes):
            at += 3 if self.codes[at] >= _CUT else 1
        if at > len(self.codes):
            raise InputError(f"the tree of {self.place} breaks off inside its last cut")

    @property
    def place(self) -> str:
        """Which part of the space the tree covers."""
        return f"case {self.through} of outline {self.template}"


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer for one run of a layer, and the trees that prove it."""

    einsum: Einsum
    architecture: Architecture
    goal: Literal["energy", "latency", "layer_edp", "front"]
    tiles: Literal["perfect", "tight", "full"]
    answer: tuple[str, ...]
    energies: tuple[float, ...]
    cycles: tuple[float, ...]
    trees: tuple[Tree, ...]
    schema: Literal["onewatt/certificate/1"] = "onewatt/certificate/1"

    def __post_init__(self) -> None:
        """Refuse answers without their costs, and two trees for one case."""
        rows = len(self.answer), len(self.energies), len(self.cycles)
        if len(set(rows)) > 1:
            raise InputError(
                f"it has {rows[0]} answers, {rows[1]} energies and {rows[2]} cycles; expected as "
                "many of each"
            )
        seen = set[str]()
        for tree in self.trees:
            if tree.place in seen:
                raise InputError(f"it has two trees of {tree.place}; expected one")
            seen.add(tree.place)


class _Packed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    template: int
    through: tuple[int, ...]
    codes: str


def save_certificate(certificate: Certificate, path: Path) -> None:
    """Write a certificate; the codes of its trees are packed."""
    data = msgspec.to_builtins(certificate)
    for tree, row in zip(certificate.trees, data["trees"], strict=True):
        packed = zlib.compress(msgspec.json.encode(tree.codes), 9)
        row["codes"] = base64.b64encode(packed).decode()
    path.write_bytes(msgspec.json.encode(data) + b"\n")


def load_certificate(path: Path) -> Certificate:
    """Read a certificate.

    Raises
    ------
    InputError
        If the file is not one, or unpacks to more than a certificate can be.
    """
    try:
        data = msgspec.json.decode(path.read_bytes())
        if "schema" not in data:  # it has a default for what is made, not for what is read
            raise InputError("it has no 'schema'")
        for row in data["trees"]:
            packed = msgspec.convert(row, _Packed)
            reader = zlib.decompressobj()
            codes = reader.decompress(base64.b64decode(packed.codes, validate=True), _MOST)
            if reader.unconsumed_tail:
                raise InputError("a tree is larger than a certificate can be")
            row["codes"] = msgspec.json.decode(codes, type=list[int])
        return msgspec.convert(data, Certificate)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except KeyError as error:
        raise InputError(f"{path}: is not a certificate: it has no {error}") from error
    except (InputError, ValueError, TypeError, RecursionError, zlib.error) as error:
        raise InputError(f"{path}: is not a certificate: {error}") from error
