"""Every error that obskit raises on purpose, and the finding, which is data.

::

    ObskitError                  exit 1   something foreseeable went wrong
    ├── ConfigError              exit 2   obskit.yml, a schema file or a flag is wrong; carries Problems
    ├── ContentError             exit 1   a dashboard, rule or pipeline is refused by its checker; carries Problems
    ├── PlanError                exit 1   the plan cannot be made or may not be applied
    │   ├── ReadError                     a server's state could not be read whole
    │   ├── StalePlanError                live state changed between plan and apply
    │   ├── UnsafePlanError               the plan touches too much of what is owned
    │   └── ForeignObjectError            the address is held by an object that is not ours
    ├── ServerError              exit 1   a server did not do what was asked
    │   ├── UnreachableError              no connection, or the deadline passed before an answer
    │   ├── DeniedError                   wrong password, expired key, missing privilege
    │   ├── BadAnswerError                not the answer of such a server: HTML, half a body, other JSON
    │   └── RejectedError                 the server understood and refused; its words are in the message
    ├── DeliveryError            exit 1   a file or reload failed; the old state was put back
    └── LocalError               exit 1   a local server could not be started or stopped

Every message says where, what, and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "BadAnswerError",
    "ConfigError",
    "ContentError",
    "DeliveryError",
    "DeniedError",
    "ForeignObjectError",
    "LocalError",
    "ObskitError",
    "PlanError",
    "Problem",
    "ReadError",
    "RejectedError",
    "ServerError",
    "Severity",
    "StalePlanError",
    "UnreachableError",
    "UnsafePlanError",
]


class Severity(StrEnum):
    """How much a finding matters; ``ERROR`` fails a check by default."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """How severe: greater is worse."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding: a rule that was broken, and where.

    Args:
        rule: Stable id of the rule, such as ``level-case`` or ``config/unknown-key``.
        message: What is wrong and what to do, in one line.
        path: File the finding is in, as the user named it; empty when there is none.
        line: Line, counted from 1.
        column: Column, counted from 1, in characters.
        severity: How much it matters.
    """

    rule: str
    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None
    severity: Severity = Severity.ERROR

    @property
    def where(self) -> str:
        """``file:line:column``, with the parts that are known."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part)

    def __str__(self) -> str:
        where = self.where
        return f"{where}: {self.message}" if where else self.message


class ObskitError(Exception):
    """The base of every foreseeable failure.

    Args:
        message: What went wrong.
        where: File, address or server concerned.
        hint: What to do next.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    @property
    def fact(self) -> str:
        """Where and what, for those who show what to do next beside it."""
        return f"{self.where}: {self.message}" if self.where else self.message

    def __str__(self) -> str:
        return f"{self.fact} ({self.hint})" if self.hint else self.fact


class _ProblemsError(ObskitError):
    def __init__(self, problems: Iterable[Problem], *, hint: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems), hint=hint)


class ConfigError(_ProblemsError):
    """The configuration is wrong; every finding is in ``problems``."""

    exit_code = 2


class ContentError(_ProblemsError):
    """Content is refused by its checker; every finding is in ``problems``."""


class PlanError(ObskitError):
    """The plan cannot be made, or may not be applied."""


class ReadError(PlanError):
    """A server's state could not be read whole, so nothing can be planned."""


class StalePlanError(PlanError):
    """Live state changed between plan and apply."""


class UnsafePlanError(PlanError):
    """The plan deletes or rewrites more of what is owned than is safe without ``--force``."""


class ForeignObjectError(PlanError):
    """The address is held by an object without this project's mark."""


class ServerError(ObskitError):
    """A server did not do what was asked of it."""


class UnreachableError(ServerError):
    """No connection, or no whole answer within the deadline."""


class DeniedError(ServerError):
    """The server knows us not, or does not let us."""


class BadAnswerError(ServerError):
    """The answer is not one that such a server gives."""


class RejectedError(ServerError):
    """The server understood the request and refused it."""


class DeliveryError(ObskitError):
    """A file could not be delivered, or the server refused it; the old state was put back."""


class LocalError(ObskitError):
    """A local server could not be started or stopped."""
