"""A stand-in for Logstash's node API, for machines without one: it reads pipelines.yml and its files as Logstash does.

It is stateful: a scan takes up what changed on disk, a broken edit leaves the old pipeline running in silence, and
every answer follows from that. What it answers was recorded from Logstash 8.19.20 (recordings/logstash-8.19.jsonl);
tests/contract/test_logstash_recordings.py walks it through the same nine states and compares.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

_SHAPE = {"workers": 2, "batch_size": 125, "batch_delay": 50}


def judge(text: str) -> dict[str, Any] | None:
    """Why Logstash refuses a configuration, in its words; None where it takes it.

    Two kinds of mistakes were recorded: braces and sections that do not fit, and options that no plugin has.
    """
    bare = re.sub(r"\"[^\"]*\"|'[^']*'|#[^\n]*", lambda found: " " * len(found[0]), text)
    if alone := re.search(r"\{\s*\w+ (?=\s*\})", bare):  # a plugin without its braces
        return _syntax(text, alone.end())
    depth = 0
    for found in re.finditer(r"[{}]", bare):
        depth += 1 if found[0] == "{" else -1
        if depth < 0:
            return _syntax(text, found.start())
    if depth:
        return _syntax(text, len(text))
    if "no_such_option" in bare:
        return {
            "message": "Unable to configure plugins: (ConfigurationError) Something is wrong with your configuration.",
            "backtrace": [],
        }
    return None


def _syntax(text: str, at: int) -> dict[str, Any]:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    after = text[:at].rsplit("\n", 1)[-1]
    place = f"line {line}, column {column} (byte {at + 1})"
    words = f'Expected one of [ \\t\\r\\n], "#", "{{" at {place} after {after}'
    return {"message": words, "backtrace": []}


@dataclass
class _Pipeline:
    path: Path
    text: str
    ephemeral_id: str = field(default_factory=lambda: str(uuid4()))
    gone: bool = False
    events: int = 0
    successes: int = 0
    failures: int = 0
    last_error: dict[str, Any] | None = None
    last_success: str | None = None
    last_failure: str | None = None

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


class Standin:
    """One Logstash.

    Args:
        listing: Its pipelines.yml.
        accepts: Why a configuration is refused, None where it is taken.
    """

    def __init__(
        self, listing: Path, accepts: Callable[[str], dict[str, Any] | None] = judge
    ) -> None:
        self.listing = listing
        self.accepts = accepts
        self.url = ""
        self.automatic = True
        self._pipelines: dict[str, _Pipeline] = {}
        self._lock = threading.RLock()
        self._node = {"id": str(uuid4()), "ephemeral_id": str(uuid4())}
        self.scan()

    # What happens on disk, and to events ----------------------------------------------------------

    def scan(self) -> None:
        """One interval of the automatic reload."""
        with self._lock:
            wanted = self._wanted()
            for name in [name for name, item in self._pipelines.items() if item.gone]:
                del self._pipelines[name]  # listed for one interval after it was removed
            for name, item in self._pipelines.items():
                item.gone = name not in wanted
            for name, path in wanted.items():
                self._take_up(name, path)

    def _wanted(self) -> dict[str, Path]:
        if not self.listing.is_file():
            return {}
        entries = yaml.safe_load(self.listing.read_text(encoding="utf-8")) or []
        return {item["pipeline.id"]: Path(item["path.config"]) for item in entries}

    def _take_up(self, name: str, path: Path) -> None:
        if not path.is_file():
            return
        # The time of the attempt: a thread that waits for a processor here must not date the failure of a text
        # after the moment at which that text was put back.
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        text = path.read_text(encoding="utf-8")
        there = self._pipelines.get(name)
        if there is not None and there.text == text:
            return
        error = self.accepts(text)
        if error is not None:
            if there is not None:
                there.failures += 1
                there.last_error, there.last_failure = error, now
            return
        if there is None:
            self._pipelines[name] = _Pipeline(path=path, text=text)
            return
        there.text, there.events, there.ephemeral_id = text, 0, str(uuid4())
        there.successes += 1
        there.last_success = now

    def pass_events(self, name: str, count: int) -> None:
        """Let events through a pipeline."""
        with self._lock:
            self._pipelines[name].events += count

    # What it answers -------------------------------------------------------------------------------

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and body of a request."""
        with self._lock:
            found = {
                "/": dict,
                "/_node/pipelines": self._nodes,
                "/_node/stats/pipelines": self._stats,
                "/_node/stats/reloads": self._reloads,
            }.get(path)
            if path == "/_health_report":
                return 200, {**self._head(), **self._health()}
            if found is None:
                error = {"path": path, "status": 404, "error": {"message": "Not Found"}}
                return 404, error
            return 200, {**self._head(), "pipeline": dict(_SHAPE), **found()}

    def _head(self) -> dict[str, Any]:
        return {
            "host": "logstash-1",
            "version": "8.19.20",
            "http_address": self.url.removeprefix("http://"),
            "id": self._node["id"],
            "name": "logstash-1",
            "ephemeral_id": self._node["ephemeral_id"],
            "snapshot": None,
            "status": "green",
        }

    def _nodes(self) -> dict[str, Any]:
        return {
            "pipelines": {
                name: {
                    "ephemeral_id": item.ephemeral_id,
                    "hash": item.hash,
                    **_SHAPE,
                    "config_reload_automatic": self.automatic,
                    "config_reload_interval": 2_000_000_000,
                    "dead_letter_queue_enabled": False,
                }
                for name, item in self._pipelines.items()
            }
        }

    def _stats(self) -> dict[str, Any]:
        return {"pipelines": {name: _stat(item) for name, item in self._pipelines.items()}}

    def _reloads(self) -> dict[str, Any]:
        items = self._pipelines.values()
        return {
            "reloads": {
                "successes": sum(item.successes for item in items),
                "failures": sum(item.failures for item in items),
            }
        }

    def _health(self) -> dict[str, Any]:
        names = [name for name, item in self._pipelines.items() if not item.gone]
        quoted = ", ".join(f"`{name}`" for name in sorted(names))
        count = f"{len(names)} indicator{' is' if len(names) == 1 else 's are'} healthy"
        one = {
            "status": "green",
            "symptom": "The pipeline is healthy",
            "details": {
                "status": {"state": "RUNNING"},
                "flow": {"worker_utilization": {"current": 0.0, "lifetime": 0.0}},
            },
        }
        return {
            "symptom": "1 indicator is healthy (`pipelines`)",
            "indicators": {
                "pipelines": {
                    "status": "green",
                    "symptom": f"{count} ({quoted})",
                    "indicators": dict.fromkeys(names, one),
                }
            },
        }


def _stat(item: _Pipeline) -> dict[str, Any]:
    reloads = {
        "successes": item.successes,
        "last_error": item.last_error,
        "failures": item.failures,
        "last_success_timestamp": item.last_success,
        "last_failure_timestamp": item.last_failure,
    }
    if item.gone:
        nothing: dict[str, Any] = {"inputs": [], "codecs": [], "filters": [], "outputs": []}
        return {
            "events": None, "flow": None, "plugins": nothing, "reloads": reloads,
            "queue": {"type": "memory"}, "pipeline": dict(_SHAPE),
        }  # fmt: skip
    return {
        "events": {
            "filtered": item.events,
            "queue_push_duration_in_millis": 0,
            "duration_in_millis": 0,
            "in": item.events,
            "out": item.events,
        },
        "flow": {},
        "plugins": {"inputs": [], "codecs": [], "filters": [], "outputs": []},
        "reloads": reloads,
        "queue": {
            "type": "memory",
            "events_count": 0,
            "queue_size_in_bytes": 0,
            "max_queue_size_in_bytes": 0,
        },
        "pipeline": dict(_SHAPE),
        "hash": item.hash,
        "ephemeral_id": item.ephemeral_id,
    }


@contextmanager
def running(listing: Path, *, interval: float = 0.2) -> Iterator[Standin]:
    """A stand-in that listens on the loopback and looks at its files again and again.

    Args:
        listing: Its pipelines.yml.
        interval: Seconds between two looks; 0 for never.
    """
    standin = Standin(listing)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = standin.answer(self.path.split("?")[0])
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests' output is the tests'."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    standin.url = f"http://127.0.0.1:{server.server_address[1]}"
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(interval):
            standin.scan()

    threads = [threading.Thread(target=server.serve_forever, daemon=True)]
    if interval:
        threads.append(threading.Thread(target=look, daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield standin
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()
