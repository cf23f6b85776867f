"""The rules: one module a rule, whose docstring is its documentation (``obskit lint --explain ID``).

A rule module has ``ID``, ``SEVERITY`` (in the profile ``default``), perhaps ``OPT_IN``, and a generator
``check(line, context)``. A new rule is a new module and one name in the list below.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line
from obskit.lint.rules import (
    alias,
    alias_collision,
    allowed,
    attribute_key,
    clock_skew,
    control_character,
    depth,
    duplicate_key,
    encoding,
    format,  # noqa: A004 (the rule is named so)
    inconsistent_type,
    json_syntax,
    leaf_size,
    level_case,
    oversized_line,
    personal_data,
    range,  # noqa: A004
    required,
    secret,
    timestamp_future,
    timestamp_order,
    timestamp_zone,
    type,  # noqa: A004
    unknown_field,
)

__all__ = ["RULES", "Rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Args:
        id: Stable id.
        severity: How much its findings matter in the profile ``default``.
        check: What it finds on a line.
        explanation: Its documentation; the first line is a summary.
        opt_in: Whether it runs only where it is selected by name.
    """

    id: str
    severity: Severity
    check: Callable[[Line, Context], Iterator[Finding]]
    explanation: str
    opt_in: bool = False

    @property
    def summary(self) -> str:
        """One sentence."""
        return self.explanation.splitlines()[0]


def _rule(module: ModuleType) -> Rule:
    return Rule(
        id=module.ID,
        severity=module.SEVERITY,
        check=module.check,
        explanation=inspect.cleandoc(module.__doc__ or ""),
        opt_in=getattr(module, "OPT_IN", False),
    )


# In the order in which findings of one line are told: what stops reading first.
_MODULES: Final = (
    encoding, json_syntax, oversized_line, duplicate_key, required, type, format, timestamp_zone, allowed, level_case,
    range, alias, alias_collision, unknown_field, depth, leaf_size, attribute_key, control_character, timestamp_future,
    timestamp_order, clock_skew, inconsistent_type, secret, personal_data,
)  # fmt: skip

#: The rules by their ids.
RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {rule.id: rule for rule in map(_rule, _MODULES)}
)
