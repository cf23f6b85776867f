"""The command ``obskit relay``: what it refuses to start with, and what it lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from obskit.cli import main
from obskit.relay import Queue, Target

CONFIG = """\
project: demo
alertmanager:
  url: http://127.0.0.1:9
  file: alertmanager.yml
  receivers:
    - name: oncall
      {way}
"""


def run(*args: str) -> int:
    try:
        main(["relay", *args])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_without_anybody_to_tell_it_says_which_kinds_it_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "obskit.yml"
    file.write_text(CONFIG.format(way='webhook: {url: "http://h"}'))
    assert run("-f", str(file), "--queue", str(tmp_path / "q")) == 2
    assert "dingtalk, feishu, wecom, msteams" in capsys.readouterr().err
    assert not (tmp_path / "q").exists()


def test_an_address_that_is_none_and_a_project_that_stands_twice_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "obskit.yml"
    file.write_text(CONFIG.format(way='wecom: {url: "secret-key"}'))
    assert run("-f", str(file), "-f", str(file), "--queue", str(tmp_path / "q")) == 2
    shown = capsys.readouterr().err
    assert "oncall: wecom.url is no address" in shown
    assert "demo/oncall/wecom stands in another file too" in shown
    assert "secret-key" not in shown


def test_what_could_not_be_told_is_listed_and_queued_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "q"
    target = Target("demo", "oncall", "wecom")
    alert = {"status": "firing", "labels": {}, "startsAt": "2026-01-02T03:04:05Z"}
    body = {
        "version": "4", "groupKey": "g", "status": "firing", "alerts": [alert],
        "commonLabels": {"alertname": "DiskFull"},
    }  # fmt: skip
    queue = Queue(path)
    queue.put(target, "k", "g", json.dumps(body).encode(), window=60)
    queue.bury(queue.next(target)[0], "invalid webhook url")
    queue.close()
    assert run("--dead", "--queue", str(path)) == 0
    shown = capsys.readouterr().out
    assert "demo/oncall/wecom  [FIRING:1] DiskFull: invalid webhook url (1 attempts)" in shown
    assert run("--dead", "--json", "--queue", str(path)) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["target"], row["title"]) == ("demo/oncall/wecom", "[FIRING:1] DiskFull")
    assert run("--retry-dead", "--queue", str(path)) == 0
    assert run("--dead", "--json", "--queue", str(path)) == 0
    assert json.loads(capsys.readouterr().out) == []
    queue = Queue(path)
    assert queue.waiting()[target].queued == 1
    queue.close()


def test_a_queue_that_is_not_there_is_not_made_to_be_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--dead", "--queue", str(tmp_path / "q")) == 2
    assert "there is no queue at" in capsys.readouterr().err
    assert not (tmp_path / "q").exists()


def test_a_queue_whose_folder_cannot_be_made_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "obskit.yml"
    file.write_text(
        CONFIG.format(way="wecom: {url: 'http://127.0.0.1:9/?key=k'}"), encoding="utf-8"
    )
    queue = file / "below-a-file" / "q.sqlite"
    assert run("-f", str(file), "--queue", str(queue)) == 1
    assert f"{queue}: its folder cannot be made" in capsys.readouterr().err
