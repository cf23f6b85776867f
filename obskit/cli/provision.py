"""``obskit provision``: plan, confirm, apply, read back, prove."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from obskit.cli.options import Stack, json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import (
    applying,
    console,
    show_json,
    show_outcomes,
    show_plan,
    show_problems,
    show_proofs,
    working,
)
from obskit.cli.saved import raise_unless_same
from obskit.cli.verify import proofs_code, prove
from obskit.engine.execute import apply, succeeded
from obskit.engine.verify import verify
from obskit.errors import ContentError, ObskitError, Severity

__all__ = ["command"]

#: How long to wait, in seconds, for the first scrape of new targets; one that is down is told by its proof.
_FIRST_SCRAPE = 20.0


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


@click.command("provision")
@stack_options
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Apply even when over 30 % of what is owned changes.")
@click.option(
    "--plan",
    "saved",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Apply exactly the plan in this file (obskit plan --out), without asking; refuse anything else.",
)
@click.option("--no-verify", is_flag=True, help="Apply and read back, but prove nothing.")
@json_option
@quiet_option
def command(
    file: Path,
    environment: str,
    only: tuple[str, ...],
    saved: Path | None,
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
    facts: dict[str, Any] = {}
    with working("checking the configuration and the servers", quiet=quiet):
        _ready(stack, quiet=quiet)
    options = _Options(
        saved=saved, yes=yes or saved is not None, force=force, as_json=as_json, quiet=quiet
    )
    done = _make_so(stack, facts, options)
    pending = False
    if done and facts["plan"]["changes"]:
        # What the new targets expose decides which rule packs fit, so the plan is made once more.
        with working("waiting for the targets", quiet=quiet):
            checks = [
                replace(check, seconds=min(check.seconds, _FIRST_SCRAPE))
                for check in stacks.checks(stack.targets)
            ]
            verify(checks, only="targets")
        stack = open_stack(file, environment, only)
        if saved is not None:
            pending = _pending(stack, facts, quiet=quiet, as_json=as_json)
        else:
            more: dict[str, Any] = {}
            done = _make_so(stack, more, replace(options, yes=True))
            if more["plan"]["changes"]:
                facts["second_pass"] = more
    code = 0 if done else 1
    if done and not no_verify:
        proofs = prove(stack, quiet=quiet)
        facts["proofs"] = [proof.to_dict() for proof in proofs]
        code = proofs_code(proofs)
        if not as_json:
            show_proofs(proofs, quiet=quiet)
    if code == 0 and pending:
        code = 3
    if as_json:
        show_json(facts)
    return code


def _pending(stack: Stack, facts: dict[str, Any], *, quiet: bool, as_json: bool) -> bool:
    """Whether the new targets call for more than the reviewed plan said; it is told, and not done."""
    from obskit.targets import stack as stacks

    with working("reading the servers", quiet=quiet):
        plan = stacks.plan(stack.targets, stack.settings.project)
    if plan:
        facts["pending"] = plan.to_dict()
        if not as_json:
            show_plan(plan, detail=not quiet)
            console().print(
                "That was not in the plan that was reviewed, so it was not done: review it with obskit plan."
            )
    return bool(plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    saved: Path | None
    yes: bool
    force: bool
    as_json: bool
    quiet: bool


def _make_so(stack: Stack, facts: dict[str, Any], options: _Options) -> bool:
    """Plan, confirm, apply and read back; whether the servers are now as obskit.yml says.

    Args:
        stack: What to work on.
        facts: Filled with what happened, for machines.
        options: What the user said.
    """
    from obskit.targets import stack as stacks

    project = stack.settings.project
    with working("reading the servers", quiet=options.quiet):
        plan = stacks.plan(stack.targets, project)
    facts["plan"] = plan.to_dict()
    if not options.quiet:
        show_plan(plan)
    if options.saved is not None:
        raise_unless_same(plan, options.saved)
    if not plan:
        return True
    if not options.force:
        plan.raise_if_unsafe()
    if not options.yes:
        if options.as_json:
            raise click.UsageError("--json asks nothing: say --yes to apply")
        click.confirm("Apply these changes?", abort=True)
    with applying(len(plan.changes), quiet=options.quiet) as observe:
        outcomes = apply(plan, stack.targets, observe=observe)
    facts["outcomes"] = [
        {
            "address": str(item.change.address),
            "state": item.state.value,
            "error": str(item.error) if item.error else None,
        }
        for item in outcomes
    ]
    if not options.as_json:
        show_outcomes(outcomes)
    if not succeeded(outcomes):
        return False
    with working("reading everything back", quiet=options.quiet):
        left = stacks.plan(stack.targets, project)
    facts["left"] = left.to_dict()
    if left:
        if not options.as_json:
            show_plan(left)
        raise ObskitError(
            f"{len(left.changes)} objects are not as they were written, as shown",
            hint="somebody else writes them too, or obskit misreads the server: please report it",
        )
    return True
