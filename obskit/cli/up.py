"""``obskit up``."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import click
import orjson
from rich.markup import escape

from obskit.cli.output import console, show_json
from obskit.errors import DeliveryError, ObskitError

__all__ = ["ENVIRONMENT", "FOLDER", "command"]

#: Where the local stack lives, below the working folder.
FOLDER = Path(".obskit/local")
#: The environment whose variables name the local stack's addresses.
ENVIRONMENT = "local"
_HEAD = "# Written by obskit up, removed by obskit down: the addresses of the local stack.\n"


def env_file() -> Path:
    """The file of variables that ``-e local`` reads."""
    return Path(f".env.{ENVIRONMENT}")


def ours(path: Path) -> bool:
    """Whether the file is one that obskit wrote, or is not there."""
    return not path.exists() or path.read_text(encoding="utf-8").startswith(_HEAD)


@click.command("up")
@click.argument("services", nargs=-1)
@click.option(
    "--engine",
    type=click.Choice(["auto", "compose", "native"]),
    default="auto",
    show_default=True,
    help="Docker Compose, native processes, or Compose where a Docker engine answers.",
)
@click.option(
    "--no-provision", is_flag=True, help="Only start it, also where there is an obskit.yml."
)
@click.option("--json", "as_json", is_flag=True, help="The addresses for machines.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    services: tuple[str, ...], engine: str, *, no_provision: bool, as_json: bool, quiet: bool
) -> int:
    """Start a local stack (or only SERVICES and what they need) for obskit.yml to be tried on.

    Its addresses go into .env.local, which ``-e local`` reads. Where there is an obskit.yml, a stack that
    is started for the first time is provisioned too, without the proofs: obskit verify -e local.
    """
    from obskit import local

    out = console(err=True)
    path = env_file()
    if not ours(path):
        raise ObskitError(
            "is a file of yours and was not touched", where=str(path),
            hint="rename it: obskit up writes the addresses of the local stack there",
        )  # fmt: skip
    first = local.current(FOLDER.absolute()) is None
    stack = local.up(
        FOLDER, services=services or None, engine=engine,
        progress=lambda line: None if quiet or as_json else out.print(f"  {escape(line)}"),
    )  # fmt: skip
    variables = stack.environment()
    from obskit.delivery.files import Folder

    try:
        text = _HEAD + "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
        Folder(Path.cwd()).write(path.name, text, mode=0o600)
    except DeliveryError as error:
        raise ObskitError(
            f"the stack runs, but its addresses could not be written: {error}",
            hint="obskit down stops it",
        ) from None
    config = Path("obskit.yml")
    provisions = first and config.is_file() and not no_provision and not services
    if as_json:
        facts = {"folder": str(stack.folder), "environment": variables}
        code, made = _provisioned(config) if provisions else (0, None)
        show_json(facts | ({"provision": made} if provisions else {}))
        return code
    if not quiet:
        then = "" if provisions else f" Now: obskit provision -e {ENVIRONMENT}."
        console().print(
            f"The local stack runs. Its addresses are in {path}.{then}"
            " obskit down stops it and leaves nothing."
        )
    return _provision(config, *(["--quiet"] if quiet else [])) if provisions else 0


def _provision(config: Path, *more: str) -> int:
    from obskit.cli.provision import command as provision

    words = ["--yes", "--no-verify", "-e", ENVIRONMENT, "-f", str(config), *more]
    code = provision.main(words, prog_name="obskit provision", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _provisioned(config: Path) -> tuple[int, Any]:
    """Provision, with its facts for the one document that is printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = _provision(config, "--json")
    return code, orjson.loads(printed.getvalue())
