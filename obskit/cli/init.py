"""``obskit init``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from obskit import assets
from obskit.cli.options import json_option
from obskit.cli.output import console, show_json, working
from obskit.errors import ObskitError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from obskit.targets.recognise import Found

__all__ = ["command"]

_MINIMAL = """\
# What the stack should be. obskit provision makes it so and proves it; obskit init --full shows every key.
project: {project}
services:
  - name: my-service
    logs: ["${{env:OBSKIT_LOGS_DIR:-/var/log}}/my-service/*.log"]
    metrics: ["127.0.0.1:8000"]
elasticsearch:
  url: ${{env:OBSKIT_ELASTICSEARCH_URL:-http://127.0.0.1:9200}}
filebeat:
  inputs: ${{env:OBSKIT_FILEBEAT_INPUTS:-/etc/filebeat/inputs.d}}
prometheus:
  url: ${{env:OBSKIT_PROMETHEUS_URL:-http://127.0.0.1:9090}}
  files: ${{env:OBSKIT_PROMETHEUS_FILES:-/etc/prometheus/obskit}}
alertmanager:
  url: ${{env:OBSKIT_ALERTMANAGER_URL:-http://127.0.0.1:9093}}
  file: ${{env:OBSKIT_ALERTMANAGER_FILE:-/etc/prometheus/alertmanager.yml}}
grafana:
  provisioning: ${{env:OBSKIT_GRAFANA_PROVISIONING:-/etc/grafana/provisioning}}
"""
_WIDTH = 100


def _full(project: str) -> str:
    """Every key with its meaning, from the models themselves: what is not set is a comment."""
    from obskit.config.describe import describe
    from obskit.config.settings import Service, Settings, VerifySettings
    from obskit.targets import sections

    minimal = _MINIMAL.format(project=project)
    given = dict(re.findall(r"^(?:  )?(?:- )?(\w+): *(.*)$", minimal, re.MULTILINE))
    lines = ["# What the stack should be: every key, its meaning, and its default behind a #.", ""]

    def key(name: str, words: str, value: str, indent: str, *, on: bool) -> None:
        lines.extend(f"{indent}# {line}" for line in _wrapped(words))
        lines.append(f"{indent}{'' if on else '# '}{name}:{f' {value}' if value else ''}")

    for item in describe(Settings):
        if item.name == "services":
            lines += [f"# {item.words}", "services:", "  - name: my-service"]
            for inner in describe(Service)[1:]:
                value = given.get(inner.name, inner.default)
                key(inner.name, inner.words, value, "    ", on=inner.name in ("logs", "metrics"))
        elif item.name == "verify":
            lines += [f"# {item.words}", "verify:"]
            for inner in describe(VerifySettings):
                key(inner.name, inner.words, inner.default, "  ", on=True)
        else:
            value = project if item.name == "project" else item.default
            key(item.name, item.words, value, "", on=item.name == "project")
    for name in sections():
        model: type[BaseModel] = sections()[name]
        own = re.search(rf"^{name}:\n((?:  .*\n)+)", minimal, re.MULTILINE)
        values = dict(re.findall(r"^  (\w+): *(.*)$", own[1], re.MULTILINE)) if own else {}
        on = own is not None
        lines += ["", f"{'' if on else '# '}{name}:"]
        for item in describe(model):
            value = values.get(item.name, item.default)
            key(item.name, item.words, value, "  " if on else "#   ", on=item.name in values)
    return "\n".join(lines) + "\n"


def _wrapped(words: str) -> list[str]:
    import textwrap

    return textwrap.wrap(words, _WIDTH)


def _from_running(project: str, found: Sequence[Found]) -> str:
    """The configuration of what answers; what does not answer stays as a comment with the reason."""
    import yaml

    lines = [
        "# What the stack should be, from what answered. Paths are guesses where no server tells them:",
        "# obskit doctor says which are wrong.",
        f"project: {project}",
        "services:",
        "  - name: my-service   # name your services, their log files, and what Prometheus should scrape",
        "    logs: []",
        "    metrics: []",
    ]
    lines += [f"# {item.address}: {item.problem}" for item in found if item.section is None]
    for item in found:
        if item.section is not None:
            if f"{item.target}:" in lines:
                lines.append(f"# another {item.target} answers at {item.address}")
                continue
            body = yaml.safe_dump(dict(item.section), sort_keys=False, default_flow_style=False)
            lines += [f"{item.target}:", *(f"  {line}" for line in body.splitlines())]
    if not any(item.section for item in found):
        raise ObskitError(
            "; ".join(f"{item.address}: {item.problem}" for item in found),
            hint="give the addresses of running servers, such as http://127.0.0.1:9090",
        )
    return "\n".join(lines) + "\n"


def _open_points(found: Sequence[Found]) -> list[str]:
    """What is still to be done by hand before the file that was written works."""
    words = [f"{item.address}: {item.problem}" for item in found if item.section is None]
    seen: set[str] = set()
    for item in found:
        if item.section is None:
            continue
        if item.target in seen:
            words.append(
                f"{item.address}: another {item.target}: not in the file; is it one of its replicas?"
            )
        seen.add(item.target)
        for name in re.findall(r"\$\{env:(\w+)\}", str(dict(item.section))):
            if name not in os.environ:
                words.append(f"{item.target}: set the variable {name}: it signs in with it")
        for key, value in item.section.items():
            if isinstance(value, str) and value.startswith("/") and not Path(value).exists():
                words.append(
                    f"{item.target}.{key}: {value} is not on this machine: say where it is, or make it"
                )
    return words


@click.command("init")
@click.argument("addresses", nargs=-1)
@click.option("--full", is_flag=True, help="Every key, with its meaning and default.")
@click.option(
    "--compose", is_flag=True, help="For the stack that obskit up starts by Docker Compose."
)
@click.option(
    "--from-running",
    is_flag=True,
    help="Look at what answers at ADDRESSES and write what is found.",
)
@click.option(
    "-f",
    "--file",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("obskit.yml"),
    show_default=True,
    help="Where to write it; - for standard output.",
)
@click.option(
    "--project", default="", metavar="NAME", help="Name of the project; the folder's when absent."
)
@json_option
def command(
    addresses: tuple[str, ...],
    file: Path,
    project: str,
    *,
    full: bool,
    compose: bool,
    from_running: bool,
    as_json: bool,
) -> None:
    """Write an obskit.yml to begin with; a file that is there is never overwritten."""
    if bool(addresses) != from_running:
        raise click.UsageError("--from-running and ADDRESSES go together")
    if full + compose + from_running > 1:
        raise click.UsageError("--full, --compose and --from-running are three ways: choose one")
    folder = re.sub(r"[^A-Za-z0-9._-]+", "-", Path.cwd().name).strip("-._") or "my-project"
    name = project or folder[:63]
    points: list[str] = []
    if from_running:
        from obskit.targets.recognise import look

        with working("asking what answers", quiet=as_json):
            found = look(addresses)
        text = _from_running(name, found)
        points = _open_points(found)
    elif compose:
        shipped = assets.path("compose/obskit.yml").read_text(encoding="utf-8")
        text = re.sub(r"(?m)^project: .*$", f"project: {name}", shipped)
    else:
        text = _full(name) if full else _MINIMAL.format(project=name)
    for line in points if not as_json else ():
        console(err=True).print(f"  [yellow]![/] {escape(line)}")
    if str(file) == "-" and not as_json:
        click.echo(text, nl=False)
        return
    if str(file) != "-":
        _write(file, text)
    if as_json:
        written = None if str(file) == "-" else str(file)
        show_json({"file": written, "text": text, "open": points})
        return
    console().print(
        f"Wrote {file}. Name your services in it, then: obskit doctor, obskit provision."
        " No servers yet? obskit up."
    )


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ObskitError(
            "is there already and was not touched", where=str(file),
            hint="name another with -f, or print one with -f -",
        ) from None  # fmt: skip
    except OSError as error:
        raise ObskitError(
            f"cannot be written: {error.strerror}", where=str(file), hint="name another with -f"
        ) from None
