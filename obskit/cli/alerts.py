"""``obskit alerts``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml
from rich.markup import escape

from obskit.cli.options import json_option, open_stack, stack_options
from obskit.cli.output import console, show_json
from obskit.errors import ConfigError, ObskitError, Problem

__all__ = ["command"]


@click.group("alerts")
def command() -> None:
    """Say who gets an alert, and try whether it arrives."""


def _alertmanager(file: Path, environment: str, only: tuple[str, ...]) -> Any:
    from obskit.targets.alertmanager import Alertmanager

    stack = open_stack(file, environment, only)
    target = stack.targets.get("alertmanager")
    if not isinstance(target, Alertmanager):
        raise ConfigError(
            [
                Problem(
                    rule="config/target", message="obskit.yml names no alertmanager", path=str(file)
                )
            ]
        )
    return target


@command.command("route")
@click.option(
    "-l",
    "--label",
    "labels",
    multiple=True,
    required=True,
    metavar="NAME=VALUE",
    help="A label of the alert; may be repeated. The project's own label is added.",
)
@stack_options
@json_option
def route(
    labels: tuple[str, ...], file: Path, environment: str, only: tuple[str, ...], *, as_json: bool
) -> int:
    """Say who gets an alert with these labels, by the configuration that the server runs."""
    from obskit.targets.alertmanager.document import prefix
    from obskit.targets.alertmanager.tree import receivers_of
    from obskit.targets.prometheus.labels import PROJECT_LABEL

    pairs = [item.partition("=") for item in labels]
    wrong = [name for name, found, _ in pairs if not found or not name]
    if wrong:
        raise click.UsageError(f"--label {wrong[0]}: write NAME=VALUE")
    target = _alertmanager(file, environment, only)
    try:
        config = yaml.safe_load(target.file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ObskitError(f"cannot be read: {error}", where=str(target.file)) from None
    wanted = {PROJECT_LABEL: target.context.project} | {name: value for name, _, value in pairs}
    found = receivers_of(config or {}, wanted)
    names = [str(item.get("name")) for item in (config or {}).get("receivers") or ()]
    provisioned = any(name.startswith(prefix(target.context.project)) for name in names)
    if as_json:
        show_json(
            {
                "labels": wanted,
                "provisioned": provisioned,
                "receivers": [
                    {"receiver": item.receiver, "path": list(item.path)} for item in found
                ],
            }
        )
    else:
        for item in found:
            console().print(
                f"[bold]{escape(item.receiver)}[/]  [dim]{escape(' → '.join(item.path))}[/]"
            )
        if not provisioned:
            words = f"{target.file} has no routes of {target.context.project} yet: obskit provision writes them"
            console(err=True).print(f"[yellow]→[/] {escape(words)}")
    return 0


@command.command("test")
@click.option("-r", "--receiver", required=True, metavar="NAME", help="A receiver of obskit.yml.")
@stack_options
@json_option
def test(
    receiver: str, file: Path, environment: str, only: tuple[str, ...], *, as_json: bool
) -> int:
    """Send an alert through the real Alertmanager to a receiver, firing and resolved.

    Shows the body that arrived (obskit listens beside the receiver) and whether Alertmanager could
    deliver it. Whoever is behind the receiver is told that it is a test.
    """
    from obskit.deadline import Deadline
    from obskit.targets.alertmanager.trial import send

    target = _alertmanager(file, environment, only)
    seconds = target.context.settings.verify.deadline.total_seconds()
    integrations = target.integrations(receiver)
    deliveries = send(target, receiver, integrations, Deadline.after(seconds))
    good = all(item.ok(integrations) for item in deliveries)
    if as_json:
        show_json(
            {
                "receiver": receiver,
                "delivered": good,
                "deliveries": [
                    {
                        "status": item.status,
                        "requests": {
                            k: {"all": a, "failed": f} for k, (a, f) in item.requests.items()
                        },
                        "body": item.body,
                    }
                    for item in deliveries
                ],
            }
        )
        return 0 if good else 1
    out = console()
    for item in deliveries:
        sign = "[green]✔[/]" if item.ok(integrations) else "[bold red]✘[/]"
        counts = ", ".join(
            f"{name}: {count} sent, {failed} failed"
            for name, (count, failed) in item.requests.items()
        )
        out.print(f"{sign} {item.status}: {counts}")
        if item.body is None:
            out.print("  [red]nothing arrived at obskit's own receiver[/]")
    if deliveries[0].body is not None:
        show_json(deliveries[0].body)
    if not good:
        out.print(
            "[dim]→ alertmanager's log has the reason; obskit verify --explain alert tries the way to it[/]"
        )
    return 0 if good else 1
