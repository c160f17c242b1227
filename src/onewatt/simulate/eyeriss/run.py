"""Eyeriss, running: a quantised layer on the PE array in row-stationary order."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from onewatt.errors import InputError
from onewatt.simulate.eyeriss import kernel
from onewatt.simulate.eyeriss.kernel import Job
from onewatt.simulate.eyeriss.layout import EYERISS, EyerissArray, Layer, job_of
from onewatt.simulate.integers import Integers, fitting, is_whole
from onewatt.spec.row_stationary import RowStationary

WORD_BITS = 16
PSUM_BITS = 32

#: What happens where, in the order of the kernel's kinds.
KINDS = (
    ("DRAM filter", "read"), ("DRAM ifmap", "read"), ("DRAM ofmap", "update"),
    ("GLB ifmap", "fill"), ("GLB ifmap", "read"),
    ("GLB psum", "read"), ("GLB psum", "update"), ("GLB psum", "drain"),
    ("GIN filter", "hop"), ("GIN ifmap", "hop"), ("column", "hop"),
    ("filter spad", "fill"), ("filter spad", "read"),
    ("ifmap spad", "fill"), ("ifmap spad", "read"),
    ("psum spad", "read"), ("psum spad", "update"), ("psum spad", "drain"),
    ("mac", "compute"), ("mac", "gated"),
)  # fmt: skip

Counts = dict[tuple[str, str], int]
Progress = Callable[[int, int], None]

#: Compiled code does not see Ctrl-C, so passes run in slices of about so long [s].
_SLICE = 0.2


class Window(msgspec.Struct, frozen=True):
    """Cycles to write down, from `first` to before `end`, in at most `rows` rows."""

    first: int
    end: int
    rows: int = 1_000_000


class RowStationaryRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What the array did with a layer.

    `output`, shape (N, G·M, E, F), are the sums; `cycles` is the time of the array (the paper's
    processing latency), `total_cycles` that with its waits for the link; in `mac_cycles` of them
    PEs multiply.  `counts` are the words (or operations) by component and action, `gated` the share
    of multiplications that a zero input held back, `passes` how often filters were loaded.
    `events` are the rows of the trace (see `trace_table`), none if no window was asked for.
    """

    output: Integers
    cycles: int
    total_cycles: int
    mac_cycles: int
    counts: Counts
    passes: int
    active_pes: int
    mapping: RowStationary
    array: EyerissArray
    events: Integers

    @property
    def gated(self) -> float:
        """Share of the multiplications that a zero input held back [1]."""
        gated = self.counts["mac", "gated"]
        return gated / (gated + self.counts["mac", "compute"])


def row_stationary(
    inputs: ArrayLike,
    weights: ArrayLike,
    mapping: RowStationary | str,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    groups: int = 1,
    array: EyerissArray = EYERISS,
    window: Window | None = None,
    progress: Progress | None = None,
) -> RowStationaryRun:
    """Run a convolution on the PE array of Eyeriss in row-stationary order.

    Each PE slides one row of a filter along one row of the input; a column of PEs adds up the rows
    of a window, and further channels above each other.  Every word takes the way of the chip: over
    the link into the buffer, over a bus to all PEs that need it, through spads to the MAC, up the
    column and back into the buffer.

    Parameters
    ----------
    inputs : array_like, shape (N, G·C, H, W) or (N, C)
        Whole numbers of 16 bits; (N, C) goes into a fully connected layer.
    weights : array_like, shape (G·M, C, R, S) or (M, C)
        Whole numbers of 16 bits.
    mapping : RowStationary or str
        The seven parameters, or as text such as ``m96 n1 e7 p16 q1 r1 t2``.
    stride, padding : int or (int, int)
        Of rows and columns; padding is zeros on both sides, which are words like others.
    groups : int
        Groups of channels that have nothing to do with each other; they run in turn.
    array : EyerissArray
        Sizes and rates of the chip.
    window : Window or None
        Cycles (of `total_cycles`) whose every word is written down in `events`.
    progress : callable or None
        Called with the passes done and all passes, a few times a second.

    Returns
    -------
    RowStationaryRun
        Output, cycles, and the accesses of every component.

    Raises
    ------
    InputError
        If shapes do not fit together, a value is no whole number of 16 bits, a sum leaves 32 bits
        on its way, or the window has more rows than it may.
    MappingError
        If the array cannot hold the mapping, naming the limit.

    Notes
    -----
    Passes run in the order groups, images, strips, m filters, q·r channels, p·t filters [1]_.  Sums
    have 32 bits; the chip cuts products to 16.  ``docs/simulate.md`` lists what the paper leaves
    open and how it is read here.

    References
    ----------
    .. [1] jssc17, sections III to V and Table II.

    Examples
    --------
    >>> image, filters = np.arange(16).reshape(1, 1, 4, 4), np.ones((1, 1, 3, 3), int)
    >>> run = row_stationary(image, filters, "m1 n1 e2 p1 q1 r1 t1")
    >>> run.output[0, 0].tolist()
    [[45, 54], [81, 90]]
    >>> run.counts["ifmap spad", "fill"], run.counts["mac", "gated"], run.active_pes
    (24, 1, 6)
    """
    if isinstance(mapping, str):
        mapping = RowStationary.parse(mapping)
    fmaps, filters = _operands(inputs, weights, _pair(padding, "padding", 0))
    layer = _layer(fmaps, filters, _pair(stride, "stride", 1), groups)
    job = job_of(layer, mapping, array)
    output = np.zeros((layer.N, layer.G * layer.M, layer.E, layer.F), np.int64)
    counts, clock = np.zeros(kernel.KINDS, np.int64), np.zeros(kernel.CLOCKS, np.int64)
    fault = np.zeros(kernel.FAULTS, np.int64)
    seen = np.array([window.first, window.end, 0] if window else [0, 0, 0], np.int64)
    events = np.zeros((window.rows if window else 0, kernel.FIELDS), np.int64)
    _run_passes(
        job, (fmaps.ravel(), filters.ravel(), output.reshape(-1)),
        (clock, fault, counts, events, seen), progress,
    )  # fmt: skip
    if window is not None:
        events = _recorded(events, seen, window, int(clock[kernel.NOW]))
    waits = int(clock[kernel.WAITS])
    return RowStationaryRun(
        output=output, cycles=int(clock[kernel.NOW]) - waits, total_cycles=int(clock[kernel.NOW]),
        mac_cycles=int(clock[kernel.MACS]), passes=int(kernel.count_passes(job)),
        counts={kind: int(n) for kind, n in zip(KINDS, counts, strict=True)},
        active_pes=layer.R * mapping.e * mapping.r * mapping.t, mapping=mapping, array=array,
        events=events,
    )  # fmt: skip


def _run_passes(
    job: Job,
    tensors: tuple[Integers, ...],
    written: tuple[Integers, ...],
    progress: Progress | None,
) -> None:
    """Run all passes, a slice at a time, so that Ctrl-C is answered between two of them."""
    state, passes = kernel.prepare(job), int(kernel.count_passes(job))
    done, step = 0, 1
    while done < passes:
        end, start = min(passes, done + step), time.perf_counter()
        if not kernel.run_passes(job, state, done, end, *tensors, *written):
            _refuse_sum(job, written[1])
        done = end
        if progress is not None:
            progress(done, passes)
        spent = max(time.perf_counter() - start, 1e-9)
        step = max(1, int(step * min(4.0, _SLICE / spent)))


def _pair(value: int | tuple[int, int], what: str, least: int) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or any(not is_whole(x) or x < least for x in pair):
        raise InputError(
            f"{what} is {value!r}; expected a whole number of at least {least}, or two of them for "
            "rows and columns"
        )
    return int(pair[0]), int(pair[1])


def _operands(
    inputs: ArrayLike, weights: ArrayLike, padding: tuple[int, int]
) -> tuple[Integers, Integers]:
    fmaps = fitting(inputs, "inputs", WORD_BITS, signed=True)
    filters = fitting(weights, "weights", WORD_BITS, signed=True)
    if fmaps.ndim == 2 and filters.ndim == 2:
        fmaps, filters = fmaps[:, :, None, None], filters[:, :, None, None]
    for values, name, wanted in (
        (fmaps, "inputs", "(N, G·C, H, W)"), (filters, "weights", "(G·M, C, R, S)"),
    ):  # fmt: skip
        if values.ndim != 4 or not values.size:
            raise InputError(
                f"{name} have shape {values.shape}; expected {wanted}, none of them 0, or two "
                "dimensions in both for a fully connected layer"
            )
    rows, columns = padding
    return np.pad(fmaps, ((0, 0), (0, 0), (rows, rows), (columns, columns))), filters


def _layer(fmaps: Integers, filters: Integers, stride: tuple[int, int], groups: int) -> Layer:
    images, channels, height, width = (int(x) for x in fmaps.shape)
    outputs, own, tall, wide = (int(x) for x in filters.shape)
    if not is_whole(groups) or groups < 1 or outputs % groups or channels != groups * own:
        raise InputError(
            f"inputs of {channels} channels and weights of shape {filters.shape} do not make "
            f"{groups} groups; expected (N, G·C, H, W) and (G·M, C, R, S)"
        )
    if tall > height or wide > width:
        raise InputError(
            f"filters of {tall}x{wide} are larger than padded inputs of {height}x{width}; expected "
            "them to fit in once at least"
        )
    rows, columns = (height - tall) // stride[0] + 1, (width - wide) // stride[1] + 1
    return Layer(
        N=images, G=groups, M=outputs // groups, C=own, E=rows, F=columns, R=tall, S=wide,
        U=stride[0] if rows > 1 else 1, V=stride[1] if columns > 1 else 1, H=height, W=width,
    )  # fmt: skip


def _refuse_sum(job: Job, fault: Integers) -> None:
    group, image, m, row, column = (int(x) for x in fault)
    raise InputError(
        f"the sum of image {image}, output channel {group * job.layer.M + m}, row {row} and column "
        f"{column} leaves {PSUM_BITS} bits (signed) on its way; scale the tensors down"
    )


def _recorded(events: Integers, seen: Integers, window: Window, cycles: int) -> Integers:
    rows = int(seen[2])
    if rows > len(events):
        raise InputError(
            f"cycles {window.first} to {min(window.end, cycles)} of {cycles} have {rows} rows of "
            f"trace; expected at most {len(events)}: choose fewer cycles"
        )
    kept = events[:rows]
    return kept[np.argsort(kept[:, 0], kind="stable")]
