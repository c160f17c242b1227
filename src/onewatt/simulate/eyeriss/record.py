"""What is written down: counts by kind, times, and the rows of a trace."""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from typing import Any

from onewatt.simulate.eyeriss.jit import compiled, inlined
from onewatt.simulate.eyeriss.job import Array

#: What can happen, in the order of the counts; `KINDS` in `run.py` has their names.
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


@inlined
def note(
    counts: Array, events: Array, window: Array,
    kind: int, cycle: int, pe: int, address: int, data: Any,
) -> None:  # fmt: skip
    """Count an action and, if its cycle is in the window, write it down."""
    counts[kind] += 1
    if window[0] <= cycle < window[1]:
        write(events, window, kind, cycle, pe, address, data)


@compiled
def write(
    events: Array, window: Array, kind: int, cycle: int, pe: int, address: int, data: Any
) -> None:
    """Write down a row of the trace, if there is room; count it all the same."""
    i = window[2]
    if i < events.shape[0]:
        events[i, 0], events[i, 1], events[i, 2] = cycle, kind, pe
        events[i, 3], events[i, 4] = address, data
    window[2] = i + 1


@compiled
def fits(value: int) -> bool:
    """Say whether a sum fits 32 bits."""
    return -2147483648 <= value <= 2147483647
