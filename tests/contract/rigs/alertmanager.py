"""The rig of the Alertmanager target: a real one with another team's configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from obskit.local.alertmanager import Alertmanager as Server
from tests.contract.rigs.base import AnyTarget, Make, Rig, Start, make_target
from tests.servers.golang import ALERTMANAGER_NEWEST

_THEIRS = """\
# Another team's.
route:
  receiver: theirs
  routes:
    - {receiver: theirs, matchers: ['team="theirs"']}
receivers:
  - name: theirs
"""
_MAIL = {"name": "mail", "email": {"to": "a@b.c", "from": "d@e.f", "smarthost": "127.0.0.1:25"}}


class AlertmanagerRig(Rig):
    """Our subtree in a file that another team owns."""

    def __init__(self, start: Start, folder: Path, *, version: str = "") -> None:
        self.folder = folder
        self.server = start(Server(config=_THEIRS, version=version))
        self.file = Path(self.server.addresses["file"])

    def target(self, *, changed: bool = False) -> AnyTarget:
        if not changed:
            return self._target(receivers=[_MAIL])
        more = {"name": "hook", "webhook": {"url": "http://127.0.0.1:9/"}}
        return self._target(
            receivers=[_MAIL, more],
            routes=[{"match": {"severity": "critical"}, "receiver": "hook"}],
        )

    def _target(self, **more: Any) -> AnyTarget:
        section = {"url": self.server.url, "file": self.file, "receivers": [_MAIL], **more}
        return make_target("alertmanager", section, folder=self.folder)

    def foreign(self) -> object:
        data = yaml.safe_load(self.file.read_text())
        data["receivers"] = [r for r in data["receivers"] if "/contract/" not in r["name"]]
        data["route"]["routes"] = [
            r for r in data["route"]["routes"] if "/contract/" not in r["receiver"]
        ]
        kept = {key: data[key] for key in ("route", "receivers")}
        return kept, "# Another team's." in self.file.read_text()

    @contextmanager
    def occupy(self) -> Iterator[None]:
        path = self.file.parent / "templates" / "obskit-contract.tmpl"
        path.parent.mkdir(exist_ok=True)
        path.write_text('{{ define "theirs" }}{{ end }}\n')
        yield
        path.unlink()

    def drift(self) -> None:
        self.file.write_text(self.file.read_text().replace("a@b.c", "x@b.c"))

    @contextmanager
    def denied(self) -> Iterator[AnyTarget]:
        yield self._target(file=self.folder / "not-there" / "alertmanager.yml")

    @contextmanager
    def cut_short(self) -> Iterator[AnyTarget]:
        whole = self.file.read_bytes()
        self.file.write_bytes(whole[: whole.index(b"matchers: [") + 11])
        yield self._target()
        self.file.write_bytes(whole)


RIGS: dict[str, Make] = {
    "0.25": AlertmanagerRig,
    ALERTMANAGER_NEWEST: partial(AlertmanagerRig, version=ALERTMANAGER_NEWEST),
}
