"""For people: the line, carets below the place, and a summary by rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.report.model import Hit, Report

__all__ = ["hit_lines", "render", "summary"]

_LEAST_ROOM: Final = 20  # columns; below that nothing is to be seen anyway


def render(report: Report) -> Iterator[str]:
    """The report as text.

    Args:
        report: What a run found.
    """
    for hit in report.hits:
        yield from hit_lines(hit)
    if report.hits:
        yield ""
    yield from summary(report)


def hit_lines(hit: Hit, *, width: int = 0) -> Iterator[str]:
    """One finding: where and what, the source, and carets below it.

    Args:
        hit: The finding.
        width: Columns of the terminal, which would break the source elsewhere than the carets; 0 for none.
    """
    problem = hit.problem
    yield f"{problem.where}: {problem.severity}: {problem.message} [{problem.rule}]"
    if hit.excerpt:
        number = str(problem.line)
        shown, offset = _within(hit.excerpt, hit.offset, width - len(number) - 5)
        yield f"  {number} | {shown}"
        carets = "^" * max(1, min(hit.width, len(shown) - offset))
        yield f"  {' ' * len(number)} | {' ' * offset}{carets}"


def _within(excerpt: str, offset: int, room: int) -> tuple[str, int]:
    """The part of an excerpt around an offset that has room, and the offset in it."""
    if room < _LEAST_ROOM or len(excerpt) <= room:
        return excerpt, offset
    start = max(0, min(offset - room // 4, len(excerpt) - room))
    shown = excerpt[start : start + room]
    if start:
        shown = "…" + shown[1:]
    if start + room < len(excerpt):
        shown = shown[:-1] + "…"
    return shown, offset - start


def summary(report: Report) -> Iterator[str]:
    """One line a rule, with first and last occurrence, and the total.

    Args:
        report: What a run found.
    """
    read = f"{_counted(report.lines, 'line')} in {_counted(report.sources, 'source')}"
    if not report.rules:
        if not report.lines:  # success, but of nothing
            yield f"{read}: nothing was judged"
            return
        yield f"{read}: no findings" + _known(report)
        return
    name_width = max(len(item.rule) for item in report.rules)
    count_width = max(len(f"{item.count:,}") for item in report.rules)
    for item in report.rules:
        span = f"first {item.first.where}"
        if item.count > 1:
            span += f", last {item.last.where}"
        severity = f"{item.severity:<7}"
        yield f"{severity}  {item.rule:<{name_width}}  {item.count:>{count_width},}  {span}"
    parts = [
        _counted(number, severity.value)
        for severity in reversed(Severity)
        if (number := sum(item.count for item in report.rules if item.severity is severity))
    ]
    yield f"{read}: {', '.join(parts)}" + _known(report)
    if report.hidden:
        yield f"{_counted(report.hidden, 'finding')} more not shown one by one; --max-per-rule 0 shows all"


def _known(report: Report) -> str:
    return (
        f" ({_counted(report.known, 'finding')} of the baseline not counted)"
        if report.known
        else ""
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 or noun == "info" else "s")
