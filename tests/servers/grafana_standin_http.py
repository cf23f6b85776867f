"""The HTTP side of the Grafana of the tests: paths, sign-in, privileges, statuses."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers.grafana_standin import PERMISSIONS, Refused, State, now, traced

if TYPE_CHECKING:
    from collections.abc import Mapping

_UTF8 = "application/json; charset=UTF-8"
#: What a Viewer may not do, and the words of the refusal.
_GUARDED = (
    ("POST", r"/api/datasources", "Permissions needed: datasources:create"),
    ("PUT", r"/api/datasources/uid/.*", "Permissions needed: datasources:write"),
    ("DELETE", r"/api/datasources/uid/.*", "Permissions needed: datasources:delete"),
    ("POST", r"/api/folders", "Permissions needed: folders:create"),
    ("PUT", r"/api/folders/.*", "Permissions needed: folders:write"),
    ("DELETE", r"/api/folders/.*", "Permissions needed: folders:delete"),
    ("POST", r"/api/dashboards/.*", "Permissions needed: any of dashboards:create, dashboards:write"),
    ("DELETE", r"/api/dashboards/.*", "Permissions needed: dashboards:delete"),
    ("POST", r"/api/annotations", "Permissions needed: annotations:create"),
)  # fmt: skip


class Call:
    """One request, as the routes see it."""

    def __init__(
        self, state: State, path: str, by: dict[str, list[str]], body: Any, role: str, login: str
    ) -> None:
        self.state, self.path, self.by, self.body = state, path, by, body
        self.role, self.login = role, login

    def part(self, at: int) -> str:
        return unquote(self.path.split("/")[at])


def _org(_: Call) -> Any:
    address = dict.fromkeys(("address1", "address2", "city", "zipCode", "state", "country"), "")
    return {"id": 1, "name": "Main Org.", "address": address}


def _user(_: Call) -> Any:
    mail = "admin@localhost"
    return {
        "id": 1, "email": mail, "name": "", "login": "admin", "theme": "", "orgId": 1,
        "isGrafanaAdmin": True, "isDisabled": False, "isExternal": False, "isExternallySynced": False,
        "authLabels": [], "updatedAt": now(), "createdAt": now(),
        "avatarUrl": "/avatar/" + hashlib.md5(mail.encode()).hexdigest(),
    }  # fmt: skip


def _account(call: Call) -> Any:
    state, body = call.state, call.body
    state.ids.setdefault("user", 1)  # the administrator
    number = state.next("user")
    state.accounts[number] = {
        "id": number, "name": body["name"], "login": f"sa-{body['name']}", "orgId": 1,
        "isDisabled": False, "role": body["role"], "tokens": 0, "avatarUrl": "",
    }  # fmt: skip
    raise Refused(201, state.accounts[number])


def _token(call: Call) -> Any:
    key = f"glsa_{secrets.token_hex(16)}"
    call.state.tokens[key] = int(call.part(3))
    return {"id": call.state.next("token"), "name": call.body["name"], "key": key}


def _health_of_source(call: Call) -> Any:
    source = call.state.shown_source(call.part(4))
    if source["type"] != "prometheus":
        raise Refused(404, traced("Not found"))
    status, _ = call.state.ask(source["url"], "/api/v1/query", {"query": "1+1"})
    if status != 200:
        raise Refused(400, {"message": "There was an error returned querying the Prometheus API.", "status": "ERROR"})  # fmt: skip  # noqa: E501
    return {"message": "Successfully queried the Prometheus API.", "status": "OK"}


def _delete_board(call: Call) -> Any:
    uid = call.part(4)
    data = call.state.board(uid)["data"]
    del call.state.boards[uid]
    return {"id": data["id"], "message": f"Dashboard {data['title']} deleted", "title": data["title"]}  # fmt: skip


def _notes(call: Call) -> Any:
    wanted = set(call.by.get("tags", ()))
    found = [note for note in call.state.notes.values() if wanted <= set(note["tags"])]
    found.sort(key=lambda note: (note["time"], note["id"]), reverse=True)
    return found[: int(call.by.get("limit", ["100"])[0])]


def _delete_note(call: Call) -> Any:
    call.state.notes.pop(int(call.part(3)), None)
    return {"message": "Annotation deleted"}


def _libraries(call: Call) -> Any:
    found = [
        {"uid": uid, "name": model.get("title", uid), "kind": 1, "model": model,
         "meta": {"folderUid": model.get("folder", "")}}
        for uid, model in call.state.library.items()
    ]  # fmt: skip
    return {
        "result": {"totalCount": len(found), "elements": found, "page": 1, "perPage": len(found)}
    }


def _library(call: Call) -> Any:
    uid = call.part(3)
    if uid not in call.state.library:
        raise Refused(404, traced("library element could not be found"))
    return {"result": {"uid": uid, "model": call.state.library[uid]}}


_CONTACTS = [{"uid": "", "name": "email receiver", "type": "email",
              "settings": {"addresses": "<example@email.com>"}, "disableResolveMessage": False}]  # fmt: skip

_POLICIES = {"receiver": "grafana-default-email", "group_by": ["grafana_folder", "alertname"]}

ROUTES: tuple[tuple[str, str, Callable[[Call], Any]], ...] = (
    ("GET", r"/api/org", _org),
    ("GET", r"/api/user", _user),
    ("GET", r"/api/access-control/user/permissions", lambda c: PERMISSIONS if c.role == "Admin" else {}),
    ("GET", r"/api/frontend/settings", lambda _: {}),
    ("POST", r"/api/serviceaccounts", _account),
    ("POST", r"/api/serviceaccounts/\d+/tokens", _token),
    ("GET", r"/api/datasources", lambda c: [c.state.shown_source(uid) for uid in c.state.sources]),
    ("POST", r"/api/datasources", lambda c: c.state.put_source(c.body)),
    ("GET", r"/api/datasources/uid/[^/]+", lambda c: c.state.shown_source(c.part(4))),
    ("PUT", r"/api/datasources/uid/[^/]+", lambda c: c.state.put_source(c.body, c.part(4))),
    ("DELETE", r"/api/datasources/uid/[^/]+", lambda c: c.state.delete_source(c.part(4))),
    ("GET", r"/api/datasources/uid/[^/]+/health", _health_of_source),
    ("GET", r"/api/folders", lambda c: list(c.state.folders.values())),
    ("POST", r"/api/folders", lambda c: c.state.put_folder(c.body)),
    ("GET", r"/api/folders/[^/]+", lambda c: c.state.folder(c.part(3))),
    ("PUT", r"/api/folders/[^/]+", lambda c: c.state.put_folder(c.body, c.part(3))),
    ("DELETE", r"/api/folders/[^/]+", lambda c: c.state.delete_folder(c.part(3))),
    ("POST", r"/api/dashboards/db", lambda c: c.state.save(c.body)),
    ("POST", r"/api/dashboards/import", lambda c: c.state.import_board(c.body)),
    ("GET", r"/api/dashboards/uid/[^/]+", lambda c: c.state.shown_board(c.part(4))),
    ("DELETE", r"/api/dashboards/uid/[^/]+", _delete_board),
    ("GET", r"/api/dashboards/uid/[^/]+/versions", lambda c: c.state.board(c.part(4))["history"][::-1]),
    ("POST", r"/api/dashboards/uid/[^/]+/restore", lambda c: c.state.restore(c.part(4), c.body["version"])),
    ("GET", r"/api/search", lambda c: c.state.search(c.by)),
    ("POST", r"/api/ds/query", lambda c: c.state.run(c.body)),
    ("GET", r"/api/annotations", _notes),
    ("POST", r"/api/annotations", lambda c: c.state.annotate(c.body, c.login)),
    ("DELETE", r"/api/annotations/\d+", _delete_note),
    ("GET", r"/api/library-elements/?", _libraries),
    ("GET", r"/api/library-elements/[^/]+", _library),
    ("GET", r"/api/v1/provisioning/contact-points", lambda _: _CONTACTS),
    ("GET", r"/api/v1/provisioning/policies", lambda _: _POLICIES),
    ("GET", r"/api/v1/provisioning/alert-rules", lambda _: []),
)  # fmt: skip


def answer(
    state: State, method: str, target: str, authorization: str, raw: bytes
) -> tuple[int, Any, str]:
    """Status, body and content type for one request."""
    where = urlsplit(target)
    path = where.path
    if (method, path) == ("GET", "/api/health"):
        return 200, {"commit": "NA", "database": "ok", "version": "10.0.0-preview"}, _UTF8
    try:
        with state.lock:
            role = state.role(authorization)
        for verb, pattern, words in _GUARDED:
            if role == "Viewer" and verb == method and re.fullmatch(pattern, path):
                body = {"accessErrorId": "ACE" + secrets.token_hex(5), "title": "Access denied",
                        "message": f"You'll need additional permissions to perform this action. {words}"}  # fmt: skip
                return 403, body, _UTF8
        for verb, pattern, route in ROUTES:
            if verb == method and re.fullmatch(pattern, path):
                try:
                    body = json.loads(raw) if raw else None
                except ValueError:
                    raise Refused(400, traced("bad request data")) from None
                login = "admin"
                if authorization.startswith("Bearer "):
                    login = state.accounts[state.tokens[authorization[7:]]]["login"]
                call = Call(state, path, parse_qs(where.query), body, role, login)
                if path == "/api/ds/query":
                    return 200, route(call), "application/json"
                with state.lock:
                    return 200, json.loads(json.dumps(route(call))), "application/json"
    except Refused as refusal:
        kind = _UTF8 if refusal.charset else "application/json"
        return refusal.status, refusal.body, kind
    return 404, {"message": "Not found"}, _UTF8


def handler(state: State) -> type[BaseHTTPRequestHandler]:
    """The request handler class of one stand-in."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _do(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(size) if size else b""
            with state.lock:
                state.requests.append((self.command, self.path))
                forced = state.fail(self.command, self.path)
            if forced is not None:
                self._send(*forced)
                return
            status, body, kind = answer(
                state, self.command, self.path, self.headers.get("Authorization") or "", raw
            )
            self._send(status, json.dumps(body).encode(), {"Content-Type": kind})

        def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _do

        def log_message(self, *_: Any) -> None:
            """Say nothing on the terminal."""

    return Handler
