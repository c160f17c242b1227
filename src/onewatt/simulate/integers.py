"""Whole numbers that fit a word: what goes into a machine is checked before it is stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onewatt.errors import InputError

Integers = NDArray[np.int64]


def limits(bits: int, signed: bool) -> tuple[int, int]:
    """Return the least and the greatest number of a word.

    Examples
    --------
    >>> limits(8, True), limits(4, False)
    ((-128, 127), (0, 15))
    """
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def is_whole(value: object) -> bool:
    """Say whether a value is a whole number of Python or numpy; True and False are none.

    Examples
    --------
    >>> is_whole(3), is_whole(np.int64(3)), is_whole(3.0), is_whole(True)
    (True, True, False, False)
    """
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def whole(values: ArrayLike, where: str) -> Integers:
    """Return values as an array of whole numbers.

    Parameters
    ----------
    values : array_like
        Integers, booleans, or floats without a fraction.
    where : str
        What they are, for the message.

    Returns
    -------
    array
        The same shape, as 64-bit integers.

    Raises
    ------
    InputError
        If they are no array of numbers, or one of them has a fraction, is not finite, or is a float
        too large to hold every whole number.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{where} is ragged; expected an array with rows of one length") from error
    if array.dtype.kind not in "biuf" and array.size:
        raise InputError(f"{where} holds {array.dtype} values; expected whole numbers")
    if array.dtype.kind == "f":
        cut = ~np.isfinite(array) | (array != np.trunc(array))
        _refuse(cut, array, where, "a whole number; quantise the tensor first")
        exact = 2 ** min(np.finfo(array.dtype).nmant + 1, 62)
        _refuse(
            np.abs(array) > exact, array, where,
            f"at most {exact} in {array.dtype}, which rounds beyond; pass integers",
        )  # fmt: skip
    if array.dtype.kind == "u":
        _refuse(array >= 1 << 63, array, where, "a number of at most 63 bits")
    return array.astype(np.int64)


def fitting(values: ArrayLike, where: str, bits: int, *, signed: bool) -> Integers:
    """Return values as whole numbers that fit a word of some bits.

    Parameters
    ----------
    values : array_like
        Integers, booleans, or floats without a fraction.
    where : str
        What they are, for the message.
    bits : int
        Width of the word [bit].
    signed : bool
        Whether the word is in two's complement.

    Returns
    -------
    array
        The same shape, as 64-bit integers.

    Raises
    ------
    InputError
        Naming the first value that is no whole number or does not fit.
    """
    array = whole(values, where)
    least, most = limits(bits, signed)
    kind = "signed" if signed else "unsigned"
    _refuse(
        (array < least) | (array > most), array, where,
        f"{least} to {most} ({bits} bits, {kind}); scale or clip the tensor first",
    )  # fmt: skip
    return array


def _refuse(bad: NDArray[np.bool_], array: NDArray[np.generic], where: str, wanted: str) -> None:
    """Raise for the first bad value, if there is one."""
    if bad.any():
        place = np.unravel_index(int(np.argmax(bad)), array.shape)
        at = ", ".join(str(int(i)) for i in place)
        raise InputError(f"{where}[{at}] is {array[place].item()!r}; expected {wanted}")
