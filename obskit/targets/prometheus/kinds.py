"""Files of anybody's for Prometheus: which kind each is, and what promtool says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

import yaml

from obskit.delivery import checker
from obskit.errors import Problem, Severity
from obskit.targets import official
from obskit.targets.prometheus.config import check_config
from obskit.targets.prometheus.content import check_rules, no_promtool
from obskit.targets.prometheus.labels import value_of
from obskit.targets.prometheus.places import test_line

__all__ = ["check_any"]

#: Keys that only a prometheus.yml has at its top.
_MAIN_KEYS: Final = {
    "alerting", "otlp", "remote_read", "remote_write", "rule_files", "runtime", "scrape_config_files",
    "scrape_configs", "storage", "tracing",
}  # fmt: skip
#: How long the tests of one file may take, in seconds: they may play years.
_TESTS_SECONDS: Final = 120.0
_CALLED: Final = "prometheus/promtool"


def check_any(path: Path, text: str) -> Iterator[Problem] | None:
    """Findings of a file for Prometheus; None where it is none.

    Args:
        path: The file.
        text: Its text.
    """
    keys = official.top_keys(path, text)
    if "groups" in keys:
        return check_rules(path.name, text, path)
    if {"apiVersion", "kind", "spec"} <= keys and re.search(
        r"^kind:\s*PrometheusRule\b", text, re.M
    ):
        return _check_object(path, text)
    # An alertmanager.yml has a global, and may have tracing, but it always has a route or receivers.
    if keys & {"route", "receivers"}:
        return None
    if "tests" in keys and not keys & (_MAIN_KEYS - {"rule_files"}):
        return _check_tests(path, text)
    if keys & _MAIN_KEYS or "global" in keys:
        return check_config(path.name, text, path)
    if {"targets", "labels"} <= keys or _lists_targets(path, text):
        return _check_targets(path, text)
    return None


def _check_object(path: Path, text: str) -> Iterator[Problem]:
    """The rules in a PrometheusRule of the operator, at the lines where they stand in the file."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        groups = {"groups": ((yaml.safe_load(text) or {}).get("spec") or {}).get("groups")}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        yield Problem(
            rule=_CALLED, path=str(path), line=mark.line + 1 if mark else None,
            message=f"is not YAML: {getattr(error, 'problem', error)}",
        )  # fmt: skip
        return
    except AttributeError:
        yield Problem(rule=_CALLED, path=str(path), line=1, message="spec is no mapping")
        return
    block = _block(root, text) or str(yaml.safe_dump(groups, sort_keys=False))
    yield from check_rules(path.name, block, path)


def _block(root: yaml.Node | None, text: str) -> str:
    """`spec.groups` by itself, on the lines that it has in the file; empty where it is in braces."""
    spec = value_of(root, "spec")
    if not isinstance(spec, yaml.MappingNode) or spec.flow_style:
        return ""
    place = next((key for key, _ in spec.value if key.value == "groups"), None)
    if place is None:
        return ""
    first, indent = int(place.start_mark.line), int(place.start_mark.column)
    lines = text.splitlines()[first : spec.end_mark.line + 1]
    inside = takewhile(lambda line: not line[:indent].strip(), lines)
    return "\n" * first + "".join(f"{line[indent:]}\n" for line in inside)


def _lists_targets(path: Path, text: str) -> bool:
    if path.suffix == ".json":
        return re.match(r"\s*\[\s*\{", text) is not None and '"targets"' in text
    return re.search(r"^-\s+(?:targets|labels)\s*:", text, re.M) is not None and "targets" in text


def _check_targets(path: Path, text: str) -> Iterator[Problem]:
    """A list of targets for file-based discovery, as a prometheus.yml that names it finds it."""
    if path.suffix == ".json":
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            yield Problem(
                rule=_CALLED, path=str(path), line=error.lineno, column=error.colno,
                message=f"is not JSON: {error.msg}; Prometheus keeps the targets that it had",
            )  # fmt: skip
            return
    promtool = checker.find("promtool")
    if promtool is None:
        yield no_promtool(str(path))
        return
    yield from official.ask(
        [promtool, "check", "config"], text, rule=_CALLED, shown=str(path), name="promtool",
        wrap=_naming,
    )  # fmt: skip


def _naming(file: Path) -> str:
    """A prometheus.yml with nothing but a list of targets."""
    found = {"job_name": "obskit", "file_sd_configs": [{"files": [str(file)]}]}
    return json.dumps({"scrape_configs": [found]})


def _check_tests(path: Path, text: str) -> Iterator[Problem]:
    """Tests of rules are run, where the rules are there that they name."""
    promtool = checker.find("promtool")
    if promtool is None:
        yield no_promtool(str(path))
        return
    ran = checker.run([promtool, "test", "rules", str(path)], seconds=_TESTS_SECONDS)
    missing = re.findall(r"no file match pattern (\S+)", ran.words)
    for name in missing:
        shown = Path(name).name
        yield Problem(
            rule="prometheus/test-rules-missing", severity=Severity.WARNING, path=str(path),
            line=_line_with(text, shown), message=f"no rules are found at {name}: the tests were not run on them",
        )  # fmt: skip
    if ran.ok:
        return
    placed = [(_told_line(text, words), words) for words in _failures(ran.words)]
    if missing:  # what fails for want of its rules says nothing of the tests
        placed = [
            (line, words)
            for line, words in placed
            if "yaml: " in words or words.startswith("line ")
        ]
    if all(line for line, _ in placed):
        for line, words in placed:
            message = f"promtool: {words}"
            yield Problem(rule=_CALLED, path=str(path), line=line, message=message)
    else:
        yield from official.ask(
            [promtool, "test", "rules"], text, rule=_CALLED, shown=str(path), name="promtool",
            folder=path.parent,
        )  # fmt: skip


def _told_line(text: str, words: str) -> int | None:
    """The line that promtool tells, or of what it names: a rule file, or the case that failed."""
    if file := re.match(r"(\S+?): ?(?:yaml: |\d+:\d+: )", words):
        return _line_with(text, Path(file[1]).name)
    if told := re.search(r"\bline (\d+): ", words):
        return int(told[1])
    return test_line(text, words)


def _line_with(text: str, part: str) -> int | None:
    return next((at for at, line in enumerate(text.splitlines(), 1) if part in line), None)


def _failures(words: str) -> Iterator[str]:
    """What promtool says of each mistake, each in one line."""
    for part in re.split(r"^\s*FAILED:\s*$", words, flags=re.MULTILINE)[1:]:
        whole = re.split(r"^\s*(?:Unit Testing:|SUCCESS|WARNING:)", part, flags=re.MULTILINE)[0]
        begins = r"^\s*(?=alertname: |expr: |rule: |line \d+: )"
        *head, said = re.split(begins, whole.strip("\n"), maxsplit=1, flags=re.MULTILINE)
        if head and re.match(
            r"\S+?: ?(?:yaml: |\d+:\d+: )", head[0]
        ):  # of a rule file: one mistake of this one
            yield "; ".join(line.strip() for line in whole.splitlines() if line.strip())
            continue
        for case in re.split(begins, said, flags=re.MULTILINE):
            if case.strip():
                yield "; ".join(line.strip() for line in case.splitlines() if line.strip())
