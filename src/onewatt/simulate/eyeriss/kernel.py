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

from typing import Any

import numpy as np

from onewatt.simulate.eyeriss.jit import compiled
from onewatt.simulate.eyeriss.job import (
    Array,
    Job,
    Pass,
    count_passes,
    deal_out,
    filter_address,
    pass_at,
    pe_at,
    pieces,
    psum_address,
    strip_rows,
)
from onewatt.simulate.eyeriss.pes import accumulate, multiply, start_slots, stream

# `X as X`: the caller of the clockwork takes them from here
from onewatt.simulate.eyeriss.record import CLOCKS as CLOCKS
from onewatt.simulate.eyeriss.record import (
    DRAINED,
    DRAM_FILTER_READ,
    DRAM_IFMAP_READ,
    DRAM_OFMAP_UPDATE,
    FILTER_FILL,
    GIN_FILTER_HOP,
    GLB_IFMAP_FILL,
    GLB_PSUM_DRAIN,
    GON_END,
    LINK,
    MACS,
    NOW,
    NOWHERE,
    PREFETCHED,
    WAITS,
    note,
)
from onewatt.simulate.eyeriss.record import FAULTS as FAULTS
from onewatt.simulate.eyeriss.record import FIELDS as FIELDS
from onewatt.simulate.eyeriss.record import KINDS as KINDS


@compiled
def _prefetch(
    job: Job, now: Pass, weights: Array, bank: Array, clock: Array, at: int,
    counts: Array, events: Array, window: Array,
) -> None:  # fmt: skip
    """Bring the filters of a pass over the link, as many as the two banks hold."""
    words = min(now.filters * now.channels * job.layer.R * job.layer.S, job.prefetch)
    start = max(at, clock[LINK])
    for i in range(words):
        address = filter_address(job, now, i)
        bank[i] = weights[address]
        cycle = start + i * job.link_cycles // job.link_words
        note(counts, events, window, DRAM_FILTER_READ, cycle, NOWHERE, address, bank[i])
    clock[LINK] = start + pieces(words * job.link_cycles, job.link_words)
    clock[PREFETCHED] = clock[LINK]


@compiled
def _load(
    job: Job, now: Pass, weights: Array, bank: Array, deal: tuple, spads: tuple, clock: Array,
    counts: Array, events: Array, window: Array,
) -> int:  # fmt: skip
    """Load the filter spads over the filter bus; return when all words are there."""
    layer = job.layer
    filter_set, filter_at, _, channel_set, channel_at, _ = deal
    filters, pes = spads[0], spads[3]
    words = now.filters * now.channels * layer.R * layer.S
    start = max(clock[NOW], clock[PREFETCHED])
    clock[WAITS] += start - clock[NOW]
    late = max(start, clock[LINK])
    slot = start * job.filter_bus
    for i in range(words):
        if i < job.prefetch:
            word = bank[i]
        else:
            address = filter_address(job, now, i)
            word = weights[address]
            cycle = late + (i - job.prefetch) * job.link_cycles // job.link_words
            note(counts, events, window, DRAM_FILTER_READ, cycle, NOWHERE, address, word)
            slot = max(slot, (cycle + 1) * job.filter_bus)
        f, rest = i // (now.channels * layer.R * layer.S), i % (now.channels * layer.R * layer.S)
        c, tap = rest // (layer.R * layer.S), rest % (layer.R * layer.S)
        y = channel_set[c] * layer.R + tap // layer.S
        place = (tap % layer.S * job.q + channel_at[c]) * job.p + filter_at[f]
        for x in range(now.rows):
            pe = pes[filter_set[f], x, y]
            filters[pe, place] = word
            cycle = slot // job.filter_bus
            note(counts, events, window, GIN_FILTER_HOP, cycle, pe, i, word)
            note(counts, events, window, FILTER_FILL, cycle, pe, place, word)
        slot += 1
    if words > job.prefetch:
        rest = (words - job.prefetch) * job.link_cycles
        clock[LINK] = late + pieces(rest, job.link_words)
    end = pieces(slot, job.filter_bus)
    clock[WAITS] += end - start - pieces(words, job.filter_bus)
    return end


@compiled
def _fill(
    job: Job, now: Pass, inputs: Array, buffer: Array, clock: Array,
    counts: Array, events: Array, window: Array,
) -> None:  # fmt: skip
    """Bring the strips of a pass over the link into the buffer while the array waits."""
    layer = job.layer
    rows = strip_rows(job, now.rows)
    start = max(clock[NOW], clock[LINK])
    i = 0
    for image in range(now.images):
        for c in range(now.channels):
            plane = (now.image + image) * layer.G * layer.C + now.group * layer.C + now.channel + c
            for y in range(rows):
                # with a stride beyond the filter's height some rows are never read
                apart = y // layer.R * layer.U + y % layer.R if layer.U > layer.R else y
                row = now.row * layer.U + apart
                for x in range(job.row_words):
                    address = (plane * layer.H + row) * layer.W + x
                    word = inputs[address]
                    cycle = start + i * job.link_cycles // job.link_words
                    note(counts, events, window, DRAM_IFMAP_READ, cycle, NOWHERE, address, word)
                    note(counts, events, window, GLB_IFMAP_FILL, cycle, NOWHERE, i, word)
                    buffer[i] = word
                    i += 1
    end = start + pieces(i * job.link_cycles, job.link_words)
    clock[WAITS] += end - clock[NOW]
    clock[NOW] = clock[LINK] = end


@compiled
def _store(
    job: Job, now: Pass, output: Array, buffer: Array, clock: Array,
    counts: Array, events: Array, window: Array,
) -> None:  # fmt: skip
    """Send the finished sums of a strip over the link while the array waits."""
    layer = job.layer
    clock[NOW] = max(clock[NOW], clock[GON_END])
    start = max(clock[NOW], clock[LINK])
    i = 0
    for image in range(now.images):
        for m in range(now.held_filters):
            plane = (now.image + image) * layer.G * layer.M + now.group * layer.M + now.held + m
            for row in range(now.rows):
                for f in range(layer.F):
                    address = psum_address(job, now, image, m, row, f)
                    word = buffer[address]
                    cycle = start + i * job.link_cycles // job.link_words
                    note(counts, events, window, GLB_PSUM_DRAIN, cycle, NOWHERE, address, word)
                    there = (plane * layer.E + now.row + row) * layer.F + f
                    output[there] = word
                    note(counts, events, window, DRAM_OFMAP_UPDATE, cycle, NOWHERE, there, word)
                    i += 1
    end = start + pieces(i * job.link_cycles, job.link_words)
    clock[WAITS] += end - clock[NOW]
    clock[NOW] = clock[LINK] = end


@compiled
def _image(
    job: Job, now: Pass, image: int, at: int, barrier: int, sets: tuple, deal: tuple, spads: tuple,
    buffer: Array, work: tuple, clock: Array, fault: Array,
    counts: Array, events: Array, window: Array,
) -> int:  # fmt: skip
    """Run the windows of one image of a pass; return when its last MAC is done, or -1."""
    layer = job.layer
    sets_m, sets_c, most_c = sets
    size_m, size_c = deal[2], deal[5]
    fifo, bus, slots, incoming = work
    pes = spads[3]
    fifo[1][:] = at
    bus[0], bus[1] = at * job.ifmap_bus, at
    for f in range(layer.F):
        fault[1], fault[4] = now.image + image, f
        stream(job, now, image, f, sets, deal, spads, buffer, fifo, bus, counts, events, window)
        at = start_slots(job, f, size_m[0], most_c, fifo, bus, slots, max(at, clock[DRAINED]))
        clock[MACS] += size_m[0] * most_c * layer.S
        m = now.held + now.filter
        for t in range(sets_m):
            for x in range(now.rows):
                for y in range(sets_c * layer.R):
                    wrong = multiply(
                        job, pes[t, x, y], f, size_m[t], size_c[y // layer.R], most_c, spads,
                        slots, counts, events, window,
                    )  # fmt: skip
                    if wrong >= 0:
                        fault[2], fault[3] = m + wrong, now.row + x
                        return -1
            m += size_m[t]
        if not accumulate(
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
    pes = np.zeros((job.t, job.e, job.layer.R * job.r), np.int64)
    for t, x, y in np.ndindex(pes.shape):
        pes[t, x, y] = pe_at(job, t, x, y)
    spads = (filters, ifmap, sums, pes)
    buffer = np.zeros(job.buffer, np.int64)
    bank = np.zeros(max(1, job.prefetch), np.int64)
    filter_set, filter_at = np.zeros(job.p * job.t, np.int64), np.zeros(job.p * job.t, np.int64)
    channel_set, channel_at = np.zeros(job.q * job.r, np.int64), np.zeros(job.q * job.r, np.int64)
    size_m, size_c = np.zeros(job.t, np.int64), np.zeros(job.r, np.int64)
    deal = (filter_set, filter_at, size_m, channel_set, channel_at, size_c)
    fifo = (np.zeros(job.ifmap_spad, np.int64), np.zeros(job.ifmap_spad, np.int64))
    incoming = np.zeros((job.t, job.e, job.p), np.int64)
    work = (fifo, np.zeros(2, np.int64), np.zeros(job.layer.S * job.q, np.int64), incoming)
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
        sets_m = deal_out(now.filters, job.t, filter_set, filter_at, size_m)
        sets_c = deal_out(now.channels, job.r, channel_set, channel_at, size_c)
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
        last_channels = now.channel + now.channels == job.layer.C
        if last_channels and now.filter + now.filters == now.held_filters:
            _store(job, now, output, buffer, clock, counts, events, window)
        now = following
    return True
