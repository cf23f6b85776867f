"""WSGI middleware: the same as `obskit.logging.asgi`, for Flask, Django and others on WSGI servers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import Token
from typing import TYPE_CHECKING, Any

from obskit.logging.context import CONTEXT, bind
from obskit.logging.request import Proxies, trace_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["WSGIMiddleware"]


class WSGIMiddleware:
    """Binds ``trace_id`` and ``client_ip`` for a request, and logs its method, route, status and duration.

    Args:
        app: The application.
        trusted_proxies: Addresses and networks whose ``X-Forwarded-For`` is believed; nobody's by default.
        logger: Name of the logger of requests; empty to log none.
        route: Gives the template of the path that took a request; for Flask it is found without.

    Raises:
        ConfigError: A trusted proxy is no address and no network.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        trusted_proxies: Iterable[str] = (),
        logger: str = "obskit.access",
        route: Callable[[WSGIEnvironment], str] | None = None,
    ) -> None:
        self._app = app
        self._proxies = Proxies(trusted_proxies)
        self._log = logging.getLogger(logger) if logger else None
        self._route = _flask_route if route is None else route

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request.

        Args:
            environ: What the server knows of it.
            start_response: Begins the answer.
        """
        headers = {
            key[5:].replace("_", "-").lower(): value
            for key, value in environ.items()
            if key.startswith("HTTP_")
        }
        forwarded = [headers["x-forwarded-for"]] if "x-forwarded-for" in headers else []
        address = self._proxies.client(environ.get("REMOTE_ADDR"), forwarded)
        token = bind(**trace_of(headers), **({"client_ip": address} if address else {}))
        request = _Request(self._log, environ, token)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            request.status = int(status[:3]) if status[:3].isdigit() else 0
            # Now: Flask forgets its request before the server has taken the answer's body.
            request.route = self._route(environ)
            return (
                start_response(status, headers, exc_info)
                if exc_info
                else start_response(status, headers)
            )

        try:
            body = self._app(environ, start)
        except BaseException as error:
            request.end(failed=isinstance(error, Exception))
            raise
        return _Body(body, request)


class _Request:
    def __init__(
        self,
        log: logging.Logger | None,
        environ: WSGIEnvironment,
        token: Token[Any],
    ) -> None:
        self._log = log
        self._environ = environ
        self._token = token
        self._start = time.perf_counter()
        self._over = False
        self.status = 0
        self.route = ""

    def end(self, *, failed: bool) -> None:
        """Logs the request and unbinds its values; once."""
        if self._over:
            return
        self._over = True
        try:
            self._write(failed=failed)
        finally:
            try:
                CONTEXT.reset(self._token)
            except ValueError:  # the server ends the answer in another context
                CONTEXT.set(None)

    def _write(self, *, failed: bool) -> None:
        if self._log is None:
            return
        status = self.status or (500 if failed else 0)
        method = self._environ.get("REQUEST_METHOD", "-")
        fields: dict[str, Any] = {"http.method": method}
        if self.route:
            fields["http.route"] = self.route
        if status:
            fields["http.status"] = status
        fields["duration_ms"] = round((time.perf_counter() - self._start) * 1e3, 3)
        level = logging.ERROR if failed or status >= 500 else logging.INFO
        shown = self.route or self._environ.get("PATH_INFO", "")
        self._log.log(
            level, "%s %s %s", method, shown, status or "-", extra=fields, exc_info=failed
        )


class _Body:
    """The answer's body: the request ends when the server has taken all of it."""

    def __init__(self, body: Iterable[bytes], request: _Request) -> None:
        self._body = body
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception:
            self._request.end(failed=True)
            raise

    def close(self) -> None:
        """Ends the request; WSGI servers call it whatever happened."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._request.end(failed=False)


def _flask_route(environ: WSGIEnvironment) -> str:
    """The rule that took a request in Flask; empty elsewhere."""
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    found = getattr(rule, "rule", "")
    return found if isinstance(found, str) else ""
