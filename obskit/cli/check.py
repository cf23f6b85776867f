"""``obskit check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from obskit.cli import backtest
from obskit.cli.options import json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import console, show_json, show_problems, working
from obskit.errors import Problem, Severity

__all__ = ["command"]


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@stack_options
@click.option(
    "--backtest",
    "span",
    type=backtest.DURATION,
    metavar="7d",
    help="Count how often each alert would have fired, on the history of the Prometheus.",
)
@json_option
@quiet_option
def command(
    paths: tuple[Path, ...],
    file: Path,
    environment: str,
    only: tuple[str, ...],
    *,
    span: float | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Parse and validate every artefact, offline, with the servers' own checkers where installed.

    With PATHS, those files (or all below those folders) are checked instead of what obskit.yml names:
    rules, prometheus.yml, alertmanager.yml, dashboards, pipelines and filebeat.yml, anybody's.
    With --backtest, and without errors, the Prometheus is asked how often each alert would have fired.
    """
    from obskit.targets import stack as stacks

    if paths:
        return _check_paths(paths, as_json=as_json, quiet=quiet)
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
                "problems": [_as_json(item) for item in found],
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


def _as_json(item: Problem) -> dict[str, Any]:
    return {
        "rule": item.rule, "severity": item.severity.value, "message": item.message,
        "path": item.path, "line": item.line, "column": item.column,
    }  # fmt: skip


def _empty(paths: tuple[Path, ...], judged: list[Path]) -> list[Problem]:
    """A folder in which nothing was checked: a path that moved would stay green in CI for ever."""
    message = "nothing below it is a file that obskit checks; is it the right folder?"
    return [
        Problem(rule="check/empty", message=message, path=str(path))
        for path in paths
        if path.is_dir() and not any(path in file.parents for file in judged)
    ]


def _check_paths(paths: tuple[Path, ...], *, as_json: bool, quiet: bool) -> int:
    from obskit.targets.loose import check_files

    with working("checking files", quiet=as_json or quiet):
        checked = check_files(paths)
    found = [problem for item in checked for problem in item.problems]
    found += _empty(paths, [item.path for item in checked if item.target or item.problems])
    errors = sum(item.severity is Severity.ERROR for item in found)
    unknown = [str(item.path) for item in checked if not item.target and not item.problems]
    if as_json:
        show_json(
            {
                "files": [{"path": str(item.path), "target": item.target} for item in checked],
                "problems": [_as_json(item) for item in found],
                "errors": errors,
            }
        )
    else:
        show_problems(item for item in found if not quiet or item.severity is Severity.ERROR)
        if not quiet:
            known = len(checked) - len(unknown)
            console().print(
                f"Checked {known} files: {errors} errors, {len(found) - errors} others."
            )
            if unknown:
                console().print(
                    f"[dim]Of no server that obskit knows, and not checked: {len(unknown)}[/]"
                )
    return 1 if errors else 0
