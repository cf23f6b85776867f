"""``obskit schema``: show, export, compare and infer log schemas."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from obskit.schema import BUILTIN, Schema

__all__ = ["command"]

#: Format → what it is. ``obskit.schema.export.<format>`` makes it.
FORMATS: Final = {
    "json-schema": "JSON Schema 2020-12 of one event",
    "elasticsearch": "settings and mapping for a component template",
    "markdown": "the documentation",
    "logstash": "filter of a Logstash pipeline",
    "filebeat": "processors of a Filebeat input",
}

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_schema_option = click.option(
    "--schema",
    "file",
    type=_FILE,
    default=None,
    help="A project's schema file; ours alone without it.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="The same facts for machines.")


@click.group()
def command() -> None:
    """Show, export, compare or infer the log schema."""


@command.command()
@click.argument("field", required=False)
@_schema_option
@_json_option
def show(field: str | None, file: Path | None, as_json: bool) -> None:
    """Show the fields, or all about one FIELD (its name or any alias)."""
    schema = _schema(file)
    if field is None:
        if as_json:
            click.echo(_json([asdict(item) for item in schema.fields]))
            return
        width = max(len(item.name) for item in schema.fields)
        for item in schema.fields:
            click.echo(
                f"{item.name:<{width}}  {item.type:<9}  {item.requirement:<8}  {item.description}"
            )
        return
    found = schema.by_name.get(field) or schema.by_alias.get(field)
    if found is None:
        import difflib

        near = difflib.get_close_matches(field, [*schema.by_name, *schema.by_alias], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise click.UsageError(f"no field has the name or alias {field!r}.{hint}")
    facts = {
        key: value for key, value in asdict(found).items() if value not in ("", (), {}, None, 0)
    }
    if as_json:
        click.echo(_json(facts))
        return
    for key, value in facts.items():
        shown = ", ".join(value) if isinstance(value, tuple) else value
        if isinstance(value, dict):
            shown = ", ".join(f"{name} → {other}" for name, other in value.items())
        click.echo(f"{key}: {shown}")


@command.command()
@click.argument("format_", metavar="FORMAT", type=click.Choice(sorted(FORMATS)))
@_schema_option
@click.option(
    "-o", "--output", type=_FILE, default=None, help="File to write; standard output without it."
)
@click.option(
    "--namespace",
    default="default",
    show_default=True,
    help="Of the data streams (logstash, filebeat).",
)
@click.option(
    "--environment", default="", help="Written where an event names none (logstash, filebeat)."
)
@_json_option
def export(
    *,
    format_: str,
    file: Path | None,
    output: Path | None,
    namespace: str,
    environment: str,
    as_json: bool,
) -> None:
    """Export the schema as json-schema, elasticsearch, markdown, logstash or filebeat."""
    made = _export(format_, _schema(file), namespace, environment)
    text = made if isinstance(made, str) else _json(made)
    text = text if text.endswith("\n") else f"{text}\n"
    if as_json:
        text = _json({"format": format_, "schema": made}) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)


@command.command()
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE, required=False)
@click.option(
    "--usages", "root", type=click.Path(path_type=Path, file_okay=False, exists=True), default=None,
    help="Folder of dashboards, rules and pipelines to search; the shipped ones without it.",
)  # fmt: skip
@_json_option
def diff(old: Path, new: Path | None, root: Path | None, as_json: bool) -> int:
    """Compare schema files OLD and NEW (or the built-in schema and OLD); exit code 1 when something breaks."""
    from obskit.schema.diff import diff as compare
    from obskit.schema.load import load_schema
    from obskit.schema.usages import Usage, usages

    before, after = (
        (BUILTIN, load_schema(old)) if new is None else (load_schema(old), load_schema(new))
    )
    changes = compare(before, after)
    places: dict[str, list[Usage]] = {}
    for change in changes:
        if change.field not in places:
            item = before.by_name.get(change.field)
            places[change.field] = [] if item is None else usages(item, root or _shipped())
    if as_json:
        body = [
            {**asdict(item), "usages": [asdict(use) for use in places.get(item.field, [])]}
            for item in changes
        ]
        click.echo(_json(body))
    else:
        for change in changes:
            click.secho(str(change), fg="red" if change.breaking else None)
            for use in places.get(change.field, []):
                click.echo(f"    {use}")
        if not changes:
            click.echo("no field changed")
    return 1 if any(change.breaking for change in changes) else 0


@command.command()
@click.argument("names", nargs=-1, metavar="[FILE|DIR|GLOB|-]...")
@_schema_option
@click.option(
    "-o",
    "--output",
    type=_FILE,
    default=None,
    help="Schema file to write; standard output without it.",
)
@_json_option
def infer(names: tuple[str, ...], file: Path | None, output: Path | None, as_json: bool) -> int:
    """Propose a schema file from logs (standard input without any); exit code 1 where services disagree on a type.

    Sources are those of obskit lint: files, also .gz and .zst, directories, patterns, lines of Docker and Kubernetes.
    """
    from obskit.lint.reading import read_lines
    from obskit.lint.source.files import STDIN, find_sources
    from obskit.schema.infer import infer as propose
    from obskit.schema.infer import to_yaml

    schema = _schema(file)
    sources = find_sources(names or (STDIN,))
    found = propose((line.raw for one in sources for line in read_lines(one, schema)), schema)
    if as_json:
        click.echo(_json(asdict(found)))
    elif output is not None:
        _write(output, to_yaml(found))
    else:
        click.echo(to_yaml(found), nl=False)
    click.echo(
        f"{found.events:,} events read, {found.skipped:,} lines are no JSON object, "
        f"{len(found.fields)} fields proposed, {len(found.conflicts)} conflicts",
        err=True,
    )
    for name, own in found.aliases.items():
        click.echo(f"seen: {name} is an alias of {own}", err=True)
    for conflict in found.conflicts:
        click.echo(f"conflict: {conflict}", err=True)
    return 1 if found.conflicts else 0


def _schema(file: Path | None) -> Schema:
    if file is None:
        return BUILTIN
    from obskit.schema.load import load_schema

    return load_schema(file)


def _export(name: str, schema: Schema, namespace: str, environment: str) -> Any:
    module = importlib.import_module(f"obskit.schema.export.{name.replace('-', '_')}")
    if name == "logstash":
        return module.export(
            schema, module.FilterSettings(namespace=namespace, environment=environment)
        )
    if name == "filebeat":
        return module.export(
            schema, module.ScriptSettings(namespace=namespace, environment=environment)
        )
    return module.export(schema)


def _write(path: Path, text: str) -> None:
    from obskit.errors import ConfigError, Problem

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise ConfigError(
            [Problem(rule="schema/output", path=str(path), message=message)]
        ) from None


def _shipped() -> Path:
    from obskit.assets import root

    return root()


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
