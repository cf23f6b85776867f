"""The slow path: every rule on one line. It is the truth that the fast path is judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from obskit.errors import Problem, Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line
from obskit.lint.normalise import Normaliser
from obskit.lint.position import locate
from obskit.lint.profile import Profile, Selection, select
from obskit.lint.rules import RULES
from obskit.schema.fields import LIMITS

__all__ = ["Found", "Linter"]

#: A line beyond this many bytes is not looked into.
LONGEST = 1_048_576


@dataclass(frozen=True, slots=True)
class Found:
    """A finding on a line, before it is known whether anybody wants to see where on the line it is."""

    rule: str
    severity: Severity
    finding: Finding
    line: Line

    def problem(self, path: str) -> Problem:
        """The finding as data, with its column.

        Args:
            path: Name of the source, as the user named it.
        """
        return Problem(
            rule=self.rule,
            message=self.finding.message,
            path=path,
            line=self.line.number,
            column=self.span[0],
            severity=self.severity,
        )

    @property
    def span(self) -> tuple[int, int]:
        """First column, from 1, and how many characters are concerned."""
        finding, line = self.finding, self.line
        if finding.column is not None and not finding.path:
            return finding.column, 1
        if finding.path and line.syntax is None and line.size <= LONGEST:
            member = locate(line.text, finding.path, nth=finding.nth)
            if member is not None:
                start, end = member.key if finding.key else member.value
                return finding.column or start + 1, end - start
        return finding.column or 1, 1


@dataclass(frozen=True, kw_only=True)
class Linter:
    """Judges lines by the selected rules.

    Args:
        context: Schema, limits and the state of the source.
        selection: The rules that run.
    """

    context: Context = field(default_factory=Context)
    selection: Selection = field(default_factory=select)

    def check(self, line: Line) -> Iterator[Found]:
        """What is wrong with one line; blank lines are fine.

        Args:
            line: The line.
        """
        if line.blank and line.size <= LIMITS.LINE_BYTES:
            return
        found = self._found(line)
        if self.selection.profile is Profile.ADOPT:
            found = self._adopted(line, list(found))
        yield from found
        if line.size <= LONGEST and line.instant is not None:
            self.context.state.seen(line.instant, line.instant)

    def _found(self, line: Line) -> Iterator[Found]:
        known = line.size <= LONGEST
        for name, severity, check in self._checks:
            if known or name == "oversized-line":
                for finding in check(line, self.context):
                    yield Found(name, severity, finding, line)

    def _adopted(self, line: Line, found: list[Found]) -> Iterator[Found]:
        """The findings, only told where the normaliser makes an event of the line all the same."""
        errors = any(item.severity is Severity.ERROR for item in found)
        repaired = errors and line.size <= LIMITS.LINE_BYTES and self._repaired(line)
        for item in found:
            told = repaired and item.severity is Severity.ERROR and not RULES[item.rule].opt_in
            yield replace(item, severity=Severity.INFO) if told else item

    def _repaired(self, line: Line) -> bool:
        return self._normaliser.line(line.raw.removesuffix(b"\r")).event is not None

    @cached_property
    def _checks(self) -> list[tuple[str, Severity, Callable[[Line, Context], Iterator[Finding]]]]:
        return [(name, how, RULES[name].check) for name, how in self.selection.severities.items()]

    @cached_property
    def _normaliser(self) -> Normaliser:
        return Normaliser(self.context.schema)
