"""Counts findings by rule and keeps the few that are shown, so that a million equal ones are one line."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

from obskit.errors import Problem, Severity
from obskit.lint.linter import Found
from obskit.lint.report.model import Hit, Report, RuleSummary

__all__ = ["Tally", "subject"]

_WINDOW: Final = 160  # characters of a line that are shown
_BEFORE: Final = 40  # of these, in front of the finding
_SENSITIVE: Final = frozenset({"secret", "personal-data"})  # whose values reports do not repeat
_MASK: Final = '"•••"'
_VARIABLE: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*")


@dataclass(slots=True)
class _Rule:
    severity: Severity
    count: int
    first: Problem
    last: Found | Problem
    path: str
    shown: int = 0


@dataclass(slots=True)
class Tally:
    """The findings of a run so far.

    Args:
        max_per_rule: How many findings of a rule are kept to be shown; 0 for all.
        baseline: Subjects that are excused.
    """

    max_per_rule: int = 10
    baseline: frozenset[str] = frozenset()
    hits: list[Hit] = field(default_factory=list)
    subjects: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    sources: int = 0
    known: int = 0
    _rules: dict[str, _Rule] = field(default_factory=dict)

    def add(self, found: Found, path: str) -> Hit | None:
        """Counts a finding; the answer is the finding to show, if it is one of the first.

        Args:
            found: The finding.
            path: Name of the source, as the user named it.
        """
        about = subject(found)
        if about in self.baseline:
            self.known += 1
            return None
        self.subjects[about] += 1
        entry = self._rules.get(found.rule)
        if entry is None:
            problem = found.problem(path)
            entry = self._rules[found.rule] = _Rule(found.severity, 0, problem, problem, path)
        entry.count += 1
        entry.last, entry.path = found, path
        if found.severity is not entry.severity:
            entry.severity = max(entry.severity, found.severity, key=_rank)
        if self.max_per_rule and entry.shown >= self.max_per_rule:
            return None
        entry.shown += 1
        hit = _hit(found, path, about)
        self.hits.append(hit)
        return hit

    def merge(self, other: Tally, *, lines_before: int) -> None:
        """Adds what was found in a later part of the same or another source.

        Args:
            other: The later part's tally, finished.
            lines_before: Lines of the same source before that part.
        """
        for name, theirs in other._rules.items():
            last = (
                theirs.last
                if isinstance(theirs.last, Problem)
                else theirs.last.problem(theirs.path)
            )
            last = _moved(last, lines_before)
            entry = self._rules.get(name)
            if entry is None:
                first = _moved(theirs.first, lines_before)
                entry = self._rules[name] = _Rule(theirs.severity, 0, first, last, theirs.path)
            entry.count += theirs.count
            entry.last, entry.path = last, theirs.path
            entry.severity = max(entry.severity, theirs.severity, key=_rank)
        for hit in other.hits:
            entry = self._rules[hit.problem.rule]
            if not self.max_per_rule or entry.shown < self.max_per_rule:
                entry.shown += 1
                self.hits.append(replace(hit, problem=_moved(hit.problem, lines_before)))
        self.subjects.update(other.subjects)
        self.lines += other.lines
        self.sources += other.sources
        self.known += other.known

    def finished(self) -> Tally:
        """The tally without references to lines, so that it is small and can go to another process."""
        for entry in self._rules.values():
            if not isinstance(entry.last, Problem):
                entry.last = entry.last.problem(entry.path)
        return self

    def report(self) -> Report:
        """What was found, most severe rules first, then most frequent ones."""
        self.finished()
        rules = [
            RuleSummary(
                rule=name,
                severity=entry.severity,
                count=entry.count,
                first=entry.first,
                last=entry.last,
            )
            for name, entry in self._rules.items()
            if isinstance(entry.last, Problem)
        ]
        rules.sort(key=lambda item: (-item.severity.rank, -item.count))
        return Report(
            hits=tuple(self.hits),
            rules=tuple(rules),
            sources=self.sources,
            lines=self.lines,
            known=self.known,
        )


def _rank(severity: Severity) -> int:
    return severity.rank


def subject(found: Found) -> str:
    """What a finding is about, the same for all lines that break a rule in the same way.

    Args:
        found: The finding.
    """
    finding = found.finding
    about = ".".join(finding.path) if finding.path else _VARIABLE.sub("*", finding.message)
    return f"{found.rule}:{about[:200]}"


def _moved(problem: Problem, lines: int) -> Problem:
    return replace(problem, line=(problem.line or 0) + lines) if lines else problem


def _hit(found: Found, path: str, about: str) -> Hit:
    column, width = found.span
    text = found.line.text
    start = max(0, min(column - 1 - _BEFORE, len(text) - _WINDOW))
    end = start + _WINDOW
    head = "…" if start else ""
    before = head + _visible(text[start : column - 1])
    inside = _visible(text[column - 1 : min(end, column - 1 + width)])
    after = _visible(text[column - 1 + width : end]) if column - 1 + width < end else ""
    tail = "…" if end < len(text) else ""
    if found.rule in _SENSITIVE:  # the same line may hold more of them
        before, inside, after, tail = "", _MASK, "", ""
    problem = found.problem(path)
    return Hit(
        problem=problem,
        excerpt=before + inside + after + tail,
        offset=len(before),
        width=max(1, len(inside)),
        fingerprint=hashlib.sha256(f"{path}\0{about}".encode("utf-8", "replace")).hexdigest()[:32],
    )


def _visible(text: str) -> str:
    """Text that moves no cursor: what is not printable is shown as a middle dot of the same width."""
    return "".join(sign if sign.isprintable() else "·" for sign in text)
