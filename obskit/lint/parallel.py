"""Parts of large files, and whole files, in several processes; the report is that of one process."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

from obskit.lint.context import State
from obskit.lint.scan import Scan
from obskit.lint.source.files import Source
from obskit.lint.tally import Tally

__all__ = ["Part", "Result", "parts", "processors", "read_part", "run_parts"]

#: Bytes of a part: large enough that starting on it costs nothing.
PART_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a source: the lines that begin in its range of bytes.

    Args:
        source: The source.
        start: First byte.
        end: Byte behind the last one; -1 for the end of the source, whatever it is.
    """

    source: Source
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Result:
    """What was found in a part, as if nothing had been before it.

    Args:
        tally: The findings.
        state: What its lines said.
    """

    tally: Tally
    state: State


def parts(source: Source) -> Iterator[Part]:
    """The parts of a source, in order; one, if it cannot be read from the middle.

    Args:
        source: The source.
    """
    size = Path(source.name).stat().st_size if source.splittable else -1
    if size <= PART_BYTES:
        yield Part(source, 0, -1)
        return
    for start in range(0, size, PART_BYTES):
        end = start + PART_BYTES
        yield Part(source, start, end if end < size else -1)


def read_part(part: Part, scan: Scan) -> None:
    """Lints one part.

    Args:
        part: The part.
        scan: Rules, tally, and state.
    """
    with part.source.open(part.start, part.end) as read:
        scan.read(read, part.source.shown, whole=part.start == 0)


def run_parts(
    work: list[Part],
    jobs: int,
    make: Callable[[], Scan],
    task: Callable[[Part], Result],
    begin: Callable[[], None],
) -> Iterator[tuple[Part, Tally]]:
    """Lints parts in several processes and gives their findings in order.

    Timestamps and types are compared with earlier lines, which a part does not know. Where what came before
    would have made a difference, the part is read again, knowing it: rare, and exact.

    Args:
        work: The parts, those of one source together and in order.
        jobs: Processes.
        make: A scan with fresh state, for parts that are read again.
        task: What a process does with a part; it goes there by name.
        begin: What a process does first.
    """
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    waiting: deque[tuple[Part, Future[Result]]] = deque()
    remaining = iter(work)
    before = State()
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=begin) as pool:
        try:
            while True:
                while len(waiting) < 2 * jobs and (part := next(remaining, None)) is not None:
                    waiting.append((part, pool.submit(task, part)))
                if not waiting:
                    return
                part, future = waiting.popleft()
                result = future.result()
                if part.start == 0:
                    before = State()
                scan = make()
                ordered = "timestamp-order" in scan.linter.selection.severities
                tolerance = scan.linter.context.options.order_seconds if ordered else inf
                if _independent(before, result.state, tolerance):
                    yield part, result.tally
                    before = _joined(before, result.state)
                else:
                    scan.linter.context.state.inherit(before)
                    read_part(part, scan)
                    yield part, scan.tally.finished()
                    before = scan.linter.context.state
        finally:
            for _, future in waiting:
                future.cancel()


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _independent(before: State, part: State, tolerance: float) -> bool:
    if (
        before.latest is not None
        and part.least is not None
        and before.latest - part.least > tolerance
    ):
        return False
    return all(part.types.get(name, kind) == kind for name, kind in before.types.items())


def _joined(before: State, part: State) -> State:
    moments = [moment for moment in (before.latest, part.latest) if moment is not None]
    return State(latest=max(moments, default=None), types={**part.types, **before.types})
