"""The values that every format is written from."""

from __future__ import annotations

from dataclasses import dataclass

from obskit.errors import Problem, Severity

__all__ = ["Hit", "Report", "RuleSummary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One finding that is shown.

    Args:
        problem: The finding.
        excerpt: The part of the line around it, control characters made visible.
        offset: Where the finding begins in the excerpt, in characters.
        width: How many characters it concerns.
        fingerprint: What stays the same when lines are added above it.
    """

    problem: Problem
    excerpt: str
    offset: int
    width: int
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSummary:
    """All findings of one rule.

    Args:
        rule: Id of the rule.
        severity: How much it matters in this run.
        count: How many findings.
        first: The first one.
        last: The last one.
    """

    rule: str
    severity: Severity
    count: int
    first: Problem
    last: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run found.

    Args:
        hits: The findings that are shown, in order; of each rule only the first ones.
        rules: All findings, counted by rule.
        sources: Files and streams that were read.
        lines: Lines that were read.
        known: Findings that the baseline excuses.
    """

    hits: tuple[Hit, ...]
    rules: tuple[RuleSummary, ...]
    sources: int
    lines: int
    known: int = 0

    @property
    def count(self) -> int:
        """How many findings there are."""
        return sum(item.count for item in self.rules)

    @property
    def hidden(self) -> int:
        """How many findings are counted but not shown one by one."""
        return self.count - len(self.hits)

    def at_least(self, severity: Severity) -> int:
        """How many findings are at least so severe.

        Args:
            severity: The least severity that counts.
        """
        return sum(item.count for item in self.rules if item.severity.rank >= severity.rank)
