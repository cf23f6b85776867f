"""Requests over ASGI and WSGI: their events carry trace and client, and no client chooses its own address."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from obskit.errors import ConfigError
from obskit.logging import ASGIMiddleware, WSGIMiddleware, context
from obskit.logging.recorder import Recorder
from obskit.logging.request import Proxies

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def recorder(caplog: pytest.LogCaptureFixture) -> Iterator[Recorder]:
    caplog.set_level(logging.WARNING, "httpx")  # the test client's own words
    with Recorder() as made:
        yield made
        assert made.violations() == []


async def user(request: Request) -> PlainTextResponse:
    logging.getLogger("app").warning("looking up")
    return PlainTextResponse(request.path_params["id"])


async def broken(request: Request) -> PlainTextResponse:
    raise RuntimeError("boom")


async def stream(request: Request) -> StreamingResponse:
    async def body() -> Any:
        logging.getLogger("app").warning("streaming")
        yield b"x"

    return StreamingResponse(body())


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


def asgi(**options: Any) -> TestClient:
    routes = [
        Route("/users/{id}", user), Route("/broken", broken), Route("/stream", stream), WebSocketRoute("/ws", socket),
    ]  # fmt: skip
    app = ASGIMiddleware(Starlette(routes=routes), **options)
    return TestClient(app, raise_server_exceptions=False, client=("10.0.0.7", 50000))


def test_a_request_is_one_event_and_its_others_carry_its_trace(recorder: Recorder) -> None:
    asgi().get("/users/42", headers={"traceparent": TRACEPARENT})
    inner, request = recorder.events
    assert inner["trace_id"] == request["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert inner["client_ip"] == "10.0.0.7"
    assert request["http"] == {"method": "GET", "route": "/users/{id}", "status": 200}
    assert request["message"] == "GET /users/{id} 200"
    assert request["duration_ms"] > 0
    assert context() == {}


def test_a_request_without_a_trace_gets_one(recorder: Recorder) -> None:
    client = asgi()
    for _ in range(2):
        client.get("/users/1")
    ids = {event["trace_id"] for event in recorder.events}
    assert len(ids) == 2
    assert all(len(item) == 32 for item in ids)


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-123", True), ("a b", False), ("x" * 129, False), ("", False)]
)
def test_a_request_id_is_taken_if_it_is_one(recorder: Recorder, given: str, kept: bool) -> None:
    asgi().get("/users/1", headers={"x-request-id": given})
    assert (recorder.events[-1]["trace_id"] == given) is kept


def test_an_exception_is_logged_as_500(recorder: Recorder) -> None:
    asgi().get("/broken")
    event = recorder.events[-1]
    assert (event["level"], event["http"]["status"]) == ("ERROR", 500)
    assert event["error"]["message"] == "boom"


def test_an_unknown_path_has_no_route(recorder: Recorder) -> None:
    asgi().get("/no/such/path/4711")
    event = recorder.events[-1]
    assert event["http"] == {"method": "GET", "status": 404}


def test_a_stream_keeps_its_context(recorder: Recorder) -> None:
    asgi().get("/stream", headers={"traceparent": TRACEPARENT})
    assert {event["trace_id"] for event in recorder.events} == {"4bf92f3577b34da6a3ce929d0e0e4736"}


def test_a_websocket_is_one_event(recorder: Recorder) -> None:
    with asgi().websocket_connect("/ws"):
        pass
    assert recorder.events[-1]["http"]["status"] == 101


def test_lifespan_passes_through(recorder: Recorder) -> None:
    with asgi():
        pass
    assert recorder.events == []


def test_a_spoofed_address_is_ignored(recorder: Recorder) -> None:
    asgi().get("/users/1", headers={"x-forwarded-for": "6.6.6.6"})
    assert recorder.events[-1]["client_ip"] == "10.0.0.7"


def test_a_trusted_proxy_is_believed(recorder: Recorder) -> None:
    asgi(trusted_proxies=["10.0.0.0/8"]).get(
        "/users/1", headers={"x-forwarded-for": "6.6.6.6, 203.0.113.9"}
    )
    assert recorder.events[-1]["client_ip"] == "203.0.113.9"


def test_requests_can_go_unlogged(recorder: Recorder) -> None:
    asgi(logger="").get("/users/1")
    assert [event["message"] for event in recorder.events] == ["looking up"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1, , 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["\x00", "' or 1=1"], "10.0.0.1"),
        ("10.0.0.1", [",".join(["10.0.0.9"] * 10_000)], "10.0.0.9"),
        ("203.0.113.1", ["1.1.1.1"], "203.0.113.1"),
        ("::ffff:203.0.113.1", ["1.1.1.1"], "203.0.113.1"),
        ("::ffff:10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("", ["1.1.1.1"], "1.1.1.1"),
        (None, ["1.1.1.1"], "1.1.1.1"),
        ("testclient", ["1.1.1.1"], None),
    ],
)
def test_who_the_client_is(peer: str | None, forwarded: list[str], client: str | None) -> None:
    assert Proxies(["10.0.0.0/8"]).client(peer, forwarded) == client


@pytest.mark.parametrize(
    "header",
    ["forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-forwarded", "x_forwarded_for"],
)
def test_no_other_header_names_the_client(recorder: Recorder, header: str) -> None:
    """A proxy that sets one of them lets the others of its clients through."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        logging.getLogger("app").info("inside")

    seen = ASGIMiddleware(app, trusted_proxies=["10.0.0.0/8"])
    value = b"for=1.1.1.1" if header == "forwarded" else b"1.1.1.1"
    headers = [(header.encode(), value), (b"X-Forwarded-For", b"203.0.113.9")]
    scope = {"type": "http", "path": "/", "headers": headers, "client": ("10.0.0.1", 1)}
    asyncio.run(seen(scope, None, None))  # type: ignore[arg-type]
    assert {event["client_ip"] for event in recorder.events} == {"203.0.113.9"}


def test_one_proxy_may_stand_alone() -> None:
    assert Proxies("10.0.0.1").client("10.0.0.1", ["1.1.1.1"]) == "1.1.1.1"


def test_without_trusted_proxies_nobody_is_believed() -> None:
    proxies = Proxies([])
    assert proxies.client("10.0.0.1", ["1.1.1.1"]) == "10.0.0.1"
    assert proxies.client("", ["1.1.1.1"]) is None


def test_a_wrong_proxy_is_said() -> None:
    with pytest.raises(ConfigError, match=r"'\*' is no address"):
        Proxies(["*", "10.0.0.0/8", "nope"])


def call(app: Any, path: str = "/x", **environ: str) -> bytes:
    given: dict[str, Any] = {
        "PATH_INFO": path,
        "REMOTE_ADDR": "10.0.0.7",
        "wsgi.input": io.BytesIO(),
        **environ,
    }
    setup_testing_defaults(given)
    answered: list[str] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        answered.append(status)
        return answered.append  # type: ignore[return-value]

    body = app(given, start)
    try:
        return b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()


def hello(environ: Any, start: Any) -> Iterator[bytes]:
    start("200 OK", [])
    logging.getLogger("app").warning("inside")
    yield b"hello"
    logging.getLogger("app").warning("late")


def test_wsgi_binds_until_the_body_is_read(recorder: Recorder) -> None:
    app = WSGIMiddleware(hello, route=lambda environ: "/x/{id}")
    assert call(app, HTTP_TRACEPARENT=TRACEPARENT) == b"hello"
    inside, late, request = recorder.events
    assert {event["trace_id"] for event in (inside, late, request)} == {
        "4bf92f3577b34da6a3ce929d0e0e4736"
    }
    assert request["http"] == {"method": "GET", "route": "/x/{id}", "status": 200}
    assert inside["client_ip"] == "10.0.0.7"
    assert context() == {}


def test_wsgi_ignores_a_spoofed_address(recorder: Recorder) -> None:
    call(WSGIMiddleware(hello), HTTP_X_FORWARDED_FOR="6.6.6.6")
    assert recorder.events[-1]["client_ip"] == "10.0.0.7"
    call(WSGIMiddleware(hello, trusted_proxies=["10.0.0.7"]), HTTP_X_FORWARDED_FOR="6.6.6.6")
    assert recorder.events[-1]["client_ip"] == "6.6.6.6"


def test_wsgi_logs_an_exception_at_once_or_in_the_body(recorder: Recorder) -> None:
    def at_once(environ: Any, start: Any) -> Any:
        raise RuntimeError("at once")

    def later(environ: Any, start: Any) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"x"
        raise RuntimeError("later")

    for app, words, status in ((at_once, "at once", 500), (later, "later", 200)):
        with pytest.raises(RuntimeError, match=words):
            call(WSGIMiddleware(app))
        event = recorder.events[-1]
        assert (event["level"], event["http"]["status"], event["error"]["message"]) == (
            "ERROR",
            status,
            words,
        )
    assert context() == {}


def test_tasks_of_different_requests_do_not_mix(recorder: Recorder) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.01)
        logging.getLogger("app").warning(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def main() -> None:
        wrapped = ASGIMiddleware(app, logger="")
        await asyncio.gather(
            *(
                wrapped(
                    {"type": "http", "path": str(n), "headers": [(b"x-request-id", f"id-{n}".encode())]},
                    None, _drop,  # type: ignore[arg-type]
                )
                for n in range(20)
            )
        )  # fmt: skip

    asyncio.run(main())
    assert {(event["message"], event["trace_id"]) for event in recorder.events} == {
        (str(n), f"id-{n}") for n in range(20)
    }


async def _drop(message: Any) -> None:
    del message
