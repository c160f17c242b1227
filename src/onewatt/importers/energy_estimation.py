"""Networks as the DNN energy estimation tool of MIT reads them (energyestimation.mit.edu).

A line a layer, 25 whole numbers: the layer's index, then input maps, filters and output maps, each
with height, width, channels, maps (or filters), zeros and bits, then the strides and the padding
(asilomar17).  The tool knows convolutions and fully connected layers.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import msgspec

from onewatt.errors import ImportFailure, InputError
from onewatt.importers import layers
from onewatt.spec.files import text_of
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS, Einsum, Tensor, Workload

_MOST_BITS = 64
_MOST_NUMBER = 2**53
_TENSORS = (("IfMap", "maps"), ("Filt", "filters"), ("OfMap", "maps"))

#: The 25 numbers of a line, in order.
FIELDS = (
    "layer_index",
    *(
        f"{tensor} {part}"
        for tensor, many in _TENSORS
        for part in ("height", "width", "channels", many, "zeros", "bits")
    ),
    "Stride y", "Stride x", "Pad top", "Pad bottom", "Pad left", "Pad right",
)  # fmt: skip


class Conf(NamedTuple):
    """A tensor of a line: its sizes, how many of its entries are zero, and their width [bit]."""

    height: int
    width: int
    channels: int
    many: int
    zeros: int
    bits: int

    @property
    def words(self) -> int:
        """Number of entries."""
        return self.height * self.width * self.channels * self.many


class Line(NamedTuple):
    """One line of the file."""

    number: int
    ifmap: Conf
    filters: Conf
    ofmap: Conf
    stride: tuple[int, int]
    pad: tuple[int, int, int, int]

    @classmethod
    def of(cls, numbers: list[int]) -> Line:
        """Return 25 numbers by name."""
        n = numbers
        return cls(n[0], Conf(*n[1:7]), Conf(*n[7:13]), Conf(*n[13:19]), (n[19], n[20]),
                   (n[21], n[22], n[23], n[24]))  # fmt: skip

    @property
    def padded(self) -> tuple[int, int]:
        """Rows and columns of the inputs with their padding."""
        top, bottom, left, right = self.pad
        return self.ifmap.height + top + bottom, self.ifmap.width + left + right


def read_energy_estimation(path: str | Path) -> Workload:
    """Return the network of a file for the energy estimation tool.

    Parameters
    ----------
    path : str or Path
        A text file of 25 numbers a line, such as ``NetworkConf_AlexNet_Unpruned.txt``.

    Returns
    -------
    Workload
        Layers ``layer1``, ``layer2`` and so on, with the bits and the shares of non-zeros of the
        file.  Padding counts as words that are zero.

    Raises
    ------
    ImportFailure
        With file:line and field, if a line is no layer.
    """
    rows = list(csv.reader(text_of(path).removeprefix("\ufeff").splitlines()))
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    if not rows:
        raise ImportFailure(f"{path}: is empty; expected a line of {len(FIELDS)} numbers a layer")
    einsums = tuple(_layer(_line(f"{path}:{i}", i, row), f"{path}:{i}")
                    for i, row in enumerate(rows, 1))  # fmt: skip
    return Workload(name=Path(path).stem, einsums=einsums, source="energy estimation tool")


def _line(where: str, number: int, cells: list[str]) -> Line:
    """Return the numbers of a line, each checked by itself."""
    if len(cells) != len(FIELDS):
        raise ImportFailure(
            f"{where}: has {len(cells)} fields; expected the {len(FIELDS)} whole numbers "
            "layer_index, IfMap (height, width, channels, maps, zeros, bits), Filt (6), OfMap (6), "
            "Stride (y, x), Pad (top, bottom, left, right)"
        )
    found: list[int] = []
    for name, cell in zip(FIELDS, cells, strict=True):
        digits = cell.strip()
        least = 0 if name.endswith("zeros") or name.startswith("Pad") else 1
        most = _MOST_BITS if name.endswith("bits") else _MOST_NUMBER
        valid = digits.isascii() and digits.isdigit() and len(digits) <= len(str(most))
        if not valid or not least <= int(digits) <= most:
            raise ImportFailure(
                f"{where}: {name} is {digits!r}; expected a whole number from {least} to {most}"
            )
        found.append(int(digits))
    if found[0] != number:
        raise ImportFailure(
            f"{where}: layer_index is {found[0]}; expected {number}, the number of the line"
        )
    return Line.of(found)


def _check(line: Line, where: str) -> None:
    """Refuse a line whose tensors do not fit together, naming the field."""
    ifmap, filters, ofmap = line.ifmap, line.filters, line.ofmap
    groups = max(1, ifmap.channels // filters.channels)
    (rows, columns), (down, across) = line.padded, line.stride
    facts = (
        ("Filt channels", filters.channels, ifmap.channels % filters.channels == 0,
         f"a divisor of the {ifmap.channels} IfMap channels"),
        ("Filt filters", filters.many, filters.many % groups == 0,
         f"a multiple of the {groups} groups that IfMap and Filt channels make"),
        ("Filt height", filters.height, filters.height <= rows,
         f"at most the {rows} rows of the padded IfMap"),
        ("Filt width", filters.width, filters.width <= columns,
         f"at most the {columns} columns of the padded IfMap"),
        ("OfMap height", ofmap.height, ofmap.height == (rows - filters.height) // down + 1,
         f"{(rows - filters.height) // down + 1} from IfMap, Filt, Stride and Pad"),
        ("OfMap width", ofmap.width, ofmap.width == (columns - filters.width) // across + 1,
         f"{(columns - filters.width) // across + 1} from IfMap, Filt, Stride and Pad"),
        ("OfMap channels", ofmap.channels, ofmap.channels == filters.many,
         f"the {filters.many} filters"),
        ("OfMap maps", ofmap.many, ofmap.many == ifmap.many, f"the {ifmap.many} IfMap maps"),
        *((f"{name} zeros", conf.zeros, conf.zeros <= conf.words,
           f"at most the {conf.words} entries")
          for (name, _), conf in zip(_TENSORS, (ifmap, filters, ofmap), strict=True)),
    )  # fmt: skip
    for field, value, holds, expected in facts:
        if not holds:
            raise ImportFailure(f"{where}: {field} is {value}; expected {expected}")


def _layer(line: Line, where: str) -> Einsum:
    _check(line, where)
    ifmap, filters, ofmap = line.ifmap, line.filters, line.ofmap
    name = f"layer{line.number}"
    values = (f"{name}.inputs", f"{name}.weights", f"{name}.outputs")
    groups = ifmap.channels // filters.channels
    rows, columns = line.padded
    if (rows, columns) == (1, 1) and groups == 1:
        einsum = layers.gemm(
            name, values, rows=ifmap.many, outputs=filters.many, inputs=ifmap.channels
        )
    else:
        einsum = layers.convolution(
            name, values, batch=ifmap.many, groups=groups, outputs=filters.many // groups,
            inputs=filters.channels, size=(ofmap.height, ofmap.width),
            kernel=(filters.height, filters.width), stride=line.stride,
        )  # fmt: skip
    padded = ifmap.many * ifmap.channels * rows * columns
    return _with(einsum, {
        INPUTS: ((ifmap.words - ifmap.zeros) / padded, ifmap.bits),
        WEIGHTS: ((filters.words - filters.zeros) / filters.words, filters.bits),
        OUTPUTS: ((ofmap.words - ofmap.zeros) / ofmap.words, ofmap.bits),
    })  # fmt: skip


def _with(einsum: Einsum, facts: dict[str, tuple[float, int]]) -> Einsum:
    """Return a layer whose tensors have these densities and bits."""

    def set_(tensor: Tensor) -> Tensor:
        density, bits = facts[tensor.name]
        return msgspec.structs.replace(tensor, density=density, bits=bits, zeros=None)

    inputs = tuple(set_(t) for t in einsum.inputs)
    return msgspec.structs.replace(einsum, inputs=inputs, output=set_(einsum.output))


def energy_estimation_text(workload: Workload, *, bits: int = 16) -> str:
    """Return a network as the energy estimation tool reads it.

    Parameters
    ----------
    workload : Workload
        The network; vector work (pooling, activations) is left out, the tool has no line for it.
    bits : int
        The width of tensors that do not state theirs [bit].

    Returns
    -------
    str
        A line a layer, equal layers as often as they occur.  Padding is part of the inputs, with
        its zeros, because a workload does not tell them apart.

    Raises
    ------
    InputError
        If a layer is neither a convolution over rows and columns nor fully connected, or there is
        none.

    Examples
    --------
    >>> layer = layers.gemm("fc", ("x", "w", "y"), rows=1, outputs=10, inputs=64)
    >>> print(energy_estimation_text(Workload(name="net", einsums=(layer,))), end="")
    1,1,1,64,1,0,16,1,1,64,10,0,16,1,1,10,1,0,16,1,1,0,0,0,0
    """
    if not 1 <= bits <= _MOST_BITS:
        raise InputError(f"bits is {bits}; expected 1 to {_MOST_BITS}")
    lines: list[str] = []
    for einsum in workload.einsums:
        if einsum.work == "mac":
            numbers = _numbers(einsum, bits)
            for _ in range(einsum.count):
                lines.append(",".join(map(str, (len(lines) + 1, *numbers))))
    if not lines:
        raise InputError(f"{workload.name!r} has no convolution and no fully connected layer")
    return "\n".join(lines) + "\n"


def _numbers(einsum: Einsum, bits: int) -> list[int]:
    sizes = einsum.sizes
    get = {name: sizes.get(name, 1) for name in ("N", "G", "M", "C", "P", "Q", "R", "S")}
    strides = _strides(einsum)
    fully = layers.gemm(einsum.name, ("", "", ""), rows=get["P"], outputs=get["M"],
                        inputs=get["C"])  # fmt: skip
    if "R" not in sizes and "S" not in sizes and _alike(einsum, fully):
        batch, rows, columns, strides = get["P"], 1, 1, (1, 1)
        taps, size = (1, 1), (1, 1)
    else:
        batch, taps, size = get["N"], (get["R"], get["S"]), (get["P"], get["Q"])
        same = layers.convolution(
            einsum.name, ("", "", ""), batch=batch, groups=get["G"], outputs=get["M"],
            inputs=get["C"], size=size, kernel=taps, stride=strides,
        )  # fmt: skip
        if not _alike(einsum, same):
            raise InputError(
                f"layer {einsum.name!r} ({einsum.op}) is no convolution over rows and columns and "
                "not fully connected; the energy estimation tool knows nothing else"
            )
        rows, columns = ((n - 1) * u + k for n, u, k in zip(size, strides, taps, strict=True))
    tensors = {t.name: t for t in einsum.tensors}
    shapes = (
        (INPUTS, (rows, columns, get["G"] * get["C"], batch)),
        (WEIGHTS, (*taps, get["C"], get["G"] * get["M"])),
        (OUTPUTS, (*size, get["G"] * get["M"], batch)),
    )
    numbers: list[int] = []
    for name, shape in shapes:
        words = shape[0] * shape[1] * shape[2] * shape[3]
        tensor = tensors[name]
        numbers += [*shape, words - round(tensor.density * words), tensor.bits or bits]
    return [*numbers, *strides, 0, 0, 0, 0]


def _strides(einsum: Einsum) -> tuple[int, int]:
    """Return the steps of rows and columns of the inputs."""
    inputs = next(t for t in einsum.tensors if t.name == INPUTS)
    steps = {t.rank: t.coefficient for index in inputs.projection for t in index.terms}
    return steps.get("P", 1), steps.get("Q", 1)


def _alike(one: Einsum, other: Einsum) -> bool:
    """Say whether two layers are the same loops over the same words, zeros and bits aside."""
    return _plain(one).signature == _plain(other).signature


def _plain(einsum: Einsum) -> Einsum:
    """Return a layer of dense 16-bit words; partial sums have no field, so no width either."""
    same = _with(einsum, {name: (1.0, 16) for name in (INPUTS, WEIGHTS, OUTPUTS)})
    output = msgspec.structs.replace(same.output, accumulate_bits=None)
    return msgspec.structs.replace(same, output=output)
