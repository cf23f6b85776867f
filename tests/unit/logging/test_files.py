"""The rotating file: whole lines, none lost at a rotation, right with several processes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from obskit.logging import JSONFormatter
from obskit.logging.files import FileHandler


def handler_of(path: Path, **options: Any) -> FileHandler:
    handler = FileHandler(path, **options)
    handler.setFormatter(JSONFormatter(service="s"))
    return handler


def messages(folder: Path) -> list[str]:
    found = []
    for path in folder.glob("app.json*"):
        found += [json.loads(line)["message"] for line in path.read_bytes().splitlines()]
    return found


def test_rotation_loses_no_line(tmp_path: Path, make_record: Any) -> None:
    handler = handler_of(tmp_path / "app.json", max_bytes=5_000, backups=100)
    for number in range(500):
        handler.handle(make_record(str(number)))
    handler.close()
    assert sorted(map(int, messages(tmp_path))) == list(range(500))
    assert len(list(tmp_path.glob("app.json.*"))) > 5
    assert all(path.stat().st_size <= 5_300 for path in tmp_path.glob("app.json*"))


def test_old_files_are_removed(tmp_path: Path, make_record: Any) -> None:
    handler = handler_of(tmp_path / "app.json", max_bytes=1_000, backups=2)
    for number in range(200):
        handler.handle(make_record(str(number)))
    handler.close()
    assert sorted(path.name for path in tmp_path.glob("app.json*")) == [
        "app.json",
        "app.json.1",
        "app.json.2",
    ]


def test_threads_do_not_mix_lines(tmp_path: Path, make_record: Any) -> None:
    handler = handler_of(tmp_path / "app.json", max_bytes=20_000, backups=100)
    threads = [
        threading.Thread(
            target=lambda name=name: [
                handler.handle(make_record(f"{name}-{n}")) for n in range(300)
            ]
        )
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler.close()
    assert sorted(messages(tmp_path)) == sorted(
        f"{name}-{n}" for name in "abcd" for n in range(300)
    )


def test_processes_share_the_file(tmp_path: Path) -> None:
    code = (
        "import logging, sys\nfrom obskit.logging import configure\n"
        "configure(service='s', path=sys.argv[1], max_bytes=30_000, backups=100)\n"
        "[logging.info('%s-%d', sys.argv[2], n) for n in range(500)]"
    )
    path = tmp_path / "app.json"
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert sorted(messages(tmp_path)) == sorted(f"{name}-{n}" for name in "abc" for n in range(500))


def test_a_file_that_was_moved_or_removed_is_made_again(
    tmp_path: Path, make_record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obskit.logging.files._LOOK_EVERY", 0.0)
    path = tmp_path / "app.json"
    handler = handler_of(path)
    handler.handle(make_record("one"))
    path.rename(tmp_path / "app.json.moved")
    handler.handle(make_record("two"))
    path.unlink()
    handler.handle(make_record("three"))
    handler.close()
    assert sorted(messages(tmp_path)) == ["one", "three"]


def test_a_torn_line_does_not_swallow_the_next(tmp_path: Path, make_record: Any) -> None:
    path = tmp_path / "app.json"
    path.write_bytes(b'{"cut short')
    handler = handler_of(path)
    handler.handle(make_record("whole"))
    handler.close()
    torn, whole = path.read_bytes().splitlines()
    assert torn == b'{"cut short'
    assert json.loads(whole)["message"] == "whole"


def test_a_full_disk_is_counted_and_told_once(
    make_record: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = handler_of(Path("/dev/full"), max_bytes=0)
    for _ in range(3):
        handler.handle(make_record("x"))
    assert handler.failed == 3
    assert capsys.readouterr().err.count("cannot write") == 1
    handler.close()


def test_lines_of_any_text_are_single_lines(tmp_path: Path, make_record: Any) -> None:
    path = tmp_path / "app.json"
    handler = handler_of(path)
    handler.handle(make_record("a\nb\rc\u2028d\x85e"))
    handler.close()
    assert path.read_bytes().count(b"\n") == 1
    assert b"\r" not in path.read_bytes()


def test_logging_shutdown_closes_it(tmp_path: Path) -> None:
    handler = handler_of(tmp_path / "app.json")
    logging.getLogger("files").addHandler(handler)
    handler.close()
    handler.close()
    logging.getLogger("files").removeHandler(handler)
