"""A layer and its mapping on the array: sizes, limits, and where everything lies."""

from __future__ import annotations

from typing import NamedTuple

from onewatt.errors import InputError, MappingError
from onewatt.simulate.eyeriss.job import Job, Layer
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.types import Noun

_MOST_WORDS = 2**31


class EyerissArray(Noun):
    """The chip that runs: an array, three spads a PE, a buffer of banks, four buses [word].

    `rows` and `columns` of PEs; `filter_spad`, `ifmap_spad` and `psum_spad` are words of a PE;
    the buffer has `banks` of `bank` words, and `prefetch` more for filters.  Buses are words a
    cycle; `psum_bus` moves that much each way.  The link off chip moves `link_words` in
    `link_cycles`.
    """

    rows: int = 12
    columns: int = 14
    filter_spad: int = 224
    ifmap_spad: int = 12
    psum_spad: int = 24
    banks: int = 25
    bank: int = 2048
    prefetch: int = 4096
    ifmap_bus: int = 1
    filter_bus: int = 4
    psum_bus: int = 4
    link_words: int = 6
    link_cycles: int = 5

    def __post_init__(self) -> None:
        """Refuse sizes below one; only the prefetch may be missing."""
        for name in self.__struct_fields__:
            if getattr(self, name) < (name != "prefetch"):
                raise InputError(
                    f"array has {name} = {getattr(self, name)}; expected at least "
                    f"{int(name != 'prefetch')}"
                )


#: Eyeriss as its paper describes it (jssc17); the link is 64 bits wide at 60 of 200 MHz.
EYERISS = EyerissArray()


class Limit(NamedTuple):
    """A limit of the array: its name, what is needed of it and how much there is."""

    name: str
    needed: int
    available: int


def _pieces(whole: int, size: int) -> int:
    return -(-whole // size)


def _strip_rows(layer: Layer, rows: int) -> int:
    """Return the input rows that output rows need; a long stride jumps over some."""
    return (rows - 1) * min(layer.U, layer.R) + layer.R


def _row_words(layer: Layer) -> int:
    return (layer.F - 1) * layer.V + layer.S


class _Held(NamedTuple):
    """What the buffer holds in a pass [word]."""

    ifmap: int
    psum: int


def _held(layer: Layer, mapping: RowStationary) -> _Held:
    images, rows = min(mapping.n, layer.N), min(mapping.e, layer.E)
    channels, filters = min(mapping.q * mapping.r, layer.C), min(mapping.m, layer.M)
    ifmap = images * channels * _strip_rows(layer, rows) * _row_words(layer)
    return _Held(ifmap, images * filters * rows * layer.F)


def limits(layer: Layer, mapping: RowStationary, array: EyerissArray) -> list[Limit]:
    """Return every limit of the array, and what a mapping needs of it.

    A set is r·R PEs tall, because sums are added along a column; one that is wider than the array
    lies in equal pieces.
    """
    x = mapping
    parts = _pieces(x.e, array.columns)
    room = (array.rows // (layer.R * x.r)) * (array.columns // _pieces(x.e, parts))
    held = _held(layer, x)
    banks = _pieces(held.ifmap, array.bank) + _pieces(held.psum, array.bank)
    return [
        Limit("rows of PEs (r·R)", layer.R * x.r, array.rows),
        Limit("PE sets (t · pieces of e)", x.t * parts, room),
        Limit("words of a filter spad (p·q·S)", x.p * x.q * layer.S, array.filter_spad),
        Limit("words of an ifmap spad (q·S)", x.q * layer.S, array.ifmap_spad),
        Limit("words of a psum spad (p)", x.p, array.psum_spad),
        Limit("banks of the buffer (ifmap + psum)", banks, array.banks),
        Limit("filters with sums in the buffer (p·t)", min(x.p * x.t, layer.M),
              min(x.m, layer.M)),
        Limit("images (n)", x.n, layer.N),
        Limit("output rows (e)", x.e, layer.E),
    ]  # fmt: skip


def check(layer: Layer, mapping: RowStationary, array: EyerissArray) -> None:
    """Refuse a mapping that the array cannot hold.

    Raises
    ------
    MappingError
        With the limit, what is needed and what there is.
    """
    for limit in limits(layer, mapping, array):
        if limit.needed > limit.available:
            raise MappingError(
                f"row-stationary mapping {mapping} of a {layer.R}x{layer.S} filter needs "
                f"{limit.needed} {limit.name}; there are {limit.available}: lower one of the "
                "parameters named, or split the layer"
            )


def job_of(layer: Layer, mapping: RowStationary, array: EyerissArray) -> Job:
    """Return a layer with its mapping as the numbers that the clockwork runs on.

    Raises
    ------
    MappingError
        If the array cannot hold the mapping.
    """
    check(layer, mapping, array)
    words = layer.N * layer.G * max(layer.C * layer.H * layer.W, layer.M * layer.E * layer.F)
    if words >= _MOST_WORDS:
        raise InputError(f"a tensor has {words} words; expected fewer than 2^31: run fewer images")
    x = mapping
    parts = _pieces(x.e, array.columns)
    width = _pieces(x.e, parts)
    # more filters or channels than the layer has change nothing
    psum_base = _pieces(_held(layer, x).ifmap, array.bank) * array.bank
    return Job(
        layer=layer, m=min(x.m, layer.M), n=x.n, e=x.e, p=x.p, q=x.q, r=x.r, t=x.t,
        columns=array.columns, pes=array.rows * array.columns, filter_spad=array.filter_spad,
        ifmap_spad=array.ifmap_spad, psum_spad=array.psum_spad, buffer=array.banks * array.bank,
        psum_base=psum_base, prefetch=array.prefetch, ifmap_bus=array.ifmap_bus,
        filter_bus=array.filter_bus, psum_bus=array.psum_bus, link_words=array.link_words,
        link_cycles=array.link_cycles, width=width, per_row=array.columns // width, parts=parts,
        strip_step=min(layer.U, layer.R), row_words=_row_words(layer),
    )  # fmt: skip
