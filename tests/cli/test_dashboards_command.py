"""``obskit dashboards pull``: what is fetched, what is refused, in words and for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from obskit.cli import main
from tests.servers.bad_server import answer, serving

BOARD = {"title": "Node Exporter Full", "uid": "rYdddlPWk", "panels": []}


@pytest.fixture
def grafana_com() -> Iterator[Any]:
    served: dict[str, Any] = {
        "/api/dashboards/1860": {"revision": 37},
        "/api/dashboards/1860/revisions/37/download": dict(BOARD),
        "/api/dashboards/1860/revisions/36/download": dict(BOARD),
    }

    def behave(connection: Any, request: Any) -> None:
        found = served.get(request.target)
        body = json.dumps(found if found is not None else {"message": "Not found"}).encode()
        connection.sendall(answer(200 if found is not None else 404, body))

    with serving(behave) as server:
        yield server, served


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "provisioning").mkdir()
    (tmp_path / "obskit.yml").write_text(
        "project: demo\n"
        "grafana:\n"
        "  provisioning: provisioning\n"
        "  dashboards: [{id: 1860, revision: 36}]\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    return int(ended.value.code or 0)


def test_without_a_number_all_of_obskit_yml_are_pulled_and_check_passes(
    grafana_com: Any, stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, _ = grafana_com
    assert run("plan") == 1
    assert "obskit dashboards pull 1860@36" in capsys.readouterr().err
    assert run("dashboards", "pull", "--from", server.url) == 0
    assert "1860 revision 36: Node Exporter Full, in obskit.lock" in capsys.readouterr().out
    assert run("plan", "--json") == 3
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert "grafana/dashboard/rYdddlPWk" in {change["address"] for change in changes}


def test_a_number_is_pulled_at_its_newest_revision(
    grafana_com: Any, stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, _ = grafana_com
    assert run("dashboards", "pull", "1860@36", "--from", server.url) == 0
    assert run("dashboards", "pull", "1860", "--from", server.url, "--json") == 0
    told = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert told["dashboards"][0]["revision"] == 37
    assert told["dashboards"][0]["before"] == 36


def test_a_changed_text_is_refused_until_it_is_accepted(
    grafana_com: Any, stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, served = grafana_com
    assert run("dashboards", "pull", "1860@36", "--from", server.url) == 0
    served["/api/dashboards/1860/revisions/36/download"]["title"] = "Tampered"
    assert run("dashboards", "pull", "1860@36", "--from", server.url) == 1
    assert "is not what it was" in capsys.readouterr().err
    assert run("dashboards", "pull", "1860@36", "--from", server.url, "--accept-change") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("x",), 2, "'x' is no dashboard"),
        (("99@1",), 1, "answered 404"),
        (("1860@36", "--from", "http://127.0.0.1:9"), 1, "no connection"),
    ],
)
def test_what_cannot_be_pulled_is_said_in_one_message(
    grafana_com: Any,
    stack: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    server, _ = grafana_com
    assert run("dashboards", "pull", "--from", server.url, *arguments) == code
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not (stack / "obskit.lock").exists()
