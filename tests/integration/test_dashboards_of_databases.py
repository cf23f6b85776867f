"""The dashboards of databases and probes, each against its real exporter and server.

The servers are Debian's: ``tests/servers/get.py --exporters`` obtains them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from obskit.local import binaries, process
from obskit.local.prometheus import Prometheus
from obskit.local.server import Launch, Running, Server, free_port

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.xdist_group("dashboards-databases"),  # its servers are started once, by one worker
]

Start = Callable[[Server], Running]
ROOT = Path(__file__).resolve().parents[2]


def program(name: str, *others: str) -> Path:
    found = binaries.look_for(name, name, *others)
    if found is None:
        pytest.skip(f"no {name} here: run tests/servers/get.py --exporters")
    return found


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """An exporter, started as every other server is."""

    name: str
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/metrics"
    listen: str = "--web.listen-address"

    def prepare(self, folder: Path) -> Launch:
        del folder
        address = f"127.0.0.1:{free_port()}"
        found = program(self.name, f"prometheus-{self.name.replace('_', '-')}")
        return Launch(
            argv=(str(found), f"{self.listen}={address}", *self.arguments),
            url=f"http://{address}",
            ready=self.ready,
            env=self.env,
            addresses={"address": address},
        )


@contextlib.contextmanager
def daemon(argv: Sequence[str | Path], port: int, log: Path) -> Iterator[None]:
    """A database server, which has no page to ask whether it is ready: its port is."""
    with log.open("wb") as output:
        child = subprocess.Popen([*map(str, argv)], stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert child.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield
        finally:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(10)


@contextlib.contextmanager
def load(script: str) -> Iterator[None]:
    """Work for a server, in a shell, until the end of the test."""
    with subprocess.Popen(["sh", "-c", script], start_new_session=True) as worker:
        try:
            yield
        finally:
            os.killpg(worker.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis with a limit, a replica, a key that expires, reads that hit and one that misses."""
    server = program("redis-server")
    client = program("redis-cli")
    ports = [free_port(), free_port()]
    folders = [tmp_path_factory.mktemp(f"redis-{number}") for number in (0, 1)]

    def command(number: int, *more: str) -> list[str]:
        options = {"port": ports[number], "bind": "127.0.0.1", "dir": folders[number], "save": ""}
        flags = [text for key, value in options.items() for text in (f"--{key}", str(value))]
        return [str(server), *flags, *more]

    main = command(0, "--maxmemory", "64mb")
    replica = command(1, "--replicaof", f"127.0.0.1 {ports[0]}")
    with daemon(main, ports[0], folders[0] / "log"), daemon(replica, ports[1], folders[1] / "log"):
        subprocess.run([client, "-p", str(ports[0]), "set", "a", "b", "EX", "3600"], check=True)
        reading = "while true; do echo get a; echo get none; sleep 0.2; done"
        with load(f"({reading}) | {client} -p {ports[0]} > /dev/null"):
            yield ports[0]


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A MariaDB with fresh data, which lets anybody on this machine in."""
    server = program("mariadbd")
    install = program("mariadb-install-db")
    folder = tmp_path_factory.mktemp("mariadb")
    data = folder / "data"
    data.mkdir()
    options = ["--no-defaults", f"--datadir={data}"]
    installing = [install, *options, "--auth-root-authentication-method=normal"]
    done = subprocess.run(
        process.unprivileged(installing, reads=server.parent, writes=folder),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    port = free_port()
    argv = [
        server,
        *options,
        f"--port={port}",
        "--bind-address=127.0.0.1",
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        "--skip-grant-tables",
        "--skip-networking=0",
    ]
    with daemon(
        process.unprivileged(argv, reads=server.parent, writes=folder),
        port,
        folder.parent / "my.log",
    ):
        yield port


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A PostgreSQL with fresh data, which lets anybody on this machine in."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = str(versions[-1] / "postgres") if versions else shutil.which("postgres")
    if found is None:
        pytest.skip("no postgres here: run tests/servers/get.py --exporters")
    server = Path(found)
    folder = tmp_path_factory.mktemp("postgres")
    data = folder / "data"
    making = [server.parent / "initdb", "-D", data, "-A", "trust", "-U", "postgres"]
    done = subprocess.run(
        process.unprivileged(making, reads=server.parent, writes=folder),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    port = free_port()
    argv = [
        *(server, "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1"),
        *("-c", f"unix_socket_directories={folder}"),
    ]
    with daemon(
        process.unprivileged(argv, reads=server.parent, writes=folder),
        port,
        folder.parent / "pg.log",
    ):
        with load(
            f"while true; do {server.parent / 'psql'} -h 127.0.0.1 -p {port} -U postgres -q"
            " -c 'SELECT count(*) FROM pg_class' > /dev/null; sleep 0.5; done"
        ):
            yield port


@pytest.fixture(scope="module")
def prometheus(
    module_servers: Start, redis: int, mariadb: int, postgres: int, elasticsearch_new: Running
) -> Iterator[httpx.Client]:
    """A Prometheus that scrapes the exporter of each of them."""
    source = f"postgresql://postgres@127.0.0.1:{postgres}/postgres?sslmode=disable"
    queries = ROOT / "prometheus" / "exporters" / "postgres-queries.yml"
    exporters = {
        "redis": Exporter(
            name="redis_exporter", arguments=(f"--redis.addr=redis://127.0.0.1:{redis}",)
        ),
        "mysql": Exporter(
            name="mysqld_exporter", env={"DATA_SOURCE_NAME": f"root@(127.0.0.1:{mariadb})/"}
        ),
        "postgres": Exporter(
            name="postgres_exporter",
            arguments=(f"--extend.query-path={queries}",),
            env={"DATA_SOURCE_NAME": source},
        ),
        "elasticsearch": Exporter(
            name="elasticsearch_exporter",
            arguments=(f"--es.uri={elasticsearch_new.url}",),
        ),
    }
    scrape = []
    for job, exporter in exporters.items():
        running = module_servers(exporter)
        scrape.append((job, running.addresses["address"]))
    started = module_servers(Prometheus(scrape=tuple(scrape)))
    with httpx.Client(base_url=started.url, timeout=10) as client:
        wait(client, f"min(count_over_time(up[1m])) >= 8 and count(up) == {len(scrape) + 1}")
        yield client


def wait(client: httpx.Client, condition: str) -> None:
    deadline = time.monotonic() + 90
    while not ask(client, condition):
        assert time.monotonic() < deadline, ask(client, "up")
        time.sleep(1)


def ask(client: httpx.Client, query: str) -> list[object]:
    answer = client.get("/api/v1/query", params={"query": query}).json()
    assert answer["status"] == "success", f"{query}: {answer}"
    found: list[object] = answer["data"]["result"]
    return found


def silent(client: httpx.Client, name: str, *, only: str = "") -> dict[str, bool]:
    """The empty panels of a board, and whether each says when it may be."""
    board = json.loads((ROOT / "dashboards" / f"{name}.json").read_text())
    found: dict[str, bool] = {}
    for panel in board["panels"]:
        texts = [target["expr"] for target in panel.get("targets", ()) if "expr" in target]
        if not any(only in text for text in texts):
            continue
        answers = []
        for text in texts:
            filled = text.replace("$__rate_interval", "20s").replace("$__range", "1h")
            # All jobs, instances and databases; the exporters here have one of each.
            answers.append(ask(client, re.sub(r"\$\w+", ".+", filled)))
        if not any(answers):
            found[panel["title"]] = "\n\nNo data when " in panel["description"]
    return found


def test_redis_exporter_fills_the_redis_board(prometheus: httpx.Client) -> None:
    assert silent(prometheus, "redis") == {}


def test_mysqld_exporter_fills_the_mysql_board(prometheus: httpx.Client) -> None:
    empty = silent(prometheus, "mysql")
    # Nothing waits for a row and nothing is a replica here; on a small server no page is read either.
    assert set(empty) <= {"Time of a row lock wait", "Replication lag", "Buffer pool hit rate"}
    assert all(empty.values())


def test_postgres_exporter_fills_the_postgres_board(prometheus: httpx.Client) -> None:
    empty = silent(prometheus, "postgres")
    assert set(empty) <= {
        "Longest transaction by state",
        "Mean time of a statement",  # Debian's exporter is older than the collector of statements
        "Replication lag of standbys",
        "Age of the last archived log",
    }
    assert all(empty.values())


def test_elasticsearch_exporter_fills_its_panels_of_the_stack_board(
    prometheus: httpx.Client,
) -> None:
    empty = silent(prometheus, "stack", only="elasticsearch_")
    assert set(empty) <= {"Time of a search"}
    assert all(empty.values())


def test_blackbox_exporter_fills_the_probes_board(
    module_servers: Start, prometheus: httpx.Client, tmp_path: Path
) -> None:
    config = tmp_path / "blackbox.yml"
    config.write_text("modules: {http_2xx: {prober: http, timeout: 5s}}\n")
    target = f"{str(prometheus.base_url).rstrip('/')}/-/healthy"
    exporter = module_servers(
        Exporter(name="blackbox_exporter", arguments=(f"--config.file={config}",))
    )
    # Prometheus as this test starts it scrapes /metrics: the probe's answer stands in a file there.
    probe = httpx.get(f"{exporter.url}/probe", params={"target": target, "module": "http_2xx"})
    names = set(re.findall(r"^(probe_\w+)", probe.text, re.MULTILINE))
    board = (ROOT / "dashboards" / "blackbox.json").read_text()
    asked = set(re.findall(r"\bprobe_\w+", board))
    assert asked - names == {"probe_ssl_earliest_cert_expiry"}  # this target speaks no TLS
    assert "probe_success 1" in probe.text


def test_the_exporters_reach_their_servers(prometheus: httpx.Client) -> None:
    for name in ("redis_up", "mysql_up", "pg_up", "elasticsearch_cluster_health_up"):
        assert ask(prometheus, f"{name} == 1"), name
