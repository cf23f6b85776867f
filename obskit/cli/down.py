"""``obskit down``."""

from __future__ import annotations

import click
from rich.markup import escape

from obskit.cli.options import json_option
from obskit.cli.output import console, show_json
from obskit.cli.up import FOLDER, env_file, ours

__all__ = ["command"]


@click.command("down")
@click.option("--keep", is_flag=True, help="Keep the data of the servers.")
@json_option
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(*, keep: bool, as_json: bool, quiet: bool) -> None:
    """Stop the local stack and remove its data; what obskit up did not start is not touched."""
    from obskit import local

    out, quiet = console(err=True), quiet or as_json
    found = local.down(
        FOLDER, keep=keep, progress=lambda line: None if quiet else out.print(f"  {escape(line)}")
    )
    path = env_file()
    if path.exists() and ours(path):
        path.unlink()
    if not keep and FOLDER.parent.is_dir() and not any(FOLDER.parent.iterdir()):
        FOLDER.parent.rmdir()
    if as_json:
        show_json({"stopped": found})
    elif not quiet:
        console().print("Stopped; nothing is left." if found else "Nothing was running here.")
