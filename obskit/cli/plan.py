"""``obskit plan``."""

from __future__ import annotations

from pathlib import Path

import click

from obskit.cli.options import json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import show_json, show_plan, working

__all__ = ["command"]


@click.command("plan")
@stack_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the plan to a file; provision --plan FILE applies that and nothing else.",
)
@json_option
@quiet_option
def command(
    file: Path,
    environment: str,
    only: tuple[str, ...],
    out: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    """Show what would change. Nothing is written to a server; exit code 3 when changes are pending."""
    from obskit.targets import stack as stacks

    stack = open_stack(file, environment, only)
    with working("reading the servers", quiet=quiet or as_json):
        plan = stacks.plan(stack.targets, stack.settings.project)
    if out is not None:
        from obskit.cli.saved import save

        save(plan, out)
    if as_json:
        show_json(plan.to_dict())
    elif plan or not quiet:
        show_plan(plan, detail=not quiet)
    return 3 if plan else 0
