"""The command line: one module a command, imported only when the command is run."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Final

import click

from obskit import __version__

__all__ = ["COMMANDS", "main"]

#: Command → what it does. The module ``obskit.cli.<command>`` holds it as ``command``; it is imported
#: only to run, so ``obskit --help`` stays quick.
COMMANDS: Final[dict[str, str]] = {
    "init": "Write an obskit.yml to begin with.",
    "check": "Check every artefact offline, with the servers' own checkers.",
    "doctor": "Look at every server: address, version, licence, privileges, clock.",
    "plan": "Show what would change; exit code 3 when something would.",
    "provision": "Plan, confirm, apply, and prove.",
    "verify": "Prove that logs, panels and alerts arrive.",
    "status": "One line a server: what it is, what is ours, what is pending.",
    "drift": "Show what was changed on the servers; exit code 3 when something was.",
    "adopt": "Take over an object by name, or keep an edit as a file.",
    "destroy": "Remove what carries this project's mark, and nothing else.",
    "alerts": "Say who gets an alert, and try whether it arrives.",
    "up": "Start a local stack: with Docker Compose, or as native processes.",
    "down": "Stop the local stack and leave nothing.",
    "lint": "Lint JSON logs against the schema.",
    "normalize": "Rewrite logs to the schema.",
    "schema": "Show, export, compare or infer the log schema.",
    "dashboards": "Fetch dashboards from grafana.com into the lock file.",
    "exporter": "Expose counts of logs and the state of the shippers to Prometheus.",
    "relay": "Tell robots of chats what Alertmanager says.",
    "completion": "Print what completes commands and options in a shell.",
}


class _Lazy(click.Group):
    """Loads a command's module when it is run, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"obskit.cli.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and name not in COMMANDS and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No command is named {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed or findings, 2 usage or configuration, 3 changes pending or drift.",
)
@click.version_option(__version__, prog_name="obskit", message="%(prog)s %(version)s")
def cli() -> None:
    """Make an observability stack real, prove that it works, and keep logs in one shape."""


def _for_machines(error: Exception, code: int, args: list[str] | None) -> None:
    """Who asked for JSON gets JSON, also of an error; the words stand on standard error all the same."""
    if "--json" in (sys.argv[1:] if args is None else args):
        from obskit.cli.output import show_error_json

        show_error_json(error, code)


def main(args: list[str] | None = None) -> Any:
    """Run the command line; the only place where an error becomes words and an exit code."""
    from obskit.errors import ObskitError

    try:
        code = cli.main(args=args, prog_name="obskit", standalone_mode=False)
    except ObskitError as error:
        from obskit.cli.output import show_error

        show_error(error)
        _for_machines(error, error.exit_code, args)
        if error.__cause__ is not None and os.environ.get("OBSKIT_TRACEBACK"):
            import traceback

            traceback.print_exception(error.__cause__)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("stopped; nothing more was done", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        _for_machines(error, 2, args)
        sys.exit(2)
    except BrokenPipeError:  # the reader of a pipe went away: `obskit plan | head`
        sys.stderr.close()
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
