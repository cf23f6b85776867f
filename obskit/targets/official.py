"""What a server's own checker says of a file, and where: also when the checker names no line.

``promtool check config`` and ``amtool check-config`` often say only what is wrong. The place is found by
asking again: a part of the file without which it is accepted holds the mistake, and so does a part of that
part, until no smaller one does. Of two that contradict each other, the later one is told. Where several
mistakes hide each other nothing makes the file good: then a part without which the complaint is another.

The checker reads copies, which stand among links to what lies beside the file, so that a relative name in it
leads where it does for the server.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
#: What becomes of a complaint without a part of the file: it ends; another mistake shows that it hid; or
#: it becomes another one, which may be that the part is missing.
_ENDS, _UNCOVERS, _CHANGES = 3, 2, 1
_LINE: Final = re.compile(r"\bline (?P<line>\d+)(?::| )\s*(?P<words>.*)")
_PLACE: Final = re.compile(r"^(?P<file>.*?): ?(?P<line>\d+):(?P<column>\d+): (?P<words>.*)$")
_HEAD: Final = re.compile(r"^(?:Checking \S+\s*)?(?:FAILED:\s*)?(?:parsing YAML file \S+: )?")
_NOISE: Final = (
    "amtool: error: failed to validate",
    "SUCCESS",
    "Unit Testing:",
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
    folder: Path | None = None,
    line_of: Callable[[str], int | None] = lambda _: None,
    wrap: Callable[[Path], str] | None = None,
) -> Iterator[Problem]:
    """Findings of a checker on one file.

    Args:
        command: Program and arguments; the file's path is put behind them.
        text: The file's text.
        rule: Id of the findings.
        shown: How the file is called in messages.
        name: How the checker is called in messages.
        folder: Where the file lies, for the relative names in it; None where it lies nowhere yet.
        line_of: The line that a complaint without one means, where its words tell; asked before the
            place is searched for.
        wrap: What the checker reads instead of the file, where it reads such files only by way of another.
    """
    with _among(folder) as copy:
        words = _complaint(command, text, copy, wrap)
        if words is None:
            return
        placed = list(_places(text, words, line_of))
        if not placed:
            place = locate(text, words, lambda other: _complaint(command, other, copy, wrap))
            placed = [(*place, words.replace("\n", "; "))]
    for line, column, said in placed:
        yield Problem(rule=rule, path=shown, line=line, column=column, message=f"{name}: {said}")


@contextmanager
def _among(folder: Path | None) -> Iterator[Path]:
    """Where a copy of a file may be written, with links to all that lies in a folder beside it."""
    with tempfile.TemporaryDirectory(prefix="obskit-") as name:
        if folder is not None and folder.is_dir():
            for item in folder.resolve().iterdir():
                (Path(name) / item.name).symlink_to(item)
        yield Path(name) / "obskit-copy.yml"


def top_keys(path: Path, text: str) -> set[str]:
    """The keys at the top of a YAML file, read from its lines: also where it is broken further down."""
    if path.suffix not in (".yml", ".yaml"):
        return set()
    return {
        match[1] for match in re.finditer(r"^[\"']?([A-Za-z_][\w.]*)[\"']?\s*:", text, re.MULTILINE)
    }


def _complaint(
    command: Sequence[str], text: str, copy: Path, wrap: Callable[[Path], str] | None
) -> str | None:
    """What the checker says, without the name of the file; None when it accepts the text."""
    copy.write_text(text, encoding="utf-8")
    read = copy
    if wrap is not None:
        read = copy.with_name("obskit-wrap.yml")
        read.write_text(wrap(copy), encoding="utf-8")
    ran = checker.run([*command, str(read)])
    if ran.ok:
        return None
    kept = [
        said
        for line in ran.words.splitlines()
        if (said := _HEAD.sub("", line.strip()).replace(str(copy), "file").strip())
        and not said.startswith(_NOISE)
    ]
    return "\n".join(kept) or "refused"


_Placed = tuple[int | None, int | None, str]


def _places(text: str, words: str, line_of: Callable[[str], int | None]) -> Iterator[_Placed]:
    """Line, column and words of each mistake, as far as the words tell a place."""
    if "yaml: " in words and (syntax := _syntax(text)) is not None:
        yield (*syntax, words.splitlines()[-1])
        return
    told: dict[_Placed, None] = {}
    for line in words.splitlines():
        found = _PLACE.match(line)
        if found and int(found["line"]):  # 0: the newest promtool knows no place either
            told[int(found["line"]), int(found["column"]), found["words"]] = None
        elif found := _LINE.search(line):
            told[int(found["line"]), None, found["words"] or line] = None
    for at, column, said in told:  # each once: promtool says some things twice
        nearer = line_of(said)
        yield (nearer, None, said) if nearer not in (None, at) else (at, column, said)
    if not told and (nearer := line_of(words)) is not None:
        yield nearer, None, words.replace("\n", "; ")


def _syntax(text: str) -> tuple[int, int] | None:
    """Where a text stops to be YAML; None where it does not. Go's reader tells where it began to wonder."""
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as error:
        # Of what is opened and never closed the end of the file is the problem, its beginning the place.
        mark = error.problem_mark
        if "end of stream" in str(error.problem) and error.context_mark is not None:
            mark = error.context_mark
        return (mark.line + 1, mark.column + 1) if mark else (1, 1)
    except (
        yaml.YAMLError
    ):  # a character that YAML does not have; its place is counted in characters
        return 1, 1
    return None


def locate(
    text: str, words: str, complaint: Callable[[str], str | None]
) -> tuple[int | None, int | None]:
    """Line and column of the smallest part of a YAML text that a complaint is of.

    Args:
        text: The whole text.
        words: The complaint of it.
        complaint: What is said of another text; None when nothing is.

    Returns:
        The place, counted from 1; (1, 1) when the complaint is of the file as a whole.
    """
    if (syntax := _syntax(text)) is not None:
        return syntax
    root, data = (
        next(iter(read(text, Loader=yaml.SafeLoader)), None)
        for read in (yaml.compose_all, yaml.load_all)
    )
    budget, deadline = _MOST_QUESTIONS, Deadline.after(_SECONDS)
    node, place = root, (1, 1)
    path: tuple[Any, ...] = ()
    goal, good = None, False  # what is said without the part, and whether such a part was found yet
    while node is not None:
        ranked: list[tuple[int, str | None, Any, yaml.Mark, yaml.Node]] = []
        for key, mark, child in reversed(list(_parts(node))):
            if budget <= 0 or deadline.passed:
                return place
            budget -= 1
            said = complaint(yaml.safe_dump(_without(data, (*path, key)), sort_keys=False))
            if said is None or (good and said == goal):
                ranked = [(_ENDS, said, key, mark, child)]
                break
            if said != words:
                ranked.append((_rank(words, said, key, child, good=good), said, key, mark, child))
        rank = max((item[0] for item in ranked), default=0)
        best = [item for item in ranked if item[0] == rank]
        if good and len(best) > 1:  # which of them, only the words can tell
            best = [item for item in best if _speaks_of(words, item[-1])][:1]
        if not rank or not best:
            return place
        _, goal, key, mark, node = best[-1]
        good = good or rank > _CHANGES
        path, place = (*path, key), (mark.line + 1, mark.column + 1)
    return place


def _rank(words: str, said: str, key: Any, child: yaml.Node, *, good: bool) -> int:
    """How likely a part is to hold the mistake, by what else is said without it; 0 for not at all.

    Args:
        words: What is said of the file.
        said: What is said without the part.
        key: The part's key or index.
        child: The part.
        good: Whether a larger part is known that holds the mistake.
    """
    if isinstance(key, str):
        about_it = rf"\b{re.escape(key.removesuffix('s'))}"
        if not re.search(about_it, said, re.IGNORECASE):
            return _UNCOVERS
    return _CHANGES if not good or _speaks_of(words, child) else 0


def _speaks_of(words: str, node: yaml.Node) -> bool:
    """Whether a complaint has a value of a part in it, as a word."""
    if isinstance(node, yaml.ScalarNode):
        word = rf"(?<!\w){re.escape(node.value)}(?!\w)"
        return len(node.value) > 1 and re.search(word, words) is not None
    return any(_speaks_of(words, child) for _, _, child in _parts(node))


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
