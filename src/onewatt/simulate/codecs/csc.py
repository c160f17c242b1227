"""CSC of Eyeriss v2: non-zeros with the zeros before them, and where each segment starts.

A word of 12 bits holds the count of zeros before a non-zero (4 bits, the high ones) and the
non-zero itself (8 bits).  Each segment (a column of weights, or the activations that slide in
together) is encoded on its own, so that it can be read on its own; the address vector says where
each starts: segment i is words [address[i], address[i+1]), and an empty one repeats the address
(JETCAS 2019, section IV-A and Fig. 16).  Zeros that a count of 15 does not reach over need an
explicit zero, which stands for 16 zeros (implied by the paper, not spelled out).  With two lanes,
a row of the memory is two words, addresses count rows, and a segment of an odd number of words ends
with a word of zeros (section IV-B).
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from onewatt.errors import InputError
from onewatt.simulate.integers import Integers, fitting, is_whole, whole

LONGEST = 15
DATA_BITS = 8
COUNT_BITS = 4
WORD_BITS = DATA_BITS + COUNT_BITS
_DATA = (1 << DATA_BITS) - 1


class CscCode(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A compressed matrix: its words and its address vector.

    `words`, shape (lanes · rows,), are count and data of 12 bits each; `address`, shape
    (segments + 1,), counts rows of `lanes` words; `length` is the values of a segment.
    """

    words: NDArray[np.uint16]
    address: Integers
    length: int
    lanes: int = 1
    address_bits: int = 32
    signed: bool = True

    @property
    def count(self) -> Integers:
        """The zeros before each value."""
        return self.words.astype(np.int64) >> DATA_BITS

    @property
    def data(self) -> Integers:
        """The values; zero where a run of zeros goes on, or a row is not full."""
        data = self.words.astype(np.int64) & _DATA
        return data - ((data >> (DATA_BITS - 1)) << DATA_BITS) if self.signed else data

    @property
    def bits(self) -> int:
        """Size of data, count and address vectors together [bit]."""
        return self.words.size * WORD_BITS + self.address.size * self.address_bits


def encode_csc(
    values: ArrayLike, *, lanes: int = 1, address_bits: int = 32, signed: bool = True
) -> CscCode:
    """Compress the segments of a matrix.

    Parameters
    ----------
    values : array_like, shape (segments, length)
        Whole numbers of 8 bits, one segment in each row.  Weights of shape (M0, C0) are segmented
        by columns, so they are passed transposed.
    lanes : int
        Words in a row of the memory: 2 where two weights are read at once.
    address_bits : int
        Width of an address [bit].
    signed : bool
        Whether values are in two's complement.

    Returns
    -------
    CscCode
        The code.

    Raises
    ------
    InputError
        Naming the first value that is no whole number of 8 bits, or the segment whose end is past
        what an address can say.

    References
    ----------
    .. [1] jetcas19, section IV and Fig. 16.

    Examples
    --------
    >>> code = encode_csc([[0, 7, 5, 0], [0, 0, 0, 0], [1, 0, 0, -2]])
    >>> code.count, code.data, code.address
    (array([1, 0, 0, 2]), array([ 7,  5,  1, -2]), array([0, 2, 2, 4]))
    """
    if not is_whole(lanes) or lanes < 1:
        raise InputError(f"lanes is {lanes}; expected 1 or more words in a row")
    matrix = fitting(values, "values", DATA_BITS, signed=signed)
    if matrix.ndim != 2:
        raise InputError(f"values have shape {matrix.shape}; expected (segments, length)")
    segments, length = matrix.shape
    segment, place = np.nonzero(matrix)
    follows = np.diff(segment, prepend=-1) == 0
    zeros = place - np.where(follows, np.roll(place, 1) + 1, 0)
    needed = zeros // (LONGEST + 1) + 1
    words = np.bincount(segment, weights=needed, minlength=segments).astype(np.int64)
    rows = -(-words // lanes)
    address = np.concatenate([[0], np.cumsum(rows)])
    _check_reach(address, address_bits)
    padding = np.concatenate([[0], np.cumsum(rows * lanes - words)])
    ends = np.cumsum(needed) - 1 + padding[segment]
    code = np.zeros(int(address[-1]) * lanes, np.int64)
    extra = needed - 1
    first = np.repeat(ends - extra, extra)
    code[first + _ramp(extra)] = LONGEST << DATA_BITS
    code[ends] = (zeros % (LONGEST + 1)) << DATA_BITS | matrix[segment, place] & _DATA
    return CscCode(
        words=code.astype(np.uint16), address=address, length=length, lanes=lanes,
        address_bits=address_bits, signed=signed,
    )  # fmt: skip


def _ramp(lengths: Integers) -> Integers:
    """Return 0, 1, ... for each length, one after the other."""
    total = int(lengths.sum())
    return np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _check_reach(address: Integers, bits: int) -> None:
    if not is_whole(bits) or bits < 1:
        raise InputError(f"address_bits is {bits}; expected 1 or more")
    past = np.flatnonzero(address >> min(bits, 62))
    if past.size:
        raise InputError(
            f"segment {int(past[0]) - 1} ends at address {int(address[past[0]])}, which does not "
            f"fit {bits} bits; encode fewer segments at once or widen the address"
        )


def decode_csc(code: CscCode) -> Integers:
    """Expand a compressed matrix.

    Only a code that `encode_csc` writes is accepted, so what is read back is never a guess.

    Parameters
    ----------
    code : CscCode
        Words, addresses and the length of a segment.

    Returns
    -------
    array, shape (segments, length)
        The values.

    Raises
    ------
    InputError
        If the code is damaged, naming the address, or the word and its segment.

    Examples
    --------
    >>> decode_csc(encode_csc([[0, 7], [0, 0]]))
    array([[0, 7],
           [0, 0]])
    """
    words = fitting(code.words, "CSC words", WORD_BITS, signed=False)
    if words.ndim != 1:
        raise InputError(f"CSC words have shape {words.shape}; expected one row of words")
    address = _checked_address(code, words.size)
    checked = msgspec.structs.replace(code, words=words.astype(np.uint16), address=address)
    count, data = checked.count, checked.data
    segment = np.repeat(np.arange(address.size - 1), np.diff(address) * code.lanes)
    last = np.zeros(words.size, np.bool_)  # what fills the last row of a segment
    filled = _filler(words, address, code.lanes, last)
    steps = np.where(filled, 0, count + 1)
    before = np.concatenate([[0], np.cumsum(steps)])
    start = before[address[:-1] * code.lanes]
    place = before[1:] - start[segment] - 1
    _check_words(place, count, data, segment, filled, code.length)
    kept = ~filled
    matrix = _zeros(address.size - 1, code.length)
    matrix[segment[kept], place[kept]] = data[kept]
    return matrix


def _zeros(segments: int, length: int) -> Integers:
    try:
        return np.zeros((segments, length), np.int64)
    except (MemoryError, ValueError) as error:
        raise InputError(
            f"CSC code stands for {segments} segments of {length} values, more than memory holds; "
            "the length is wrong"
        ) from error


def _checked_address(code: CscCode, words: int) -> Integers:
    numbers = is_whole(code.length) and is_whole(code.lanes)
    if not numbers or code.length < 0 or code.lanes < 1:
        raise InputError(
            f"CSC code has length {code.length} and lanes {code.lanes}; expected 0 or more and "
            "1 or more"
        )
    address = whole(code.address, "CSC address")
    if address.ndim != 1 or not address.size or address[0] != 0:
        raise InputError(
            f"CSC address vector {np.array2string(address, threshold=4)} does not begin with 0; "
            "the code is damaged"
        )
    back = np.diff(address) < 0
    if back.any():
        place = int(np.argmax(back)) + 1
        raise InputError(
            f"CSC address[{place}] is {int(address[place])} after {int(address[place - 1])}; "
            "expected addresses that do not fall; the code is damaged"
        )
    _check_reach(address, code.address_bits)
    if int(address[-1]) * code.lanes != words:
        raise InputError(
            f"CSC address[{address.size - 1}] is {int(address[-1])}, so expected "
            f"{int(address[-1]) * code.lanes} words and found {words}; the code is cut off or "
            "damaged"
        )
    return address


def _filler(
    words: Integers, address: Integers, lanes: int, filled: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Mark the words of zeros that fill the last row of each segment, at most lanes - 1 of them."""
    ends = address[1:][np.diff(address) > 0] * lanes
    still = np.ones(ends.size, np.bool_)
    for lane in range(1, lanes):
        still &= words[ends - lane] == 0
        filled[ends - lane] = still
    return filled


def _check_words(
    place: Integers, count: Integers, data: Integers, segment: Integers,
    filled: NDArray[np.bool_], length: int,
) -> None:  # fmt: skip
    """Refuse values past the end of their segment, and zeros where a value belongs."""

    def damaged(bad: NDArray[np.bool_], what: str) -> None:
        if bad.any():
            at = int(np.argmax(bad))
            raise InputError(
                f"CSC word {at} (segment {int(segment[at])}, count {int(count[at])}, data "
                f"{int(data[at])}) {what}; the code is damaged"
            )

    damaged(~filled & (place >= length), f"is past the {length} values of its segment")
    damaged(~filled & (data == 0) & (count < LONGEST), "is a zero; expected a value that is not 0")
    last = np.append(segment[1:] != segment[:-1], True) if segment.size else filled
    last |= np.append(filled[1:], False) if filled.size else filled
    damaged(~filled & (data == 0) & last, "ends its segment with a zero; expected it left out")
