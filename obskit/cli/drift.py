"""``obskit drift``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from obskit.cli.options import json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import console, show_json, show_plan, working
from obskit.engine.plan import Cause

__all__ = ["command"]


@click.command("drift")
@stack_options
@json_option
@quiet_option
def command(
    file: Path, environment: str, only: tuple[str, ...], *, as_json: bool, quiet: bool
) -> int:
    """Show what was changed on the servers since obskit wrote it; exit code 3 when something was."""
    from obskit.targets import stack as stacks

    stack = open_stack(file, environment, only)
    with working("reading the servers", quiet=quiet or as_json):
        plan = stacks.plan(stack.targets, stack.settings.project)
    drifted = replace(
        plan,
        changes=tuple(item for item in plan.changes if item.cause in (Cause.DRIFTED, Cause.BOTH)),
        notes=(),
    )
    if as_json:
        show_json(drifted.to_dict())
    elif drifted:
        show_plan(drifted, detail=not quiet)
        if not quiet:
            console().print(
                "obskit provision puts it back; obskit adopt ADDRESS keeps an edit as a file of yours."
            )
    elif not quiet:
        console().print(f"No drift: {len(plan.unchanged)} objects are as they were written.")
    return 3 if drifted else 0
