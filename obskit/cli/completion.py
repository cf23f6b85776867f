"""``obskit completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from obskit.cli.options import json_option
from obskit.cli.output import show_json

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@json_option
def command(shell: str, *, as_json: bool) -> None:
    """Print what completes obskit's commands and options in a SHELL.

    \b
    bash: obskit completion bash > ~/.local/share/bash-completion/completions/obskit
    zsh:  obskit completion zsh > "${fpath[1]}/_obskit"
    fish: obskit completion fish > ~/.config/fish/completions/obskit.fish
    """  # noqa: D301 - click reads the character, not the two signs
    from obskit.cli import cli

    found = get_completion_class(shell)
    if found is None:  # click knows all three; a new release might not
        raise click.UsageError(f"no completion for {shell}")
    script = found(cli, {}, "obskit", "_OBSKIT_COMPLETE").source()
    if as_json:
        show_json({"shell": shell, "script": script})
    else:
        click.echo(script)
