"""`obskit up` and `obskit down`: one stack, started in one process and stopped in another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from obskit import local
from obskit.errors import LocalError
from obskit.local import process

pytestmark = pytest.mark.servers

LIGHT = ("prometheus", "alertmanager", "node_exporter")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A stack's folder, with whatever still runs there stopped afterwards."""
    yield tmp_path / "local ü #1"
    local.down(tmp_path / "local ü #1")


def _up(folder: Path, *services: str) -> local.Stack:
    return local.up(folder, services=services or LIGHT, engine="native")


def test_a_stack_is_up_with_its_addresses_and_down_without_a_trace(folder: Path) -> None:
    lines: list[str] = []
    stack = local.up(folder, services=LIGHT, engine="native", progress=lines.append)
    environment = stack.environment()
    for name in ("PROMETHEUS", "ALERTMANAGER"):
        assert httpx.get(environment[f"OBSKIT_{name}_URL"] + "/-/ready").status_code == 200
    assert Path(environment["OBSKIT_PROMETHEUS_FILES"], "rules").is_dir()
    assert Path(environment["OBSKIT_ALERTMANAGER_FILE"]).is_file()
    assert Path(environment["OBSKIT_LOGS_DIR"]).is_dir()
    # where no Grafana and no Logstash runs, files are delivered all the same
    assert Path(environment["OBSKIT_GRAFANA_PROVISIONING"]).is_dir()
    assert Path(environment["OBSKIT_LOGSTASH_PIPELINE"]).is_dir()
    assert f"prometheus: ready at {environment['OBSKIT_PROMETHEUS_URL']}" in lines
    token = json.loads((folder / "state.json").read_text())["token"]
    assert len(process.descendants(token)) == 3
    assert local.down(folder)
    assert process.descendants(token) == ()
    assert not folder.exists()


def test_prometheus_alerts_the_alertmanager_of_its_stack(folder: Path) -> None:
    stack = _up(folder)
    deadline = time.monotonic() + 20
    while True:
        found = httpx.get(stack.servers["prometheus"].url + "/api/v1/alertmanagers").json()["data"]
        urls = [entry["url"] for entry in found["activeAlertmanagers"]]
        if urls or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert urls == [stack.servers["alertmanager"].url + "/api/v2/alerts"]


def test_another_process_can_stop_it(folder: Path) -> None:
    _up(folder, "alertmanager")
    token = json.loads((folder / "state.json").read_text())["token"]
    code = f"from pathlib import Path; from obskit import local; print(local.down(Path({str(folder)!r})))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "True"
    assert process.descendants(token) == ()
    assert not folder.exists()


def test_down_twice_is_fine(folder: Path) -> None:
    _up(folder, "alertmanager")
    assert local.down(folder) is True
    assert local.down(folder) is False
    assert not folder.exists()


def test_up_twice_leaves_running_what_runs_and_adds_what_is_new(folder: Path) -> None:
    first = _up(folder, "alertmanager")
    second = _up(folder, "alertmanager", "node_exporter")
    assert second.servers["alertmanager"].identity == first.servers["alertmanager"].identity
    assert second.servers["node_exporter"].alive


def test_up_starts_again_what_died(folder: Path) -> None:
    stack = _up(folder, "alertmanager")
    assert stack.logs.is_dir(), "services log there, whichever part of the stack runs"
    first = stack.servers["alertmanager"]
    os.kill(first.pid, signal.SIGKILL)
    while first.alive:
        time.sleep(0.05)
    second = _up(folder, "alertmanager").servers["alertmanager"]
    assert second.alive
    assert second.pid != first.pid


def test_down_that_keeps_leaves_data_but_no_process(folder: Path) -> None:
    stack = _up(folder, "alertmanager")
    local.down(folder, keep=True)
    assert not stack.servers["alertmanager"].alive
    assert (folder / "alertmanager" / "alertmanager.yml").is_file()
    assert local.current(folder) is None


def test_a_stale_state_never_kills_a_foreign_process(folder: Path) -> None:
    """The ids of a state file are used again by others after a crash or a reboot: those live on."""
    _up(folder, "alertmanager")
    file = folder / "state.json"
    state = json.loads(file.read_text())
    foreign = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        process.stop(state["token"])
        started = int(Path(f"/proc/{foreign.pid}/stat").read_text().rpartition(")")[2].split()[19])
        # even where the start time agrees as well
        state["servers"][0] |= {"pid": foreign.pid, "started": started}
        file.write_text(json.dumps(state))
        assert local.current(folder).servers == {}
        assert local.down(folder) is True
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_down_removes_nothing_outside_of_its_folder(folder: Path, tmp_path: Path) -> None:
    _up(folder, "alertmanager")
    precious = tmp_path / "precious"
    precious.mkdir()
    file = folder / "state.json"
    state = json.loads(file.read_text())
    state["servers"][0]["folder"] = str(folder / ".." / "precious")
    file.write_text(json.dumps(state))
    local.down(folder)
    assert precious.is_dir()


def test_a_server_that_fails_takes_down_what_was_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSKIT_PROMETHEUS", "/bin/false")
    with pytest.raises(LocalError, match="prometheus: ended as soon as it was started"):
        _up(folder)
    assert local.current(folder) is None
    left = [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and str(folder).encode() in _command_line(entry)
    ]
    assert left == []


def _command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:  # ended while we looked
        return b""


def test_a_start_that_was_killed_is_cleaned_up_by_down(folder: Path) -> None:
    """KILL in the middle of `up`: the state was written before the first process existed."""
    code = (
        "from pathlib import Path; from obskit import local\n"
        f"local.up(Path({str(folder)!r}), services=['elasticsearch'], engine='native')"
    )
    starting = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    token = ""
    while not (token and process.descendants(token)):
        assert time.monotonic() < deadline
        if (folder / "state.json").exists():
            token = json.loads((folder / "state.json").read_text())["token"]
        time.sleep(0.05)
    starting.kill()
    starting.wait()
    assert local.down(folder) is True
    assert process.descendants(token) == ()
    assert not folder.exists()


def test_an_unknown_server_is_named_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(LocalError, match=r"no such server: promethes .*prometheus"):
        local.up(folder, services=["promethes"], engine="native")
    assert not folder.exists()


def test_a_broken_state_file_is_a_message_and_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "local"
    folder.mkdir()
    (folder / "state.json").write_text("[1, 2]")
    with pytest.raises(LocalError, match=r"state\.json: is not what obskit up wrote"):
        local.down(folder)
    (folder / "state.json").write_text('{"format": 99}')
    with pytest.raises(LocalError, match="is of format 99, not 1"):
        local.down(folder)
