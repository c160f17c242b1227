"""What the array is told: a layer, a mapping and a chip as numbers, and the passes they make."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from onewatt.simulate.eyeriss.jit import compiled

Array = NDArray[Any]


class Layer(NamedTuple):
    """A convolution in the words of jssc17: G groups of M filters and C channels, in N images."""

    N: int
    G: int
    M: int
    C: int
    E: int
    F: int
    R: int
    S: int
    U: int
    V: int
    H: int
    W: int


class Job(NamedTuple):
    """A layer, a mapping and a chip as numbers; `strip_step` is the input rows from PE to PE."""

    layer: Layer
    m: int
    n: int
    e: int
    p: int
    q: int
    r: int
    t: int
    columns: int
    pes: int
    filter_spad: int
    ifmap_spad: int
    psum_spad: int
    buffer: int
    psum_base: int
    prefetch: int
    ifmap_bus: int
    filter_bus: int
    psum_bus: int
    link_words: int
    link_cycles: int
    width: int
    per_row: int
    parts: int
    strip_step: int
    row_words: int


class Pass(NamedTuple):
    """One pass: where its images, strip, group of filters, channels and filters begin and end."""

    group: int
    image: int
    images: int
    row: int
    rows: int
    held: int
    held_filters: int
    channel: int
    channels: int
    filter: int
    filters: int


@compiled
def pieces(whole: int, size: int) -> int:
    """Return in how many pieces of a size a whole comes."""
    return (whole + size - 1) // size


@compiled
def count_passes(job: Job) -> int:
    """Return how many passes a layer takes."""
    layer = job.layer
    blocks = (layer.M // job.m) * pieces(job.m, job.p * job.t)
    blocks += pieces(layer.M % job.m, job.p * job.t)
    once = pieces(layer.C, job.q * job.r) * blocks
    return layer.G * pieces(layer.N, job.n) * pieces(layer.E, job.e) * once


@compiled
def pass_at(job: Job, index: int) -> Pass:
    """Return a pass: groups, images, strips, m filters, q·r channels, p·t filters, outermost first.

    The filters of a group run inside the channels, because the strips of these channels are in
    the buffer and the sums of all m filters are, too.
    """
    layer = job.layer
    at_once = job.p * job.t
    chunks = pieces(layer.C, job.q * job.r)
    full = pieces(job.m, at_once)
    strip = chunks * ((layer.M // job.m) * full + pieces(layer.M % job.m, at_once))
    outer, rest = index // strip, index % strip
    held = min(rest // (chunks * full), pieces(layer.M, job.m) - 1)
    rest -= held * chunks * full
    held_filters = min(job.m, layer.M - held * job.m)
    blocks = pieces(held_filters, at_once)
    chunk, block = rest // blocks, rest % blocks
    strips = pieces(layer.E, job.e)
    outer, strip_index = outer // strips, outer % strips
    batches = pieces(layer.N, job.n)
    image, row = (outer % batches) * job.n, strip_index * job.e
    channel, first = chunk * job.q * job.r, block * at_once
    return Pass(
        outer // batches, image, min(job.n, layer.N - image), row, min(job.e, layer.E - row),
        held * job.m, held_filters, channel, min(job.q * job.r, layer.C - channel),
        first, min(at_once, held_filters - first),
    )  # fmt: skip


@compiled
def strip_rows(job: Job, rows: int) -> int:
    """Return how many input rows a strip of output rows needs."""
    return (rows - 1) * job.strip_step + job.layer.R


@compiled
def deal_out(many: int, sets: int, of: Array, at: Array, size: Array) -> int:
    """Deal things to sets as evenly as possible, in order; return how many sets have any."""
    least, more = many // sets, many % sets
    i = 0
    for s in range(sets):
        size[s] = least + (1 if s < more else 0)
        for k in range(size[s]):
            of[i], at[i] = s, k
            i += 1
    return min(many, sets)


@compiled
def pe_at(job: Job, filter_set: int, x: int, y: int) -> int:
    """Return the PE in column `x` and row `y` of a set; a wide set lies in pieces."""
    place = filter_set * job.parts + x // job.width
    top = (place // job.per_row) * job.layer.R * job.r
    left = (place % job.per_row) * job.width
    return (top + y) * job.columns + left + x % job.width


@compiled
def filter_address(job: Job, now: Pass, word: int) -> int:
    """Return where in DRAM a word of the filters of a pass is; they come filter by filter."""
    layer = job.layer
    size = layer.R * layer.S
    one = now.channels * size
    m = now.group * layer.M + now.held + now.filter + word // one
    return (m * layer.C + now.channel) * size + word % one


@compiled
def psum_address(job: Job, now: Pass, image: int, m: int, row: int, f: int) -> int:
    """Return where in the buffer a sum of a pass is."""
    plane = image * now.held_filters + m
    return job.psum_base + (plane * now.rows + row) * job.layer.F + f
