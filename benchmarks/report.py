"""Runs the groups of figures, each in a fresh process, and writes BENCHMARKS.md."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.row import Row
from obskit.lint.decoder import has_fast_path

__all__ = ["GROUPS", "Group", "main"]

_ROOT = Path(__file__).resolve().parent.parent
_FILE = _ROOT / "BENCHMARKS.md"
#: Seconds after which a group counts as failed.
_LIMIT = 600
_PEERS = (
    "orjson", "msgspec", "jsonschema-rs", "python-json-logger", "ecs-logging", "structlog",
    "python-logstash", "elasticsearch", "grafana-client", "prometheus-api-client", "httpcore",
)  # fmt: skip
_BEGIN = "<!-- group {} -->"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Figures that belong together: ``benchmarks/NAME.py`` with ``run() -> list[Row]``.

    Args:
        title: Heading.
        words: What is compared, in a line or two.
    """

    title: str
    words: str


GROUPS: Mapping[str, Group] = {
    "formatter": Group(
        title="Formatter",
        words="One record formatted, default redaction on; processor time, the best of 15 rounds in turns.",
    ),
    "handler": Group(
        title="Logstash handler",
        words="What the caller of `logger.info` waits for while the peer misbehaves, and what an outage loses.",
    ),
    "linter": Group(
        title="Linter",
        words=(
            "200,000 lines of about 300 bytes; peers parse or validate the same lines in the same process. "
            "jsonschema-rs is given the schema that `obskit schema export` writes; what that asks of keys and levels "
            "below `attributes` costs it most on the lines that have them."
        ),
    ),
    "large": Group(
        title="Large files",
        words="The same lines again and again; memory is that of the whole process, as the kernel counted it.",
    ),
    "templates": Group(
        title="Templates of Elasticsearch",
        words=(
            "A plan without changes over 200 templates; the loop asks for each by its name with the same "
            "client, and both see the same 10 ms."
        ),
    ),
    "plan": Group(
        title="Plan and apply",
        words=(
            "1,000 dashboards of 10 panels (on the stand-in for Grafana), 5,000 rules (Prometheus) and 200 "
            "templates (Elasticsearch). The loop asks for one object after the other with the same client "
            "packages, on the same servers, through the same proxy, which holds each request back by 10 ms. "
            "Times without the imports of both; the least of three rounds in turns. Prometheus gives its rules only "
            "all at once, so there the loop makes one request, too."
        ),
    ),
}  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write.

    Args:
        arguments: Names of groups; all when empty.

    Returns:
        1 when a target was missed or a group failed.
    """
    unknown = [name for name in arguments if name not in GROUPS]
    if unknown:
        print(f"no group {', '.join(unknown)}: there are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    sections = _written()
    good = True
    for name in arguments or GROUPS:
        print(f"{name} …", flush=True)
        rows, failure = _measured(name)
        for row in rows:
            print(
                f"  {_verdict(row):6} {row.ratio:9.2f} ({_aim(row) or 'no target'})  {row.figure}"
            )
        if failure:
            print(f"  failed: {failure}", file=sys.stderr)
        good &= not failure and all(row.met for row in rows)
        if not failure:
            sections[name] = "\n".join(_table(name, rows))
            # After each: a run that is broken off keeps what it measured.
            _FILE.write_text(_document(sections), encoding="utf-8")
    print(f"{'all targets are met' if good else 'a target is MISSED'}; see {_FILE.name}")
    return 0 if good else 1


def _measured(name: str) -> tuple[list[Row], str]:
    code = (
        f"import json; from benchmarks import {name}\n"
        f"print(json.dumps([list(row) for row in {name}.run()]))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, timeout=_LIMIT,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [], f"not done within {_LIMIT} s"
    if done.returncode:
        return [], done.stderr.strip()[-2000:]
    return [Row(*item) for item in json.loads(done.stdout.splitlines()[-1])], ""


def _verdict(row: Row) -> str:
    if not _aim(row):
        return ""
    return "met" if row.met else "MISSED"


def _aim(row: Row) -> str:
    """The target; none where any ratio would meet it, since "met" would say nothing."""
    return "" if row.target.startswith("at least 0") else row.target


def _table(name: str, rows: Iterable[Row]) -> list[str]:
    group = GROUPS[name]
    lines = [
        f"## {group.title}", "", group.words, "", f"Measured on {_machine()}.", "",
        "| figure | obskit | peer | ratio | target | |", "|---|---:|---:|---:|---|---|",
    ]  # fmt: skip
    for row in rows:
        numbers = (row.ours, row.peer or "–", f"{row.ratio:.2f}")
        cells = (row.figure, *numbers, _aim(row) or "–", _verdict(row))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return (
        f"{cores} cores, {platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, load {load:.1f}, "
        f"{'with' if has_fast_path() else 'WITHOUT'} the native part"
    )


def _written() -> dict[str, str]:
    """Sections of the groups as they stand in the file, so that one group can be measured alone."""
    if not _FILE.exists():
        return {}
    found: dict[str, str] = {}
    text = _FILE.read_text(encoding="utf-8")
    for name in GROUPS:
        _, begin, rest = text.partition(_BEGIN.format(name) + "\n")
        if begin:
            found[name] = rest.partition("\n<!-- ")[0].strip()
    return found


def _document(sections: Mapping[str, str]) -> str:
    lines = [
        "# Benchmarks", "",
        "Written by `make bench` (`python -m benchmarks [GROUP…]`). Every figure is a ratio, a difference or a",
        "count of one run on one machine; the peers are installed from PyPI in the same environment. `ratio` is",
        "what the target speaks of: how many times faster, or the figure itself. The load of the machine is named",
        "because it weighs on both sides, though most on the side that does more at once.", "",
        "Peers: " + ", ".join(f"{peer} {_version(peer)}" for peer in _PEERS) + ".", "",
    ]  # fmt: skip
    for name in GROUPS:
        if name in sections:
            lines += [_BEGIN.format(name), sections[name], ""]
    return "\n".join([*lines, "<!-- end -->", ""])


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"
