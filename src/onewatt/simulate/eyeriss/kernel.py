"""The clockwork of the row-stationary array: spads, buses, columns and buffer, word by word.

Every PE has its three spads as arrays, the buffer is one array of words, and a word reaches a place
only by being copied there from the place before, so an error in the order of anything shows in the
output.  The array works in lockstep: in a slot all PEs multiply for one channel and one tap, a
cycle for each filter, and a slot starts when its words have come.

Cycles are kept as plain numbers.  A bus of several words a cycle counts in slots: slot `s` of a bus
of `b` words is in cycle ``s // b``.
"""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

compiled = nb.njit(cache=True, error_model="numpy")
#: What is called for every word: a call would count references to every array it is given.
inlined = nb.njit(cache=True, error_model="numpy", inline="always")

#: What can happen, in the order of the counts; `COMPONENTS` in `run.py` has their names.
(
    DRAM_FILTER_READ, DRAM_IFMAP_READ, DRAM_OFMAP_UPDATE,
    GLB_IFMAP_FILL, GLB_IFMAP_READ, GLB_PSUM_READ, GLB_PSUM_UPDATE, GLB_PSUM_DRAIN,
    GIN_FILTER_HOP, GIN_IFMAP_HOP, COLUMN_HOP,
    FILTER_FILL, FILTER_READ, IFMAP_FILL, IFMAP_READ, PSUM_READ, PSUM_UPDATE, PSUM_DRAIN,
    MAC_COMPUTE, MAC_GATED,
) = range(20)  # fmt: skip
KINDS = 20

#: Times and sums: when the array is free, when the link is, when the prefetched filters are there,
#: the next slots of the psum buses, when sums last left the spads and the array, waits, MAC cycles.
NOW, LINK, PREFETCHED, GIN_SLOT, GON_SLOT, DRAINED, GON_END, WAITS, MACS = range(9)
CLOCKS = 9

#: Where the first sum left its 32 bits: group, image, filter of the group, output row and column.
FAULTS = 5

#: A row of a trace: cycle, kind, PE (-1 outside the array), address, data.
FIELDS = 5
NOWHERE = -1


class Job(NamedTuple):
    """A layer, a mapping and a chip as numbers; `strip_step` is the input rows from PE to PE."""

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
def _pieces(whole: int, size: int) -> int:
    return (whole + size - 1) // size


@compiled
def count_passes(job: Job) -> int:
    """Return how many passes a layer takes."""
    blocks = (job.M // job.m) * _pieces(job.m, job.p * job.t)
    blocks += _pieces(job.M % job.m, job.p * job.t)
    once = _pieces(job.C, job.q * job.r) * blocks
    return job.G * _pieces(job.N, job.n) * _pieces(job.E, job.e) * once


@compiled
def pass_at(job: Job, index: int) -> Pass:
    """Return a pass: groups, images, strips, m filters, q·r channels, p·t filters, outermost first.

    The filters of a group run inside the channels, because the strips of these channels are in
    the buffer and the sums of all m filters are, too.
    """
    at_once = job.p * job.t
    chunks = _pieces(job.C, job.q * job.r)
    full = _pieces(job.m, at_once)
    strip = chunks * ((job.M // job.m) * full + _pieces(job.M % job.m, at_once))
    outer, rest = index // strip, index % strip
    held = min(rest // (chunks * full), _pieces(job.M, job.m) - 1)
    rest -= held * chunks * full
    held_filters = min(job.m, job.M - held * job.m)
    blocks = _pieces(held_filters, at_once)
    chunk, block = rest // blocks, rest % blocks
    strips = _pieces(job.E, job.e)
    outer, strip_index = outer // strips, outer % strips
    batches = _pieces(job.N, job.n)
    image, row = (outer % batches) * job.n, strip_index * job.e
    channel, first = chunk * job.q * job.r, block * at_once
    return Pass(
        outer // batches, image, min(job.n, job.N - image), row, min(job.e, job.E - row),
        held * job.m, held_filters, channel, min(job.q * job.r, job.C - channel),
        first, min(at_once, held_filters - first),
    )  # fmt: skip


@compiled
def _strip_rows(job: Job, rows: int) -> int:
    return (rows - 1) * job.strip_step + job.R


@compiled
def _dealt(many: int, sets: int, of: Array, at: Array, size: Array) -> int:
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
def _pe(job: Job, filter_set: int, x: int, y: int) -> int:
    """Return the PE in column `x` and row `y` of a set; a wide set lies in pieces."""
    place = filter_set * job.parts + x // job.width
    top = (place // job.per_row) * job.R * job.r
    left = (place % job.per_row) * job.width
    return (top + y) * job.columns + left + x % job.width


@inlined
def _note(
    counts: Array, events: Array, window: Array,
    kind: int, cycle: int, pe: int, address: int, data: Any,
) -> None:  # fmt: skip
    """Count an action and, if its cycle is in the window, write it down."""
    counts[kind] += 1
    if window[0] <= cycle < window[1]:
        _write(events, window, kind, cycle, pe, address, data)


@compiled
def _write(
    events: Array, window: Array, kind: int, cycle: int, pe: int, address: int, data: Any
) -> None:
    i = window[2]
    if i < events.shape[0]:
        events[i, 0], events[i, 1], events[i, 2] = cycle, kind, pe
        events[i, 3], events[i, 4] = address, data
    window[2] = i + 1


@compiled
def _fits(value: int) -> bool:
    return -2147483648 <= value <= 2147483647


@compiled
def _filter_address(job: Job, now: Pass, word: int) -> int:
    """Return where in DRAM a word of the filters of a pass is; they come filter by filter."""
    size = job.R * job.S
    one = now.channels * size
    m = now.group * job.M + now.held + now.filter + word // one
    return (m * job.C + now.channel) * size + word % one


@compiled
def _prefetch(
    job: Job, now: Pass, weights: Array, bank: Array, clock: Array, at: int,
    counts: Array, events: Array, window: Array,
) -> None:  # fmt: skip
    """Bring the filters of a pass over the link, as many as the two banks hold."""
    words = min(now.filters * now.channels * job.R * job.S, job.prefetch)
    start = max(at, clock[LINK])
    for i in range(words):
        address = _filter_address(job, now, i)
        bank[i] = weights[address]
        cycle = start + i * job.link_cycles // job.link_words
        _note(counts, events, window, DRAM_FILTER_READ, cycle, NOWHERE, address, bank[i])
    clock[LINK] = start + _pieces(words * job.link_cycles, job.link_words)
    clock[PREFETCHED] = clock[LINK]


@compiled
def _load(
    job: Job, now: Pass, weights: Array, bank: Array, deal: tuple, spads: tuple, clock: Array,
    counts: Array, events: Array, window: Array,
) -> int:  # fmt: skip
    """Load the filter spads over the filter bus; return when all words are there."""
    filter_set, filter_at, _, channel_set, channel_at, _ = deal
    filters, pes = spads[0], spads[3]
    words = now.filters * now.channels * job.R * job.S
    start = max(clock[NOW], clock[PREFETCHED])
    clock[WAITS] += start - clock[NOW]
    late = max(start, clock[LINK])
    slot = start * job.filter_bus
    for i in range(words):
        if i < job.prefetch:
            word = bank[i]
        else:
            address = _filter_address(job, now, i)
            word = weights[address]
            cycle = late + (i - job.prefetch) * job.link_cycles // job.link_words
            _note(counts, events, window, DRAM_FILTER_READ, cycle, NOWHERE, address, word)
            slot = max(slot, (cycle + 1) * job.filter_bus)
        f, rest = i // (now.channels * job.R * job.S), i % (now.channels * job.R * job.S)
        c, tap = rest // (job.R * job.S), rest % (job.R * job.S)
        y = channel_set[c] * job.R + tap // job.S
        place = (tap % job.S * job.q + channel_at[c]) * job.p + filter_at[f]
        for x in range(now.rows):
            pe = pes[filter_set[f], x, y]
            filters[pe, place] = word
            cycle = slot // job.filter_bus
            _note(counts, events, window, GIN_FILTER_HOP, cycle, pe, i, word)
            _note(counts, events, window, FILTER_FILL, cycle, pe, place, word)
        slot += 1
    if words > job.prefetch:
        rest = (words - job.prefetch) * job.link_cycles
        clock[LINK] = late + _pieces(rest, job.link_words)
    end = _pieces(slot, job.filter_bus)
    clock[WAITS] += end - start - _pieces(words, job.filter_bus)
    return end


@compiled
def _fill(
    job: Job, now: Pass, inputs: Array, buffer: Array, clock: Array,
    counts: Array, events: Array, window: Array,
) -> None:  # fmt: skip
    """Bring the strips of a pass over the link into the buffer while the array waits."""
    rows = _strip_rows(job, now.rows)
    start = max(clock[NOW], clock[LINK])
    i = 0
    for image in range(now.images):
        for c in range(now.channels):
            plane = (now.image + image) * job.G * job.C + now.group * job.C + now.channel + c
            for y in range(rows):
                # with a stride beyond the filter's height some rows are never read
                apart = y // job.R * job.U + y % job.R if job.U > job.R else y
                row = now.row * job.U + apart
                for x in range(job.row_words):
                    address = (plane * job.H + row) * job.W + x
                    word = inputs[address]
                    cycle = start + i * job.link_cycles // job.link_words
                    _note(counts, events, window, DRAM_IFMAP_READ, cycle, NOWHERE, address, word)
                    _note(counts, events, window, GLB_IFMAP_FILL, cycle, NOWHERE, i, word)
                    buffer[i] = word
                    i += 1
    end = start + _pieces(i * job.link_cycles, job.link_words)
    clock[WAITS] += end - clock[NOW]
    clock[NOW] = clock[LINK] = end


@compiled
def _psum_address(job: Job, now: Pass, image: int, m: int, row: int, f: int) -> int:
    plane = image * now.held_filters + m
    return job.psum_base + (plane * now.rows + row) * job.F + f


@compiled
def _store(
    job: Job, now: Pass, output: Array, buffer: Array, clock: Array,
    counts: Array, events: Array, window: Array,
) -> None:  # fmt: skip
    """Send the finished sums of a strip over the link while the array waits."""
    clock[NOW] = max(clock[NOW], clock[GON_END])
    start = max(clock[NOW], clock[LINK])
    i = 0
    for image in range(now.images):
        for m in range(now.held_filters):
            plane = (now.image + image) * job.G * job.M + now.group * job.M + now.held + m
            for row in range(now.rows):
                for f in range(job.F):
                    address = _psum_address(job, now, image, m, row, f)
                    word = buffer[address]
                    cycle = start + i * job.link_cycles // job.link_words
                    _note(counts, events, window, GLB_PSUM_DRAIN, cycle, NOWHERE, address, word)
                    there = (plane * job.E + now.row + row) * job.F + f
                    output[there] = word
                    _note(counts, events, window, DRAM_OFMAP_UPDATE, cycle, NOWHERE, there, word)
                    i += 1
    end = start + _pieces(i * job.link_cycles, job.link_words)
    clock[WAITS] += end - clock[NOW]
    clock[NOW] = clock[LINK] = end


@compiled
def _stream(
    job: Job, now: Pass, image: int, f: int, sets: tuple, deal: tuple, spads: tuple, buffer: Array,
    fifo: tuple, bus: Array, counts: Array, events: Array, window: Array,
) -> None:  # fmt: skip
    """Bring the input columns that window `f` is the first to need, and the gaps before them.

    An ifmap spad is a queue as long as it has words: a word of a column waits until the word that
    many places before it was used.  The bus serves channel after channel, all input rows of all
    sets in turn, and every word goes to all PEs that need it at once: along the diagonals of each
    set, and to the sets of other filters.
    """
    sets_m, sets_c, most_c = sets
    size_c = deal[5]
    inputs, pes = spads[1], spads[3]
    arrived, retired = fifo
    rows = _strip_rows(job, now.rows)
    first = 0 if f == 0 else (f - 1) * job.V + job.S
    for col in range(first, f * job.V + job.S):
        for k in range(most_c):
            word_index = col * most_c + k
            place = word_index % job.ifmap_spad
            slot = max(bus[0], retired[place] * job.ifmap_bus)
            c = k
            for s in range(sets_c):
                if k < size_c[s]:
                    own = (col * size_c[s] + k) % job.ifmap_spad
                    for y in range(rows):
                        address = ((image * now.channels + c) * rows + y) * job.row_words + col
                        word = buffer[address]
                        cycle = slot // job.ifmap_bus
                        _note(counts, events, window, GLB_IFMAP_READ, cycle, NOWHERE, address, word)
                        low = max(0, _pieces(y - job.R + 1, job.strip_step))
                        for x in range(low, min(now.rows - 1, y // job.strip_step) + 1):
                            tap_row = y - x * job.strip_step
                            if tap_row >= job.R:
                                continue
                            for t in range(sets_m):
                                pe = pes[t, x, s * job.R + tap_row]
                                inputs[pe, own] = word
                                _note(counts, events, window, GIN_IFMAP_HOP, cycle, pe, address,
                                      word)  # fmt: skip
                                _note(counts, events, window, IFMAP_FILL, cycle, pe, own, word)
                        slot += 1
                c += size_c[s]
            bus[0] = slot
            arrived[place] = (slot - 1) // job.ifmap_bus + 1
            if col < f * job.V:  # between two windows: no PE uses it
                bus[1] = max(bus[1], arrived[place])
                retired[place] = bus[1]


@compiled
def _slots(
    job: Job, f: int, most_m: int, most_c: int, fifo: tuple, bus: Array, slots: Array, at: int
) -> int:
    """Set when the slots of a window start, and when words leave the queue; return the end."""
    arrived, retired = fifo
    for s in range(job.S):
        for k in range(most_c):
            place = ((f * job.V + s) * most_c + k) % job.ifmap_spad
            at = max(at, arrived[place])
            slots[s * most_c + k] = at
            at += most_m
            if s < job.V:
                bus[1] = at
                retired[place] = at
    return at


@compiled
def _add(sums: Array, filters: Array, word: Any) -> bool:
    """Add a product to each sum; return whether one of them left 32 bits."""
    wrong = np.int64(0)
    for j in range(len(sums)):
        value = sums[j] + np.int64(filters[j]) * np.int64(word)
        sums[j] = value
        # the bits above bit 31 are all alike if it fits
        wrong |= (value >> 31) ^ (value >> 63)
    return wrong != 0


@compiled
def _multiply(
    job: Job, pe: int, f: int, filters_here: int, channels_here: int, most_c: int, spads: tuple,
    slots: Array, counts: Array, events: Array, window: Array,
) -> int:  # fmt: skip
    """Run a window in one PE; return the filter whose sum left 32 bits, or -1."""
    filters, inputs, sums, _ = spads
    for s in range(job.S):
        for k in range(channels_here):
            own = ((f * job.V + s) * channels_here + k) % job.ifmap_spad
            base = (s * job.q + k) * job.p
            word = np.int64(inputs[pe, own])
            at = slots[s * most_c + k]
            traced = at < window[1] and at + filters_here > window[0]
            if traced:
                _trace_slot(job, pe, own, base, filters_here, at, spads, events, window)
            counts[IFMAP_READ] += filters_here
            if word == 0:
                counts[MAC_GATED] += filters_here
                continue
            if _add(sums[pe, :filters_here], filters[pe, base : base + filters_here], word):
                for j in range(filters_here):
                    if not _fits(sums[pe, j]):
                        return j
            counts[FILTER_READ] += filters_here
            counts[PSUM_READ] += filters_here
            counts[PSUM_UPDATE] += filters_here
            counts[MAC_COMPUTE] += filters_here
    return -1


@compiled
def _trace_slot(
    job: Job, pe: int, own: int, base: int, filters_here: int, at: int, spads: tuple,
    events: Array, window: Array,
) -> None:  # fmt: skip
    """Write down what one PE does in a slot, before it does it."""
    filters, inputs, sums, _ = spads
    word = np.int64(inputs[pe, own])
    for j in range(filters_here):
        if not window[0] <= at + j < window[1]:
            continue
        _write(events, window, IFMAP_READ, at + j, pe, own, word)
        if word == 0:
            _write(events, window, MAC_GATED, at + j, pe, j, 0)
            continue
        weight = np.int64(filters[pe, base + j])
        _write(events, window, FILTER_READ, at + j, pe, base + j, weight)
        _write(events, window, PSUM_READ, at + j, pe, j, sums[pe, j])
        _write(events, window, MAC_COMPUTE, at + j, pe, j, weight * word)
        _write(events, window, PSUM_UPDATE, at + j, pe, j, sums[pe, j] + weight * word)


@compiled
def _accumulate(
    job: Job, now: Pass, image: int, f: int, end: int, barrier: int, sets: tuple, deal: tuple,
    spads: tuple, buffer: Array, incoming: Array, clock: Array, fault: Array,
    counts: Array, events: Array, window: Array,
) -> bool:  # fmt: skip
    """Pass the sums of a window up the columns and store them; return whether they fitted.

    Sums of earlier channels come from the buffer to the foot of each column; a PE hands its own to
    its queue, a cycle a filter, and adds what comes from below, a cycle a PE.  Sums of the next
    window can leave the spads when those before them have left the array.
    """
    sets_m, sets_c, most_c = sets
    size_m = deal[2]
    sums, pes = spads[2], spads[3]
    tall = sets_c * job.R
    most_m = size_m[0]
    ready = end
    if now.channel > 0:
        slot = max(clock[GIN_SLOT], barrier * job.psum_bus)
        for j in range(most_m):
            slot = max(slot, (clock[DRAINED] + j) * job.psum_bus)
            m = now.filter + j
            for t in range(sets_m):
                if j < size_m[t]:
                    for x in range(now.rows):
                        address = _psum_address(job, now, image, m, x, f)
                        word = buffer[address]
                        cycle = slot // job.psum_bus
                        _note(counts, events, window, GLB_PSUM_READ, cycle, NOWHERE, address, word)
                        incoming[t, x, j] = word
                        slot += 1
                m += size_m[t]
        clock[GIN_SLOT] = slot
        ready = max(ready, (slot - 1) // job.psum_bus + 1)
    leave = max(ready, clock[GON_END] - tall)
    slot = clock[GON_SLOT]
    for j in range(most_m):
        slot = max(slot, (leave + j + tall) * job.psum_bus)
        m = now.filter + j
        for t in range(sets_m):
            if j < size_m[t]:
                for x in range(now.rows):
                    total = incoming[t, x, j] if now.channel > 0 else np.int64(0)
                    for k in range(tall):
                        pe = pes[t, x, tall - 1 - k]
                        own = sums[pe, j]
                        _note(counts, events, window, PSUM_DRAIN, leave + j, pe, j, own)
                        sums[pe, j] = 0
                        total += own
                        if not _fits(total):
                            fault[2], fault[3] = now.held + m, now.row + x
                            return False
                        _note(counts, events, window, COLUMN_HOP, leave + j + k, pe, j, total)
                    address = _psum_address(job, now, image, m, x, f)
                    cycle = slot // job.psum_bus
                    _note(counts, events, window, GLB_PSUM_UPDATE, cycle, NOWHERE, address, total)
                    buffer[address] = total
                    slot += 1
            m += size_m[t]
    clock[GON_SLOT] = slot
    clock[GON_END] = (slot - 1) // job.psum_bus + 1
    clock[DRAINED] = leave
    return True


@compiled
def _image(
    job: Job, now: Pass, image: int, at: int, barrier: int, sets: tuple, deal: tuple, spads: tuple,
    buffer: Array, work: tuple, clock: Array, fault: Array,
    counts: Array, events: Array, window: Array,
) -> int:  # fmt: skip
    """Run the windows of one image of a pass; return when its last MAC is done, or -1."""
    sets_m, sets_c, most_c = sets
    size_m, size_c = deal[2], deal[5]
    fifo, bus, slots, incoming = work
    pes = spads[3]
    fifo[1][:] = at
    bus[0], bus[1] = at * job.ifmap_bus, at
    for f in range(job.F):
        fault[1], fault[4] = now.image + image, f
        _stream(job, now, image, f, sets, deal, spads, buffer, fifo, bus, counts, events, window)
        at = _slots(job, f, size_m[0], most_c, fifo, bus, slots, max(at, clock[DRAINED]))
        clock[MACS] += size_m[0] * most_c * job.S
        m = now.held + now.filter
        for t in range(sets_m):
            for x in range(now.rows):
                for y in range(sets_c * job.R):
                    wrong = _multiply(
                        job, pes[t, x, y], f, size_m[t], size_c[y // job.R], most_c, spads,
                        slots, counts, events, window,
                    )  # fmt: skip
                    if wrong >= 0:
                        fault[2], fault[3] = m + wrong, now.row + x
                        return -1
            m += size_m[t]
        if not _accumulate(
            job, now, image, f, at, barrier, sets, deal, spads, buffer, incoming, clock, fault,
            counts, events, window,
        ):  # fmt: skip
            return -1
    return at


@compiled
def prepare(job: Job) -> tuple[Any, ...]:
    """Return the array before its first pass: spads, buffer, filter banks, deals, work space."""
    filters = np.zeros((job.pes, job.filter_spad), np.int32)
    ifmap = np.zeros((job.pes, job.ifmap_spad), np.int32)
    sums = np.zeros((job.pes, job.psum_spad), np.int64)
    pes = np.zeros((job.t, job.e, job.R * job.r), np.int64)
    for t, x, y in np.ndindex(pes.shape):
        pes[t, x, y] = _pe(job, t, x, y)
    spads = (filters, ifmap, sums, pes)
    buffer = np.zeros(job.buffer, np.int64)
    bank = np.zeros(max(1, job.prefetch), np.int64)
    filter_set, filter_at = np.zeros(job.p * job.t, np.int64), np.zeros(job.p * job.t, np.int64)
    channel_set, channel_at = np.zeros(job.q * job.r, np.int64), np.zeros(job.q * job.r, np.int64)
    size_m, size_c = np.zeros(job.t, np.int64), np.zeros(job.r, np.int64)
    deal = (filter_set, filter_at, size_m, channel_set, channel_at, size_c)
    fifo = (np.zeros(job.ifmap_spad, np.int64), np.zeros(job.ifmap_spad, np.int64))
    incoming = np.zeros((job.t, job.e, job.p), np.int64)
    work = (fifo, np.zeros(2, np.int64), np.zeros(job.S * job.q, np.int64), incoming)
    return spads, buffer, bank, deal, work


@compiled
def run_passes(
    job: Job, state: tuple[Any, ...], first: int, end: int,
    inputs: Array, weights: Array, output: Array, clock: Array, fault: Array,
    counts: Array, events: Array, window: Array,
) -> bool:  # fmt: skip
    """Run some passes of a layer in their order; return whether every sum fitted 32 bits.

    Parameters
    ----------
    job : Job
        The layer, its mapping and the chip; what does not fit was refused before.
    state : tuple
        The array as `prepare` or the passes before left it; written.
    first, end : int
        The passes: from `first` to before `end`.
    inputs, weights, output : array
        DRAM, flat: shapes (N, G·C, H, W), (G·M, C, R, S) and (N, G·M, E, F).
    clock, fault, counts : array
        Written: times and sums, where the first sum did not fit, what happened by kind.
    events, window : array
        Written: rows of the trace; the window has its first cycle, its last and the rows so far,
        which may be more than there is room for.
    """
    spads, buffer, bank, deal, work = state
    filter_set, filter_at, size_m, channel_set, channel_at, size_c = deal
    passes = count_passes(job)
    now = pass_at(job, first)
    if first == 0:
        _prefetch(job, now, weights, bank, clock, 0, counts, events, window)
    for index in range(first, end):
        following = pass_at(job, min(index + 1, passes - 1))
        fault[0] = now.group
        if now.filter == 0:
            _fill(job, now, inputs, buffer, clock, counts, events, window)
        sets_m = _dealt(now.filters, job.t, filter_set, filter_at, size_m)
        sets_c = _dealt(now.channels, job.r, channel_set, channel_at, size_c)
        sets = (sets_m, sets_c, size_c[0])
        at = _load(job, now, weights, bank, deal, spads, clock, counts, events, window)
        if index + 1 < passes:
            _prefetch(job, following, weights, bank, clock, at, counts, events, window)
        barrier = clock[GON_END]
        for image in range(now.images):
            at = _image(
                job, now, image, at, barrier, sets, deal, spads, buffer, work, clock, fault,
                counts, events, window,
            )  # fmt: skip
            if at < 0:
                return False
        clock[NOW] = at
        last_channels = now.channel + now.channels == job.C
        if last_channels and now.filter + now.filters == now.held_filters:
            _store(job, now, output, buffer, clock, counts, events, window)
        now = following
    return True
