"""What a server's own checker says of a file, and where: also when the checker names no line.

``promtool check config`` and ``amtool check-config`` often say only what is wrong; then the place is searched for.

The checker reads copies, which stand among links to what lies beside the file, so that a relative name in it
leads where it does for the server.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from obskit.delivery import checker
from obskit.errors import Problem
from obskit.targets.base import Finding
from obskit.targets.locate import locate, syntax_error

__all__ = ["ask", "match", "top_keys"]

#: What the checker reads, and what leads it there.
_COPY, _WRAP = "obskit-copy.yml", "obskit-wrap.yml"
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
                if item.name not in (_COPY, _WRAP):  # to write to the copy must not write to a link
                    (Path(name) / item.name).symlink_to(item)
        yield Path(name) / _COPY


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
        read = copy.with_name(_WRAP)
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
    if "yaml: " in words and (syntax := syntax_error(text)) is not None:
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
