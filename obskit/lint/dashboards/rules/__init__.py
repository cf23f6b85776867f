"""The rules for dashboards, one module each; a new rule is one module and one line here.

A rule's module is its documentation: its docstring says what is wrong, why it matters and how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard
from obskit.lint.dashboards.rules import (
    database_id,
    datasource_hardcoded,
    datasource_input_left,
    duplicate_key,
    duplicate_panel_id,
    duplicate_ref_id,
    duplicate_title,
    duplicate_uid,
    empty_query,
    escaped_wildcard,
    hardcoded_instance,
    hardcoded_job,
    legacy_panel,
    panel_description,
    panel_overlap,
    panel_title,
    panel_unit,
    panel_without_query,
    promql_syntax,
    rate_interval,
    refresh_too_fast,
    template_regex_invalid,
    threshold_order,
    title_missing,
    uid_invalid,
    uid_missing,
    undefined_variable,
    unreachable_link,
    unused_variable,
    variable_cycle,
)

__all__ = ["CROSS_RULES", "RULES", "CrossRule", "Rule"]


class _Described(Protocol):
    """What every rule module has."""

    ID: str
    SEVERITY: Severity
    __doc__: str | None


class Rule(_Described, Protocol):
    """A rule about one dashboard."""

    def check(self, dashboard: Dashboard) -> Iterator[Problem]:
        """Find what breaks the rule."""
        ...


class CrossRule(_Described, Protocol):
    """A rule about dashboards that stand together."""

    def check_all(self, dashboards: Sequence[Dashboard]) -> Iterator[Problem]:
        """Find what breaks the rule."""
        ...


RULES: Final[tuple[Rule, ...]] = (
    database_id,
    datasource_hardcoded,
    datasource_input_left,
    duplicate_key,
    duplicate_panel_id,
    duplicate_ref_id,
    empty_query,
    escaped_wildcard,
    hardcoded_instance,
    hardcoded_job,
    legacy_panel,
    panel_description,
    panel_overlap,
    panel_title,
    panel_unit,
    panel_without_query,
    promql_syntax,
    rate_interval,
    refresh_too_fast,
    template_regex_invalid,
    threshold_order,
    title_missing,
    uid_invalid,
    uid_missing,
    undefined_variable,
    unreachable_link,
    unused_variable,
    variable_cycle,
)

CROSS_RULES: Final[tuple[CrossRule, ...]] = (
    duplicate_uid,
    duplicate_title,
)
