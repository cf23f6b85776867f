"""``obskit destroy``."""

from __future__ import annotations

from pathlib import Path

import click

from obskit.cli.options import json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import applying, show_json, show_outcomes, show_plan, working
from obskit.engine.execute import apply, succeeded

__all__ = ["command"]


@click.command("destroy")
@stack_options
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@quiet_option
def command(
    file: Path, environment: str, only: tuple[str, ...], *, yes: bool, as_json: bool, quiet: bool
) -> int:
    """Remove every object that carries this project's mark, and nothing else; logs and metrics stay."""
    from obskit.targets import stack as stacks

    stack = open_stack(file, environment, only)
    with working("reading the servers", quiet=quiet or as_json):
        plan = stacks.destruction(stack.targets, stack.settings.project)
    if not as_json:
        show_plan(plan)
    if not plan:
        if as_json:
            show_json({"plan": plan.to_dict(), "outcomes": []})
        return 0
    if not yes:
        if as_json:
            raise click.UsageError("--json asks nothing: say --yes to remove them")
        click.confirm(f"Remove these {len(plan.changes)} objects?", abort=True)
    with applying(len(plan.changes), quiet=quiet or as_json) as observe:
        outcomes = apply(plan, stack.targets, observe=observe)
    if as_json:
        show_json(
            {
                "plan": plan.to_dict(),
                "outcomes": [
                    {"address": str(o.change.address), "state": o.state.value} for o in outcomes
                ],
            }
        )
    else:
        show_outcomes(outcomes)
    return 0 if succeeded(outcomes) else 1
