"""Uids of the user's dashboards: the same wherever obskit runs, and ones that Grafana takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from obskit.targets.grafana import dashboards
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
