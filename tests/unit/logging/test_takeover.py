"""Real servers and frameworks, each in a process of its own: one process writes one format."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

FLASK = """
import sys
from flask import Flask
early = Flask("early")
early.logger.info("this gives the application Flask's own handler")
from obskit.logging import WSGIMiddleware, configure
if __name__ == "__main__":
    configure(service="flask")
app = Flask("shop")

@app.get("/users/<int:number>")
def user(number):
    app.logger.warning("inside")
    early.logger.error("early")
    return "x"

@app.get("/broken")
def broken():
    raise ValueError("no")

app.wsgi_app = WSGIMiddleware(app.wsgi_app)
if __name__ == "__main__":
    for path in ("/users/7", "/broken"):
        app.test_client().get(path).close()
"""

DJANGO = """
import logging
import django
from django.conf import settings
settings.configure(DEBUG=True, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="only-for-this-test")
from obskit.logging import configure
configure(service="django")
django.setup()
from django.http import HttpResponse
from django.test import Client
from django.urls import path

def good(request):
    logging.getLogger("django.server").info("served")
    return HttpResponse("x")

def broken(request):
    raise ValueError("no")

urlpatterns = [path("good", good), path("broken", broken)]
for name in ("/good", "/broken", "/none"):
    Client(raise_request_exception=False).get(name)
"""

CELERY = """
import logging
from celery import Celery
from obskit.logging import configure
configure(service="celery")
app = Celery("tasks", broker="memory://", backend="cache+memory://")
app.conf.broker_connection_retry_on_startup = True

@app.task
def add(a, b):
    logging.getLogger("app").warning("adding")
    return a + b

@app.on_after_finalize.connect
def begin(sender, **_):
    add.delay(1, 2)
"""


def run(folder: Path, name: str, code: str) -> subprocess.CompletedProcess[str]:
    path = folder / name
    path.write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, name], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )


def test_flask(tmp_path: Path, judge: Any) -> None:
    pytest.importorskip("flask", reason="no Flask here: it is a development dependency")
    done = run(tmp_path, "shop.py", FLASK)
    events = [judge(line) for line in done.stdout.splitlines()]
    inside, early, request, failed, answer = events
    assert "flask's own handler" not in done.stderr.partition("\n")[2]
    assert inside["trace_id"] == early["trace_id"] == request["trace_id"]
    assert request["http"] == {"method": "GET", "route": "/users/<int:number>", "status": 200}
    assert failed["error"]["type"] == "ValueError"
    assert (answer["level"], answer["http"]["status"]) == ("ERROR", 500)


def test_django(tmp_path: Path, judge: Any) -> None:
    pytest.importorskip("django", reason="no Django here: it is a development dependency")
    done = run(tmp_path, "site_.py", DJANGO)
    assert done.stderr == ""
    served, broken, missing = (judge(line) for line in done.stdout.splitlines())
    assert served["message"] == "served"
    assert broken["error"]["message"] == "no"
    assert missing["http"] == {"status": 404}


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_gunicorn(tmp_path: Path, judge: Any) -> None:
    pytest.importorskip("gunicorn", reason="no gunicorn here: it is a development dependency")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "shop.py").write_text(FLASK, encoding="utf-8")
    (tmp_path / "gunicorn.conf.py").write_text(
        "from obskit.logging import configure\nconfigure(service='gunicorn')\n"
        f"bind = '127.0.0.1:{port}'\nworkers = 2\naccesslog = errorlog = '-'\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    with out.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "shop:app"], cwd=tmp_path, stdout=stream, stderr=stream,
            env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
    try:
        wait_for(lambda: _answers(f"http://127.0.0.1:{port}/users/3"))
        httpx.get(f"http://127.0.0.1:{port}/broken")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    events = [judge(line) for line in out.read_bytes().splitlines()]
    loggers = {event["logger"] for event in events}
    assert {"gunicorn.error", "gunicorn.access", "obskit.access", "shop"} <= loggers
    request = next(event for event in events if event["logger"] == "obskit.access")
    assert request["http"]["route"] == "/users/<int:number>"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_celery(tmp_path: Path, judge: Any) -> None:
    pytest.importorskip("celery", reason="no Celery here: it is a development dependency")
    (tmp_path / "tasks.py").write_text(CELERY, encoding="utf-8")
    out = tmp_path / "out"
    with out.open("wb") as stream:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-q", "-A", "tasks", "worker", "-P", "solo", "-l", "INFO"],
            cwd=tmp_path, stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        wait_for(lambda: b"succeeded" in out.read_bytes())
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)
    # Celery's banner and its farewell are printed, not logged.
    lines = [line for line in out.read_bytes().splitlines() if line.startswith(b"{")]
    events = [judge(line) for line in lines]
    assert "adding" in {event["message"] for event in events}
    assert {"app", "celery.app.trace"} <= {event["logger"] for event in events}
    assert b"[20" not in out.read_bytes()  # Celery's own format begins so
