"""The relay's addresses: where Alertmanager posts, and what Prometheus and probes ask."""

from __future__ import annotations

import hmac
import logging
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from obskit.config import Secret
from obskit.errors import LocalError
from obskit.relay.relay import Relay
from obskit.relay.robots.base import Target

__all__ = ["BODY_CAP", "application"]

#: Most bytes of a notification; Alertmanager's largest are some hundred kilobytes.
BODY_CAP: Final = 4 * 1024 * 1024

_log = logging.getLogger("obskit.relay")


def application(relay: Relay, tokens: Mapping[str, Secret] | None = None) -> Starlette:
    """The relay as an ASGI application; it sends while the application runs.

    Args:
        relay: The relay.
        tokens: Bearer token that a project's notifications have to carry, by project.
    """
    known = tokens or {}

    async def notify(request: Request) -> Response:
        target = Target(**request.path_params)
        refusal = _refused(request, target, relay, known)
        if refusal is not None:
            return refusal
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_CAP:
                    return _refuse(relay, target, 413, f"is larger than {BODY_CAP} bytes")
        except ClientDisconnect:
            return _refuse(relay, target, 400, "broke off")
        try:
            new = await run_in_threadpool(relay.accept, target, bytes(body))
        except ValueError as error:
            return _refuse(relay, target, 400, str(error))
        except (sqlite3.Error, LocalError) as error:
            # 5xx: Alertmanager keeps it and comes again.
            _log.error("a notification for %s could not be kept: %s", target, error)
            return _refuse(relay, target, 503, f"could not be kept: {error}")
        return JSONResponse({"status": "queued" if new else "duplicate"})

    async def ready(_: Request) -> Response:
        try:
            await run_in_threadpool(relay.queue.probe)
        except sqlite3.Error as error:
            return PlainTextResponse(f"the queue cannot be written: {error}\n", status_code=503)
        if not relay.alive:
            return PlainTextResponse("a lane has ended: see the log\n", status_code=503)
        return PlainTextResponse("obskit relay is ready\n")

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("obskit relay is healthy\n")

    def metrics(_: Request) -> Response:  # not async: Starlette runs it in a thread
        return Response(generate_latest(relay.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        relay.start()
        yield
        await run_in_threadpool(relay.stop)

    return Starlette(
        routes=[
            Route("/v1/{project}/{receiver}/{kind}", notify, methods=["POST"]),
            Route("/-/ready", ready),
            Route("/-/healthy", healthy),
            Route("/metrics", metrics),
        ],
        lifespan=lifespan,
    )


def _refused(
    request: Request, target: Target, relay: Relay, tokens: Mapping[str, Secret]
) -> Response | None:
    token = tokens.get(target.project)
    if token is not None:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode("latin-1"), f"Bearer {token.reveal()}".encode()):
            return _refuse(relay, target, 401, "carries no valid token")
    if target not in relay.targets:
        return _refuse(relay, target, 404, "obskit.yml names no such receiver of this kind")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > BODY_CAP:
        return _refuse(relay, target, 413, f"is larger than {BODY_CAP} bytes")
    return None


def _refuse(relay: Relay, target: Target, status: int, reason: str) -> Response:
    relay.metrics.rejected(status)
    _log.warning("refused a notification for %s: %s", target, reason, extra={"status": status})
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": reason}, status_code=status, headers=headers)
