"""Dashboards of grafana.com: a lock file with their SHA-256, and nothing but ``pull`` needs the network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError, ContentError, RejectedError
from obskit.targets.grafana.dashboards import load
from obskit.targets.grafana.lock import Lock, pull
from obskit.targets.grafana.settings import GrafanaSettings
from tests.servers import grafana_rig as rig
from tests.servers.bad_server import answer, serving

BOARD = {"title": "Node Exporter Full", "uid": "rYdddlPWk", "panels": []}


@pytest.fixture
def grafana_com() -> Iterator[Any]:
    """grafana.com as far as it is asked: what it serves can be changed."""
    served: dict[str, Any] = {
        "/api/dashboards/1860": {"id": 1860, "revision": 37},
        "/api/dashboards/1860/revisions/37/download": BOARD,
        "/api/dashboards/1860/revisions/38/download": {**BOARD, "title": "Newer"},
        "/api/dashboards/7/revisions/1/download": {"message": "nothing of the kind"},
    }

    def behave(connection: Any, request: Any) -> None:
        found = served.get(request.target)
        body = json.dumps(found if found is not None else {"message": "Not found"}).encode()
        connection.sendall(answer(200 if found is not None else 404, body))

    with serving(behave) as server:
        yield server, served


def _pull(server: Any, number: int, revision: int | None = None) -> Any:
    return pull(Http(server.url), number, revision, Deadline.after(10))


def test_the_newest_revision_is_pulled_locked_and_loaded_offline(
    grafana_com: Any, tmp_path: Path
) -> None:
    server, _ = grafana_com
    entry, text = _pull(server, 1860)
    assert entry.revision == 37
    assert entry.sha256 == hashlib.sha256(text).hexdigest()
    Lock(tmp_path / "obskit.lock").keep(entry, text)
    written = json.loads((tmp_path / "obskit.lock").read_text())
    assert written["dashboards"]["1860"] == {
        "revision": 37,
        "sha256": entry.sha256,
        "title": "Node Exporter Full",
    }
    settings = GrafanaSettings(
        provisioning=tmp_path, dashboards=[{"id": 1860, "revision": 37}, {"id": 1860}]
    )
    found, _, problems = load(settings, tmp_path, [rig.prometheus_source()])
    assert [board.uid for board in found] == ["rYdddlPWk"]
    assert "has the uid" in problems[0].message  # the same number twice


def test_a_changed_text_is_refused_when_pulled_again(grafana_com: Any, tmp_path: Path) -> None:
    server, served = grafana_com
    lock = Lock(tmp_path / "obskit.lock")
    lock.keep(*_pull(server, 1860, 37))
    served["/api/dashboards/1860/revisions/37/download"] = {**BOARD, "title": "Tampered"}
    with pytest.raises(ContentError, match="is not what it was"):
        Lock(lock.path).keep(*_pull(server, 1860, 37))
    assert json.loads(lock.text(1860, 37))["title"] == "Node Exporter Full"
    Lock(lock.path).keep(*_pull(server, 1860, 37), accept_change=True)
    assert json.loads(Lock(lock.path).text(1860, 37))["title"] == "Tampered"


def test_another_revision_takes_the_place_of_the_old_one(grafana_com: Any, tmp_path: Path) -> None:
    server, _ = grafana_com
    lock = Lock(tmp_path / "obskit.lock")
    lock.keep(*_pull(server, 1860, 37))
    lock.keep(*_pull(server, 1860, 38))
    assert [path.name for path in (tmp_path / "obskit.lock.d").iterdir()] == [
        "grafana-1860-38.json"
    ]
    with pytest.raises(ContentError, match=r"locked at revision 38.*pull 1860@37"):
        lock.text(1860, 37)


def test_a_text_that_was_changed_beside_the_lock_is_refused(
    grafana_com: Any, tmp_path: Path
) -> None:
    server, _ = grafana_com
    lock = Lock(tmp_path / "obskit.lock")
    lock.keep(*_pull(server, 1860, 37))
    path = tmp_path / "obskit.lock.d" / "grafana-1860-37.json"
    path.write_text(path.read_text().replace("Full", "Fool"))
    with pytest.raises(ContentError, match="is not what was locked"):
        Lock(lock.path).text(1860, 37)
    path.unlink()
    with pytest.raises(ContentError, match=r"cannot be read.*obskit dashboards pull 1860@37"):
        Lock(lock.path).text(1860, 37)


def test_a_number_that_is_not_locked_says_how_to_lock_it(tmp_path: Path) -> None:
    settings = GrafanaSettings(provisioning=tmp_path, dashboards=[{"id": 1860, "revision": 37}])
    _, _, (problem,) = load(settings, tmp_path, [])
    assert "obskit dashboards pull 1860@37" in problem.message


@pytest.mark.parametrize(
    ("number", "error"),
    [(7, BadAnswerError), (8, RejectedError)],
    ids=["no dashboard", "not found"],
)
def test_what_is_no_dashboard_is_not_locked(
    grafana_com: Any, number: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        _pull(grafana_com[0], number, 1)


def test_a_broken_lock_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "obskit.lock").write_text("{")
    with pytest.raises(ContentError, match="is no lock file"):
        Lock(tmp_path / "obskit.lock")
