"""``obskit provision``: plan, confirm, apply, read back, prove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from obskit.cli.options import Stack, json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import (
    console,
    show_json,
    show_outcomes,
    show_plan,
    show_problems,
    show_proofs,
    working,
)
from obskit.cli.verify import proofs_code, prove
from obskit.engine.execute import Outcome, State, apply, succeeded
from obskit.engine.plan import Plan
from obskit.errors import ContentError, ObskitError, Severity

__all__ = ["command"]


def _ready(stack: Stack, *, quiet: bool) -> None:
    """Refuse before the first write what cannot end well: bad content, a missing server or privilege."""
    from obskit.targets import stack as stacks

    found = stacks.problems(stack.targets)
    errors = [item for item in found if item.severity is Severity.ERROR]
    if errors:
        raise ContentError(errors, hint="nothing was written; obskit check shows all findings")
    if not quiet:
        show_problems((item for item in found if item.severity is Severity.WARNING), err=True)
    missing = [
        f"{name}: {item.subject}: {item.detail}" + (f" (→ {item.next})" if item.next else "")
        for name, items in stacks.examine(stack.targets).items()
        for item in items
        if item.ok is False
    ]
    if missing:
        raise ObskitError(
            "the servers are not ready:\n  " + "\n  ".join(missing),
            hint="nothing was written; obskit doctor tells more",
        )


def _apply(stack: Stack, plan: Plan, *, quiet: bool) -> list[Outcome]:
    out = console(err=True)
    total, ended = len(plan.changes), 0

    def observe(outcome: Outcome) -> None:
        nonlocal ended
        if outcome.state is not State.STARTED:
            ended += 1
            if not quiet:
                out.print(
                    f"  {ended}/{total} {outcome.state}: {escape(str(outcome.change.address))}"
                )

    return apply(plan, stack.targets, observe=observe)


@click.command("provision")
@stack_options
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Apply even when over 30 % of what is owned changes.")
@click.option("--no-verify", is_flag=True, help="Apply and read back, but prove nothing.")
@json_option
@quiet_option
def command(
    file: Path,
    environment: str,
    only: tuple[str, ...],
    *,
    yes: bool,
    force: bool,
    no_verify: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make the servers as obskit.yml says, read back what was written, and prove that it works."""
    from obskit.targets import stack as stacks

    quiet = quiet or as_json
    stack = open_stack(file, environment, only)
    project = stack.settings.project
    facts: dict[str, Any] = {}
    with working("checking the configuration and the servers", quiet=quiet):
        _ready(stack, quiet=quiet)
        plan = stacks.plan(stack.targets, project)
    facts["plan"] = plan.to_dict()
    if not quiet:
        show_plan(plan)
    if plan:
        if not force:
            plan.raise_if_unsafe()
        if not yes:
            if as_json:
                raise click.UsageError("--json asks nothing: say --yes to apply")
            click.confirm("Apply these changes?", abort=True)
        outcomes = _apply(stack, plan, quiet=quiet)
        facts["outcomes"] = [
            {
                "address": str(item.change.address),
                "state": item.state.value,
                "error": str(item.error) if item.error else None,
            }
            for item in outcomes
        ]
        if not as_json:
            show_outcomes(outcomes)
        if not succeeded(outcomes):
            if as_json:
                show_json(facts)
            return 1
        with working("reading everything back", quiet=quiet):
            left = stacks.plan(stack.targets, project)
        facts["left"] = left.to_dict()
        if left:
            if as_json:
                show_json(facts)
            else:
                show_plan(left)
            raise ObskitError(
                f"{len(left.changes)} objects are not as they were written, as shown",
                hint="somebody else writes them too, or obskit misreads the server: please report it",
            )
    code = 0
    if not no_verify:
        proofs = prove(stack, quiet=quiet)
        facts["proofs"] = [proof.to_dict() for proof in proofs]
        code = proofs_code(proofs)
        if not as_json:
            show_proofs(proofs, quiet=quiet)
    if as_json:
        show_json(facts)
    return code
