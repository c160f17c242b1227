"""Knobs: what each choice sets, on the chip, on the network and on the mapper."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from onewatt.codesign.paths import Field, fields, find, read_value, with_values
from onewatt.components.dataflows import list_dataflows, with_dataflow
from onewatt.errors import InputError, OnewattError, nearest, unknown
from onewatt.spec.architecture import Architecture
from onewatt.spec.study import Knob
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS, Einsum, Tensor, Workload
from onewatt.spec.zeros import Structured
from onewatt.units import DIMENSIONS, parse_quantity

TENSORS = (INPUTS, WEIGHTS, OUTPUTS)
CHIP, WORKLOAD, BATCH, DATAFLOW = "chip", "workload", "batch", "dataflow"
MAPPER = {
    "mapper_objective": ("edp", "energy", "latency"),
    "mapspace": ("perfect", "tight", "full"),
}
#: What a path may be besides a field of the chip or an option of the network.
PLAIN = (
    CHIP, WORKLOAD, BATCH, DATAFLOW, "bits", *(f"bits.{t}" for t in TENSORS),
    *(f"density.{t}" for t in TENSORS), *MAPPER,
)  # fmt: skip
_WIDTHS = {INPUTS: "inputs_bits", WEIGHTS: "weights_bits", OUTPUTS: "outputs_bits"}


class Set(NamedTuple):
    """One thing that a choice sets: a path and its text, or the factor it is multiplied by."""

    path: str
    text: str
    scaled: bool = False


def sets(knob: Knob, choice: str) -> tuple[Set, ...]:
    """Return what a choice of a knob sets.

    Examples
    --------
    >>> sets(Knob(path="chip.GLB.capacity", values=("54 KiB",)), "54 KiB")
    (Set(path='chip.GLB.capacity', text='54 KiB', scaled=False),)
    """
    if knob.settings:
        found = next(s for s in knob.settings if s.name == choice)
        return tuple(Set(_plain(a.path), a.value) for a in found.fields)
    if knob.scale:
        return tuple(Set(_plain(p), choice, scaled=True) for p in knob.scale)
    return tuple(Set(_plain(p), choice) for p in knob.sets or (knob.path,))


def _plain(path: str) -> str:
    return DATAFLOW if path == f"{CHIP}.{DATAFLOW}" else path


def paths(knob: Knob) -> tuple[str, ...]:
    """Return every path that a knob may set."""
    found = {s.path for choice in knob.choices for s in sets(knob, choice)}
    return tuple(sorted(found))


def check_overlap(knobs: tuple[Knob, ...]) -> None:
    """Refuse two knobs that set the same thing.

    Raises
    ------
    InputError
        If a path of one is, or lies within, a path of another.
    """
    for i, knob in enumerate(knobs):
        for other in knobs[i + 1 :]:
            for a in paths(knob):
                for b in paths(other):
                    if a == b or _within(a, b) or _within(b, a):
                        raise InputError(
                            f"knobs {knob.path!r} and {other.path!r} both set "
                            f"{min(a, b, key=len)!r}; join them into one linked knob with settings"
                        )


def _within(inner: str, outer: str) -> bool:
    return outer not in (CHIP, WORKLOAD, "bits") and inner.startswith(f"{outer}.")


def check_path(path: str, chip: Architecture, options: tuple[str, ...], where: str) -> None:
    """Refuse a path that names nothing.

    Parameters
    ----------
    path : str
        As a knob has it.
    chip : Architecture
        The chip whose fields there are.
    options : tuple of str
        The options of the network, such as ``width``.
    where : str
        Stands before the message.

    Raises
    ------
    InputError
        With the nearest path there is.
    """
    if path in PLAIN or (path.startswith("workload.") and path[9:] in options):
        return
    known = [*PLAIN, *(f"workload.{o}" for o in options)]
    if path.startswith(f"{CHIP}."):
        if path[5:] in fields(chip):
            return
        known = [f"{CHIP}.{p}" for p in fields(chip)]
        raise InputError(
            f"{where}chip {chip.name!r} has no field {path!r}.{nearest(path, known)} A path is "
            "chip.NODE.FIELD, such as 'chip.GLB.capacity', or a field of the chip, such as "
            "'chip.clock'"
        )
    near = nearest(path, [*known, *(f"{CHIP}.{p}" for p in fields(chip))])
    if path.startswith(f"{WORKLOAD}."):
        have = f"only {', '.join(options)}" if options else "none"
        near += f" Of options of the network, every network of this study has {have}."
    raise InputError(
        f"{where}unknown path {path!r}.{near} Expected chip.NODE.FIELD or one of {', '.join(known)}"
    )


def changed_chip(chip: Architecture, given: tuple[Set, ...], where: str) -> Architecture:
    """Return a chip with the fields and the precision that choices set; the dataflow comes last.

    Raises
    ------
    InputError
        If a field cannot take its value.
    """
    values: dict[tuple[str | int, ...], Any] = {}
    for one in given:
        if one.path.startswith(f"{CHIP}."):
            field = find(chip, one.path[5:], where=where)
            values[field.keys] = _scaled(field, one, where) if one.scaled else read_value(
                field, one.text, where=where
            )  # fmt: skip
        elif one.path.split(".")[0] == "bits":
            values |= _precision(chip, one, where)
    return with_values(chip, values)


def with_named_dataflow(chip: Architecture, given: tuple[Set, ...], where: str) -> Architecture:
    """Return a chip with the dataflow that a choice names, if one does."""
    for one in given:
        if one.path == DATAFLOW and one.text != "preset":
            names = ("preset", *(d.name for d in list_dataflows()))
            if one.text not in names:
                raise InputError(f"{where}{unknown('dataflow', one.text, names)}")
            return with_dataflow(chip, one.text)
    return chip


def _scaled(field: Field, one: Set, where: str) -> float | int:
    factor = number(one.text, where, least=0.0)
    old = field.value
    if isinstance(old, bool) or not isinstance(old, int | float):
        raise InputError(
            f"{where}chip.{field.path} is {old!r}, which cannot be scaled; expected a number or a "
            "quantity that the chip states"
        )
    return round(old * factor) if isinstance(old, int) else old * factor


def _precision(chip: Architecture, one: Set, where: str) -> dict[tuple[str | int, ...], Any]:
    """Return the native widths of the MAC that a precision sets; sums stay at least as wide."""
    bits, mac = _bits(one.text, where), chip.mac
    tensors = TENSORS if one.path == "bits" else (one.path[5:],)
    place = ("nodes", chip.nodes.index(mac))
    values: dict[tuple[str | int, ...], Any] = {(*place, _WIDTHS[t]): bits for t in tensors}
    if OUTPUTS in tensors and bits > mac.accumulate_bits:
        values[(*place, "accumulate_bits")] = bits
    return values


def _bits(text: str, where: str) -> int:
    try:
        value = float(text)
    except ValueError:
        try:
            value = parse_quantity(text, "bit")
        except OnewattError as error:
            raise InputError(f"{where}{error}") from error
    if value < 1 or value != int(value):
        raise InputError(f"{where}found {text!r}; expected a whole number of bits, such as 8")
    return int(value)


def number(text: str, where: str, *, least: float, most: float = math.inf) -> float:
    """Return a plain number within a range that does not hold its lower end if that is 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and least <= value <= most) or (least == 0 and value == 0):
        upto = f" and at most {most:g}" if math.isfinite(most) else ""
        more = "more than 0" if least == 0 else f"at least {least:g}"
        raise InputError(f"{where}found {text!r}; expected a number of {more}{upto}")
    return value


def read_batch(text: str, where: str) -> int:
    """Return a batch."""
    value = number(text, where, least=1.0)
    if value != int(value):
        raise InputError(f"{where}found batch {text!r}; expected a whole number")
    return int(value)


def changed_workload(workload: Workload, given: tuple[Set, ...], where: str) -> Workload:
    """Return a network with the widths and densities that choices set.

    A width is written into tensors that state one of their own; the others are as wide as the chip
    computes anyway.

    Raises
    ------
    InputError
        If a density is none.
    """
    for one in given:
        head, _, tensor = one.path.partition(".")
        if head == "density":
            workload = _each(workload, tensor, _density(one.text, where))
        elif head == "bits":
            bits = _bits(one.text, where)
            for name in TENSORS if not tensor else (tensor,):
                workload = _each(workload, name, _Width(bits))
    return workload


class _Width(NamedTuple):
    bits: int

    def __call__(self, tensor: Tensor) -> Tensor:
        return tensor if tensor.bits is None else msgspec.structs.replace(tensor, bits=self.bits)


def _density(text: str, where: str) -> Callable[[Tensor], Tensor]:
    kept, colon, block = text.partition(":")
    if colon:
        if not (kept.strip().isdigit() and block.strip().isdigit()):
            raise InputError(f"{where}found {text!r}; expected a structure such as '2:4'")
        try:
            zeros = Structured(kept=int(kept), block=int(block))
        except OnewattError as error:
            raise InputError(f"{where}{error}") from error
        return lambda t: msgspec.structs.replace(t, density=zeros.density, zeros=zeros)
    share = number(text, where, least=1e-12, most=1.0)
    return lambda t: msgspec.structs.replace(t, density=share, zeros=None)


def _each(workload: Workload, name: str, change: Callable[[Tensor], Tensor]) -> Workload:
    """Change the tensor of a name in all MAC work."""

    def of(einsum: Einsum) -> Einsum:
        if einsum.work != "mac":
            return einsum
        inputs = tuple(change(t) if t.name == name else t for t in einsum.inputs)
        output = change(einsum.output) if einsum.output.name == name else einsum.output
        return msgspec.structs.replace(einsum, inputs=inputs, output=output)

    return msgspec.structs.replace(workload, einsums=tuple(map(of, workload.einsums)))


def is_ordered(knob: Knob) -> bool:
    """Say whether the values of a knob are sizes that rise or fall, so that neighbours are alike.

    Examples
    --------
    >>> is_ordered(Knob(path="chip.GLB.capacity", values=("54 KiB", "0.1 MiB", "108 KiB")))
    True
    >>> is_ordered(Knob(path="chip", values=("eyeriss", "simba")))
    False
    """
    sizes = [_size(v) for v in knob.choices]
    if knob.settings or any(s is None for s in sizes):
        return False
    known = [s for s in sizes if s is not None]
    return known in (sorted(known), sorted(known, reverse=True))


def _size(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    for unit in DIMENSIONS:
        try:
            return parse_quantity(text, unit)
        except OnewattError:
            continue
    return None
