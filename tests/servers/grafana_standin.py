"""A Grafana for machines without one: stateful, answering as ``recordings/grafana-10.0.jsonl`` shows.

What it was not seen to do it does not do. ``tests/contract/test_grafana_recordings.py`` replays every
recorded request and compares; the same tests run against a real Grafana where there is one.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers import grafana_standin_query as query

USER = "admin"
PASSWORD = "standin-password"
PERMISSIONS = json.loads(Path(__file__).with_name("grafana_permissions.json").read_text())


class Refused(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, body: Any, *, charset: bool = False) -> None:
        super().__init__(status)
        self.status, self.body, self.charset = status, body, charset


def traced(message: str, **more: Any) -> dict[str, Any]:
    return {"message": message, **more, "traceID": ""}


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


@dataclass
class State:
    """What the stand-in holds.

    ``requests`` lists every request, for tests of what was asked; ``fail`` may answer one itself.
    """

    ask: query.Ask = query.ask
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[int, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    library: dict[str, dict[str, Any]] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    #: What a newer Grafana makes of a dashboard while saving it; 10.0 makes nothing of it.
    migrate: Callable[[dict[str, Any]], dict[str, Any]] = lambda board: board
    requests: list[tuple[str, str]] = field(default_factory=list)
    fail: Callable[[str, str], tuple[int, bytes, dict[str, str]] | None] = lambda *_: None
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: dict[str, int] = field(default_factory=dict)

    def next(self, kind: str) -> int:
        self.ids[kind] = self.ids.get(kind, 0) + 1
        return self.ids[kind]

    # Signing in -----------------------------------------------------------------------------------

    def role(self, header: str) -> str:
        """The caller's role; refuses whom it does not know."""
        kind, _, rest = header.partition(" ")
        if kind == "Basic":
            if base64.b64decode(rest).decode() != f"{USER}:{PASSWORD}":
                raise Refused(401, traced("invalid username or password"))
            return "Admin"
        if kind == "Bearer":
            if rest not in self.tokens:
                raise Refused(401, traced("invalid API key"), charset=True)
            return str(self.accounts[self.tokens[rest]]["role"])
        raise Refused(401, {"message": "Unauthorized"})

    # Data sources ---------------------------------------------------------------------------------

    def shown_source(self, uid: str) -> dict[str, Any]:
        if uid not in self.sources:
            raise Refused(404, {"message": "Data source not found"})
        found = {key: value for key, value in self.sources[uid].items() if key != "secureJsonData"}
        return json.loads(json.dumps(found))

    def put_source(self, body: dict[str, Any], uid: str | None = None) -> dict[str, Any]:
        if uid is not None and uid not in self.sources:
            raise Refused(404, {"message": "Data source not found"})
        if not all(body.get(key) for key in ("name", "type", "access")):
            raise Refused(400, traced("bad request data"))
        old = self.sources.get(uid) if uid is not None else None
        if any(item["name"] == body["name"] and item is not old for item in self.sources.values()):
            raise Refused(409, traced("data source with the same name already exists"))
        if old is not None and body.get("version") and body["version"] != old["version"]:
            raise Refused(409, traced("Datasource has already been updated by someone else. Please reload and try again"))  # fmt: skip  # noqa: E501
        version = (body.get("version") or 0) + 1 if old is not None else 1
        secrets = {**(old or {}).get("secureJsonFields", {})}
        secrets |= dict.fromkeys(body.get("secureJsonData") or {}, True)
        number = old["id"] if old else self.next("source")
        name = uid or body.get("uid") or f"standin{number}"
        self.sources[name] = {
            "id": number, "uid": name, "orgId": 1, "name": body["name"], "type": body["type"],
            "typeLogoUrl": "", "access": body["access"], "url": body.get("url", ""),
            "user": body.get("user", ""), "database": body.get("database", ""),
            "basicAuth": body.get("basicAuth", False), "basicAuthUser": body.get("basicAuthUser", ""),
            "withCredentials": body.get("withCredentials", False),
            "isDefault": body.get("isDefault", False), "jsonData": body.get("jsonData") or {},
            "secureJsonFields": secrets, "version": version, "readOnly": False,
            "secureJsonData": {**(old or {}).get("secureJsonData", {}), **(body.get("secureJsonData") or {})},
        }  # fmt: skip
        done = "Datasource updated" if old else "Datasource added"
        return {"datasource": self.shown_source(name), "id": number, "message": done, "name": body["name"]}  # fmt: skip

    def delete_source(self, uid: str) -> dict[str, Any]:
        number = self.shown_source(uid)["id"]
        del self.sources[uid]
        return {"id": number, "message": "Data source deleted"}

    # Folders --------------------------------------------------------------------------------------

    def folder(self, uid: str) -> dict[str, Any]:
        if uid not in self.folders:
            raise Refused(404, {"message": "folder not found", "status": "not-found"})
        return self.folders[uid]

    def put_folder(self, body: Mapping[str, Any], uid: str | None = None) -> dict[str, Any]:
        old = self.folder(uid) if uid is not None else None
        name = uid or body.get("uid") or f"standin{self.next('uid')}"
        if old is None and name in self.folders:
            raise Refused(412, {"message": "the folder has been changed by someone else", "status": "version-mismatch"})  # fmt: skip  # noqa: E501
        if any(
            item["title"] == body["title"] and item is not old for item in self.folders.values()
        ):
            raise Refused(409, {"message": "a folder or dashboard in the general folder with the same name already exists"})  # fmt: skip  # noqa: E501
        if old is not None and not body.get("overwrite") and body.get("version") != old["version"]:
            raise Refused(412, {"message": "the folder has been changed by someone else", "status": "version-mismatch"})  # fmt: skip  # noqa: E501
        self.next("version")
        self.folders[name] = {
            "id": old["id"] if old else self.next("board"), "uid": name, "title": body["title"],
            "url": f"/dashboards/f/{name}/{_slug(body['title'])}", "hasAcl": False, "canSave": True,
            "canEdit": True, "canAdmin": True, "canDelete": True, "createdBy": "Anonymous",
            "created": old["created"] if old else now(), "updatedBy": "Anonymous", "updated": now(),
            "version": old["version"] + 1 if old else 1,
        }  # fmt: skip
        return self.folders[name]

    def delete_folder(self, uid: str) -> None:
        self.folder(uid)
        del self.folders[uid]
        for name in [name for name, item in self.boards.items() if item["folder"] == uid]:
            del self.boards[name]

    # Dashboards -----------------------------------------------------------------------------------

    def board(self, uid: str) -> dict[str, Any]:
        if uid not in self.boards:
            raise Refused(404, traced("Dashboard not found"))
        return self.boards[uid]

    def save(self, body: Any) -> dict[str, Any]:
        if not isinstance(body, dict) or not isinstance(body.get("dashboard"), dict):
            raise Refused(400, traced("bad request data"))
        board = json.loads(json.dumps(body["dashboard"]))
        if not board.get("title"):
            raise Refused(
                400, {"message": "Dashboard title cannot be empty", "status": "empty-name"}
            )
        uid = board.get("uid") or f"standin{self.next('uid')}"
        if len(uid) > 40:
            raise Refused(400, {"message": "uid too long, max 40 characters"})
        if uid in self.provisioned:
            raise Refused(400, {"message": "Cannot save provisioned dashboard"})
        folder = body.get("folderUid") or ""
        if folder and folder not in self.folders:
            raise Refused(400, traced("Folder not found"))
        old = self.boards.get(uid)
        if old and not body.get("overwrite") and board.get("version") != old["data"]["version"]:
            raise Refused(412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"})  # fmt: skip  # noqa: E501
        same = [
            item
            for name, item in self.boards.items()
            if name != uid and item["folder"] == folder and item["data"]["title"] == board["title"]
        ]
        if same and not body.get("overwrite"):
            raise Refused(412, {"message": "A dashboard with the same name in the folder already exists", "status": "name-exists"})  # fmt: skip  # noqa: E501
        return self._store(uid, board, folder, str(body.get("message") or ""))

    def _store(self, uid: str, board: dict[str, Any], folder: str, message: str) -> dict[str, Any]:
        old = self.boards.get(uid)
        board = self.migrate(board)
        version = old["data"]["version"] + 1 if old else 1
        number = old["data"]["id"] if old else self.next("board")
        board.pop("id", None)
        board |= {"uid": uid, "version": version}
        history = list(old["history"]) if old else []
        history.append({
            "id": self.next("version"), "dashboardId": number, "uid": uid, "parentVersion": version - 1,
            "restoredFrom": 0, "version": version, "created": now(),
            "message": message if old else "Initial save",
            "data": {**board, "id": number} if old else dict(board), "createdBy": "Anonymous",
        })  # fmt: skip
        created = old["created"] if old else now()
        self.boards[uid] = {"data": {**board, "id": number}, "folder": folder, "history": history,
                            "created": created, "updated": now()}  # fmt: skip
        slug = _slug(board["title"])
        return {"id": number, "slug": slug, "status": "success", "uid": uid,
                "url": f"/d/{uid}/{slug}", "version": version}  # fmt: skip

    def shown_board(self, uid: str) -> dict[str, Any]:
        item = self.board(uid)
        data, place = item["data"], self.folders.get(item["folder"])
        may = {"canAdd": True, "canEdit": True, "canDelete": True}
        slug = _slug(data["title"])
        meta = {
            "type": "db", "canSave": True, "canEdit": True, "canAdmin": True, "canStar": True,
            "canDelete": True, "slug": slug, "url": f"/d/{uid}/{slug}", "expires": "0001-01-01T00:00:00Z",
            "created": item["created"], "updated": item["updated"], "updatedBy": "Anonymous",
            "createdBy": "Anonymous", "version": data["version"], "hasAcl": False, "isFolder": False,
            "folderId": place["id"] if place else 0, "folderUid": item["folder"],
            "folderTitle": place["title"] if place else "General",
            "folderUrl": place["url"] if place else "", "provisioned": uid in self.provisioned,
            "provisionedExternalId": "",
            "annotationsPermissions": {"dashboard": may, "organization": may},
            "publicDashboardAccessToken": "", "publicDashboardUid": "", "publicDashboardEnabled": False,
        }  # fmt: skip
        return {"meta": meta, "dashboard": data}

    def restore(self, uid: str, version: int) -> dict[str, Any]:
        item = self.board(uid)
        data = next(old["data"] for old in item["history"] if old["version"] == version)
        return self._store(uid, dict(data), item["folder"], f"Restored from version {version}")

    def import_board(self, body: Mapping[str, Any]) -> dict[str, Any]:
        done = self.save({**body, "dashboard": body["dashboard"]})
        title = body["dashboard"]["title"]
        folder = body.get("folderUid", "")
        return {
            "uid": done["uid"], "pluginId": "", "title": title, "imported": True,
            "importedUri": f"db/{done['slug']}", "importedUrl": done["url"], "slug": done["slug"],
            "dashboardId": done["id"], "folderId": self.folders[folder]["id"] if folder else 0,
            "folderUid": folder, "description": "", "path": "", "removed": False,
        }  # fmt: skip

    def search(self, by: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        kind = by.get("type", [""])[0]
        found = []
        if kind != "dash-db":
            found += [
                {
                    "id": item["id"], "uid": uid, "title": item["title"],
                    "uri": f"db/{_slug(item['title'])}", "url": item["url"], "slug": "",
                    "type": "dash-folder", "tags": [], "isStarred": False, "sortMeta": 0,
                }
                for uid, item in self.folders.items()
            ]  # fmt: skip
        for uid, item in self.boards.items() if kind != "dash-folder" else ():
            data, place = item["data"], self.folders.get(item["folder"])
            if not set(by.get("tag", ())) <= set(data.get("tags") or ()):
                continue
            if "folderUIDs" in by and item["folder"] not in by["folderUIDs"]:
                continue
            slug = _slug(data["title"])
            one = {
                "id": data["id"], "uid": uid, "title": data["title"], "uri": f"db/{slug}",
                "url": f"/d/{uid}/{slug}", "slug": "", "type": "dash-db",
                "tags": data.get("tags") or [], "isStarred": False, "sortMeta": 0,
            }  # fmt: skip
            if place:
                one |= {"folderId": place["id"], "folderUid": place["uid"],
                        "folderTitle": place["title"], "folderUrl": place["url"]}  # fmt: skip
            found.append(one)
        found.sort(key=lambda item: (item["type"] == "dash-db", str(item["title"])))
        limit, page = int(by.get("limit", ["1000"])[0]), int(by.get("page", ["1"])[0])
        return found[limit * (page - 1) : limit * page]

    # Queries and annotations ------------------------------------------------------------------------

    def run(self, body: Mapping[str, Any]) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for item in body["queries"]:
            uid = (item.get("datasource") or {}).get("uid")
            if uid not in self.sources:
                raise Refused(404, traced("Data source not found"))
            source = self.sources[uid]
            if source["type"] != "prometheus":
                raise Refused(501, {"message": f"the stand-in cannot ask a {source['type']}"})
            results[item["refId"]] = query.prometheus(item, source, body, self.ask)
        if any("error" in result for result in results.values()):
            raise Refused(400, {"results": results})
        return {"results": results}

    def annotate(self, body: Mapping[str, Any], login: str) -> dict[str, Any]:
        number, now = self.next("note"), int(time.time() * 1000)
        at = body.get("time") or now
        self.notes[number] = {
            "id": number, "alertId": 0, "alertName": "", "dashboardId": 0, "dashboardUID": None,
            "panelId": 0, "userId": 0, "newState": "", "prevState": "", "created": now, "updated": now,
            "time": at, "timeEnd": body.get("timeEnd") or at, "text": body.get("text", ""),
            "tags": body.get("tags") or [], "login": login, "email": login,
            "avatarUrl": "/avatar/" + hashlib.md5(login.encode()).hexdigest(), "data": {},
        }  # fmt: skip
        return {"id": number, "message": "Annotation added"}


@dataclass(frozen=True, kw_only=True)
class Standin:
    """A running stand-in."""

    url: str
    user: str
    password: str
    state: State


@contextlib.contextmanager
def running(state: State | None = None) -> Iterator[Standin]:
    """Run a stand-in on a free port of the loopback."""
    from tests.servers.grafana_standin_http import handler

    held = state or State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(held))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield Standin(url=url, user=USER, password=PASSWORD, state=held)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
