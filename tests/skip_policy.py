"""In CI a skip is a failure, unless tests/allowed-skips.txt lists it with its reason.

A line of that file is ``NODE | REASON``; in both, ``*`` stands for anything. Where ``CI`` is not set,
skips stay skips: a developer without Java still runs the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("allowed-skips.txt")


@dataclass(frozen=True)
class Allowed:
    """One line of the list."""

    node: str
    reason: str

    def covers(self, node: str, reason: str) -> bool:
        """Whether a skip is this one."""
        return _matches(node, self.node) and _matches(reason, self.reason)


def _matches(text: str, pattern: str) -> bool:
    # a node id has brackets for its parameters, which fnmatch would read as a set of characters
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def read(text: str) -> tuple[Allowed, ...]:
    """The list in a text; a line without a reason is refused."""
    allowed = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        node, bar, reason = (part.strip() for part in line.partition("|"))
        if not bar or not node or not reason:
            raise pytest.UsageError(
                f"{FILE.name}:{number}: not of the form NODE | REASON: {line!r}"
            )
        allowed.append(Allowed(node, reason))
    return tuple(allowed)


def verdict(node: str, reason: str, allowed: tuple[Allowed, ...]) -> str:
    """Why a skip fails; empty where it is allowed."""
    if any(entry.covers(node, reason) for entry in allowed):
        return ""
    return (
        f"skipped in CI: {reason}\n"
        f"Either make what it needs available, or list it in tests/{FILE.name}:\n"
        f"    {node} | {reason}"
    )


def _strict() -> bool:
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    trouble = verdict(report.nodeid, reason, read(FILE.read_text()) if FILE.exists() else ())
    if trouble:
        report.outcome = "failed"
        report.longrepr = trouble


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Fail a test that skips itself without being listed."""
    report = yield
    if _strict():
        _judge(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Fail a module that skips itself without being listed."""
    report = yield
    if _strict():
        _judge(report)
    return report
