"""Every local server starts, answers and stops without leaving a process or a file."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from obskit.errors import LocalError
from obskit.local import process, server
from obskit.local.alertmanager import Alertmanager
from obskit.local.elasticsearch import Elasticsearch
from obskit.local.filebeat import Filebeat
from obskit.local.node_exporter import NodeExporter
from obskit.local.prometheus import Prometheus
from obskit.local.server import Running, Server

pytestmark = pytest.mark.servers

Start = Callable[[Server], Running]


@pytest.mark.parametrize(
    "wanted",
    [
        Alertmanager(),
        NodeExporter(),
        Prometheus(),
        Filebeat(elasticsearch="http://127.0.0.1:9"),
        Elasticsearch(version="8.7.1"),
        Elasticsearch(version="8.19.21"),
    ],
    ids=lambda wanted: f"{wanted.name}{getattr(wanted, 'version', '')}",
)
def test_a_server_answers_and_leaves_nothing(wanted: Server, start_server: Start) -> None:
    one = start_server(wanted)
    assert one.alive
    token = one.identity.token
    assert one.pid in process.descendants(token, session=one.pid)
    httpx.get(one.url, timeout=5)  # it listens: no matter what it says to a request without a path
    assert one.url.startswith("http://127.0.0.1:")
    server.stop(one)
    assert not one.alive
    assert process.descendants(token, session=one.pid) == ()
    assert not one.folder.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(one.url, timeout=5)
    server.stop(one)  # a second time is no error


def test_a_server_listens_on_the_loopback_only(start_server: Start) -> None:
    one = start_server(Alertmanager())
    listening = {
        fields[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{one.pid}/net/{table}").read_text().splitlines()[1:]
        if (fields := line.split())[3] == "0A" and fields[9] in _sockets(one.pid)
    }
    assert listening, "the server holds a listening socket"
    assert all(address.startswith("0100007F:") for address in listening), listening


def _sockets(pid: int) -> set[str]:
    links = [entry.readlink() for entry in Path(f"/proc/{pid}/fd").iterdir()]
    return {
        link.name.removeprefix("socket:[").rstrip("]") for link in links if "socket" in link.name
    }


def test_a_server_that_cannot_start_says_why_and_leaves_no_process(tmp_path: Path) -> None:
    """The server's own words are in the error, and its log is named."""
    broken = Alertmanager(config="route: [this is no configuration]\n")
    with pytest.raises(LocalError, match="cannot unmarshal") as caught:
        server.start(broken, tmp_path / "am", token="a-token-of-this-test")
    assert str(tmp_path / "am" / "alertmanager.log") in caught.value.hint
    assert process.descendants("a-token-of-this-test") == ()


def test_a_server_that_does_not_answer_in_time_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="does not answer at"):
        server.start(
            Elasticsearch(version="8.7.1"), tmp_path / "es", deadline=0.2, token="another-token"
        )
    assert process.descendants("another-token") == ()


def test_prometheus_scrapes_and_reloads(prometheus: Running) -> None:
    """Reload over HTTP is allowed, and the targets given at the start are scraped."""
    assert httpx.post(f"{prometheus.url}/-/reload", timeout=5).status_code == 200
    config = httpx.get(f"{prometheus.url}/api/v1/status/config", timeout=5).json()["data"]["yaml"]
    for text in ("job_name: node", "rules/*.yml", "targets/*.json", "alertmanagers"):
        assert text in config


def test_filebeat_ships_to_elasticsearch(filebeat: Running, elasticsearch: Running) -> None:
    stats = httpx.get(f"{filebeat.url}/stats", timeout=5).json()
    assert stats["libbeat"]["output"]["type"] == "elasticsearch"
    assert elasticsearch.url in Path(filebeat.addresses["config"]).read_text()


def test_data_survives_a_stop_that_keeps(start_server: Start, tmp_path: Path) -> None:
    """A folder that is kept is used again: the configuration that was edited stays."""
    one = server.start(Alertmanager(), tmp_path / "am")
    file = Path(one.addresses["file"])
    file.write_text(file.read_text() + "# edited\n")
    server.stop(one, keep=True)
    again = server.start(Alertmanager(), tmp_path / "am")
    try:
        assert file.read_text().endswith("# edited\n")
    finally:
        server.stop(again)
    assert not (tmp_path / "am").exists()


def test_elasticsearch_with_a_password_lets_nobody_else_in(start_server: Start) -> None:
    one = start_server(Elasticsearch(version="8.19.21", password="a-password"))
    health = f"{one.url}/_cluster/health"
    assert httpx.get(health).status_code == 401
    assert httpx.get(health, auth=("elastic", "wrong")).status_code == 401
    assert httpx.get(health, auth=("elastic", "a-password")).status_code == 200
    written = [path for path in one.folder.rglob("*") if path.is_file() and path.suffix == ".yml"]
    assert written
    assert not [path for path in written if "a-password" in path.read_text()]


def test_servers_end_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    """KILL of pytest itself: what watches its pipe stops the servers."""
    test = tmp_path / "test_hang.py"
    test.write_text(
        "import time\nfrom obskit.local.alertmanager import Alertmanager\n"
        "def test_hang(start_server):\n"
        "    one = start_server(Alertmanager())\n"
        f"    open({str(tmp_path / 'token')!r}, 'w').write(one.identity.token)\n"
        "    time.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:obskit",
         "-p", "tests.conftest", "-c", "/dev/null", "--rootdir", str(tmp_path),
         f"--basetemp={tmp_path / 'base'}", str(test)],
        cwd=root,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not (tmp_path / "token").exists() or not (tmp_path / "token").read_text():
        assert run.poll() is None, "the inner run ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.1)
    token = (tmp_path / "token").read_text()
    assert process.descendants(token)
    run.kill()
    run.wait()
    while process.descendants(token):
        assert time.monotonic() < deadline
        time.sleep(0.1)
