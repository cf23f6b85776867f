"""``obskit check``."""

from __future__ import annotations

from pathlib import Path

import click

from obskit.cli.options import json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import console, show_json, show_problems
from obskit.errors import Severity

__all__ = ["command"]


@click.command("check")
@stack_options
@json_option
@quiet_option
def command(
    file: Path, environment: str, only: tuple[str, ...], *, as_json: bool, quiet: bool
) -> int:
    """Parse and validate every artefact, offline, with the servers' own checkers where installed."""
    from obskit.targets import stack as stacks

    stack = open_stack(file, environment, only)
    found = stacks.problems(stack.targets)
    errors = [item for item in found if item.severity is Severity.ERROR]
    if as_json:
        show_json(
            {
                "problems": [
                    {
                        "rule": item.rule, "severity": item.severity.value, "message": item.message,
                        "path": item.path, "line": item.line, "column": item.column,
                    }
                    for item in found
                ],
                "errors": len(errors),
            }
        )  # fmt: skip
    else:
        show_problems(item for item in found if not quiet or item.severity is Severity.ERROR)
        if not quiet:
            names = ", ".join(stack.targets)
            console().print(
                f"Checked {names}: {len(errors)} errors, {len(found) - len(errors)} others."
            )
    return 1 if errors else 0
