"""ASGI middleware: every event of a request carries its trace and client, and each request is one event more."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from obskit.logging.context import CONTEXT, bind
from obskit.logging.request import Proxies, trace_of

__all__ = ["ASGIMiddleware"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ASGIMiddleware:
    """Binds ``trace_id`` and ``client_ip`` for a request, and logs its method, route, status and duration.

    Args:
        app: The application: Starlette, FastAPI, Django, Quart and others.
        trusted_proxies: Addresses and networks whose ``X-Forwarded-For`` is believed; nobody's by default.
        logger: Name of the logger of requests; empty to log none.

    Raises:
        ConfigError: A trusted proxy is no address and no network.
    """

    def __init__(
        self, app: App, *, trusted_proxies: Iterable[str] = (), logger: str = "obskit.access"
    ) -> None:
        self._app = app
        self._proxies = Proxies(trusted_proxies)
        self._log = logging.getLogger(logger) if logger else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection.

        Args:
            scope: What the server knows of it.
            receive: Gives events of the client.
            send: Takes events for the client.
        """
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers: dict[str, str] = {}
        forwarded: list[str] = []
        for name, value in scope.get("headers", ()):
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            headers.setdefault(key, text)
            if key == "x-forwarded-for":
                forwarded.append(text)
        client = scope.get("client")
        address = self._proxies.client(client[0] if client else None, forwarded)
        token = bind(**trace_of(headers), **({"client_ip": address} if address else {}))
        start = time.perf_counter()
        status = 0

        async def watch(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            self._request(scope, status or 500, start, failed=True)
            raise
        else:
            self._request(scope, status, start, failed=False)
        finally:
            CONTEXT.reset(token)

    def _request(self, scope: Scope, status: int, start: float, *, failed: bool) -> None:
        if self._log is None:
            return
        method = scope.get("method", "WEBSOCKET")
        route = _route(scope)
        fields: dict[str, Any] = {"http.method": method}
        if route:
            fields["http.route"] = route
        if status:
            fields["http.status"] = status
        fields["duration_ms"] = round((time.perf_counter() - start) * 1e3, 3)
        level = logging.ERROR if failed or status >= 500 else logging.INFO
        shown = route or scope.get("path", "")
        self._log.log(
            level, "%s %s %s", method, shown, status or "-", extra=fields, exc_info=failed
        )


def _route(scope: Scope) -> str:
    """The template of the path; empty where no route took the request, since paths are of any number."""
    template = getattr(scope.get("route"), "path", None)
    if isinstance(template, str):
        return template
    if "endpoint" not in scope:
        return ""
    names = {str(value): name for name, value in (scope.get("path_params") or {}).items()}
    parts = str(scope.get("path", "")).split("/")
    return "/".join(f"{{{names[part]}}}" if part in names else part for part in parts)
