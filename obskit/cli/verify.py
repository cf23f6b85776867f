"""``obskit verify``."""

from __future__ import annotations

import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from rich.markup import escape

from obskit.cli.options import Stack, json_option, open_stack, quiet_option, stack_options
from obskit.cli.output import console, show_json, show_proofs
from obskit.engine.verify import Proof, Verdict
from obskit.errors import ConfigError, Problem

__all__ = ["command", "proofs_code", "prove"]


def prove(stack: Stack, *, only: str = "", quiet: bool = False) -> list[Proof]:
    """Try everything, telling each failure as it comes."""
    from obskit.engine.verify import verify
    from obskit.targets import stack as stacks

    out, told = console(err=True), 0
    checks = stacks.checks(stack.targets)
    words = f"proving {len(checks)} things, each within its deadline"
    shown = out.status(words) if out.is_terminal and not quiet else None

    def progress(proof: Proof) -> None:
        nonlocal told
        told += 1
        if not quiet and proof.verdict is Verdict.FAILED:
            out.print(f"  [red]✘ {escape(proof.id)}[/] {escape(proof.detail)}")
        if shown is not None:
            shown.update(f"{words}: {told} told, the last {escape(proof.id)}")

    if not quiet and shown is None:
        out.print(f"{words} …")
    with shown or nullcontext():
        return verify(checks, only=only, on_proof=progress)


def proofs_code(proofs: list[Proof]) -> int:
    """The exit code of proofs: 1 when one failed, or when nothing at all was proved."""
    if any(proof.verdict is Verdict.FAILED for proof in proofs):
        return 1
    return 0 if any(proof.verdict is Verdict.PROVED for proof in proofs) else 1


def _explain(proofs: list[Proof]) -> None:
    out = console()
    for proof in proofs:
        out.print(f"[bold]{escape(proof.id)}[/] — {escape(proof.title)}")
        out.print(f"  {proof.verdict}: {escape(proof.detail)} ({proof.seconds:.1f} s)")
        if proof.next:
            out.print(f"  [dim]→ {escape(proof.next)}[/]")
        for item in proof.evidence:
            out.print(f"  [cyan]{escape(item.of)}[/] was asked:")
            out.print("\n".join(f"    {escape(line)}" for line in item.asked.splitlines()))
            out.print("  and answered:")
            out.print("\n".join(f"    {escape(line)}" for line in item.answer.splitlines()))


def _watch(stack: Stack, only: str, seconds: int, *, as_json: bool) -> int:
    """Prove until Ctrl-C; a line for each proof whose verdict is not what it was."""
    out, before = console(), dict[str, Verdict]()
    while True:
        proofs = prove(stack, only=only, quiet=True)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for proof in proofs:
            if before.get(proof.id) is not proof.verdict:
                if as_json:
                    click.echo(orjson.dumps({"time": now, **proof.to_dict()}))
                else:
                    was = before.get(proof.id, "")
                    out.print(
                        f"{now} {escape(proof.id)}: {was and f'{was} → '}{proof.verdict} {escape(proof.detail)}"
                    )
        before = {proof.id: proof.verdict for proof in proofs}
        time.sleep(seconds)


@click.command("verify")
@stack_options
@click.option(
    "--explain",
    "explain",
    metavar="ID",
    default="",
    help="Try what has this id (or begins with it) and tell what was asked of whom and what came back.",
)
@click.option(
    "--watch",
    type=click.IntRange(min=5),
    metavar="SECONDS",
    default=None,
    help="Prove again and again, that many seconds apart; tell what changes. Ctrl-C ends it.",
)
@json_option
@quiet_option
def command(
    file: Path,
    environment: str,
    only: tuple[str, ...],
    explain: str,
    watch: int | None,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    """Prove that a log line, every panel and an alert arrive; exit code 1 when a proof failed."""
    stack = open_stack(file, environment, only)
    if watch is not None:
        return _watch(stack, explain, watch, as_json=as_json)
    proofs = prove(stack, only=explain, quiet=quiet or as_json)
    if explain and not proofs:
        raise ConfigError(
            [
                Problem(
                    rule="verify/id",
                    message=f"no proof has the id {explain!r}: obskit verify lists them",
                )
            ]
        )
    if as_json:
        show_json({"proofs": [proof.to_dict() for proof in proofs]})
    elif explain:
        _explain(proofs)
    else:
        show_proofs(proofs, quiet=quiet)
    return proofs_code(proofs)
