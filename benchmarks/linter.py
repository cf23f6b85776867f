"""The linter against parsing alone and against a JSON Schema validator, on files of 200,000 lines.

The peers do what a script in CI does: read the file line by line, `orjson.loads`, and judge with
jsonschema-rs, formats included. Ours is the path that ships: blocks from the file to a finished tally.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from benchmarks.row import Row, fastest
from obskit.lint.config import LintSettings
from obskit.lint.report.model import Report
from obskit.lint.session import Job, lint_sources
from obskit.schema.export import json_schema
from obskit.schema.fields import BUILTIN

LINES = int(os.environ.get("OBSKIT_BENCH_LINES", "200000"))
ROUNDS = 3
PEER = "orjson + jsonschema-rs"
BARE = "a bare orjson.loads loop"


def run() -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_single(Path(folder)), *_options(Path(folder))]


def events(kind: str) -> list[dict[str, Any]]:
    """Valid events of about 300 bytes.

    Args:
        kind: ``message`` for the reference line's fields and a long message, ``fields`` for many declared
            fields, ``attributes`` for what one place in a program adds to each event.
    """
    some = random.Random(5)
    moment = datetime(2023, 9, 10, 12, tzinfo=UTC)
    clients = [
        f"10.{some.randrange(256)}.{some.randrange(256)}.{some.randrange(256)}"
        for _ in range(5_000)
    ]
    made = []
    for number in range(LINES):
        moment += timedelta(milliseconds=some.randrange(40))
        event: dict[str, Any] = {
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.")
            + f"{moment.microsecond // 1000:03d}Z",
            "level": some.choice(("INFO", "INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR")),
            "service": "user-service",
            "trace_id": f"{some.getrandbits(128):032x}",
            "message": "User login successful",
            "client_ip": some.choice(clients),
        }
        if kind == "message":
            event["message"] = (
                f"GET /api/v1/orders/{some.getrandbits(30)}/items completed with status 200 in "
                f"{some.randrange(1000)} ms: "
                f"user {number} of tenant acme asked for page {number % 9} of the items of an order"
            )
        elif kind == "fields":
            event |= {
                "environment": "production", "version": "1.4.2", "host": "web-01", "logger": "app.auth",
                "thread": "MainThread", "pid": 4711, "user_id": str(number),
            }  # fmt: skip
        else:
            event |= {
                "user_id": str(number),
                "attributes": {
                    "cart": {"items": number % 7, "total": some.randrange(9_999)}, "currency": "EUR", "cached": True,
                    "region": "eu-west-1", "page": 3, "retries": 0,
                },
            }  # fmt: skip
        made.append(event)
    return made


def written(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def _ours(path: Path, **settings: Any) -> Report:
    report, _ = lint_sources(Job(settings=LintSettings(**settings), names=(str(path),)))
    return report


def _bare(path: Path) -> None:
    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)


def _peer(path: Path) -> int:
    validator = jsonschema_rs.validator_for(json_schema.export(BUILTIN), validate_formats=True)
    bad = 0
    with path.open("rb") as file:
        for line in file:
            try:
                bad += not validator.is_valid(orjson.loads(line))
            except orjson.JSONDecodeError:
                bad += 1
    return bad


def _rate(seconds: float) -> str:
    return f"{LINES / seconds / 1000:,.0f}k lines/s"


def _times(contenders: dict[str, Callable[[], object]]) -> dict[str, float]:
    return fastest(contenders, calls=1, rounds=ROUNDS)


def _single(folder: Path) -> list[Row]:
    rows = []
    for kind in ("message", "fields", "attributes"):
        lines = [orjson.dumps(event) for event in events(kind)]
        size = sum(map(len, lines)) // LINES
        path = written(folder / f"{kind}.json", lines)
        assert _ours(path).count == 0
        assert _peer(path) == 0
        times = _times(
            {
                "ours": lambda p=path: _ours(p),
                PEER: lambda p=path: _peer(p),
                BARE: lambda p=path: _bare(p),
            }
        )  # type: ignore[misc]
        for peer, target in ((PEER, "at least 3"), (BARE, "at least 2")):
            figure = f"lint {LINES:,} valid lines of {size} bytes ({kind}), against {peer}"
            rows.append(
                Row(
                    figure,
                    _rate(times["ours"]),
                    _rate(times[peer]),
                    times[peer] / times["ours"],
                    target,
                )
            )
    some = random.Random(6)
    bad = list(lines)
    for number in some.sample(range(LINES), LINES // 100):
        bad[number] = some.choice(
            (
                bad[number].replace(b'"INFO"', b'"info"').replace(b'"level"', b'"lvl"', 1),
                bad[number][:-1],
                bad[number].replace(b'"message"', b'"msg"'),
                bad[number].replace(b'"client_ip":"10.', b'"client_ip":"310.'),
            )
        )
    path = written(folder / "bad.json", bad)
    assert _ours(path).count >= LINES // 100
    assert _peer(path) == LINES // 100
    times = _times({"ours": lambda: _ours(path), PEER: lambda: _peer(path)})
    ratio = times[PEER] / times["ours"]
    rows.append(
        Row(
            f"lint with 1 % bad lines, against {PEER}",
            _rate(times["ours"]),
            _rate(times[PEER]),
            ratio,
            "at least 2",
        )
    )
    return rows


def _options(folder: Path) -> list[Row]:
    """What leaves the cheapest way, so that nobody is surprised: each against the plain run."""
    plain = folder / "message.json"
    spaced = written(folder / "spaced.json", [_json(event) for event in events("message")])
    times = _times(
        {
            "plain": lambda: _ours(plain),
            "secrets and personal data selected": lambda: _ours(
                plain, select=("secret", "personal-data")
            ),
            "written with white space (json.dumps)": lambda: _ours(spaced),
        }
    )
    plain_time = times.pop("plain")
    return [
        Row(
            f"lint, {name}, against the plain run",
            _rate(seconds),
            _rate(plain_time),
            plain_time / seconds,
            "at least 0",
        )
        for name, seconds in times.items()
    ]


def _json(event: dict[str, Any]) -> bytes:
    import json

    return json.dumps(event).encode()
