"""A small web service as a team would have it: users, logins, orders; JSON logs and metrics.

All that it does for observability is `obskit.logging.configure(...)` and the three metrics that
obskit's dashboards and rules for services expect:

    http_requests_total{service,method,route,status}             counter
    http_request_duration_seconds{service,method,route,status}   histogram
    service_build_info{service,version}                          gauge, 1

Run it with `python examples/service/app.py --port 8080 --log /var/log/user-service/app.log --load 5`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import random
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx
import uvicorn
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from obskit.logging import configure

SERVICE = "user-service"
VERSION = "1.4.2"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

log = logging.getLogger("shop.http")
Endpoint = Callable[[Request], Awaitable[Response]]


class Metrics:
    """Rate, errors and duration of the requests, by route and never by path."""

    def __init__(self) -> None:
        labels = ("service", "method", "route", "status")
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.requests = Counter(
            "http_requests_total", "Requests answered.", labels, registry=self.registry
        )
        self.duration = Histogram(
            "http_request_duration_seconds",
            "Time until the answer, in seconds.",
            labels,
            registry=self.registry,
            buckets=BUCKETS,
        )
        build = Gauge(
            "service_build_info", "1, by version.", ("service", "version"), registry=self.registry
        )
        build.labels(SERVICE, VERSION).set(1)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        values = (SERVICE, method, route, str(status))
        self.requests.labels(*values).inc()
        self.duration.labels(*values).observe(seconds)


def trace_of(request: Request) -> str:
    """The trace id that the caller sent (W3C Trace Context), else a new one."""
    header = request.headers.get("traceparent", "")
    match = re.fullmatch(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", header)
    return match[1] if match else uuid.uuid4().hex


def observed(route: str, endpoint: Endpoint, metrics: Metrics) -> Endpoint:
    """The endpoint with one log line and one measurement a request."""

    async def measured(request: Request) -> Response:
        started = time.perf_counter()
        failure: Exception | None = None
        try:
            response = await endpoint(request)
        except Exception as error:  # noqa: BLE001 - the edge of the service: logged and answered 500
            failure = error
            response = JSONResponse({"error": "internal"}, status_code=500)
        seconds = time.perf_counter() - started
        status = response.status_code
        metrics.observe(request.method, route, status, seconds)
        level = (
            logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.INFO
        )
        log.log(
            level,
            f"{request.method} {request.url.path} {status}",
            exc_info=failure,
            extra={
                "trace_id": trace_of(request),
                "client_ip": request.client.host if request.client else None,
                "http.method": request.method,
                "http.route": route,
                "http.status": status,
                "duration_ms": round(seconds * 1000, 3),
            },
        )
        return response

    return measured


async def login(request: Request) -> Response:
    """Log a user in: slow on purpose, as hashing a password is."""
    await asyncio.sleep(random.uniform(0.02, 0.06))
    body = await request.json()
    known = str(body.get("user", "")).startswith("user-")
    return JSONResponse({"ok": known}, status_code=200 if known else 401)


async def user(request: Request) -> Response:
    """One user; every thousandth is missing."""
    await asyncio.sleep(random.uniform(0.001, 0.01))
    number = request.path_params["id"]
    if number % 1000 == 0:
        return JSONResponse({"error": "no such user"}, status_code=404)
    return JSONResponse({"id": number, "name": f"user-{number}"})


async def orders(request: Request) -> Response:
    """Orders of a user, from a database that is away now and then."""
    await asyncio.sleep(random.uniform(0.005, 0.03))
    if random.random() < request.app.state.errors:
        raise ConnectionError("the database did not answer")
    return JSONResponse({"orders": random.randrange(5)})


@dataclass(frozen=True)
class Load:
    """Requests that the service sends to itself, so that there is something to see."""

    url: str
    per_second: float

    async def run(self) -> None:
        """Send requests until it is cancelled."""
        async with httpx.AsyncClient(base_url=self.url, timeout=5, trust_env=False) as client:
            while True:
                kind = random.random()
                trace = {"traceparent": f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01"}
                # Not listening yet, or a request that took too long: the next one follows.
                with contextlib.suppress(httpx.TransportError):
                    if kind < 0.2:
                        name = f"user-{random.randrange(50)}"
                        await client.post("/login", json={"user": name}, headers=trace)
                    elif kind < 0.7:
                        await client.get(f"/users/{random.randrange(1, 5000)}", headers=trace)
                    else:
                        await client.get("/orders", headers=trace)
                await asyncio.sleep(random.expovariate(self.per_second))


def application(*, errors: float = 0.002, load: Load | None = None) -> Starlette:
    """The service.

    Args:
        errors: Share of the order requests that fail.
        load: Traffic that it sends to itself.
    """
    metrics = Metrics()

    async def exposition(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def ready(_: Request) -> Response:
        return Response("ready\n", media_type="text/plain")

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        log.info("%s %s starts", SERVICE, VERSION)
        task = asyncio.create_task(load.run()) if load else None
        yield
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        log.info("%s stops", SERVICE)

    def route(path: str, endpoint: Endpoint, method: str) -> Route:
        shown = re.sub(r":\w+}", "}", path)
        return Route(path, observed(shown, endpoint, metrics), methods=[method])

    app = Starlette(
        lifespan=lifespan,
        routes=[
            route("/login", login, "POST"),
            route("/users/{id:int}", user, "GET"),
            route("/orders", orders, "GET"),
            Route("/metrics", exposition),
            Route("/-/ready", ready),
        ],
    )
    app.state.errors = errors
    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="The sample service.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--log", required=True, help="file that Filebeat follows")
    parser.add_argument("--load", type=float, default=0.0, help="own requests a second")
    parser.add_argument("--errors", type=float, default=0.002, help="share of orders that fail")
    options = parser.parse_args()
    configure(service=SERVICE, path=options.log)
    load = Load(f"http://127.0.0.1:{options.port}", options.load) if options.load else None
    app = application(errors=options.errors, load=load)
    uvicorn.run(app, host=options.host, port=options.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
