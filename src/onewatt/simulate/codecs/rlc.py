"""RLC of Eyeriss: runs of zeros and levels, three pairs in a word of 64 bits.

A pair is a run of 5 bits (up to 31 zeros) and the level of 16 bits after it.  A word holds three
pairs, the first in its highest bits, and in its lowest bit whether it is the last of the code
(JSSC 2017, section V-C).  The paper leaves three things open.  Where zeros go on for more than 31,
the level is a zero too, so such a pair stands for 32 zeros.  Zeros at the end are written as a pair
whose level is the last of them.  Slots that are left in the last word are zero; who decodes knows
the number of values from the shape of the layer.  So each tensor has exactly one code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onewatt.errors import InputError
from onewatt.simulate.integers import Integers, fitting, is_whole, whole

LONGEST = 31
LEVEL_BITS = 16
PAIRS = 3
WORD_BITS = 64
_SHIFTS = np.array([43, 22, 1], np.uint64)
_LEVEL = (1 << LEVEL_BITS) - 1

Words = NDArray[np.uint64]


def encode_rlc(values: ArrayLike, *, signed: bool = True) -> Words:
    """Compress a tensor to words of runs and levels.

    Parameters
    ----------
    values : array_like
        Whole numbers of 16 bits, of any shape; they are taken in row-major order.
    signed : bool
        Whether levels are in two's complement.

    Returns
    -------
    array, shape (words,)
        The code as unsigned words of 64 bits; none for no values.

    Raises
    ------
    InputError
        Naming the first value that is no whole number of 16 bits.

    References
    ----------
    .. [1] jssc17, section V-C.

    Examples
    --------
    >>> code = encode_rlc([0, 0, 12, 0, 0, 0, 0, 53, 0, 0, 22])
    >>> [f"{int(w):016x}" for w in code]
    ['100061000d44002d']
    """
    flat = fitting(values, "values", LEVEL_BITS, signed=signed).reshape(-1)
    runs, levels = _pairs(flat)
    slots = -(-runs.size // PAIRS) * PAIRS
    pairs = np.zeros(slots, np.uint64)
    pairs[: runs.size] = (runs << LEVEL_BITS | levels & _LEVEL).astype(np.uint64)
    words = np.bitwise_or.reduce(pairs.reshape(-1, PAIRS) << _SHIFTS, axis=1)
    words[-1:] |= np.uint64(1)
    return words


def _pairs(flat: Integers) -> tuple[Integers, Integers]:
    """Return the run and the level of each pair."""
    places = np.flatnonzero(flat)
    zeros = np.diff(places, prepend=-1) - 1
    ends = np.cumsum(zeros // (LONGEST + 1) + 1) - 1  # the pair of each non-zero
    rest = flat.size - (int(places[-1]) + 1 if places.size else 0)
    before = int(ends[-1]) + 1 if ends.size else 0
    runs = np.full(before + -(-rest // (LONGEST + 1)), LONGEST, np.int64)
    levels = np.zeros(runs.size, np.int64)
    runs[ends] = zeros % (LONGEST + 1)
    levels[ends] = flat[places]
    if rest:
        runs[-1] = (rest - 1) % (LONGEST + 1)
    return runs, levels


def decode_rlc(words: ArrayLike, size: int, *, signed: bool = True) -> Integers:
    """Expand words of runs and levels to the values they stand for.

    Only a code that `encode_rlc` writes is accepted, so what is read back is never a guess.

    Parameters
    ----------
    words : array_like, shape (words,)
        The code, unsigned words of 64 bits.
    size : int
        How many values it stands for.
    signed : bool
        Whether levels are in two's complement.

    Returns
    -------
    array, shape (size,)
        The values.

    Raises
    ------
    InputError
        If the code is damaged, naming the word and the pair: the mark of the last word is missing
        or too early, the pairs stand for too few or too many values, a run that could have gone
        on ends with a zero, or an unused slot is not empty.

    Examples
    --------
    >>> decode_rlc(encode_rlc([0, 0, -5, 0]), 4)
    array([ 0,  0, -5,  0])
    """
    if not is_whole(size) or size < 0:
        raise InputError(f"size is {size!r}; expected the number of values, 0 or more")
    code = _checked_words(words)
    if not code.size:
        if size:
            raise InputError(f"RLC code has no words; expected the code of {size} values")
        return np.zeros(0, np.int64)
    _check_marks(code)
    pairs = (code[:, None] >> _SHIFTS).astype(np.int64).reshape(-1) & 0x1FFFFF
    runs, levels = pairs >> LEVEL_BITS, pairs & _LEVEL
    if signed:
        levels -= (levels >> (LEVEL_BITS - 1)) << LEVEL_BITS
    ends = np.cumsum(runs + 1)
    used = int(np.searchsorted(ends, size)) + 1
    _check_pairs(runs, levels, ends, used, size)
    values = np.zeros(size, np.int64)
    values[ends[:used] - 1] = levels[:used]
    return values


def _checked_words(words: ArrayLike) -> Words:
    code = np.asarray(words)
    if code.ndim != 1:
        raise InputError(f"RLC code has shape {code.shape}; expected one row of words")
    if code.dtype != np.uint64:
        numbers = whole(code, "RLC code")
        if (numbers < 0).any():
            place = int(np.argmax(numbers < 0))
            raise InputError(
                f"RLC word {place} is {int(numbers[place])}; expected unsigned words of 64 bits"
            )
        code = numbers
    return code.astype(np.uint64)


def _check_marks(code: Words) -> None:
    last = (code & np.uint64(1)).astype(bool)
    early = int(np.argmax(last))
    if not last[-1] and not last[early]:
        raise InputError(
            f"RLC word {code.size - 1} is not marked as the last; the code is cut off or damaged"
        )
    if early != code.size - 1:
        raise InputError(
            f"RLC word {early} is marked as the last, but {code.size - 1 - early} more follow; "
            "the code is damaged"
        )


def _check_pairs(runs: Integers, levels: Integers, ends: Integers, used: int, size: int) -> None:
    if used > ends.size:
        raise InputError(
            f"RLC code ends after {int(ends[-1])} of {size} values, with word "
            f"{ends.size // PAIRS - 1}; the code is cut off or the size wrong"
        )
    if int(ends[used - 1]) != size:
        raise _at(used - 1, f"reaches value {int(ends[used - 1])}; expected to end at {size}")
    wrong = (levels[: used - 1] == 0) & (runs[: used - 1] < LONGEST)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise _at(
            place, f"has level 0 after a run of {int(runs[place])}; expected a level that is not 0"
        )
    spare = (runs[used:] != 0) | (levels[used:] != 0)
    if ends.size - used >= PAIRS:
        raise _at(used, f"begins a word after all {size} values; expected no more words")
    if spare.any():
        raise _at(used + int(np.argmax(spare)), f"is used after all {size} values; expected zeros")


def _at(pair: int, what: str) -> InputError:
    word, slot = divmod(pair, PAIRS)
    return InputError(f"RLC word {word}, pair {slot} {what}; the code is damaged or the size wrong")
