"""The rig of the Logstash target: the stand-in that follows the recorded node API (no Logstash can be had)."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.contract.rigs.base import AnyTarget, Rig, Start, make_target
from tests.servers import logstash_standin


class LogstashRig(Rig):
    """Owns pipelines.yml."""

    def __init__(self, start: Start, folder: Path) -> None:
        del start  # the stand-in is no process
        self.folder = folder
        self.files = folder / "pipelines"
        self.files.mkdir()
        stack = ExitStack()
        atexit.register(stack.close)
        self.standin = stack.enter_context(
            logstash_standin.running(folder / "pipelines.yml", interval=0.1)
        )

    def target(self, *, changed: bool = False) -> AnyTarget:
        more: dict[str, Any] = {}
        if changed:
            more = {"tcp_port": 5045, "dead_letter_queue": "/var/lib/logstash/dead_letter_queue"}
        return self._target(**more)

    def _target(self, **more: Any) -> AnyTarget:
        section = {
            "url": self.standin.url,
            "files": self.files,
            "pipelines": "pipelines.yml",
            "elasticsearch_url": "http://127.0.0.1:9",
            **more,
        }
        return make_target("logstash", section, folder=self.folder)

    def foreign(self) -> object:
        path = self.files / "theirs.conf"
        if not path.exists():
            path.write_text("input { stdin { } }\n")
        return path.read_text()

    @contextmanager
    def occupy(self) -> Iterator[None]:
        path = self.files / "obskit.conf"
        path.write_text("input { stdin { } }\n")
        yield
        path.unlink()

    def drift(self) -> None:
        path = self.files / "obskit.conf"
        path.write_text(path.read_text().replace("port => 5044", "port => 5999"))

    @contextmanager
    def denied(self) -> Iterator[AnyTarget]:
        yield self._target(files=self.folder / "not-there")

    @contextmanager
    def cut_short(self) -> Iterator[AnyTarget]:
        path = self.files / "obskit.conf"
        whole = path.read_bytes()
        path.write_bytes(whole[: whole.index("·".encode()) + 1])  # in the middle of a character
        yield self._target()
        path.write_bytes(whole)


RIGS = {"standin": LogstashRig}
