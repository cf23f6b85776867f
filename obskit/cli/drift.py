"""``obskit drift``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from obskit.cli.options import json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import console, show_json, show_plan, working
from obskit.engine.plan import Action, Cause, Change, Plan

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
    drifted = replace(plan, changes=tuple(_drift(plan)), notes=())
    if as_json:
        show_json(drifted.to_dict())
    elif drifted:
        show_plan(drifted, detail=not quiet)
        if not quiet:
            console().print(
                "obskit provision puts it back; obskit adopt ADDRESS keeps an edit as a file of yours."
            )
            if any(change.cause is Cause.MISSING for change in drifted.changes):
                console().print("What is missing was removed by hand, or was never applied.")
    elif not quiet:
        console().print(f"No drift: {len(plan.unchanged)} objects are as they were written.")
    return 3 if drifted else 0


def _drift(plan: Plan) -> Iterator[Change]:
    """What was edited on the servers, and what is gone from those that were provisioned before.

    Nothing but the marks tells what was applied, so what is gone cannot be told from what is new in obskit.yml.
    """
    owned = {address.target for address in plan.unchanged}
    owned |= {change.address.target for change in plan.changes if change.before is not None}
    for change in plan.changes:
        if change.cause in (Cause.DRIFTED, Cause.BOTH):
            yield change
        elif change.action is Action.CREATE and change.address.target in owned:
            yield replace(change, cause=Cause.MISSING)
