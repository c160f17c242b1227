"""Tensors for a layer that runs: random ones from a seed, or those of NumPy files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import numpy as np

from onewatt.errors import InputError
from onewatt.simulate.eyeriss.layout import Layer
from onewatt.simulate.integers import Integers

_MOST_SUM = 2**31 - 1
_MOST_WORD = 2**15 - 1


def input_shape(layer: Layer) -> tuple[int, int, int, int]:
    """Return the shape of the inputs, (N, G·C, H, W), padding included."""
    return layer.N, layer.G * layer.C, layer.H, layer.W


def weight_shape(layer: Layer) -> tuple[int, int, int, int]:
    """Return the shape of the weights, (G·M, C, R, S)."""
    return layer.G * layer.M, layer.C, layer.R, layer.S


def random_tensors(
    layer: Layer, seed: int, *, inputs: float = 1.0, weights: float = 1.0
) -> tuple[Integers, Integers]:
    """Return random inputs and weights of a layer, as large as no sum leaves 32 bits.

    Parameters
    ----------
    layer : Layer
        The layer.
    seed : int
        The same seed gives the same tensors.
    inputs, weights : float
        Shares of non-zeros, anywhere with equal chance [1].

    Returns
    -------
    (array, array)
        Of shapes (N, G·C, H, W) and (G·M, C, R, S).

    Raises
    ------
    InputError
        If a share is none.

    Examples
    --------
    >>> layer = Layer(N=1, G=1, M=1, C=1, E=1, F=1, R=1, S=2, U=1, V=1, H=1, W=2)
    >>> inputs, weights = random_tensors(layer, 0)
    >>> int(abs(inputs).max()) <= 32767, inputs.shape
    (True, (1, 1, 1, 2))
    """
    rng = np.random.default_rng(seed)
    most = min(_MOST_WORD, math.isqrt(_MOST_SUM // (layer.C * layer.R * layer.S)))
    found: list[Integers] = []
    for shape, share, name in (
        (input_shape(layer), inputs, "inputs"), (weight_shape(layer), weights, "weights"),
    ):  # fmt: skip
        if not 0 <= share <= 1:
            raise InputError(f"density of {name} is {share!r}; expected a number from 0 to 1")
        values = rng.integers(1, most + 1, shape) * rng.choice((-1, 1), shape)
        found.append(np.where(rng.random(shape) < share, values, 0))
    return found[0], found[1]


def read_array(path: str | Path) -> Integers:
    """Return the array of a ``.npy`` file; nothing in it is unpickled.

    Raises
    ------
    InputError
        If it cannot be read or holds no numbers.
    """
    try:
        # mapped, so that a header that promises more than there is costs nothing
        values: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError) as error:
        raise InputError(f"{path}: is no array of numbers in .npy format: {error}") from error
    if not isinstance(values, np.ndarray):
        raise InputError(f"{path}: holds several arrays; expected one, in .npy format")
    return np.array(cast("Integers", values))


def shaped_inputs(values: Integers, layer: Layer, where: str) -> Integers:
    """Return given inputs in the layout of the machine.

    Parameters
    ----------
    values : array
        Shape (N, G·C, H, W), with or without padding; (rows, C) or (G, rows, C) for products of
        matrices, whose rows are the output rows of a layer.
    layer : Layer
        The layer.
    where : str
        What they are, for the message.

    Returns
    -------
    array
        Shape (N, G·C, H, W), zeros around what came without padding; an odd row or column of them
        goes to the end.

    Raises
    ------
    InputError
        If the shape is another.
    """
    wanted = input_shape(layer)
    if values.ndim in (2, 3) and (layer.N, layer.W) == (1, 1):
        stacked = values if values.ndim == 3 else values[None]
        if stacked.shape == (layer.G, layer.H, layer.C):
            return np.ascontiguousarray(stacked.transpose(0, 2, 1)).reshape(wanted)
    if values.ndim == 4 and values.shape[:2] == wanted[:2]:
        rows, columns = layer.H - values.shape[2], layer.W - values.shape[3]
        if 0 <= rows <= 2 * (layer.R - 1) and 0 <= columns <= 2 * (layer.S - 1):
            around = ((0, 0), (0, 0), (rows // 2, rows - rows // 2),
                      (columns // 2, columns - columns // 2))  # fmt: skip
            return np.pad(values, around)
    raise InputError(
        f"{where} has shape {values.shape}; expected {wanted} (N, channels, rows and columns with "
        "padding), without the padding, or (rows, channels) for a matrix product"
    )


def shaped_weights(values: Integers, layer: Layer, where: str) -> Integers:
    """Return given weights, (G·M, C, R, S), (M, C) or (G, M, C), in the layout of the machine.

    Raises
    ------
    InputError
        If the shape is another.
    """
    wanted = weight_shape(layer)
    if values.shape == wanted:
        return values
    flat = {(layer.G * layer.M, layer.C), (layer.G, layer.M, layer.C)}
    if (layer.R, layer.S) == (1, 1) and values.shape in flat:
        return values.reshape(wanted)
    raise InputError(
        f"{where} has shape {values.shape}; expected {wanted} (filters, channels of a group, rows, "
        "columns), or (filters, channels) for a matrix product"
    )
