"""Well-known networks by name, without PyTorch and without weights: ``mobilenet_v1:0.5:128``."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from onewatt.errors import InputError, unknown
from onewatt.spec.workload import Workload


@dataclass(frozen=True)
class Option:
    """A number after a colon: its name, default and range."""

    name: str
    default: float
    least: float
    most: float
    whole: bool = True


@dataclass(frozen=True)
class Entry:
    """A network of the zoo: where it is built and what may follow its name."""

    module: str
    options: tuple[Option, ...] = ()


_SEQUENCE = 65536
_ZOO: dict[str, Entry] = {
    "alexnet": Entry("classic"),
    "vgg16": Entry("classic"),
    "googlenet": Entry("classic"),
    "squeezenet": Entry("classic"),
    "resnet18": Entry("residual"),
    "resnet50": Entry("residual"),
    "mobilenet_v1": Entry(
        "mobile",
        (Option("width", 1.0, 0.05, 4.0, whole=False), Option("resolution", 224, 32, 2048)),
    ),
    "mobilenet_v2": Entry("mobile"),
    "bert_base": Entry("text", (Option("seq", 128, 1, 512),)),
    "llama_1b": Entry("text", (Option("seq", 512, 1, _SEQUENCE),)),
    "mlperf_ad": Entry("tiny"),
    "mlperf_ic": Entry("tiny"),
    "mlperf_kws": Entry("tiny"),
    "mlperf_vww": Entry("tiny"),
}


def zoo_names() -> tuple[str, ...]:
    """Return the names of the networks of the zoo."""
    return tuple(_ZOO)


def in_zoo(name: str) -> bool:
    """Whether a text names a network of the zoo, with or without options."""
    return name.split(":")[0] in _ZOO


def zoo_options(name: str) -> dict[str, str]:
    """Return the options of a network of the zoo with the values that its name gives them.

    Examples
    --------
    >>> zoo_options("mobilenet_v1:0.5")
    {'width': '0.5', 'resolution': '224'}
    """
    head, *texts = name.split(":")
    if head not in _ZOO:
        raise InputError(unknown("network", head, _ZOO))
    entry = _ZOO[head]
    return {o: f"{v:g}" for o, v in _options(name, entry, texts).items()}


def load_zoo(name: str, *, batch: int = 1, seq_len: int | None = None) -> Workload:
    """Return a well-known network.

    Parameters
    ----------
    name : str
        A name of `zoo_names`, with its options after colons.
    batch : int
        Batch size [1].
    seq_len : int, optional
        Sequence length [1] of a network of text; the same as its option.

    Returns
    -------
    Workload
        The network, with its vector work.

    Raises
    ------
    InputError
        If the name or an option is unknown.

    Examples
    --------
    >>> load_zoo("mobilenet_v1:0.5:128").macs
    49160192
    """
    head, *texts = name.split(":")
    if head not in _ZOO:
        raise InputError(unknown("network", head, _ZOO))
    if batch < 1:
        raise InputError(f"found batch {batch!r}; expected at least 1")
    entry = _ZOO[head]
    options = _options(name, entry, texts)
    if seq_len is not None:
        if "seq" not in options:
            raise InputError(f"network {head!r} has no sequence; found seq_len {seq_len}")
        options["seq"] = _checked(name, entry.options[0], str(seq_len))
    module = importlib.import_module(f"onewatt.importers.zoo.{entry.module}")
    return module.BUILDERS[head](name, batch, **options)


def _options(name: str, entry: Entry, texts: list[str]) -> dict[str, float]:
    names = ":".join(["", *(f"<{o.name}>" for o in entry.options)])
    head = name.split(":")[0]
    if len(texts) > len(entry.options):
        raise InputError(
            f"found {name!r} with {len(texts)} options; expected at most {len(entry.options)}, as "
            f"{head}{names}"
        )
    values = {o.name: int(o.default) if o.whole else o.default for o in entry.options}
    for option, text in zip(entry.options, texts, strict=False):
        values[option.name] = _checked(name, option, text)
    return values


def _checked(name: str, option: Option, text: str) -> float:
    try:
        value = int(text) if option.whole else float(text)
    except ValueError:
        value = float("nan")
    if not option.least <= value <= option.most:
        kind = "a whole number" if option.whole else "a number"
        raise InputError(
            f"network {name!r}: option {option.name!r} is {text!r}; expected {kind} from "
            f"{option.least:g} to {option.most:g}"
        )
    return value
