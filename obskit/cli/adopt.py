"""``obskit adopt``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from obskit.cli.options import json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import console, show_json, show_outcomes, show_plan, working
from obskit.engine.execute import apply, succeeded
from obskit.engine.plan import Action, Cause, Change, Plan
from obskit.engine.resource import Address
from obskit.errors import ObskitError

__all__ = ["command"]


@click.command("adopt")
@click.argument("address")
@stack_options
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@quiet_option
def command(
    address: str,
    file: Path,
    environment: str,
    only: tuple[str, ...],
    *,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Take over the object at ADDRESS, such as grafana/dashboard/obskit-node.

    One of ours that was edited on the server is written back into a file of yours, so that the next plan
    finds nothing to do. One of somebody else's at an address of obskit.yml becomes ours, as obskit.yml
    says it should be.
    """
    from obskit.targets import stack as stacks

    wanted = Address.parse(address)
    stack = open_stack(file, environment, only)
    target = stack.targets.get(wanted.target)
    if target is None:
        names = ", ".join(stack.targets) or "no server at all"
        raise ObskitError(
            f"obskit.yml names no {wanted.target!r}", where=address, hint=f"it names {names}"
        )
    with working("reading the servers", quiet=quiet or as_json):
        plan = stacks.plan(
            {wanted.target: target}, stack.settings.project, adopt=[wanted], leave=True
        )
    change = next((item for item in plan.changes if item.address == wanted), None)
    if change is None or change.before is None:
        known = wanted in plan.unchanged
        raise ObskitError(
            "is ours already, and as it should be" if known else "there is no such object on the server",
            where=address, hint="obskit plan lists the addresses",
        )  # fmt: skip
    if change.action is not Action.ADOPT and change.cause in (Cause.DRIFTED, Cause.BOTH):
        if change.cause is Cause.BOTH and not yes and not as_json:
            click.confirm(
                "obskit.yml says something new, too. Replace its file by the edit?", abort=True
            )
        path = target.write_back(change.before)
        if path is None:
            raise ObskitError(
                f"objects of this kind ({wanted.kind}) have no file that an edit could be kept in",
                where=address, hint="change obskit.yml, or obskit provision puts it back",
            )  # fmt: skip
        if as_json:
            show_json({"address": address, "written": str(path)})
        else:
            console().print(f"Kept as {path}: obskit plan has nothing to do for {address} now.")
        return 0
    one = replace(plan, changes=_with_needs(change, plan), notes=())
    if not quiet and not as_json:
        show_plan(one)
    if not yes:
        if as_json:
            raise click.UsageError("--json asks nothing: say --yes to take it over")
        click.confirm("Take it over?", abort=True)
    outcomes = apply(one, {wanted.target: target})
    if as_json:
        state = next(item.state for item in outcomes if item.change.address == wanted)
        show_json({"address": address, "state": state.value})
    else:
        show_outcomes(outcomes)
    return 0 if succeeded(outcomes) else 1


def _with_needs(change: Change, plan: Plan) -> tuple[Change, ...]:
    """A change and what has to be made first: a dashboard is saved into a folder that is there."""
    new = {item.address: item for item in plan.changes if item.action is Action.CREATE}
    chosen, open_ = {change.address: change}, [change]
    while open_:
        one = open_.pop()
        for address in one.after.needs if one.after else ():
            if address in new and address not in chosen:
                chosen[address] = new[address]
                open_.append(new[address])
    return tuple(chosen[address] for address in sorted(chosen))
