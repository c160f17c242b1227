"""The entry point: exit codes, error messages and interrupts of every verb."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

import typer

from onewatt.cli.app import app
from onewatt.cli.codes import BAD_INPUT, CLOSED_PIPE, DONE, INTERRUPTED
from onewatt.errors import OnewattError, Stopped

#: Options that say where, how fast and how loud, not what: with a value, and alone.
_WITH_VALUE = frozenset({"-o", "--output", "-j", "--jobs"})
_ALONE = frozenset({"-q", "--quiet", "--fresh"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        What follows ``onewatt``; by default what the shell gave.

    Returns
    -------
    int
        0 done, 1 bad input, 2 budget missed, 130 interrupted or stopped with the best so far.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        return _run(list(sys.argv[1:] if arguments is None else arguments) or ["--help"])


def _run(given: list[str]) -> int:
    """Run a verb; turn what it raises into a line and an exit code."""
    try:
        code = app(
            given, standalone_mode=False, prog_name="onewatt",
            obj=shlex.join(["onewatt", *_lasting(given)]),
        )  # fmt: skip
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; no file was changed", INTERRUPTED)
    except BrokenPipeError:
        # What reads our output has seen enough; Python would complain again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except (OnewattError, Stopped) as error:
        return _refused(error)
    except OSError as error:
        return _fail(f"error: {error.filename or 'a file'}: {error.strerror}", BAD_INPUT)
    except Exception as error:
        if _interrupted(error):
            return _fail("interrupted; no file was changed", INTERRUPTED)
        usage = getattr(error, "format_message", None)  # what typer raises for bad usage
        if usage is None:
            raise
        return _fail(f"error: {usage()} See 'onewatt --help'.", BAD_INPUT)
    if code == INTERRUPTED:  # typer has caught it
        return _fail("interrupted; no file was changed", INTERRUPTED)
    return code if isinstance(code, int) else DONE


def _lasting(given: list[str]) -> list[str]:
    """Return the arguments that a result is made of, without those that leave it as it is.

    So the same bytes come out wherever they are written and however many workers find them.
    """
    kept: list[str] = []
    value = False
    for at, text in enumerate(given):
        name, _, inside = text.partition("=")
        if text == "--":
            return kept + given[at:]
        if value:
            value = False
        elif name in _WITH_VALUE:
            value = not inside
        elif text[:2] in _WITH_VALUE:
            continue  # its value is joined to it, as in -j2
        elif text not in _ALONE:
            kept.append(text)
    return kept


def _warn(
    message: Warning | str, category: type[Warning], filename: str, lineno: int,
    file: TextIO | None = None, line: str | None = None,
) -> None:  # fmt: skip
    """Say a warning in one line; where in a program it arose tells a user nothing."""
    del category, filename, lineno, file, line
    sys.stderr.write(f"onewatt: warning: {message}\n")


def _refused(error: OnewattError | Stopped) -> int:
    if isinstance(error, Stopped):
        return _fail(str(error), INTERRUPTED)
    return _fail(f"error: {error}", BAD_INPUT)


def _interrupted(error: BaseException | None) -> bool:
    """Say whether an interrupt is at the root: compiled code and its compiler raise others then."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"onewatt: {message}\n")
    return code
