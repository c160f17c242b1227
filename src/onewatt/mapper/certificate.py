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
        for row in data["trees"]:
            packed = msgspec.convert(row, _Packed)
            reader = zlib.decompressobj()
            codes = reader.decompress(base64.b64decode(packed.codes, validate=True), _MOST)
            if reader.unconsumed_tail:
                raise InputError(f"{path}: a tree is larger than a certificate can be")
            row["codes"] = msgspec.json.decode(codes, type=list[int])
        return msgspec.convert(data, Certificate)
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise InputError(f"{path}: is not a certificate: {error}") from error
