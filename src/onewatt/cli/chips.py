"""``onewatt chips``: the chips that come with onewatt."""

from __future__ import annotations

from typing import Annotated

import typer

from onewatt.cli import options, terminal

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def chips(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List the chips that come with onewatt, or show one."""
    if context.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_chips(as_json: options.AsJson = False) -> None:
    """List the chips that come with onewatt."""
    _list(as_json)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the file, to start your own.")
    ] = False,
) -> None:
    """Show one chip as a tree."""
    from onewatt.components.chips import load_chip

    chip = load_chip(name)
    if as_yaml:
        from onewatt.spec.files import dumps

        typer.echo(dumps(chip, "chip"), nl=False)
        return
    from onewatt.report.nouns import show_chip

    show_chip(chip, terminal.console())


def _list(as_json: bool) -> None:
    from onewatt.components.chips import list_chips

    found = list_chips()
    if as_json:
        rows = [{"name": c.name, "title": c.title, "source": c.source} for c in found]
        terminal.print_json({"schema": "onewatt/chips/1", "chips": rows})
        return
    from onewatt.report.nouns import show_names

    show_names([(c.name, c.title, c.source) for c in found], terminal.console())
