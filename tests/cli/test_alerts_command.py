"""``obskit alerts route`` as a user runs it: by the file that Alertmanager runs, and as amtool says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from obskit.cli import main
from obskit.config import load
from obskit.schema import BUILTIN
from obskit.targets import create, sections
from obskit.targets.alertmanager.document import Document
from obskit.targets.alertmanager.routing import subtree

CONFIG = """\
project: shop
alertmanager:
  url: http://127.0.0.1:9
  file: alertmanager.yml
  version: "0.25"
  receivers:
    - {name: oncall, webhook: {url: "http://h/a"}}
    - {name: web, webhook: {url: "http://h/b"}}
  routes:
    - {match: {team: web}, receiver: web, continue: true}
    - {match: {severity: critical}, receiver: oncall}
"""
Route = Callable[..., tuple[int, str, str]]
THEIRS = "route: {receiver: theirs}\nreceivers: [{name: theirs}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "obskit.yml").write_text(CONFIG)
    (tmp_path / "alertmanager.yml").write_text(THEIRS)
    return tmp_path


@pytest.fixture
def route(capsys: pytest.CaptureFixture[str]) -> Route:
    def run(*labels: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["alerts", "route", *labels])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def provisioned(folder: Path) -> Path:
    """The file as ``provision`` writes it."""
    made = create(load(folder / "obskit.yml", sections()), BUILTIN)["alertmanager"]
    document = Document.read(THEIRS, where="")
    document.replace("shop", subtree(made.context.settings, made.settings, made.version), None)
    (folder / "alertmanager.yml").write_text(document.render())
    return folder / "alertmanager.yml"


def test_before_provision_it_says_that_the_routes_are_not_there(folder: Path, route: Route) -> None:
    code, out, err = route("--label", "team=web")
    assert (code, out.split()) == (0, ["theirs", "(all)"])
    assert "no routes of shop yet: obskit provision" in " ".join(err.split())


@pytest.mark.parametrize(
    "labels", [["team=web"], ["team=web", "severity=critical"], ["severity=info"], ["a=b"]]
)
def test_it_says_what_amtool_says(
    folder: Path, route: Route, amtool: Path, labels: list[str]
) -> None:
    file = provisioned(folder)
    code, out, err = route(*(part for label in labels for part in ("--label", label)))
    assert (code, err) == (0, "")
    said = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={file}", "obskit_project=shop", *labels],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [line.split()[0] for line in out.splitlines()] == said.stdout.strip().split(",")


def test_machines_get_the_labels_and_the_receiver(folder: Path, route: Route) -> None:
    provisioned(folder)
    code, out, _ = route("-l", "severity=critical", "--json")
    facts = json.loads(out)
    assert (code, facts["provisioned"]) == (0, True)
    assert facts["labels"] == {"obskit_project": "shop", "severity": "critical"}
    assert [item["receiver"] for item in facts["receivers"]] == ["obskit/shop/oncall"]


def test_a_label_without_a_value_is_a_usage_error(folder: Path, route: Route) -> None:
    code, _, err = route("-l", "severity")
    assert code == 2
    assert "write NAME=VALUE" in err
