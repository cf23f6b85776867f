"""``obskit check``."""

from __future__ import annotations

from pathlib import Path

import click

from obskit.cli import backtest
from obskit.cli.options import json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import console, show_json, show_problems, working
from obskit.errors import Severity

__all__ = ["command"]


@click.command("check")
@stack_options
@click.option(
    "--backtest", "span", type=backtest.DURATION, metavar="7d",
    help="Count how often each alert would have fired, on the history of the Prometheus.",
)
@json_option
@quiet_option
def command(
    file: Path, environment: str, only: tuple[str, ...],
    *, span: float | None, as_json: bool, quiet: bool,
) -> int:
    """Parse and validate every artefact, offline, with the servers' own checkers where installed.

    With --backtest, and without errors, the Prometheus is asked how often each alert would have fired.
    """
    from obskit.targets import stack as stacks

    stack = open_stack(file, environment, only)
    found = stacks.problems(stack.targets)
    errors = [item for item in found if item.severity is Severity.ERROR]
    results = None
    if span is not None and not errors:
        with working("trying every alert on the history", quiet=as_json or quiet):
            results = backtest.run(stack, span)
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
                **({} if results is None else {"backtest": backtest.as_json(results)}),
            }
        )  # fmt: skip
    else:
        show_problems(item for item in found if not quiet or item.severity is Severity.ERROR)
        if not quiet:
            names = ", ".join(stack.targets)
            console().print(
                f"Checked {names}: {len(errors)} errors, {len(found) - len(errors)} others."
            )
        if results is not None:
            backtest.show(results, quiet=quiet)
    return 1 if errors else 0
