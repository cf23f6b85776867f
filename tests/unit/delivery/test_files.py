"""Files: whole or not at all, below one folder, put back on refusal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from obskit.delivery import checker
from obskit.delivery.files import Batch, Folder
from obskit.errors import DeliveryError


def test_a_file_is_replaced_in_one_step_and_keeps_its_permissions(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("a.yml", "one")
    (tmp_path / "a.yml").chmod(0o640)
    before = (tmp_path / "a.yml").stat().st_ino
    folder.write("a.yml", "two")
    assert folder.read("a.yml") == "two"
    assert (tmp_path / "a.yml").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "a.yml").stat().st_ino != before, "renamed into place, not written over"
    assert sorted(os.listdir(tmp_path)) == ["a.yml"], "no temporary file is left"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", ".", "link/x"])
def test_no_path_leaves_the_folder(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link").symlink_to(tmp_path)
    with pytest.raises(DeliveryError, match="leads out"):
        Folder(inner).write(name, "x")
    assert sorted(os.listdir(tmp_path)) == ["inner"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch) -> None:
    folder = Folder(tmp_path)
    folder.write("a", "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DeliveryError, match="No space left"):
        folder.write("a", "new")
    assert folder.read("a") == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_batch_is_put_back_together(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("kept", "1")
    folder.write("gone", "2")
    batch = Batch(folder)
    batch.write("kept", "changed")
    batch.write("kept", "changed twice")
    batch.write("new", "3")
    batch.delete("gone")
    batch.restore()
    assert {name: folder.read(name) for name in folder.names("*")} == {"kept": "1", "gone": "2"}


def test_what_was_kept_is_not_put_back(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    batch = Batch(folder)
    batch.write("a", "1")
    batch.keep()
    batch.restore()
    assert folder.read("a") == "1"


def test_a_missing_folder_says_what_next(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="make it"):
        Folder(tmp_path / "none").require()


def test_a_checker_that_hangs_is_ended() -> None:
    with pytest.raises(DeliveryError, match="did not end within"):
        checker.run(["sleep", "5"], seconds=0.1)


def test_a_checker_that_is_not_there_is_named() -> None:
    with pytest.raises(DeliveryError, match="cannot be started"):
        checker.run(["obskit-no-such-program"])
    assert checker.find("obskit-no-such-program") is None
