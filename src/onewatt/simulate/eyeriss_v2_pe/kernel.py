"""Compiled: one weight tile on the seven stages of the PE, clocked cycle by cycle.

Stages, by what they hold: 1 the segment whose activation addresses are read, 2 the segment whose
activations are read one by one, 3 the activation whose weight addresses are read, 4 the activation
whose weight rows are read one by one, 5 the row that arrived, 6 the operands that are multiplied,
7 the products that are added to their partial sums.

At the end of a cycle each stage, from the last to the first, hands on what it holds if the next
one is empty then.  A segment without words ends in stage 1, an activation without weights in
stage 3: it takes no weight read, and costs a bubble only if stage 4 had nothing else to do.
"""

# pyright: basic
# Compiled code: its types are arrays and numbers, inferred by numba from the call.

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

CYCLES, ROWS, COMPUTE, GATED, IACT_ADDRESS, IACT_DATA, WEIGHT_ADDRESS, PSUM_READ = range(8)
POSITION, ROW_OF_PSUM = range(2)
_COUNTS = 8
_NOTHING = -1

Array = NDArray[Any]
Codes = tuple[Array, Array, Array]


@nb.njit(cache=True)
def run_tile(
    iact: Codes, weight: Codes, lanes: int, waits: bool,
    psum: Array, fresh: Array, limit: int, counts: Array, fault: Array,
) -> bool:  # fmt: skip
    """Run all segments of activations on one weight tile; return whether every sum fitted.

    Parameters
    ----------
    iact, weight : (count, data, address)
        The codes: zeros before each value, values, and where segments begin (in rows).
    lanes : int
        Weights in a row, each with its multiplier.
    waits : bool
        Whether a segment enters only when the pipeline is empty.
    psum, fresh : array, shape (segments, M0)
        Partial sums, added to; whether each was not written yet.
    limit : int
        A sum s fits if -limit <= s < limit.
    counts, fault : array
        Written: what happened, added to what is there; where the first sum did not fit.
    """
    iact_count, iact_data, iact_address = iact
    weight_count, weight_data, weight_address = weight
    segments = iact_address.shape[0] - 1

    arriving = 0  # the next segment
    s1 = _NOTHING  # segment
    s2 = _NOTHING  # segment
    s2_word = s2_channel = 0
    s3 = _NOTHING  # segment of the activation
    s3_value = s3_channel = 0
    s4 = _NOTHING
    s4_value = s4_row = s4_end = s4_psum = 0
    s5, s6, s7 = _NOTHING, _NOTHING, _NOTHING
    s5_value = 0
    s5_psum, s5_weight = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    s6_psum, s6_weight = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    s7_psum, s7_product = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    s6_value = 0

    while True:
        empty = s1 < 0 and s2 < 0 and s3 < 0 and s4 < 0 and s5 < 0 and s6 < 0 and s7 < 0
        if s1 < 0 and arriving < segments and (empty or not waits):
            s1 = arriving
            arriving += 1
            counts[IACT_ADDRESS] += 1
            empty = False
        if empty:
            return True
        counts[CYCLES] += 1

        # stage 7 adds; a lane without a weight is gated
        if s7 >= 0:
            for lane in range(lanes):
                m = s7_psum[lane]
                if m < 0:
                    counts[GATED] += 1
                    continue
                counts[COMPUTE] += 1
                if fresh[s7, m]:
                    fresh[s7, m] = False
                else:
                    counts[PSUM_READ] += 1
                total = psum[s7, m] + s7_product[lane]
                if total < -limit or total >= limit:
                    fault[POSITION], fault[ROW_OF_PSUM] = s7, m
                    return False
                psum[s7, m] = total

        # the end of the cycle, from the last stage to the first
        s7 = s6
        if s6 >= 0:
            for lane in range(lanes):
                s7_psum[lane] = s6_psum[lane]
                s7_product[lane] = s6_value * s6_weight[lane]
        s6 = s5
        if s5 >= 0:
            s6_value = s5_value
            for lane in range(lanes):
                s6_psum[lane] = s5_psum[lane]
                s6_weight[lane] = s5_weight[lane]
        s5 = s4
        if s4 >= 0:
            counts[ROWS] += 1
            s5_value = s4_value
            for lane in range(lanes):
                word = s4_row * lanes + lane
                if lane and weight_count[word] == 0 and weight_data[word] == 0:
                    s5_psum[lane] = _NOTHING
                    continue
                s4_psum += weight_count[word]
                s5_psum[lane] = s4_psum
                s5_weight[lane] = weight_data[word]
                s4_psum += 1
            s4_row += 1
            if s4_row == s4_end:
                s4 = _NOTHING
        if s3 >= 0:
            start, end = weight_address[s3_channel], weight_address[s3_channel + 1]
            if start == end:
                s3 = _NOTHING
            elif s4 < 0:
                s4, s4_value, s4_row, s4_end, s4_psum = s3, s3_value, start, end, 0
                s3 = _NOTHING
        if s2 >= 0 and s3 < 0:
            counts[IACT_DATA] += 1
            counts[WEIGHT_ADDRESS] += 2
            s2_channel += iact_count[s2_word]
            s3, s3_value, s3_channel = s2, iact_data[s2_word], s2_channel
            s2_channel += 1
            s2_word += 1
            if s2_word == iact_address[s2 + 1]:
                s2 = _NOTHING
        if s1 >= 0:
            if iact_address[s1] == iact_address[s1 + 1]:
                s1 = _NOTHING
            elif s2 < 0:
                s2, s2_word, s2_channel = s1, iact_address[s1], 0
                s1 = _NOTHING


@nb.njit(cache=True)
def loads(address: Array, most_segments: int, most_words: int) -> int:
    """Return how often the activation memories are loaded for all segments in turn."""
    n = 0
    first = 0
    while first < address.shape[0] - 1:
        last = first + 1
        while (
            last < address.shape[0] - 1
            and last + 1 - first <= most_segments
            and address[last + 1] - address[first] <= most_words
        ):
            last += 1
        first = last
        n += 1
    return n
