"""Who listens at an address of this machine, and what its command line says."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from obskit.delivery.listener import Process, listening_at

_SERVER = """
import socket, sys
one = socket.create_server((sys.argv[1], 0))
print(one.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["127.0.0.1", ""], ids=["loopback", "everywhere"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """A process that listens, started in a folder of its own with options of its own."""
    options = ["--config.file=a.yml", "--data", "/x", "-f", "y"]
    words = [sys.executable, "-c", _SERVER, request.param, *options]
    with subprocess.Popen(
        words, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as one:
        assert one.stdout is not None
        yield int(one.stdout.readline())
        one.kill()


def test_the_process_behind_an_address_tells_its_options_and_its_folder(
    port: int, tmp_path: Path
) -> None:
    found = listening_at(f"http://127.0.0.1:{port}", "python")
    assert listening_at(f"http://127.0.0.1:{port}", "nginx") is None, "another program is a proxy"
    assert found is not None
    assert found.folder == tmp_path
    assert found.option("config.file") == "a.yml"
    assert found.option("data") == "/x"
    assert found.option("f", "path.config") == "y"
    assert found.option("nothing") == ""
    assert found.path("a.yml") == tmp_path / "a.yml"
    assert found.path("/etc/a.yml") == Path("/etc/a.yml")


def test_an_address_where_nobody_listens_has_no_process() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, and not listening
        assert listening_at(f"http://127.0.0.1:{held.getsockname()[1]}", "") is None


@pytest.mark.parametrize(
    "address",
    ["http://192.0.2.1:80", "http://nowhere.invalid", "http://[::1", "ftp://127.0.0.1", "x"],
)
def test_another_machine_has_none_that_could_be_seen(address: str) -> None:
    assert listening_at(address, "") is None


def test_an_option_at_the_end_without_a_value_is_empty() -> None:
    assert Process(arguments=["x", "--path.home"], folder=Path("/")).option("path.home") == ""
