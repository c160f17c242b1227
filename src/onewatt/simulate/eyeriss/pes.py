"""The PEs at work: input columns stream in, windows are multiplied, sums go up the columns."""

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
    pieces,
    psum_address,
    strip_rows,
)
from onewatt.simulate.eyeriss.record import (
    COLUMN_HOP,
    DRAINED,
    FILTER_READ,
    GIN_IFMAP_HOP,
    GIN_SLOT,
    GLB_IFMAP_READ,
    GLB_PSUM_READ,
    GLB_PSUM_UPDATE,
    GON_END,
    GON_SLOT,
    IFMAP_FILL,
    IFMAP_READ,
    MAC_COMPUTE,
    MAC_GATED,
    NOWHERE,
    PSUM_DRAIN,
    PSUM_READ,
    PSUM_UPDATE,
    fits,
    note,
    write,
)


@compiled
def stream(
    job: Job, now: Pass, image: int, f: int, sets: tuple, deal: tuple, spads: tuple, buffer: Array,
    fifo: tuple, bus: Array, counts: Array, events: Array, window: Array,
) -> None:  # fmt: skip
    """Bring the input columns that window `f` is the first to need, and the gaps before them.

    An ifmap spad is a queue as long as it has words: a word of a column waits until the word that
    many places before it was used.  The bus serves channel after channel, all input rows of all
    sets in turn, and every word goes to all PEs that need it at once: along the diagonals of each
    set, and to the sets of other filters.
    """
    layer = job.layer
    sets_m, sets_c, most_c = sets
    size_c = deal[5]
    inputs, pes = spads[1], spads[3]
    arrived, retired = fifo
    rows = strip_rows(job, now.rows)
    first = 0 if f == 0 else (f - 1) * layer.V + layer.S
    for col in range(first, f * layer.V + layer.S):
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
                        note(counts, events, window, GLB_IFMAP_READ, cycle, NOWHERE, address, word)
                        low = max(0, pieces(y - layer.R + 1, job.strip_step))
                        for x in range(low, min(now.rows - 1, y // job.strip_step) + 1):
                            tap_row = y - x * job.strip_step
                            if tap_row >= layer.R:
                                continue
                            for t in range(sets_m):
                                pe = pes[t, x, s * layer.R + tap_row]
                                inputs[pe, own] = word
                                note(counts, events, window, GIN_IFMAP_HOP, cycle, pe, address,
                                      word)  # fmt: skip
                                note(counts, events, window, IFMAP_FILL, cycle, pe, own, word)
                        slot += 1
                c += size_c[s]
            bus[0] = slot
            arrived[place] = (slot - 1) // job.ifmap_bus + 1
            if col < f * layer.V:  # between two windows: no PE uses it
                bus[1] = max(bus[1], arrived[place])
                retired[place] = bus[1]


@compiled
def start_slots(
    job: Job, f: int, most_m: int, most_c: int, fifo: tuple, bus: Array, slots: Array, at: int
) -> int:
    """Set when the slots of a window start, and when words leave the queue; return the end."""
    arrived, retired = fifo
    for s in range(job.layer.S):
        for k in range(most_c):
            place = ((f * job.layer.V + s) * most_c + k) % job.ifmap_spad
            at = max(at, arrived[place])
            slots[s * most_c + k] = at
            at += most_m
            if s < job.layer.V:
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
def multiply(
    job: Job, pe: int, f: int, filters_here: int, channels_here: int, most_c: int, spads: tuple,
    slots: Array, counts: Array, events: Array, window: Array,
) -> int:  # fmt: skip
    """Run a window in one PE; return the filter whose sum left 32 bits, or -1."""
    filters, inputs, sums, _ = spads
    for s in range(job.layer.S):
        for k in range(channels_here):
            own = ((f * job.layer.V + s) * channels_here + k) % job.ifmap_spad
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
                    if not fits(sums[pe, j]):
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
        write(events, window, IFMAP_READ, at + j, pe, own, word)
        if word == 0:
            write(events, window, MAC_GATED, at + j, pe, j, 0)
            continue
        weight = np.int64(filters[pe, base + j])
        write(events, window, FILTER_READ, at + j, pe, base + j, weight)
        write(events, window, PSUM_READ, at + j, pe, j, sums[pe, j])
        write(events, window, MAC_COMPUTE, at + j, pe, j, weight * word)
        write(events, window, PSUM_UPDATE, at + j, pe, j, sums[pe, j] + weight * word)


@compiled
def accumulate(
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
    tall = sets_c * job.layer.R
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
                        address = psum_address(job, now, image, m, x, f)
                        word = buffer[address]
                        cycle = slot // job.psum_bus
                        note(counts, events, window, GLB_PSUM_READ, cycle, NOWHERE, address, word)
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
                        note(counts, events, window, PSUM_DRAIN, leave + j, pe, j, own)
                        sums[pe, j] = 0
                        total += own
                        if not fits(total):
                            fault[2], fault[3] = now.held + m, now.row + x
                            return False
                        note(counts, events, window, COLUMN_HOP, leave + j + k, pe, j, total)
                    address = psum_address(job, now, image, m, x, f)
                    cycle = slot // job.psum_bus
                    note(counts, events, window, GLB_PSUM_UPDATE, cycle, NOWHERE, address, total)
                    buffer[address] = total
                    slot += 1
            m += size_m[t]
    clock[GON_SLOT] = slot
    clock[GON_END] = (slot - 1) // job.psum_bus + 1
    clock[DRAINED] = leave
    return True
