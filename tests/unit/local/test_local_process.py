"""A process is ours by id, start and token; nothing else is ever signalled."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from obskit.errors import LocalError
from obskit.local import binaries, process, server


@pytest.fixture
def token() -> Iterator[str]:
    """A token of this test's own, whose processes end with it."""
    value = secrets.token_hex(8)
    yield value
    process.stop(value, grace=0.1)


def _spawn(tmp_path: Path, token: str, *argv: str) -> process.Identity:
    return process.spawn(argv, token=token, folder=tmp_path, log=tmp_path / "log")


def test_a_process_lives_until_it_is_stopped(tmp_path: Path, token: str) -> None:
    identity = _spawn(tmp_path, token, "sleep", "60")
    assert process.alive(identity)
    assert process.descendants(token) == (identity.pid,)
    assert process.stop(token) == (identity.pid,)
    assert not process.alive(identity)
    assert process.stop(token) == ()


def test_it_has_a_session_of_its_own(tmp_path: Path, token: str) -> None:
    """Ctrl-C on the terminal of `obskit up` does not reach the servers."""
    assert os.getsid(_spawn(tmp_path, token, "sleep", "60").pid) != os.getsid(0)


def test_children_and_orphans_are_stopped_too(tmp_path: Path, token: str) -> None:
    identity = _spawn(tmp_path, token, "sh", "-c", "sleep 60 & sleep 61 & wait")
    while len(process.descendants(token)) < 3:
        time.sleep(0.02)
    os.kill(identity.pid, 9)
    while process.alive(identity):
        time.sleep(0.02)
    assert len(process.descendants(token)) == 2
    assert len(process.stop(token)) == 2
    assert process.descendants(token) == ()


def test_what_ignores_term_is_killed_after_the_grace(tmp_path: Path, token: str) -> None:
    code = "import signal,time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    identity = _spawn(tmp_path, token, sys.executable, "-c", code)
    while "deaf" not in (tmp_path / "log").read_text():
        time.sleep(0.02)
    started = time.monotonic()
    process.stop(token, grace=0.3)
    assert 0.3 <= time.monotonic() - started < 5
    assert not process.alive(identity)


@pytest.mark.parametrize("change", [{"token": "other"}, {"started": 1}, {"pid": os.getpid()}])
def test_each_part_of_the_identity_has_to_agree(
    change: dict[str, object], tmp_path: Path, token: str
) -> None:
    identity = _spawn(tmp_path, token, "sleep", "60")
    fields = {"pid": identity.pid, "started": identity.started, "token": token, **change}
    assert not process.alive(process.Identity(**fields))


def test_a_process_of_another_session_with_the_token_is_spared(tmp_path: Path, token: str) -> None:
    """The servers of one stack share a token: stopping one leaves the others."""
    first = _spawn(tmp_path, token, "sleep", "60")
    second = _spawn(tmp_path, token, "sleep", "60")
    assert process.stop(token, session=first.pid) == (first.pid,)
    assert process.alive(second)


def test_a_name_with_brackets_and_spaces_is_read_right(tmp_path: Path, token: str) -> None:
    """The second field of /proc/PID/stat is the program's name, in brackets, with whatever is in it."""
    program = tmp_path / "a ) b ("
    program.symlink_to("/bin/sleep")
    identity = _spawn(tmp_path, token, str(program), "60")
    assert process.alive(identity)


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path, token: str) -> None:
    with pytest.raises(LocalError, match="no-such-program: cannot be run: No such file"):
        _spawn(tmp_path, token, "no-such-program")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
@pytest.mark.parametrize("namespaces", [True, False], ids=["namespace", "setpriv"])
def test_a_server_that_refuses_root_does_not_run_as_root(
    namespaces: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It still reads and writes below folders that are root's alone, with and without user namespaces."""
    hidden = tmp_path / "hidden"
    folder = hidden / "folder"
    folder.mkdir(parents=True)
    (hidden / "readable").write_text("x")
    hidden.chmod(0o700)
    if not namespaces:
        fake = tmp_path / "bin"
        fake.mkdir()
        (fake / "unshare").write_text("#!/bin/sh\nexit 1\n")
        (fake / "unshare").chmod(0o755)
        monkeypatch.setenv("PATH", f"{fake}:{os.environ['PATH']}")
    script = f"id -u; cat {hidden}/readable; echo y > {folder}/written && cat {folder}/written"
    command = process.unprivileged(["sh", "-c", script], reads=hidden, writes=folder)
    assert ("setpriv" in command) is not namespaces
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    uid, rest = result.stdout.split("\n", 1)
    assert int(uid) != 0
    assert rest == "xy\n"


def test_a_free_port_can_be_bound_and_is_below_the_outgoing_ones() -> None:
    ports = {server.free_port() for _ in range(20)}
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(1024 < port < low for port in ports)
    assert len(ports) > 10


@pytest.mark.parametrize("made", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/null")])
def test_what_stands_in_the_place_of_the_reservations_is_said(
    made: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(server, "_reservations", server._reservations.__wrapped__)
    path = tmp_path / f"obskit-ports-{os.getuid()}"
    made(path)
    with pytest.raises(LocalError, match=str(path)):
        server.free_port()


def _program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_program_is_found_by_variable_then_path_then_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(LocalError, match=r"thing is not on this machine .looked at OBSKIT_THING"):
        binaries.find("thing", "thing", cached="bin/thing")
    old = _program(tmp_path / "servers" / "thing-8.7.1" / "bin" / "thing")
    new = _program(tmp_path / "servers" / "thing-8.19.21" / "bin" / "thing")
    assert binaries.find("thing", "thing", cached="bin/thing") == new
    assert binaries.find("thing", "thing", cached="bin/thing", version="8.7.1") == old
    on_path = _program(tmp_path / "bin" / "thing")
    assert binaries.find("thing", "thing", cached="bin/thing") == on_path
    assert binaries.find("thing", "thing", cached="bin/thing", version="8.7.1") == old
    chosen = _program(tmp_path / "elsewhere" / "thing")
    monkeypatch.setenv("OBSKIT_THING", str(chosen))
    assert binaries.find("thing", "thing", cached="bin/thing") == chosen


def test_a_variable_that_names_no_program_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSKIT_SLEEP", str(tmp_path / "gone"))
    with pytest.raises(LocalError, match="sleep is not on this machine"):
        binaries.find("sleep", "sleep")


def test_two_processes_are_never_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on it yet: what keeps it is the reservation alone."""
    port = server.free_port()
    code = (
        "import sys; from obskit.local import server; server._PORTS = range(*map(int, sys.argv[1:]))\n"
        "server.random.sample = lambda ports, _: list(ports)\n"
        "print(server.free_port())"
    )
    command = [sys.executable, "-c", code, str(port), str(port + 50)]
    other = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert port < other < port + 50
    monkeypatch.setattr(server, "_PORTS", range(port, port + 50))
    monkeypatch.setattr(server.random, "sample", lambda ports, _: list(ports))
    assert port < server.free_port() < port + 50
