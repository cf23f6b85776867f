"""Uids of the user's dashboards: the same wherever obskit runs, and ones that Grafana takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from obskit.targets.grafana import dashboards, normal
from obskit.targets.grafana.settings import GrafanaSettings


def load(folder: Path, board: dict[str, Any], **more: Any) -> tuple[list[str], list[str]]:
    (folder / "board.json").write_text(json.dumps({"title": "T", "panels": [], **board}))
    settings = GrafanaSettings.model_validate(
        {"url": "http://g", "dashboards": [{"file": "board.json"}], **more}
    )
    found, _, problems = dashboards.load(settings, folder, [])
    return [one.uid for one in found], [problem.message for problem in problems]


def test_one_without_a_uid_has_the_same_in_every_folder_and_another_for_another_team(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    here, _ = load(tmp_path / "a", {})
    there, _ = load(tmp_path / "b", {"uid": None})
    monkeypatch.chdir(tmp_path / "a")
    relative, _ = load(Path(), {"uid": ""})
    assert here == there == relative
    theirs, _ = load(tmp_path / "a", {}, uid_prefix="theirs")
    assert theirs != here
    assert theirs[0].startswith("theirs-")


@pytest.mark.parametrize("uid", ["a/b", "a b", "ä", "x" * 41])
def test_a_uid_that_grafana_refuses_is_told_before(uid: str, tmp_path: Path) -> None:
    found, problems = load(tmp_path, {"uid": uid})
    assert found == []
    assert "refused" in problems[0]


JUNK = [5, True, "x", [None], [[]], ["x"], {"a": 1}]


@pytest.mark.parametrize("junk", JUNK, ids=str)
@pytest.mark.parametrize("key", ["panels", "rows", "__inputs", "templating", "annotations"])
def test_a_dashboard_of_another_shape_is_a_finding_and_on_the_server_it_is_compared_as_it_is(
    key: str, junk: Any, tmp_path: Path
) -> None:
    harmless = key in ("templating", "annotations") and junk == {"a": 1}
    found, problems = load(tmp_path, {"uid": "u", key: junk})
    assert bool(problems) is not harmless, (found, problems)
    assert all(
        key in words and ("is no list" in words or "is no object" in words) for words in problems
    )
    live = {"folder": "", "dashboard": {"title": "T", key: junk}}
    once = normal.dashboard(live)
    assert normal.dashboard(once) == once
    assert normal.titles(junk) == {}


@pytest.mark.parametrize("junk", JUNK, ids=str)
def test_so_is_one_inside_a_row(junk: Any, tmp_path: Path) -> None:
    row = {"id": 1, "type": "row", "title": "row", "panels": junk}
    found, problems = load(tmp_path, {"uid": "u", "panels": [row]})
    assert found == []
    assert problems[0].startswith("panels[0].panels")
    assert normal.titles([row]) == {"1": "row"}
