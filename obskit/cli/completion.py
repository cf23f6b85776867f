"""``obskit completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what completes obskit's commands and options in a SHELL.

    For bash: obskit completion bash > ~/.local/share/bash-completion/completions/obskit
    """
    from obskit.cli import cli

    found = get_completion_class(shell)
    if found is None:  # click knows all three; a new release might not
        raise click.UsageError(f"no completion for {shell}")
    click.echo(found(cli, {}, "obskit", "_OBSKIT_COMPLETE").source())
