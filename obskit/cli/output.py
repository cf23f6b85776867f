"""How findings, plans and proofs look. The only place that chooses words for a screen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import groupby
from typing import Any

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from obskit.engine.diff import ABSENT, Edit
from obskit.engine.execute import Outcome, State
from obskit.engine.plan import Action, Change, Plan
from obskit.engine.resource import redacted
from obskit.engine.verify import Proof, Verdict
from obskit.errors import ObskitError, Problem, Severity

__all__ = [
    "applying",
    "console",
    "show_error",
    "show_error_json",
    "show_json",
    "show_outcomes",
    "show_plan",
    "show_problems",
    "show_proofs",
    "working",
]

_COLOURS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.DELETE: "red",
    Action.ADOPT: "cyan",
}
_VERDICTS = {
    Verdict.PROVED: ("✔", "green"),
    Verdict.FAILED: ("✘", "bold red"),
    Verdict.EXPLAINED: ("•", "cyan"),
    Verdict.NOT_CONFIGURED: ("–", "dim"),
    Verdict.UNPROVED: ("?", "yellow"),
}
_consoles: dict[bool, Console] = {}
_SHOWN_EDITS = 20
_SHOWN_CHARACTERS = 200


def console(*, err: bool = False) -> Console:
    """A console on standard output or error; plain when it is no terminal, 120 wide then.

    It is the same one each time: what is printed while a spinner turns goes above the spinner.
    """
    stream = sys.stderr if err else sys.stdout
    made = _consoles.get(err)
    if made is None or made.file is not stream:
        width = None if stream.isatty() else 120
        made = Console(file=stream, highlight=False, soft_wrap=not stream.isatty(), width=width)
        _consoles[err] = made
    return made


def show_json(data: Any) -> None:
    """Facts for machines, on standard output."""
    click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str).decode())


def show_error(error: ObskitError) -> None:
    """An error on standard error: every finding on its own line, then what to do next."""
    out = console(err=True)
    problems: Sequence[Problem] = getattr(error, "problems", ())
    if problems:
        show_problems(problems, err=True)
        if error.hint:
            out.print(f"[dim]→ {escape(error.hint)}[/]")
        return
    where = f"{escape(error.where)}: " if error.where else ""
    out.print(f"[bold red]error:[/] {where}{escape(error.message)}")
    if error.hint:
        out.print(f"  [dim]→ {escape(error.hint)}[/]")


def show_error_json(error: Exception, code: int) -> None:
    """An error for machines, on standard output: where, what, what next, and every finding.

    Args:
        error: An error of obskit's, or of the command line.
        code: The exit code.
    """
    facts: dict[str, Any] = {"message": str(error), "exit_code": code}
    if isinstance(error, click.ClickException):
        facts["message"] = error.format_message()
    if isinstance(error, ObskitError):
        facts |= {"where": error.where, "message": error.message, "next": error.hint}
        problems: Sequence[Problem] = getattr(error, "problems", ())
        facts["problems"] = [
            {
                "rule": item.rule, "path": item.path, "line": item.line, "column": item.column,
                "severity": item.severity.value, "message": item.message,
            }
            for item in problems
        ]  # fmt: skip
    show_json({"error": facts})


def show_problems(problems: Iterable[Problem], *, err: bool = False) -> None:
    """Findings, one a line: ``file:line:column: severity: message [rule]``."""
    out = console(err=err)
    colour = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
    for item in problems:
        where = f"{escape(item.where)}: " if item.where else ""
        out.print(
            f"{where}[{colour[item.severity]}]{item.severity}[/]: {escape(item.message)}"
            f" [dim]\\[{escape(item.rule)}][/]"
        )


@contextmanager
def working(words: str, *, quiet: bool = False) -> Iterator[None]:
    """Say what is being done while it is done: a spinner on a terminal, a plain line elsewhere."""
    out = console(err=True)
    if quiet:
        yield
    elif out.is_terminal:
        with out.status(words):
            yield
    else:
        out.print(f"{words} …")
        yield


@contextmanager
def applying(total: int, *, quiet: bool = False) -> Iterator[Callable[[Outcome], None]]:
    """Tell each change as it ends: one line that changes on a terminal, a plain line each elsewhere.

    Args:
        total: How many changes there are.
        quiet: Whether nothing is told.
    """
    out, ended = console(err=True), 0

    def observe(outcome: Outcome) -> None:
        nonlocal ended
        if outcome.state is State.STARTED:
            return
        ended += 1
        words = f"{ended}/{total} {outcome.state}: {escape(str(outcome.change.address))}"
        if shown is not None:
            shown.update(words)
        elif not quiet:
            out.print(f"  {words}")

    shown = out.status(f"0/{total}") if out.is_terminal and not quiet else None
    with shown or nullcontext():
        yield observe


def _value(value: object) -> str:
    if value is ABSENT:
        return "(absent)"
    shown = redacted(value)
    text = shown if isinstance(shown, str) else orjson.dumps(shown, default=str).decode()
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _show_edit(out: Console, edit: Edit) -> None:
    out.print(f"      [dim]{escape(edit.path) or 'body'}[/]")
    for sign, colour, value in (("-", "red", edit.before), ("+", "green", edit.after)):
        if value is not ABSENT:
            for line in _value(value).splitlines() or [""]:
                out.print(f"        [{colour}]{sign} {escape(line)}[/]")


def _show_change(out: Console, change: Change, *, detail: bool) -> None:
    colour = _COLOURS[change.action]
    note = f"  [dim]# {escape(change.note)}[/]" if change.note else ""
    out.print(
        f"  [{colour}]{change.action.sign} {escape(str(change.address))}[/]"
        f"  [dim]{escape(change.cause)}[/]{note}"
    )
    for words in change.impact:
        out.print(f"      [yellow]! {escape(words)}[/]")
    if detail and change.action in (Action.UPDATE, Action.ADOPT):
        for edit in change.edits[:_SHOWN_EDITS]:
            _show_edit(out, edit)
        if len(change.edits) > _SHOWN_EDITS:
            out.print(f"      [dim]… {len(change.edits) - _SHOWN_EDITS} more (--json shows all)[/]")


def show_plan(plan: Plan, *, detail: bool = True) -> None:
    """A plan: a line a change, differences below, what was left out, and the count."""
    out = console()
    for change in plan.changes:
        _show_change(out, change, detail=detail)
    for note in plan.notes:
        out.print(f"  [dim]i {escape(note)}[/]")
    out.print(
        f"Plan: [green]{plan.count(Action.CREATE)} to create[/], "
        f"[yellow]{plan.count(Action.UPDATE) + plan.count(Action.ADOPT)} to change[/], "
        f"[red]{plan.count(Action.DELETE)} to delete[/], {len(plan.unchanged)} unchanged."
        if plan
        else f"Plan: 0 changes, {len(plan.unchanged)} objects as they should be."
    )


def show_outcomes(outcomes: Sequence[Outcome]) -> None:
    """What became of each change that did not go well, and the count of those that did."""
    out = console()
    for outcome in outcomes:
        if outcome.state is not State.DONE:
            reason = f": {escape(str(outcome.error))}" if outcome.error else ""
            out.print(f"  [red]✘ {escape(str(outcome.change.address))}[/] {outcome.state}{reason}")
    done = sum(outcome.state is State.DONE for outcome in outcomes)
    out.print(f"Applied: {done} of {len(outcomes)} changes.")


def _rows(proofs: Sequence[Proof]) -> Iterator[Proof | list[Proof]]:
    """Proofs one by one, but the panels of a dashboard that went well as one row."""

    def group(proof: Proof) -> tuple[str, bool]:
        head, _, rest = proof.id.partition("/")
        return (f"{head}/{rest.partition('/')[0]}", head == "panel")

    for (_, panels), items in groupby(proofs, key=group):
        if not panels:
            yield from items
            continue
        every = list(items)
        yield every
        yield from (proof for proof in every if proof.verdict is Verdict.FAILED)


def _panels_row(proofs: Sequence[Proof]) -> tuple[Verdict, str, str, str]:
    counts = {verdict: sum(p.verdict is verdict for p in proofs) for verdict in Verdict}
    words = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    worst = next(
        (
            verdict
            for verdict in (Verdict.FAILED, Verdict.PROVED, Verdict.UNPROVED, Verdict.EXPLAINED)
            if counts[verdict]
        ),
        Verdict.NOT_CONFIGURED,
    )
    uid = proofs[0].id.split("/")[1]
    seconds = f"{sum(p.seconds for p in proofs):.1f}"
    return worst, f"panels of {uid}", f"{len(proofs)} panels: {words}", seconds


def show_proofs(proofs: Sequence[Proof], *, quiet: bool = False) -> None:
    """The table of proofs, and the count of each verdict."""
    out = console()
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("")
    table.add_column("proof", no_wrap=True)
    table.add_column("what was tried and seen", overflow="fold")
    table.add_column("seconds", justify="right")
    for row in _rows(proofs):
        if isinstance(row, list):
            verdict, title, detail, seconds = _panels_row(row)
            following = ""
        else:
            verdict, title, detail = row.verdict, row.id, f"{row.title}: {row.detail}".rstrip(": ")
            seconds, following = f"{row.seconds:.1f}", row.next
        if quiet and verdict is not Verdict.FAILED:
            continue
        sign, colour = _VERDICTS[verdict]
        text = escape(detail) + (f"\n[dim]→ {escape(following)}[/]" if following else "")
        table.add_row(f"[{colour}]{sign} {verdict}[/]", escape(title), text, seconds)
    if table.row_count:
        out.print(table)
    counts = [(verdict, sum(proof.verdict is verdict for proof in proofs)) for verdict in Verdict]
    out.print(
        "Proofs: " + ", ".join(f"{count} {verdict}" for verdict, count in counts if count) + "."
    )
