"""Options that many commands share, and the stack that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from obskit.config import Settings, load
from obskit.errors import LocalError
from obskit.schema import BUILTIN, Schema
from obskit.targets import REGISTRY, create, sections
from obskit.targets.base import Target

__all__ = ["Stack", "json_option", "open_stack", "quiet_option", "serving", "stack_options"]

_NOT_STARTED: Final = 3  # uvicorn.config.STARTUP_FAILURE, without loading uvicorn for every command

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a command works on.

    Args:
        settings: All of obskit.yml.
        schema: The log schema.
        targets: The chosen targets, by name.
    """

    settings: Settings
    schema: Schema
    targets: dict[str, Target[Any]]


def stack_options(command: F) -> F:
    """Add ``-f``, ``-e`` and ``--target`` to a command."""
    for option in (
        click.option(
            "--target", "only", multiple=True, metavar="NAME", help="Only this server; may be repeated.",
            shell_complete=lambda _ctx, _param, begun: [name for name in REGISTRY if name.startswith(begun)],
        ),
        click.option(
            "-e", "--environment", default="", metavar="NAME",
            help="Environment: obskit.NAME.yml over obskit.yml, .env.NAME for references.",
        ),
        click.option(
            "-f", "--file", "file", type=click.Path(path_type=Path, dir_okay=False),
            default=Path("obskit.yml"), show_default=True, help="The configuration.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="The same facts for machines.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Only what is wrong.")


def open_stack(file: Path, environment: str, only: tuple[str, ...]) -> Stack:
    """Read obskit.yml and make its targets; nothing is connected to.

    Raises:
        ConfigError: Anything in the configuration is wrong.
    """
    settings = load(file, sections(), environment=environment)
    schema = BUILTIN
    if settings.log_schema is not None:
        from obskit.schema.load import load_schema

        schema = load_schema(settings.folder / settings.log_schema)
    return Stack(settings=settings, schema=schema, targets=create(settings, schema, only=only))


@contextmanager
def serving(listen: str) -> Iterator[None]:
    """Makes an error of ours of a server that does not start: uvicorn's exit code for it, 3, means drift here.

    Args:
        listen: Where it was to listen.

    Raises:
        LocalError: It did not start; uvicorn has logged why.
    """
    try:
        yield
    except SystemExit as end:
        if end.code != _NOT_STARTED:
            raise
        raise LocalError(
            "no server could be started there",
            where=listen, hint="is the address taken? name another with --listen",
        ) from None  # fmt: skip
