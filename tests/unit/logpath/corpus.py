"""Lines to run through every normaliser: the conformance corpus, and random ones from a fixed seed."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obskit.lint.normalise import Normaliser
from obskit.schema import BUILTIN

CORPUS = Path(__file__).resolve().parents[2] / "conformance"


@dataclass(frozen=True)
class Case:
    """A line and the event that it gives; None where there are reasons why not."""

    id: str
    line: bytes
    normalised: dict[str, Any] | None


def conformance() -> list[Case]:
    """The corpus, as far as lines can hold it: blank lines and lines with a line feed are left out."""
    return [case for case in _read() if case.line.strip() and b"\n" not in case.line]


def _read() -> Iterator[Case]:
    for path in sorted(CORPUS.glob("*.jsonl")):
        for text in path.read_text(encoding="utf-8").split("\n"):
            if text:
                case = json.loads(text)
                raw = case.get("line_base64")
                line = base64.b64decode(raw) if raw is not None else case["line"].encode()
                yield Case(case["id"], line, case["normalised"])


def _event(document: dict[str, Any] | None) -> dict[str, Any] | None:
    """The event of a document, without what shipping adds; None for one that is quarantined."""
    if document is None or document["data_stream"]["dataset"] == "obskit.invalid":
        return None
    shipped = ("@timestamp", "@metadata", "data_stream")
    return {key: value for key, value in document.items() if key not in shipped}


def differences(
    cases: list[Case], documents: list[dict[str, Any]] | list[dict[str, Any] | None]
) -> list[str]:
    """The cases that gave another event than they should, in words."""
    assert len(documents) == len(cases), "a line was lost, or gave two events"
    return [
        f"{case.id}: {case.line[:300]!r}\n  wanted {case.normalised}\n  got    {document}"
        for case, document in zip(cases, documents, strict=True)
        if _event(document) != case.normalised
    ]


_VALUES: list[Any] = [
    None, "", "x", "  ", 0, 1, -1, 1.5, -0.0, 99, 200, 599.0, 600, 1e20, True, False, [], [1], {}, {"a": 1},
    "2023-09-10 12:34:56,1+02", "2024-02-29T00:00:00.123456789-18:00", "2023-02-29T00:00:00Z",
    "2024-02-29T24:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "2023-09-10T12:34:56 UTC",
    "1694349296", "1694349296123", 1694349296.5, 1694349296123, 1694349296123456, 12345678901234567890,
    "info", "Warning", " err ", "trace", "ß", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "::1", "1.2.3.4", "01.2.3.4", "::ffff:1.2.3.4", "1::2::3", "fe80::1%eth0", "1:2:3:4:5:6:7::", ":1",
    {"name": "n"}, {"level": "warn"}, {"id": "i", "x": 2}, {"type": "T", "message": "m", "stack_trace": "s"},
    "é" * 5000, "\U0001f600" * 2048, "\0", "a\0b",
]  # fmt: skip
_NAMES = [name for field in BUILTIN.fields for name in (field.name, *field.aliases)] + [
    "zz", "a.b", "__proto__", "constructor", "a\0b", "k" * 2000, "", "[a][b]", "@metadata", "tags", "data_stream",
]  # fmt: skip


def random_cases(count: int, seed: int) -> list[Case]:
    """Valid lines with a few keys set to odd values, left out, or nested; the linter's normaliser judges."""
    chance = random.Random(seed)
    judge = Normaliser(BUILTIN)
    cases = []
    for number in range(count):
        line = _random_line(chance)
        event = judge.line(line).event
        cases.append(Case(f"random-{seed}-{number}", line, None if event is None else dict(event)))
    return cases


def _random_line(chance: random.Random) -> bytes:
    event: dict[str, Any] = {
        "timestamp": "2023-09-10T12:34:56Z", "level": "INFO", "service": "user-service",
        "trace_id": "abc123xyz", "message": "m",
    }  # fmt: skip
    for _ in range(chance.randint(1, 4)):
        name, value = chance.choice(_NAMES), chance.choice([*_VALUES, _deep(chance)])
        if "." in name and chance.random() < 0.25:
            *parents, name = name.split(".")
            holder = event
            for key in parents:
                if not isinstance(holder.get(key), dict):
                    holder[key] = {}
                holder = holder[key]
            holder[name] = value
        else:
            event[name] = value
    for _ in range(chance.choice([0, 0, 0, 1])):
        event.pop(chance.choice(list(event)), None)
    items = list(event.items())
    chance.shuffle(items)
    return json.dumps(dict(items), ensure_ascii=chance.random() < 0.5).encode()


def _deep(chance: random.Random) -> Any:
    value: Any = "leaf"
    for level in range(chance.choice([3, 18, 19, 20, 21, 30, 480])):
        value = {"k": value} if level % 3 else [value]
    return value
