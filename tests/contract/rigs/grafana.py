"""The rigs of the Grafana target: through the API, and by provisioning files."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from obskit.config.secret import Secret
from obskit.local import binaries
from obskit.local.grafana import Grafana as Server
from tests.contract.rigs.base import AnyTarget, Rig, Start, make_target
from tests.servers import grafana_standin
from tests.servers.bad_server import cutting, relay, serving

_PEERS = {"prometheus": {"url": "http://127.0.0.1:9", "files": "files"}}


def _board(uid: str, title: str, expr: str = "up") -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "obskit-prometheus"}
    panel = {
        "id": 1, "type": "timeseries", "title": "up", "datasource": source,
        "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8}, "targets": [{"refId": "A", "expr": expr}],
    }  # fmt: skip
    return {"uid": uid, "title": title, "tags": ["own"], "schemaVersion": 38, "panels": [panel],
            "templating": {"list": []}, "time": {"from": "now-1h", "to": "now"}}  # fmt: skip


def _write(folder: Path) -> None:
    """The user's dashboards; ``two`` is another revision of ``one``, ``more`` stands beside it."""
    boards = {
        "one": _board("contract-one", "Contract"),
        "two": _board("contract-one", "Contract", "up == 1"),
        "more": _board("contract-more", "Contract, more"),
    }
    for name, board in boards.items():
        (folder / f"{name}.json").write_text(json.dumps(board))


def _chosen(*, changed: bool) -> list[dict[str, str]]:
    return [{"file": f"{name}.json"} for name in (("two", "more") if changed else ("one",))]


class ApiRig(Rig):
    """A real Grafana where there is one, else the stand-in of the recordings."""

    def __init__(self, start: Start, folder: Path) -> None:
        self.folder = folder
        self.user = os.environ.get("OBSKIT_TEST_GRAFANA_USER", "admin")
        self.password = os.environ.get("OBSKIT_TEST_GRAFANA_PASSWORD", "admin")
        if url := os.environ.get("OBSKIT_TEST_GRAFANA_URL"):
            self.url = url.rstrip("/")
        elif binaries.look_for("grafana", "grafana"):
            one = start(Server())
            self.url, self.password = one.url, Path(one.addresses["password_file"]).read_text()
        else:
            open_until_exit = contextlib.ExitStack()
            atexit.register(open_until_exit.close)
            held = open_until_exit.enter_context(grafana_standin.running())
            self.url, self.user, self.password = held.url, held.user, held.password
        self.http = httpx.Client(base_url=self.url, auth=(self.user, self.password), timeout=30)
        _write(folder)

    def target(self, *, changed: bool = False) -> AnyTarget:
        return self._target(changed=changed)

    def _target(self, *, url: str = "", password: str = "", changed: bool = False) -> AnyTarget:
        auth = {"username": self.user, "password": Secret(password or self.password)}
        section = {
            "url": url or self.url, "auth": auth, "dashboards": _chosen(changed=changed),
        }  # fmt: skip
        return make_target("grafana", section, folder=self.folder, peers=_PEERS)

    def foreign(self) -> object:
        if self.http.get("/api/folders/contract-theirs").status_code == 404:
            folder = {"uid": "contract-theirs", "title": "Theirs"}
            self.http.post("/api/folders", json=folder).raise_for_status()
            board = _board("contract-theirs-board", "Theirs")
            # A mark of another project is no mark of ours.
            board["tags"] = ["obskit:other", f"obskit:{'0' * 32}@1"]
            body = {"dashboard": board, "folderUid": "contract-theirs"}
            self.http.post("/api/dashboards/db", json=body).raise_for_status()
            source = {
                "name": "contract theirs", "uid": "contract-theirs", "type": "prometheus",
                "access": "proxy", "url": "http://127.0.0.1:9",
                "jsonData": {"obskit": {"project": "other", "release": "1", "digest": "0"}},
            }  # fmt: skip
            self.http.post("/api/datasources", json=source).raise_for_status()
        return [
            self.http.get(f"/api/{path}").json()
            for path in (
                "folders/contract-theirs",
                "dashboards/uid/contract-theirs-board",
                "datasources/uid/contract-theirs",
            )
        ]

    @contextmanager
    def occupy(self) -> Iterator[None]:
        body = {"dashboard": _board("contract-one", "Somebody's"), "overwrite": False}
        self.http.post("/api/dashboards/db", json=body).raise_for_status()
        yield
        self.http.delete("/api/dashboards/uid/contract-one").raise_for_status()

    def drift(self) -> None:
        found = self.http.get("/api/dashboards/uid/contract-one").json()
        board = found["dashboard"]
        board["panels"][0]["title"] = "edited in the browser"
        body = {"dashboard": board, "folderUid": found["meta"]["folderUid"], "overwrite": False}
        self.http.post("/api/dashboards/db", json=body).raise_for_status()

    @contextmanager
    def denied(self) -> Iterator[AnyTarget]:
        yield self._target(password="wrong")

    @contextmanager
    def cut_short(self) -> Iterator[AnyTarget]:
        with serving(relay(self.url, cutting("api/search"))) as server:
            yield self._target(url=server.url)


class FilesRig(Rig):
    """A provisioning folder, as Grafana's package makes it."""

    def __init__(self, start: Start, folder: Path) -> None:
        del start
        self.folder = folder
        self.root = folder / "provisioning"
        for name in ("datasources", "dashboards"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.boards = self.root / "dashboards" / "obskit-contract"
        _write(folder)

    def target(self, *, changed: bool = False) -> AnyTarget:
        return self._target(self.root, changed=changed)

    def _target(self, root: Path, *, changed: bool = False) -> AnyTarget:
        section = {"provisioning": root, "dashboards": _chosen(changed=changed)}
        return make_target("grafana", section, folder=self.folder, peers=_PEERS)

    def foreign(self) -> object:
        self.boards.mkdir(exist_ok=True)
        board = _board("contract-theirs", "Theirs")
        board["tags"] = ["obskit:other", f"obskit:{'0' * 32}@1"]
        texts = {
            self.root / "datasources" / "theirs.yml": "apiVersion: 1\ndatasources: []\n",
            self.root / "dashboards" / "theirs.yml": "apiVersion: 1\nproviders: []\n",
            self.boards / "contract-theirs.json": json.dumps(board),
            self.boards / "notes.json": "not even JSON",
        }
        for path, text in texts.items():
            if not path.exists():
                path.write_text(text)
        return [path.read_text() for path in texts]

    @contextmanager
    def occupy(self) -> Iterator[None]:
        self.boards.mkdir(exist_ok=True)
        path = self.boards / "contract-one.json"
        path.write_text(json.dumps(_board("contract-one", "Somebody's")))
        yield
        path.unlink()

    def drift(self) -> None:
        path = self.boards / "contract-one.json"
        board = json.loads(path.read_text())
        board["panels"][0]["title"] = "edited with an editor"
        path.write_text(json.dumps(board))

    @contextmanager
    def denied(self) -> Iterator[AnyTarget]:
        yield self._target(self.folder / "nowhere")

    @contextmanager
    def cut_short(self) -> Iterator[AnyTarget]:
        path = self.boards / "contract-one.json"
        text = path.read_text()
        path.write_text(text[: len(text) // 2])
        yield self.target()
        path.write_text(text)


RIGS = {"api": ApiRig, "files": FilesRig}
