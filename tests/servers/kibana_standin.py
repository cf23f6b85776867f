"""A stand-in for Kibana, since none can be had where these tests run.

It is written from Kibana's public documentation of the data views API, the saved objects API and
``GET /api/status``, not from recordings: what only a real Kibana can show stays unproved, and the same
tests run against one where ``OBSKIT_TEST_KIBANA_URL`` is set. It keeps state, insists on ``kbn-xsrf`` for
writes, answers in Kibana's form of errors, and adds to objects what Kibana adds.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

USER, PASSWORD = "elastic", "of-a-stand-in"
#: What an index behind the data views would have.
_FIELDS = {"@timestamp": "date", "trace_id": "string", "level": "string"}
_AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@dataclass
class StandIn:
    """Its address, its objects, and what it was asked."""

    url: str = ""
    #: (space, type, id) → saved object
    objects: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    version: int = 0

    def stamp(self) -> str:
        """A new version, as each write makes one."""
        self.version += 1
        return base64.b64encode(f"[{self.version},1]".encode()).decode()


class _Refusal(Exception):
    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"statusCode": status, "error": error, "message": message}


def _missing(kind: str, id_: str) -> _Refusal:
    return _Refusal(404, "Not Found", f"Saved object [{kind}/{id_}] not found")


@contextlib.contextmanager
def kibana() -> Iterator[StandIn]:
    """A stand-in on a free port of the loopback."""
    state = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing: the test has the requests."""

        def _serve(self) -> None:
            length = int(self.headers.get("content-length", 0))
            raw = self.rfile.read(length)
            parts = urlsplit(self.path)
            state.requests.append(f"{self.command} {self.path}")
            try:
                if self.headers.get("authorization") != _AUTHORIZATION:
                    raise _Refusal(401, "Unauthorized", "unable to authenticate user")
                if self.command != "GET" and not self.headers.get("kbn-xsrf"):
                    raise _Refusal(400, "Bad Request", "Request must contain a kbn-xsrf header.")
                body = json.loads(raw) if raw else {}
                with state.lock:
                    status, answer = _route(
                        state, self.command, unquote(parts.path), parse_qs(parts.query), body
                    )
            except _Refusal as refusal:
                status, answer = refusal.status, refusal.body
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json; charset=utf-8")
            self.send_header("kbn-name", "stand-in")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _serve

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _route(
    state: StandIn, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]
) -> tuple[int, Any]:
    space = "default"
    if path.startswith("/s/"):
        _, _, space, rest = path.split("/", 3)
        path = "/" + rest
    match path.strip("/").split("/"):
        case ["api", "status"]:
            return 200, {
                "name": "stand-in",
                "version": {"number": "8.19.0", "build_flavor": "traditional"},
                "status": {
                    "overall": {"level": "available", "summary": "All services are available"}
                },
            }
        case ["api", "data_views"] if method == "GET":
            views = [
                item for key, item in state.objects.items() if key[:2] == (space, "index-pattern")
            ]
            return 200, {"data_view": [{"id": item["id"], **item["attributes"]} for item in views]}
        case ["api", "data_views", "data_view"] if method == "POST":
            return _create_view(state, space, body)
        case ["api", "data_views", "data_view", id_]:
            return _view(state, space, method, id_, body)
        case ["api", "saved_objects", kind, id_]:
            overwrite = query.get("overwrite") == ["true"]
            return _saved(state, space, method, kind, id_, body, overwrite=overwrite)
    raise _Refusal(404, "Not Found", "Not Found")


def _create_view(state: StandIn, space: str, body: dict[str, Any]) -> tuple[int, Any]:
    given = dict(body["data_view"])
    id_ = given.pop("id", f"made-up-{len(state.objects)}")
    for (other_space, kind, other), item in list(state.objects.items()):
        if (other_space, kind) != (space, "index-pattern"):
            continue
        if other == id_ or item["attributes"].get("name") == given.get("name"):
            if not body.get("override"):
                raise _Refusal(400, "Bad Request", f"Duplicate data view: {given.get('name')}")
            del state.objects[other_space, kind, other]
    state.objects[space, "index-pattern", id_] = {
        "id": id_, "type": "index-pattern", "attributes": given, "references": [], "version": state.stamp(),
    }  # fmt: skip
    return 200, {"data_view": _spec(state.objects[space, "index-pattern", id_], space)}


def _view(
    state: StandIn, space: str, method: str, id_: str, body: dict[str, Any]
) -> tuple[int, Any]:
    key = (space, "index-pattern", id_)
    if key not in state.objects:
        raise _missing("index-pattern", id_)
    if method == "DELETE":
        del state.objects[key]
        return 200, None
    item = state.objects[key]
    if method == "POST":
        # Unspecified fields stay as they are.
        item["attributes"] = {**item["attributes"], **body["data_view"]}
        item["version"] = state.stamp()
    return 200, {"data_view": _spec(item, space)}


def _spec(item: dict[str, Any], space: str) -> dict[str, Any]:
    """A data view as the API returns it: with its version, fields and empty defaults."""
    defaults = {
        "sourceFilters": [],
        "typeMeta": {},
        "fieldFormats": {},
        "runtimeFieldMap": {},
        "fieldAttrs": {},
    }
    fields = {
        name: {"name": name, "type": kind, "searchable": True, "aggregatable": True}
        for name, kind in _FIELDS.items()
    }
    return {
        "id": item["id"], "version": item["version"], **defaults, **item["attributes"], "fields": fields,
        "allowNoIndex": False, "namespaces": [space],
    }  # fmt: skip


def _saved(
    state: StandIn,
    space: str,
    method: str,
    kind: str,
    id_: str,
    body: dict[str, Any],
    *,
    overwrite: bool,
) -> tuple[int, Any]:
    key = (space, kind, id_)
    if method == "POST":
        if key in state.objects and not overwrite:
            raise _Refusal(409, "Conflict", f"Saved object [{kind}/{id_}] conflict")
        attributes = dict(body["attributes"])
        if kind == "search":  # what migrations of the type add
            attributes = {"hideChart": False, "grid": {}, "isTextBasedQuery": False, **attributes}
        state.objects[key] = {
            "id": id_, "type": kind, "attributes": attributes, "references": body.get("references", []),
            "version": state.stamp(), "namespaces": [space], "updated_at": "2023-09-10T12:34:56.000Z",
            "coreMigrationVersion": "8.8.0", "managed": False,
        }  # fmt: skip
        return 200, state.objects[key]
    if key not in state.objects:
        raise _missing(kind, id_)
    if method == "DELETE":
        del state.objects[key]
        return 200, {}
    return 200, state.objects[key]
