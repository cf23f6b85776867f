"""`make demo`: the whole way on real servers, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(280)]

ROOT = Path(__file__).parents[2]


def _demo(tmp_path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "demo.py")],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _files(folder: Path) -> list[Path]:
    """What is left in the temporary folder, but for the one file by which processes agree on ports."""
    return [path for path in folder.iterdir() if path.name != f"obskit-ports-{os.getuid()}"]


def _left(tmp_path: Path) -> list[str]:
    """Command lines of processes that have to do with this test's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # ended while we looked
            continue
        if str(tmp_path) in line:
            found.append(line)
    return found


def test_the_demo_proves_everything_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    run = _demo(tmp_path)
    output, _ = run.communicate()
    assert run.returncode == 0, output
    assert re.search(r"Plan: [1-9]\d* to create, 0 to change, 0 to delete", output), output
    assert "second run: 0 changes; " in output
    second = output.rpartition("second run:")[2]
    assert re.match(r" 0 changes; \d+ proved, \d+ explained\n", second), (
        "nothing failed, nothing unproved"
    )
    # The exporter counts the logs and the sample service fails now and then: no panel is empty for want of either.
    assert "obskit exporter" not in second
    assert "no error was logged" not in second
    assert _left(tmp_path) == []
    assert _files(tmp_path) == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_demo_that_is_stopped_leaves_nothing(sent: signal.Signals, tmp_path: Path) -> None:
    """In the middle of the start, when some servers run and others are being waited for."""
    run = _demo(tmp_path)
    assert run.stdout is not None
    seen = []
    for line in run.stdout:
        seen.append(line)
        if "alertmanager: ready at" in line:
            break
    run.send_signal(sent)
    rest, _ = run.communicate(timeout=180)
    assert run.returncode == 130, "".join(seen) + rest
    assert "everything that was started is gone" in rest
    assert _left(tmp_path) == []
    assert _files(tmp_path) == []
