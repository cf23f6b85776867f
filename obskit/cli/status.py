"""``obskit status``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from obskit.cli.options import json_option, open_stack, stack_options
from obskit.cli.output import console, show_json, working
from obskit.errors import ObskitError

__all__ = ["command"]


@click.command("status")
@stack_options
@json_option
def command(file: Path, environment: str, only: tuple[str, ...], *, as_json: bool) -> int:
    """One line a server: what it is, how many objects are ours, how many changes are pending."""
    from obskit.targets import stack as stacks

    stack = open_stack(file, environment, only)
    rows: dict[str, dict[str, Any]] = {}
    with working("asking the servers", quiet=as_json):
        found = stacks.examine(stack.targets)
        for name, target in stack.targets.items():
            wrong = [item.detail for item in found[name] if item.ok is False]
            version = next((item.detail for item in found[name] if item.subject == "version"), "")
            row: dict[str, Any] = {"version": version, "problems": wrong}
            try:
                plan = stacks.plan({name: target}, stack.settings.project)
                row |= {"owned": len(plan.unchanged), "pending": len(plan.changes)}
                row["owned"] += sum(change.before is not None for change in plan.changes)
            except ObskitError as error:
                row["problems"] = [*wrong, str(error)] if str(error) not in wrong else wrong
            rows[name] = row
    if as_json:
        show_json(rows)
    else:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for title in ("server", "version", "owned", "pending", ""):
            table.add_column(title, overflow="fold")
        for name, row in rows.items():
            problems = "; ".join(row["problems"])
            table.add_row(
                f"[{'red' if problems else 'green'}]{name}[/]",
                escape(row["version"]),
                str(row.get("owned", "?")),
                str(row.get("pending", "?")),
                escape(problems),
            )
        console().print(table)
    if any(row["problems"] for row in rows.values()):
        return 1
    return 3 if any(row.get("pending") for row in rows.values()) else 0
