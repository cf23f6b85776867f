"""The formatter against the field's: what one line costs, with default redaction on."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.row import Row, fastest

PLAIN = "%(asctime)s %(levelname)s %(name)s %(message)s"
MESSAGE = "User login successful"
CALLS = 4_000


def run() -> list[Row]:
    """All rows."""
    return [*_formatters(), *_structlog(), *_import()]


def _record(extra: dict[str, Any]) -> logging.LogRecord:
    record = logging.LogRecord("app.auth", logging.INFO, "auth.py", 12, MESSAGE, (), None)
    record.__dict__.update(extra)
    return record


def _formatters() -> list[Row]:
    import ecs_logging
    from pythonjsonlogger.orjson import OrjsonFormatter

    from obskit.logging import JSONFormatter

    peers: dict[str, tuple[logging.Formatter, str]] = {
        "the standard library's plain text": (logging.Formatter(PLAIN), "at least 1"),
        "python-json-logger with orjson": (
            OrjsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"),
            "at least 3",
        ),
        "ecs-logging": (ecs_logging.StdlibFormatter(), "at least 15"),
    }
    rows: list[Row] = []
    cases = {
        "a line": {},
        "a line with an address, a user, two attributes": {
            "client_ip": "192.168.1.1", "user_id": "42", "items": 3, "currency": "EUR",
        },
    }  # fmt: skip
    for case, extra in cases.items():
        ours = JSONFormatter(service="user-service")
        contenders: dict[str, Callable[[], object]] = {"ours": _of(ours, _record(extra))}
        for name, (formatter, _) in peers.items():
            contenders[name] = _of(formatter, _record(extra))
        times = fastest(contenders, calls=CALLS)
        for name, (_, target) in peers.items():
            if extra and "standard" in name:
                continue  # it writes none of the extras: not the same work
            figure = f"formatter, {case}, against {name}"
            rows.append(_row(figure, times["ours"], times[name], target))
    return rows


def _of(formatter: logging.Formatter, record: logging.LogRecord) -> Callable[[], object]:
    formatter.format(record)  # what is learned once is not what a line costs
    return lambda: formatter.format(record)


def _structlog() -> list[Row]:
    import orjson
    import structlog

    from obskit.logging.formatter import JSONFormatter
    from obskit.logging.native import configure_structlog
    from obskit.logging.streams import LineHandler

    class Sink(LineHandler):
        def __init__(self) -> None:
            super().__init__()
            self.file = io.BytesIO()

        def write_line(self, line: bytes) -> None:
            self.file.write(line + b"\n")
            self.file.flush()

    # https://www.structlog.org/en/stable/performance.html: the fastest set-up that it documents.
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory(io.BytesIO()),
    )
    theirs = structlog.get_logger("app.auth").bind()
    configure_structlog(JSONFormatter(service="user-service"), [Sink()], logging.INFO)
    ours = structlog.get_logger("app.auth").bind()
    values = {"client_ip": "192.168.1.1", "user_id": "42", "items": 3}
    rows = []
    for case, extra in {"a line": {}, "a line with three values": values}.items():
        times = fastest(
            {
                "ours": lambda extra=extra: ours.info(MESSAGE, **extra),
                "peer": lambda extra=extra: theirs.info(MESSAGE, **extra),
            },
            calls=CALLS,
        )
        figure = f"structlog, {case}, written, against its fastest set-up (orjson, bytes)"
        rows.append(_row(figure, times["ours"], times["peer"], "at least 1"))
    structlog.reset_defaults()
    return rows


def _import() -> list[Row]:
    codes = ("", "import obskit.logging")
    best = dict.fromkeys(codes, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        # With bytecode, as pip leaves an installed package, wherever this environment keeps it.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(15):
            for code in codes:
                start = time.perf_counter()
                subprocess.run([sys.executable, "-c", code], check=True, env=environment)
                best[code] = min(best[code], time.perf_counter() - start)
    bare, ours = best.values()
    more = (ours - bare) * 1e3
    return [
        Row(
            "import obskit.logging, over bare Python",
            f"{more:.1f} ms more", f"{bare * 1e3:.1f} ms bare", more, "at most 40 ms",
        )
    ]  # fmt: skip


def _row(figure: str, ours: float, peer: float, target: str) -> Row:
    return Row(figure, f"{ours * 1e6:.2f} µs", f"{peer * 1e6:.2f} µs", peer / ours, target)


if __name__ == "__main__":
    for row in run():
        verdict = "ok  " if row.met else "MISS"
        print(
            f"{verdict} {row.ratio:6.2f} ({row.target:13}) {row.ours:>12} {row.peer:>14}  {row.figure}"
        )
