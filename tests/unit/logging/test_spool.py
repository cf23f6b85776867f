"""The spool: first in, first out, bounded, and left to the next process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from obskit.logging.spool import Spool


def lines(first: int, last: int) -> list[bytes]:
    return [b"line %d\n" % number for number in range(first, last)]


def drained(spool: Spool) -> list[bytes]:
    found: list[bytes] = []
    for _ in range(1_000):
        if not spool.pending:
            break
        batch = spool.take(100, 10_000)
        spool.taken(len(batch))
        found += batch
    return found


def test_lines_come_out_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=10**6)
    assert spool.append(lines(0, 500)) == 500
    assert drained(spool) == lines(0, 500)
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_writing_and_reading_take_turns(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=10**6)
    found: list[bytes] = []
    for number in range(0, 500, 10):
        spool.append(lines(number, number + 10))
        batch = spool.take(7, 10_000)
        spool.taken(len(batch))
        found += batch
    assert found + drained(spool) == lines(0, 500)
    spool.close()


def test_what_is_taken_only_in_part_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=10**6)
    spool.append(lines(0, 10))
    assert spool.take(4, 10_000) == lines(0, 4)
    assert spool.take(4, 10_000) == lines(0, 4)  # not told to be sent: it comes again
    spool.taken(4)
    assert spool.take(100, 16) == lines(4, 7)
    assert spool.pending == 6
    spool.close()


def test_it_is_bounded(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=70)
    assert spool.append(lines(0, 20)) == 10
    assert spool.append(lines(0, 1)) == 0
    drained(spool)
    assert spool.append(lines(0, 5)) == 5  # room again
    spool.close()


def test_segments_roll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obskit.logging.spool._SEGMENT", 100)
    spool = Spool(tmp_path, max_bytes=10**6)
    for number in range(0, 100, 5):
        spool.append(lines(number, number + 5))
    assert len(list(tmp_path.glob("*.spool"))) > 3
    assert drained(spool) == lines(0, 100)
    spool.close()


def test_the_next_process_takes_over(tmp_path: Path) -> None:
    code = (
        "import os, sys; from obskit.logging.spool import Spool\n"
        "spool = Spool(sys.argv[1], max_bytes=10**6)\n"
        "spool.append([b'line %d\\n' % number for number in range(100)])\n"
        "spool.taken(len(spool.take(10, 10_000)))\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    spool = Spool(tmp_path, max_bytes=10**6)
    assert drained(spool) == lines(
        0, 100
    )  # a killed process leaves its segment whole: twice, never not
    spool.close()


def test_a_living_process_keeps_its_own(tmp_path: Path) -> None:
    one = Spool(tmp_path, max_bytes=10**6)
    one.append(lines(0, 5))
    two = Spool(tmp_path, max_bytes=10**6)
    assert two.pending == 0
    two.append(lines(5, 9))
    assert drained(one) == lines(0, 5)
    assert drained(two) == lines(5, 9)
    one.close()
    two.close()


def test_a_line_that_was_cut_short_is_no_line(tmp_path: Path) -> None:
    (tmp_path / "1-dead.lock").touch()
    (tmp_path / "1-dead.00000000.spool").write_bytes(b"whole\nwho")
    (tmp_path / "1-dead.00000001.spool").write_bytes(b"")
    spool = Spool(tmp_path, max_bytes=10**6)
    assert drained(spool) == [b"whole\n"]
    spool.close()


def test_a_file_removed_by_hand_stops_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=10**6)
    spool.append(lines(0, 5))
    for path in tmp_path.glob("*.spool"):
        path.unlink()
    assert spool.take(10, 10_000) == []
    assert spool.pending == 0
    spool.append(lines(5, 6))
    assert drained(spool) == lines(5, 6)
    spool.close()


def test_a_forked_child_does_not_hold_the_lock(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=10**6)
    spool.append(lines(0, 5))
    read, write = os.pipe()
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)  # so that it ends with its parent
        spool.abandon()
        os.write(told, b"x")
        os.read(read, 1)
        os._exit(0)
    os.read(ready, 1)
    spool.close()
    heir = Spool(tmp_path, max_bytes=10**6)
    assert drained(heir) == lines(0, 5)
    heir.close()
    os.write(write, b"x")
    os.waitpid(child, 0)


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(OSError, match="file"):
        Spool(path, max_bytes=1)


def test_a_disk_that_is_full_keeps_no_half_of_what_it_refused(tmp_path: Path) -> None:
    """What was refused waits elsewhere and is written again: none of it may come out twice."""
    code = (
        "import resource, signal, sys; from obskit.logging.spool import Spool\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "spool = Spool(sys.argv[1], max_bytes=10**6)\n"
        "spool.append([b'line %d\\n' % number for number in range(10)])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try: spool.append([b'line %d\\n' % number for number in range(10, 20)])\n"
        "except OSError as error: print(type(error).__name__)\n"
        "assert spool.append([b'line 10\\n']) == 1\n"
        "found = []\n"
        "while spool.pending:\n"
        "    batch = spool.take(100, 10_000); spool.taken(len(batch)); found += batch\n"
        "assert found == [b'line %d\\n' % number for number in range(11)], found\n"
        "assert spool.lost == 0"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert done.stdout == "OSError\n"


def test_what_somebody_removed_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=10**6)
    spool.append(lines(0, 5))
    for path in tmp_path.glob("*.spool"):
        path.unlink()
    assert spool.take(10, 10_000) == []
    assert (spool.pending, spool.lost) == (0, 5)
    spool.close()


def test_a_file_that_cannot_be_read_stops_neither_start_nor_the_others(tmp_path: Path) -> None:
    (tmp_path / "1-dead.00000000.spool").mkdir()
    (tmp_path / "1-dead.00000001.spool").write_bytes(b"whole\n\xff\0\r torn\n")
    spool = Spool(tmp_path, max_bytes=10**6)
    assert isinstance(spool.trouble, IsADirectoryError)
    assert spool.adopted == spool.pending == 2
    assert drained(spool) == [b"whole\n", b"\xff\0\r torn\n"]
    assert spool.lost == 0
    spool.close()
    assert [path.name for path in tmp_path.iterdir()] == ["1-dead.00000000.spool"]


def test_a_file_that_breaks_later_is_passed_by_and_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=10**6)
    spool.append(lines(0, 5))
    (path,) = tmp_path.glob("*.spool")
    path.unlink()
    path.mkdir()
    assert spool.take(10, 10_000) == []
    assert (spool.pending, spool.lost) == (0, 5)
    spool.append(lines(5, 8))
    assert drained(spool) == lines(5, 8)
    spool.close()
