"""What all tests share: real servers, started once for a session, their checkers, and public corpora.

A server that is not on this machine skips the tests that need it, with the reason. In CI such a skip
fails unless tests/allowed-skips.txt lists it (tests/skip_policy.py).
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `pytest` alone does not add it, `python -m pytest` does
    sys.path.insert(0, str(ROOT))

from obskit.errors import LocalError  # noqa: E402
from obskit.local import binaries, server  # noqa: E402
from obskit.local.alertmanager import Alertmanager  # noqa: E402
from obskit.local.elasticsearch import Elasticsearch  # noqa: E402
from obskit.local.filebeat import Filebeat  # noqa: E402
from obskit.local.node_exporter import NodeExporter  # noqa: E402
from obskit.local.prometheus import Prometheus  # noqa: E402
from obskit.local.server import Running, Server  # noqa: E402
from tests.servers import golang  # noqa: E402

pytest_plugins = ["tests.skip_policy", "tests.servers.grafana"]

#: Of a server that lives as long as the tests, on the loopback.
ELASTIC_PASSWORD = "only-for-these-tests"

Start = Callable[[Server], Running]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a module on one xdist worker: its servers are started once, and in order."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session")
def servers_token() -> Iterator[str]:
    """The mark of all servers of this session, which end with it even where pytest is killed.

    A child reads from a pipe that nobody writes to: its end is the end of this process, however it came.
    """
    token = secrets.token_hex(16)
    code = (
        "import sys; from obskit.local import process\nsys.stdin.read(); process.stop(sys.argv[1])"
    )
    watcher = subprocess.Popen(
        [sys.executable, "-c", code, token], stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True
    )
    yield token
    watcher.communicate()


def _starter(base: Path, token: str) -> Iterator[Start]:
    """Start servers on request, and stop them all at the end, also where one refuses to stop."""
    started: list[Running] = []

    def start(wanted: Server) -> Running:
        folder = base / f"{wanted.name}-{len(started)}"
        try:
            wanted.prepare(folder_for_probe(folder))
        except LocalError as error:
            pytest.skip(f"{wanted.name} is not on this machine: {error.hint}")
        # Longer than obskit itself would wait: four workers start theirs at the same time.
        one = server.start(wanted, folder, token=token, deadline=240)
        started.append(one)
        return one

    yield start
    errors = []
    for one in reversed(started):
        try:
            server.stop(one)
        except LocalError as error:
            errors.append(str(error))
    assert not errors, errors


def folder_for_probe(folder: Path) -> Path:
    """Make a server's folder, for preparing it is how to learn whether its program is here."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def session_servers(
    tmp_path_factory: pytest.TempPathFactory, servers_token: str
) -> Iterator[Start]:
    """Start a server that lives as long as the session (one session per xdist worker)."""
    yield from _starter(tmp_path_factory.mktemp("servers"), servers_token)


@pytest.fixture(scope="module")
def module_servers(tmp_path_factory: pytest.TempPathFactory, servers_token: str) -> Iterator[Start]:
    """Start a server with fresh data that lives as long as the test module."""
    yield from _starter(tmp_path_factory.mktemp("servers"), servers_token)


@pytest.fixture
def start_server(tmp_path_factory: pytest.TempPathFactory, servers_token: str) -> Iterator[Start]:
    """Start a server with fresh data that lives as long as one test, which may stop it itself."""
    yield from _starter(tmp_path_factory.mktemp("servers"), servers_token)


@pytest.fixture(scope="session")
def elasticsearch(session_servers: Start) -> Running:
    """Elasticsearch 8.7.1, security off; it answers ``GET /``, which Filebeat insists on."""
    return session_servers(Elasticsearch(version="8.7.1"))


@pytest.fixture(scope="session")
def elasticsearch_new(session_servers: Start) -> Running:
    """Elasticsearch 8.19.21, security off."""
    return session_servers(Elasticsearch(version="8.19.21"))


@pytest.fixture(scope="session")
def elasticsearch_secured(session_servers: Start) -> Running:
    """Elasticsearch 8.19.21 with security on: user ``elastic``, password in ``ELASTIC_PASSWORD``."""
    return session_servers(
        Elasticsearch(version="8.19.21", name="elasticsearch_secured", password=ELASTIC_PASSWORD)
    )


@pytest.fixture(scope="session")
def node_exporter(session_servers: Start) -> Running:
    """A Node Exporter of this machine; ``addresses["address"]`` is its host:port."""
    return session_servers(NodeExporter())


@pytest.fixture(scope="session")
def alertmanager(session_servers: Start) -> Running:
    """An Alertmanager; ``addresses["file"]`` is its configuration, which tests may edit and reload."""
    return session_servers(Alertmanager())


@pytest.fixture(scope="session")
def prometheus(session_servers: Start, alertmanager: Running, node_exporter: Running) -> Running:
    """A Prometheus that scrapes itself and the Node Exporter and alerts the Alertmanager.

    ``addresses["files"]`` holds ``rules/`` and ``targets/``, which tests may deliver to.
    """
    return session_servers(
        Prometheus(
            alertmanager=alertmanager.addresses["address"],
            scrape=(("node", node_exporter.addresses["address"]),),
        )
    )


@pytest.fixture(scope="session")
def filebeat(session_servers: Start, elasticsearch: Running) -> Running:
    """A Filebeat that ships into ``elasticsearch``; ``addresses["inputs"]`` is read anew every second."""
    return session_servers(Filebeat(elasticsearch=elasticsearch.url))


def _program(name: str, *programs: str, cached: str = "") -> Path:
    found = binaries.look_for(name, *programs, cached=cached)
    if found is None:
        pytest.skip(f"{name} is not on this machine: run make servers")
    return found


@pytest.fixture(scope="session")
def filebeat_binary() -> Path:
    """The Filebeat program."""
    return _program("filebeat", "filebeat", cached="filebeat")


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus's own checker."""
    return _program("promtool", "promtool")


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Alertmanager's own checker."""
    return _program("amtool", "amtool")


@pytest.fixture(scope="session")
def mustache() -> Path:
    """The grammar of Logstash pipelines: ``mustache check FILE``."""
    return _program("mustache", "mustache", cached="mustache")


@pytest.fixture(scope="session")
def logstash_binary() -> Path:
    """A real Logstash: the program or the home that ``OBSKIT_TEST_LOGSTASH`` names, else ``logstash`` on the PATH."""
    named = os.environ.get("OBSKIT_TEST_LOGSTASH")
    home = named and Path(named).is_dir()
    found = shutil.which(str(Path(named, "bin", "logstash")) if home else named or "logstash")  # type: ignore[arg-type]
    if found is None:
        assert not named, f"OBSKIT_TEST_LOGSTASH names no program: {named}"
        pytest.skip("no real Logstash here: set OBSKIT_TEST_LOGSTASH, or put logstash on the PATH")
    return Path(found)


@pytest.fixture(scope="session")
def composecheck() -> Path:
    """What `docker compose config` does, without Docker: `composecheck [-profile NAME]... FILE`."""
    return _program("composecheck", "composecheck", cached="composecheck")


@pytest.fixture(scope="session")
def promtool_newest() -> Path:
    """The newest promtool, which `tests/servers/get.py --newest` builds."""
    return _newest("prometheus", "promtool", golang.PROMETHEUS_NEWEST)


@pytest.fixture(scope="session")
def amtool_newest() -> Path:
    """The newest amtool, which `tests/servers/get.py --newest` builds."""
    return _newest("alertmanager", "amtool", golang.ALERTMANAGER_NEWEST)


def _newest(server: str, program: str, version: str) -> Path:
    found = binaries.look_for(server, cached=program, version=version)
    if found is None:
        pytest.skip(f"no newest {program} here: run tests/servers/get.py --newest")
    return found


@dataclasses.dataclass(frozen=True)
class Generation:
    """Prometheus and Alertmanager of one age.

    Args:
        prometheus: Version of the server, as :class:`Prometheus` takes it.
        alertmanager: The same of Alertmanager.
    """

    prometheus: str = ""
    alertmanager: str = ""


GENERATIONS = {
    "debian": Generation(),
    "newest": Generation(golang.PROMETHEUS_NEWEST, golang.ALERTMANAGER_NEWEST),
}


@pytest.fixture(scope="module", params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> Iterator[Generation]:
    """Debian's Prometheus and Alertmanager and then the newest, each with its own promtool and amtool."""
    chosen = GENERATIONS[request.param]
    with pytest.MonkeyPatch.context() as patch:
        if chosen.prometheus:
            for name in ("promtool", "amtool"):
                program: Path = request.getfixturevalue(f"{name}_newest")
                patch.setenv(f"OBSKIT_{name.upper()}", str(program))
        yield chosen


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that finds a TCP port of the loopback that nobody listens on."""
    return server.free_port


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Public corpora of rules, dashboards, configurations and logs, which are not part of the repository."""
    folder = Path(os.environ.get("OBSKIT_CORPORA") or ROOT.parent / "shared" / "corpora")
    if not folder.is_dir():
        pytest.skip(
            f"no corpora at {folder.name}: set OBSKIT_CORPORA to the folder that holds them"
        )
    return folder
