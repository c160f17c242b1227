"""The reuse of each dataflow of the ISCA 2016 study, and the best of it for a layer.

Chen, Emer, Sze, ISCA 2016 (isca16), give each dataflow its own mapping parameters, derive from them
how often a word is used again at each level, and take the parameters that cost least by their
equations 3 and 4.  This does the same, exhaustively: images, filters and channels are cut in
divisors, output rows in even strips whose last may be shorter.  Every word passes the buffer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from onewatt.model.isca16 import RATIOS
from onewatt.spec.workload import Einsum

#: PEs along each side of the array; 256 in all (isca16).
SIDE = 16
#: The buffer of row-stationary, and its register file in each PE (isca16) [B].
BUFFER, REGISTERS = 128 * 1024, 512
#: Area of a byte in a register file over that of a byte in the buffer [1].  Derived: without its
#: 128 kB of registers the buffer is up to 2.6 times as large (isca16, Fig. 7b), so 2.6 - 1.
AREA_RATIO = 1.6
WORD = 2  # bytes

LEVELS = ("ALU", "DRAM", "buffer", "array", "register")
Triple = tuple[float, float, float]


class Shape(NamedTuple):
    """A convolution; fully connected layers have P = Q = 1."""

    G: int
    N: int
    M: int
    C: int
    P: int
    Q: int
    R: int
    S: int
    stride: int

    @classmethod
    def of(cls, einsum: Einsum) -> Shape:
        """Return the shape of a layer of the zoo."""
        terms = [t for i in einsum.inputs[0].projection for t in i.terms if t.rank == "P"]
        sizes = einsum.sizes
        return cls(*(sizes[r] for r in "GNMCPQRS"), stride=terms[0].coefficient)

    @property
    def width(self) -> int:
        """Padded width of the input."""
        return (self.Q - 1) * self.stride + self.S

    @property
    def words(self) -> Triple:
        """Words of inputs, weights and outputs of one group."""
        inputs = self.N * self.C * self.rows(self.P) * self.width
        return inputs, self.M * self.C * self.R * self.S, self.N * self.M * self.P * self.Q

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one group."""
        return self.N * self.M * self.C * self.P * self.Q * self.R * self.S

    def rows(self, strip: int) -> int:
        """Input rows that all strips of output rows need together; neighbours overlap."""
        return spread(self.P, strip, self.stride, self.R)


def spread(outputs: int, tile: int, stride: int, taps: int) -> int:
    """Return the inputs that tiles of outputs need together, the last tile shorter."""
    tiles = -(-outputs // tile)
    return (outputs - tiles) * stride + tiles * taps


class Moves(NamedTuple):
    """Inputs, weights and outputs that move: a, ab and abc times their words."""

    dram: Triple
    buffer: Triple
    array: Triple


class Dataflow(NamedTuple):
    """What a PE holds, how often a MAC uses that, and the mappings there are."""

    registers: int  # bytes a PE
    accesses: int  # of them in each MAC: one an input or weight, two a partial sum
    mappings: Callable[[Shape, int], Iterator[tuple[Moves, dict[str, int]]]]

    @property
    def buffer(self) -> int:
        """Words of the buffer, so that storage takes the same area (isca16, eq. 2)."""
        freed = AREA_RATIO * SIDE * SIDE * (REGISTERS - self.registers)
        return int(BUFFER + freed) // WORD


class Best(NamedTuple):
    """The cheapest mapping: energy of all groups by level, in MACs, and how it is had."""

    energy: dict[str, float]
    moves: Moves
    parameters: dict[str, int]

    @property
    def total(self) -> float:
        """Energy in MACs."""
        return sum(self.energy.values())


def charge(shape: Shape, moves: Moves, accesses: int) -> dict[str, float]:
    """Return the energy of a layer by level, in MACs (isca16, eqs. 3 and 4).

    A register takes `accesses` a MAC, as in `onewatt.model.isca16.reread`; a level that does not
    hold a tensor adds nothing.
    """
    (di, dw, do), (bi, bw, bo), (ai, aw, ao) = moves
    words = {
        "ALU": shape.macs,
        "DRAM": RATIOS.dram * (di + dw + 2 * do - shape.words[2]),
        "buffer": RATIOS.buffer * (bi + bw + 2 * (bo - do)),
        "array": RATIOS.array * (ai + aw + ao - bo),
        "register": RATIOS.register * accesses * shape.macs,
    }
    return {level: energy * shape.G for level, energy in words.items()}


def best(shape: Shape, name: str) -> Best:
    """Return the cheapest mapping of a layer in a dataflow by name."""
    flow = DATAFLOWS[name]
    found: Best | None = None
    for moves, parameters in flow.mappings(shape, flow.buffer):
        one = Best(charge(shape, moves, flow.accesses), moves, parameters)
        if found is None or one.total < found.total:
            found = one
    if found is None:
        raise ValueError(f"{name}: {shape} does not fit {flow.buffer} words of buffer")
    return found


@cache
def divisors(n: int) -> list[int]:
    """Return the divisors of a number, the smallest first."""
    return [d for d in range(1, n + 1) if n % d == 0]


@cache
def even(n: int) -> list[int]:
    """Return the sizes that cut a number evenly, the largest first."""
    return sorted({-(-n // k) for k in range(1, n + 1)}, reverse=True)


@cache
def stands(blocks: int, high: int, wide: int) -> bool:
    """Say whether blocks fill a rectangle of the array: some above, some beside each other."""
    return any(blocks % d == 0 and blocks // d <= wide for d in range(1, high + 1))


def row_stationary(shape: Shape, room: int) -> Iterator[tuple[Moves, dict[str, int]]]:
    """Yield the mappings of jssc17, Table II: n images, m and p filters, q and r channels, t sets.

    A set of PEs is R rows by e columns, cut in segments that stand one above the other.  The
    buffer holds inputs and weights of one pass and the sums of m filters until they are done.
    """
    _, weights, outputs = shape.words
    stripes = -(-shape.P // (SIDE // shape.R * SIDE))
    e = -(-shape.P // stripes)
    stripes = -(-shape.P // e)
    rows = shape.N * shape.C * shape.rows(e) * shape.width
    for p, q, r, t, sets in _array(shape, e):
        passes, channels = shape.M // (p * t), shape.C // (q * r)
        for n, k in itertools.product(divisors(shape.N), divisors(passes)):
            m = k * p * t
            tall = (e - 1) * shape.stride + shape.R
            need = n * q * r * tall * shape.width + n * m * e * shape.Q
            if need + m * q * r * shape.R * shape.S > room:
                continue
            again = shape.N // n
            moves = Moves(
                (rows * (shape.M // m), weights * again * stripes, outputs),
                (rows * passes, weights * again * stripes, outputs * channels),
                (
                    shape.N * shape.C * shape.P * shape.R * shape.width * (shape.M // p),
                    weights * again * shape.P,
                    outputs * (shape.C // q) * shape.R,
                ),
            )
            names = {"n": n, "m": m, "e": e, "p": p, "q": q, "r": r, "t": t}
            yield moves, names | {"t_rows": sets}


def _array(shape: Shape, e: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield p, q, r, t that fit registers and array, and how many t sets stand in a column."""
    segments = -(-e // SIDE)
    high, wide = SIDE // shape.R // segments, SIDE // -(-e // segments)
    for p, q in itertools.product(divisors(shape.M), divisors(shape.C)):
        if p * q * shape.S + q * shape.S + p > REGISTERS // WORD:
            continue
        for r, t in itertools.product(divisors(shape.C // q), divisors(shape.M // p)):
            for sets in divisors(t):
                if r * sets <= high and t // sets <= wide:
                    yield p, q, r, t, sets
                    break


def weight_stationary(shape: Shape, room: int) -> Iterator[tuple[Moves, dict[str, int]]]:
    """Yield the mappings that fetch every weight once: all images pass while it stays.

    A plane of R x S PEs adds up its products; inputs are broadcast to it; planes of different
    filters and channels fill the array.  The buffer holds the sums of m filters of all images, and
    inputs only if all images of the channels at work fit beside them.
    """
    inputs, weights, outputs = shape.words
    for f, c in itertools.product(divisors(shape.M), divisors(shape.C)):
        if not stands(f * c, SIDE // shape.R, SIDE // shape.S):
            continue
        for k in divisors(shape.M // f):
            sums = shape.N * k * f * shape.P * shape.Q if shape.C > 1 else 0
            held = sums + c * inputs // shape.C <= room
            if sums > room:
                continue
            read = inputs * (shape.M // (k * f) if held else shape.M // f)
            moves = Moves(
                (read, weights, outputs),
                (inputs * (shape.M // f), weights, outputs * shape.C),
                (shape.macs, weights, shape.macs),
            )
            yield moves, {"filters": f, "channels": c, "m": k * f, "inputs held": int(held)}


class Tile(NamedTuple):
    """What the buffer holds at once, with what DRAM moves for it in the best loop order."""

    cost: float
    dram: Triple
    n: int
    m: int
    c: int
    e: int

    def holds(self, shape: Shape, *, n: int = 1, m: int = 1, c: int = 1, p: int = 1) -> bool:
        """Say whether blocks of images, filters, channels and output rows cut this tile evenly."""
        rows = self.e == shape.P or self.e % p == 0
        return rows and self.n % n == 0 and self.m % m == 0 and self.c % c == 0

    @property
    def parameters(self) -> dict[str, int]:
        """The tile by name."""
        return {"n": self.n, "m": self.m, "c": self.c, "e": self.e}


def _tiles(shape: Shape, room: int, *, finish: bool) -> list[Tile]:
    """Return the tiles that fit the buffer, those that move least off chip first.

    Dataflows that `finish` their sums on the array need all channels at once and no room for sums.
    """
    found: list[Tile] = []
    channels = [shape.C] if finish else divisors(shape.C)
    for n, m, c, e in itertools.product(
        divisors(shape.N), divisors(shape.M), channels, even(shape.P)
    ):
        tall = (e - 1) * shape.stride + shape.R
        need = n * c * tall * shape.width + m * c * shape.R * shape.S
        if need + (0 if finish else n * m * e * shape.Q) <= room:
            cost, dram = _least(shape, n, m, c, e)
            found.append(Tile(cost, dram, n, m, c, e))
    return sorted(found)


def _least(shape: Shape, n: int, m: int, c: int, e: int) -> tuple[float, Triple]:
    """Return what DRAM moves for a tile in the loop order that moves least."""
    trips = {"N": shape.N // n, "M": shape.M // m, "C": shape.C // c, "P": -(-shape.P // e)}
    strips = shape.N * shape.C * shape.rows(e) * shape.width
    moved: list[tuple[float, Triple]] = []
    for order in itertools.permutations(r for r in trips if trips[r] > 1):
        inputs = strips * _again(order, trips, "NCP")
        weights = shape.words[1] * _again(order, trips, "MC")
        outputs = shape.words[2] * _again(order, trips, "NMP")
        moved.append((inputs + weights + 2 * outputs, (inputs, weights, outputs)))
    return min(moved)


def _again(order: tuple[str, ...], trips: dict[str, int], mine: str) -> int:
    """Return how often a tensor is fetched: loops over other ranks outside one of its own."""
    inner = max((i for i, rank in enumerate(order) if rank in mine), default=-1)
    times = 1
    for rank in order[: inner + 1]:
        times *= 1 if rank in mine else trips[rank]
    return times


class Block(NamedTuple):
    """What is on the array at once, and the reads of the buffer that this makes."""

    inputs: int
    weights: int
    n: int = 1
    m: int = 1
    p: int = 1
    q: int = 1


def _output_stationary(
    shape: Shape, room: int, blocks: Iterator[Block]
) -> Iterator[tuple[Moves, dict[str, int]]]:
    """Yield mappings that finish every sum in its PE."""
    tiles, outputs = _tiles(shape, room, finish=True), shape.words[2]
    for block in blocks:
        tile = next((t for t in tiles if t.holds(shape, n=block.n, m=block.m, p=block.p)), None)
        if tile is not None:
            reads = (block.inputs, block.weights, outputs)
            names = {f"array_{k}": v for k, v in block._asdict().items() if k in "nmpq"}
            moves = Moves(tile.dram, reads, (shape.macs, shape.macs, outputs))
            yield moves, tile.parameters | names


def output_stationary_a(shape: Shape, room: int) -> Iterator[tuple[Moves, dict[str, int]]]:
    """Yield blocks of pixels of one output channel: weights broadcast, inputs passed on."""

    def blocks() -> Iterator[Block]:
        for p, q, n in itertools.product(even(shape.P), even(shape.Q), divisors(shape.N)):
            if p <= SIDE and q <= SIDE and n <= (SIDE // p) * (SIDE // q):
                high = spread(shape.P, p, shape.stride, shape.R)
                wide = spread(shape.Q, q, shape.stride, shape.S)
                times = -(-shape.P // p) * -(-shape.Q // q) * (shape.N // n)
                reads = shape.M * shape.N * shape.C * high * wide
                yield Block(reads, shape.words[1] * times, n=n, p=p, q=q)

    return _output_stationary(shape, room, blocks())


def output_stationary_b(shape: Shape, room: int) -> Iterator[tuple[Moves, dict[str, int]]]:
    """Yield blocks of output channels by pixels of a row: both inputs are shared."""

    def blocks() -> Iterator[Block]:
        for m, q, n in itertools.product(divisors(shape.M), even(shape.Q), divisors(shape.N)):
            if m <= SIDE and q * n <= SIDE:
                wide = spread(shape.Q, q, shape.stride, shape.S)
                times = shape.P * -(-shape.Q // q) * (shape.N // n)
                reads = (shape.M // m) * shape.N * shape.C * shape.P * shape.R * wide
                yield Block(reads, shape.words[1] * times, n=n, m=m, q=q)

    return _output_stationary(shape, room, blocks())


def output_stationary_c(shape: Shape, room: int) -> Iterator[tuple[Moves, dict[str, int]]]:
    """Yield output channels of one pixel: inputs broadcast, each weight for one PE."""
    sizes = (m for m in divisors(shape.M) if stands(m, SIDE, SIDE))
    return _output_stationary(shape, room, (Block(shape.macs // m, shape.macs, m=m) for m in sizes))


def no_local_reuse(shape: Shape, room: int) -> Iterator[tuple[Moves, dict[str, int]]]:
    """Yield filters by channels (or taps): inputs shared, products added on the array."""
    tiles = _tiles(shape, room, finish=False)
    taps = {1, shape.R, shape.S, shape.R * shape.S}
    for m, c, k in itertools.product(divisors(shape.M), divisors(shape.C), taps):
        tile = next((t for t in tiles if t.holds(shape, m=m, c=c)), None)
        if m <= SIDE and c * k <= SIDE and tile is not None:
            moves = Moves(
                tile.dram,
                (shape.macs // m, shape.macs, shape.macs // (c * k)),
                (shape.macs, shape.macs, shape.macs),
            )
            yield moves, tile.parameters | {"array_m": m, "array_c": c, "array_taps": k}


DATAFLOWS = {
    "row-stationary": Dataflow(REGISTERS, 4, row_stationary),
    "weight-stationary": Dataflow(WORD, 1, weight_stationary),
    # an input waits in the PE for the neighbour that uses it next
    "output-stationary-a": Dataflow(2 * WORD, 3, output_stationary_a),
    "output-stationary-b": Dataflow(2 * WORD, 3, output_stationary_b),
    "output-stationary-c": Dataflow(WORD, 2, output_stationary_c),
    "no-local-reuse": Dataflow(0, 0, no_local_reuse),
}
