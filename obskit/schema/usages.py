"""Where a field is used: panels of dashboards, alert rules, pipelines, shippers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from obskit.schema.model import Field

__all__ = ["Usage", "usages"]

# Keys of a dashboard whose values name fields; in others the same word is only a word.
_QUERY_KEYS: Final = frozenset(
    {"query", "expr", "expression", "field", "definition", "rawSql", "timeField", "logMessageField",
     "logLevelField", "regex", "matcherRegex", "groupBy", "sourceField"}
)  # fmt: skip
_SKIPPED: Final = frozenset({".git", ".venv", "node_modules", "__pycache__", "build", "dist"})
_MOST: Final = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One place that uses a field.

    Args:
        path: File, below the folder that was searched.
        line: Line, counted from 1; None for a panel.
        kind: ``panel``, ``variable``, ``rule``, ``pipeline`` or ``shipper``.
        where: The panel and its dashboard, or the line's text.
    """

    path: str
    line: int | None
    kind: str
    where: str

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.kind}: {self.where}"


def usages(field: Field | str, root: str | Path) -> list[Usage]:
    """Where a field is used below a folder.

    Args:
        field: The field, whose ECS name counts too, or a name.
        root: Folder of dashboards, rules and pipelines.
    """
    names = [field] if isinstance(field, str) else [field.name, *([field.ecs] if field.ecs else [])]
    words = re.compile("|".join(_word(name) for name in names))
    found: list[Usage] = []
    base = Path(root)
    for path in sorted(base.rglob("*")):
        if _SKIPPED.intersection(path.parts) or not path.is_file() or path.stat().st_size > _MOST:
            continue
        shown = str(path.relative_to(base))
        if path.suffix == ".json":
            found.extend(_dashboard(path, shown, words))
        elif path.suffix in (".yml", ".yaml"):
            found.extend(_yaml(path, shown, words))
        elif path.suffix in (".conf", ".rb") or path.name.endswith(".conf.j2"):
            pipeline = re.compile("|".join(_in_pipeline(name) for name in names))
            found.extend(_lines(path, shown, pipeline, "pipeline"))
    return found


def _word(name: str) -> str:
    # A sub-field ("error.type" for "error") is another field; ".keyword" is the same one.
    return rf"(?<![\w.@-]){re.escape(name)}(?:\.keyword)?(?![\w-]|\.\w)"


def _in_pipeline(name: str) -> str:
    path = "".join(rf"\[{re.escape(key)}\]" for key in name.split("."))
    return rf"(?<!\]){path}(?!\[)|%\{{{re.escape(name)}\}}|(?<![\w.@-])[\"']{re.escape(name)}[\"']"


def _dashboard(path: Path, shown: str, words: re.Pattern[str]) -> Iterator[Usage]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return  # no JSON is no dashboard; obskit check says so where it should be one
    if not isinstance(document, dict):
        return
    board = document.get("dashboard", document)
    if not isinstance(board, dict) or "panels" not in board:
        return
    title = board.get("title", "")
    for panel in _panels(board):
        if any(words.search(text) for text in _queries(panel)):
            where = f"{panel.get('title') or panel.get('type', 'panel')!r} of {title!r}"
            yield Usage(path=shown, line=None, kind="panel", where=where)
    variables = (
        board.get("templating", {}).get("list", [])
        if isinstance(board.get("templating"), dict)
        else []
    )
    for variable in variables:
        if any(words.search(text) for text in _queries(variable)):
            where = f"${variable.get('name', '')} of {title!r}"
            yield Usage(path=shown, line=None, kind="variable", where=where)


def _panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board.get("panels") or []:
        if isinstance(panel, dict):
            yield {key: value for key, value in panel.items() if key != "panels"}
            yield from _panels(panel)


def _queries(node: Any, key: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _queries(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _queries(value, key)
    elif isinstance(node, str) and key in _QUERY_KEYS:
        yield node


def _yaml(path: Path, shown: str, words: re.Pattern[str]) -> Iterator[Usage]:
    text = path.read_text(encoding="utf-8", errors="replace")
    if re.search(r"^\s*-?\s*(alert|record):", text, re.MULTILINE):
        yield from _lines(path, shown, words, "rule")
    elif re.search(r"^\s*(filebeat\.inputs|processors|- type: filestream)", text, re.MULTILINE):
        yield from _lines(path, shown, words, "shipper")


def _lines(path: Path, shown: str, words: re.Pattern[str], kind: str) -> Iterator[Usage]:
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.lstrip().startswith("#") and words.search(line):
            yield Usage(path=shown, line=number, kind=kind, where=line.strip()[:120])
