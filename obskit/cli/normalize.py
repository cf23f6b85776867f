"""``obskit normalize``: rewrites logs to the schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from obskit.cli.lint import project_option, writing

__all__ = ["command"]


def _filled(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[str, Any]:
    import json

    filled: dict[str, Any] = {}
    for value in values:
        name, sign, text = value.partition("=")
        if not sign:
            raise click.BadParameter(
                f"{value!r} has no '='; write FIELD=VALUE, such as trace_id=null"
            )
        try:
            filled[name] = json.loads(text)
        except ValueError:
            filled[name] = text
    return filled


@click.command(short_help="Rewrite logs to the schema.")
@click.argument("names", nargs=-1, required=True, metavar="[FILE|DIR|GLOB|-]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write events there; else to standard output.",
)
@click.option(
    "--rejected",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write lines that give no event there, as they are.",
)
@click.option(
    "--fill",
    multiple=True,
    metavar="FIELD=VALUE",
    callback=_filled,
    help="Value for a required field where a line has none: trace_id=null.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@project_option
def command(
    *, names: tuple[str, ...], output: Path | None, rejected: Path | None, fill: dict[str, Any], as_json: bool,
    config: Path | None,
) -> int:  # fmt: skip
    """Rewrite logs to the schema: aliases, level case, timestamps to UTC, extras under attributes.

    Events go to standard output or --output, one a line; the report goes to standard error. Lines that give no
    event are counted by reason, and kept with --rejected. docs/normalisation.md says what is done.

    Exit codes: 0 every line gave an event, 1 some did not, 2 usage or configuration.
    """
    from obskit.lint.config import read_project
    from obskit.lint.rewrite import Rewriting, rewrite
    from obskit.lint.source.files import find_sources

    schema = read_project(config, folder=Path()).fields()
    if unknown := [name for name in fill if name not in schema.by_name]:
        raise click.UsageError(f"--fill: {', '.join(unknown)}: no field of the schema.")
    sources = find_sources(names)
    for target in (output, rejected):
        # Opening it would empty it before it is read.
        if target and target.exists() and any(source.is_file(target) for source in sources):
            raise click.UsageError(f"{target} is read as well: write to another file.")
    with (
        writing(output or rejected),
        click.open_file(str(output) if output else "-", "wb") as events,
        click.open_file(str(rejected or "/dev/null"), "wb") as rest,
    ):
        done = rewrite(sources, Rewriting(schema=schema, fill=fill), events.write, rest.write)
    if as_json:
        import json

        # where the events go to standard output, the report does not
        click.echo(json.dumps(done.facts(), indent=2), err=output is None)
    else:
        for line in done.lines():
            click.echo(line, err=True)
    return 1 if done.rejected else 0
