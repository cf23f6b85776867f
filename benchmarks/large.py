"""The linter on files that fit into no memory: what a second process brings, and what it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from benchmarks.linter import events, written
from benchmarks.row import Row
from obskit.lint.parallel import processors

GIGABYTE = 10**9
SIZE = float(os.environ.get("OBSKIT_BENCH_GIGABYTES", "5")) * GIGABYTE
ROUNDS = 3
LIMIT = "at most 150 MB"
# The block begins again and again, so its timestamps are out of order.
LINT = (sys.executable, "-m", "obskit", "lint", "-q", "--ignore", "timestamp-order")
# In a process of its own: what is forked from a large one counts as large until it is another program.
CODE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], capture_output=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def run() -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory() as folder:
        block = [orjson.dumps(event) for event in events("message")]
        seed = written(Path(folder) / "seed.json", block).read_bytes()
        large = _repeated(Path(folder) / "large.json", seed)
        size = f"{SIZE / GIGABYTE:.0f} GB"
        rows = _processes(f"lint {size}, two processes against one (wall clock)", large)
        rows.append(_memory(f"greatest memory of linting {size}", large))
        large.unlink()
        rows.append(_memory("greatest memory of linting one line of 1 GB", _giant(Path(folder))))
    return rows


def _repeated(path: Path, block: bytes) -> Path:
    with path.open("wb") as file:
        while file.tell() < SIZE:
            file.write(block)
    return path


def _giant(folder: Path) -> Path:
    path = folder / "giant.json"
    with path.open("wb") as file:
        file.write(b'{"message":"')
        for _ in range(GIGABYTE // 10**7):
            file.write(b"x" * 10**7)
        file.write(b'"}\n')
    return path


def _processes(figure: str, path: Path) -> list[Row]:
    if processors() < 2:
        return []
    best = dict.fromkeys((1, 2), float("inf"))
    for _ in range(ROUNDS):
        for jobs in (1, 2):
            start = time.perf_counter()
            subprocess.run([*LINT, "--jobs", str(jobs), str(path)], check=True, capture_output=True)
            best[jobs] = min(best[jobs], time.perf_counter() - start)
    ours, peer = (f"{path.stat().st_size / best[jobs] / 1e6:,.0f} MB/s" for jobs in (2, 1))
    return [Row(figure, ours, peer, best[1] / best[2], "at least 1.7")]


def _memory(figure: str, path: Path) -> Row:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CODE, *LINT, str(path)], check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - start
    megabytes = int(done.stdout) / 1024
    return Row(figure, f"{megabytes:.0f} MB, {seconds:.1f} s", "", megabytes, LIMIT)
