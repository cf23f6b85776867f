"""``obskit exporter`` from the command line: what it refuses, and that it serves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from obskit.local.server import free_port

RUN = [sys.executable, "-m", "obskit", "exporter"]


def refused(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
        env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


def test_without_anything_to_ask_it_says_what_to_add(tmp_path: Path) -> None:
    (tmp_path / "obskit.yml").write_text("project: demo\n")
    done = refused(folder=tmp_path)
    assert done.returncode == 2
    assert "obskit.yml" in done.stderr
    assert "--logstash or --filebeat" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("listen", ["9466", "127.0.0.1", "127.0.0.1:port", ":9466"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, listen: str) -> None:
    (tmp_path / "obskit.yml").write_text("project: demo\n")
    done = refused("--listen", listen, "--filebeat", "http://127.0.0.1:1", folder=tmp_path)
    assert done.returncode == 2
    assert "HOST:PORT" in done.stderr


def test_it_serves_also_while_what_it_asks_is_down(tmp_path: Path) -> None:
    (tmp_path / "obskit.yml").write_text("project: demo\n")
    port = free_port()
    with subprocess.Popen(
        [*RUN, "--listen", f"127.0.0.1:{port}", "--filebeat", "http://127.0.0.1:1"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        try:
            deadline = time.monotonic() + 30
            while True:
                try:
                    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
                    break
                except httpx.ConnectError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
        finally:
            child.terminate()
        _, said = child.communicate(timeout=20)
    down = 'obskit_exporter_source_up{source="filebeat",target="http://127.0.0.1:1"} 0.0'
    assert down in text
    assert f"metrics at http://127.0.0.1:{port}/metrics" in said
    assert "filebeat does not answer" in said


@pytest.mark.parametrize("command", ["exporter", "relay"])
def test_an_address_that_is_taken_is_a_failure_and_no_drift(tmp_path: Path, command: str) -> None:
    (tmp_path / "obskit.yml").write_text(
        "project: demo\nalertmanager:\n  url: http://127.0.0.1:9\n  file: alertmanager.yml\n  receivers:\n"
        "    - {name: oncall, wecom: {url: 'http://127.0.0.1:9/?key=k'}}\n"
    )
    extra = (
        ["--filebeat", "http://127.0.0.1:1"] if command == "exporter" else ["--queue", "q.sqlite"]
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "obskit", command, "--listen", listen, *extra],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert f"error: {listen}: no server could be started there" in done.stderr
    assert "address already in use" in done.stderr
