"""``obskit doctor``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape

from obskit.cli.options import json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import console, show_json, working

__all__ = ["command"]


@click.command("doctor")
@stack_options
@json_option
@quiet_option
def command(
    file: Path, environment: str, only: tuple[str, ...], *, as_json: bool, quiet: bool
) -> int:
    """Look at every server and say what is missing, before anything is written."""
    from obskit.targets import stack as stacks

    stack = open_stack(file, environment, only)
    with working("looking at the servers", quiet=quiet or as_json):
        found = stacks.examine(stack.targets)
    wrong = sum(item.ok is False for items in found.values() for item in items)
    if as_json:
        show_json(
            {
                name: [
                    {"subject": i.subject, "ok": i.ok, "detail": i.detail, "next": i.next}
                    for i in items
                ]
                for name, items in found.items()
            }
        )
        return 1 if wrong else 0
    out = console()
    signs = {True: "[green]✔[/]", False: "[bold red]✘[/]", None: "[yellow]?[/]"}
    for name, items in found.items():
        shown = [item for item in items if not quiet or item.ok is False]
        if shown:
            out.print(f"[bold]{name}[/]")
        for item in shown:
            out.print(f"  {signs[item.ok]} {item.subject}: {escape(item.detail)}")
            if item.next and item.ok is not True:
                out.print(f"      [dim]→ {escape(item.next)}[/]")
    return 1 if wrong else 0
