"""Strategies: frozen structs whose fields are their options, by name or as text."""

from __future__ import annotations

import msgspec

from onewatt.codesign.strategies.base import Strategy as Strategy
from onewatt.codesign.strategies.learned import Evolve, Tpe
from onewatt.codesign.strategies.plain import CoordinateDescent, Grid, Random
from onewatt.errors import InputError, OnewattError, unknown
from onewatt.spec.reader import Snippet, compose

Known = Grid | Random | CoordinateDescent | Evolve | Tpe

STRATEGIES: dict[str, type[Known]] = {
    "grid": Grid,
    "random": Random,
    "coordinate_descent": CoordinateDescent,
    "evolve": Evolve,
    "tpe": Tpe,
}


def read_strategy(text: str) -> Known:
    """Return a strategy by its name, with its options after a colon.

    Parameters
    ----------
    text : str
        Such as ``grid`` or ``evolve:population=32,crossover=0.8``.

    Raises
    ------
    InputError
        If there is no such strategy or option, or an option has no such value.

    Examples
    --------
    >>> read_strategy("evolve:population=32").population
    32
    """
    name, _, options = text.partition(":")
    if name not in STRATEGIES:
        raise InputError(unknown("strategy", name, STRATEGIES))
    pairs = [part.partition("=") for part in options.split(",") if part.strip()]
    lines = [f"{key.strip()}: {value.strip()}" for key, _, value in pairs]
    try:
        root = compose("\n".join(lines) or "{}", text)
    except OnewattError as error:
        raise InputError(f"strategy {error}") from error
    return Snippet(f"strategy {text!r}").read(STRATEGIES[name], root)


def strategy_text(strategy: Strategy) -> str:
    """Return a strategy as the text that `read_strategy` reads; options at default are left out.

    Examples
    --------
    >>> strategy_text(read_strategy("evolve:population=32,swap=0.5"))
    'evolve:population=32'
    """
    kind = type(strategy)
    if not issubclass(kind, msgspec.Struct):
        return kind.__name__
    name = str(kind.__struct_config__.tag or kind.__name__)
    changed = [
        f"{f.name}={getattr(strategy, f.name)}" for f in msgspec.structs.fields(kind)
        if getattr(strategy, f.name) != f.default
    ]  # fmt: skip
    return f"{name}:{','.join(changed)}" if changed else name
