"""What a server's own checker says of a file, and where: also when the checker names no line.

``promtool check config`` and ``amtool check-config`` often say only what is wrong. The place is found by
asking again: a part of the file whose removal makes the complaint go away holds the mistake, and so does a
part of that part, until no smaller one does.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from obskit.deadline import Deadline
from obskit.delivery import checker
from obskit.errors import Problem
from obskit.targets.base import Finding

__all__ = ["ask", "locate", "match", "top_keys"]

#: How often a checker is asked for one mistake, and for how long.
_MOST_QUESTIONS: Final = 80
_SECONDS: Final = 15.0
_LINE: Final = re.compile(r"\bline (?P<line>\d+)(?::| )\s*(?P<words>.*)")
_PLACE: Final = re.compile(r"^(?P<file>.*?): ?(?P<line>\d+):(?P<column>\d+): (?P<words>.*)$")
_HEAD: Final = re.compile(r"^(?:Checking \S+\s*)?(?:FAILED:\s*)?(?:parsing YAML file \S+: )?")
_NOISE: Final = (
    "amtool: error: failed to validate",
    "SUCCESS",
    "Found:",
    "yaml: unmarshal errors:",
)


def match(program: str, server: str) -> Finding:
    """Whether the checker on this machine is that of the server's version.

    An older one refuses what the server would take, a newer one lets pass what it refuses.

    Args:
        program: The checker, such as ``promtool``.
        server: Version of the server.
    """
    path = checker.find(program)
    if path is None:
        return Finding(
            subject=program, ok=None, detail="is not on this machine: only the shape of files is checked",
            next=f"install that of the server's version, {server}, or name it with OBSKIT_{program.upper()}",
        )  # fmt: skip
    found = re.search(r"version (\d+\.\d+\S*)", checker.run([path, "--version"]).words)
    version = found[1] if found else "of an unknown version"
    same = version.split(".")[:2] == server.split(".")[:2]
    return Finding(
        subject=program, ok=True if same else None,
        detail=f"{version} checks files" + ("" if same else f", the server is {server}"),
        next="" if same else f"name that of the server's version with OBSKIT_{program.upper()}: this one may refuse "
        "what the server takes, and let pass what it refuses",
    )  # fmt: skip


def ask(
    command: Sequence[str],
    text: str,
    *,
    rule: str,
    shown: str,
    name: str,
    line_of: Callable[[str], int | None] = lambda _: None,
) -> Iterator[Problem]:
    """Findings of a checker on one file.

    Args:
        command: Program and arguments; the file's path is put behind them.
        text: The file's text.
        rule: Id of the findings.
        shown: How the file is called in messages.
        name: How the checker is called in messages.
        line_of: The line that a complaint without one means, where its words tell; asked before the
            place is searched for.
    """
    words = _complaint(command, text)
    if words is None:
        return
    placed = list(_placed(words))
    if not placed and (told := line_of(words)) is not None:
        placed = [(told, None, words.replace("\n", "; "))]
    elif not placed:
        line, column = locate(text, lambda other: _complaint(command, other) == words)
        placed = [(line, column, words.replace("\n", "; "))]
    for line, column, said in placed:
        yield Problem(rule=rule, path=shown, line=line, column=column, message=f"{name}: {said}")


def top_keys(path: Path, text: str) -> set[str]:
    """The keys at the top of a YAML file, read from its lines: also where it is broken further down."""
    if path.suffix not in (".yml", ".yaml"):
        return set()
    return {
        match[1] for match in re.finditer(r"^[\"']?([A-Za-z_][\w.]*)[\"']?\s*:", text, re.MULTILINE)
    }


def _complaint(command: Sequence[str], text: str) -> str | None:
    """What the checker says, without the name of the file; None when it accepts the text."""
    with tempfile.NamedTemporaryFile("w", prefix="obskit-", suffix=".yml") as file:
        file.write(text)
        file.flush()
        ran = checker.run([*command, file.name])
        if ran.ok:
            return None
        kept = [
            said
            for line in ran.words.splitlines()
            if (said := _HEAD.sub("", line.strip()).replace(file.name, "file").strip())
            and not said.startswith(_NOISE)
        ]
        return "\n".join(kept) or "refused"


def _placed(words: str) -> Iterator[tuple[int | None, int | None, str]]:
    for line in words.splitlines():
        found = _PLACE.match(line)
        if found and int(found["line"]):  # 0: the newest promtool knows no place either
            yield int(found["line"]), int(found["column"]), found["words"]
        elif found := _LINE.search(line):
            yield int(found["line"]), None, found["words"] or line


def locate(text: str, still_wrong: Callable[[str], bool]) -> tuple[int | None, int | None]:
    """Line and column of the smallest part of a YAML text whose removal ends a complaint.

    Args:
        text: The whole text.
        still_wrong: Whether another text gets the same complaint.

    Returns:
        The place, counted from 1; (1, 1) when the complaint is of the file as a whole.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return (mark.line + 1, mark.column + 1) if mark else (None, None)
    budget, deadline = _MOST_QUESTIONS, Deadline.after(_SECONDS)
    node, place = root, (1, 1)
    path: tuple[Any, ...] = ()
    while node is not None:
        for key, mark, child in _parts(node):
            if budget <= 0 or deadline.passed:
                return place
            budget -= 1
            if not still_wrong(yaml.safe_dump(_without(data, (*path, key)), sort_keys=False)):
                node, path, place = child, (*path, key), (mark.line + 1, mark.column + 1)
                break
        else:
            return place
    return place


def _parts(node: yaml.Node) -> Iterator[tuple[Any, yaml.Mark, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.value, key.start_mark, value
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield index, item.start_mark, item


def _without(data: Any, path: tuple[Any, ...]) -> Any:
    """A copy of the data without the part at a path."""
    if not path:
        return None
    head, rest = path[0], path[1:]
    if isinstance(data, list):
        return [
            _without(item, rest) if index == head else item
            for index, item in enumerate(data)
            if index != head or rest
        ]
    if isinstance(data, dict):
        return {
            key: _without(value, rest) if str(key) == str(head) else value
            for key, value in data.items()
            if str(key) != str(head) or rest
        }
    return data
