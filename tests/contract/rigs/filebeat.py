"""The rig of the Filebeat target: a real Filebeat that reads its inputs anew every second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from obskit.local.filebeat import Filebeat as Server
from tests.contract.rigs.base import AnyTarget, Rig, Start, make_target

_NOWHERE = "http://127.0.0.1:9"  # what is shipped is no matter here


class FilebeatRig(Rig):
    """Ships nowhere: only what Filebeat runs is looked at."""

    def __init__(self, start: Start, folder: Path) -> None:
        self.folder = folder
        self.server = start(Server(elasticsearch=_NOWHERE))
        self.inputs = Path(self.server.addresses["inputs"])

    def target(self, *, changed: bool = False) -> AnyTarget:
        services: list[dict[str, Any]] = [{"name": "shop", "logs": ["shop.log"]}]
        if changed:
            services = [
                {"name": "shop", "logs": ["shop.log"], "version": "2"},
                {"name": "till", "logs": ["till.log"]},
            ]
        return self._target(services=services)

    def _target(self, *, services: Any = (), **more: Any) -> AnyTarget:
        section = {"inputs": self.inputs, "url": self.server.url, **more}
        services = services or [{"name": "shop", "logs": ["shop.log"]}]
        return make_target("filebeat", section, folder=self.folder, services=services)

    def foreign(self) -> object:
        path = self.inputs / "theirs.yml"
        if not path.exists():
            path.write_text(
                "- type: filestream\n  id: theirs\n  paths: [/nowhere/*.log]\n  enabled: false\n"
            )
        return path.read_text()

    @contextmanager
    def occupy(self) -> Iterator[None]:
        path = self.inputs / "obskit-shop.yml"
        path.write_text("- type: filestream\n  id: theirs-too\n  paths: [/nowhere/*.log]\n")
        yield
        path.unlink()

    def drift(self) -> None:
        path = self.inputs / "obskit-shop.yml"
        path.write_text(path.read_text().replace("check_interval: 1s", "check_interval: 9s"))

    @contextmanager
    def denied(self) -> Iterator[AnyTarget]:
        yield self._target(inputs=self.folder / "not-there")

    @contextmanager
    def cut_short(self) -> Iterator[AnyTarget]:
        path = self.inputs / "obskit-shop.yml"
        whole = path.read_bytes()
        path.write_bytes(whole[: whole.index("·".encode()) + 1])  # in the middle of a character
        yield self._target()
        path.write_bytes(whole)


RIGS = {"7.17": FilebeatRig}
