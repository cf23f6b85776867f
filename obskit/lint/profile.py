"""Which rules run, and how much each matters: profiles, and what a project selects or ignores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from obskit.errors import ConfigError, Problem, Severity
from obskit.lint.rules import RULES

__all__ = ["Profile", "Selection", "select"]


class Profile(StrEnum):
    """A set of severities."""

    STRICT = "strict"  # every warning is an error, and types below attributes are compared
    DEFAULT = "default"  # severities as the rules have them
    ADOPT = "adopt"  # what obskit normalize repairs on a line is only told: for teams with old logs


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The rules that run, with their severities, in the order in which they run.

    Args:
        severities: Severity by rule id; rules that are not there do not run.
        profile: The profile that it was made from.
    """

    severities: Mapping[str, Severity]
    profile: Profile = Profile.DEFAULT


def select(
    profile: Profile = Profile.DEFAULT,
    *,
    chosen: Iterable[str] = (),
    ignored: Iterable[str] = (),
    severities: Mapping[str, Severity] | None = None,
) -> Selection:
    """The rules that run.

    Args:
        profile: Severities to start from.
        chosen: Ids of rules to run: opt-in rules are added to the others; any other id means only
            those named. ``all`` means every rule.
        ignored: Ids of rules not to run.
        severities: Severities that differ from the profile's.

    Raises:
        ConfigError: An id is not one of a rule.
    """
    chosen, ignored = list(chosen), list(ignored)
    overrides = dict(severities or {})
    _known([*chosen, *ignored, *overrides], extra="all")
    added = {name for name in chosen if name != "all" and RULES[name].opt_in}
    only = {name for name in chosen if name not in added and name != "all"}
    picked: dict[str, Severity] = {}
    for rule in RULES.values():
        wanted = rule.id in added or (rule.id in only if only else not rule.opt_in)
        if ("all" in chosen or wanted) and rule.id not in ignored and "all" not in ignored:
            picked[rule.id] = overrides.get(rule.id, _severity(profile, rule.id))
    return Selection(severities=picked, profile=profile)


def _severity(profile: Profile, name: str) -> Severity:
    own = RULES[name].severity
    if profile is Profile.STRICT and own is Severity.WARNING:
        return Severity.ERROR
    return own


def _known(names: Iterable[str], *, extra: str) -> None:
    problems = []
    for name in names:
        if name not in RULES and name != extra:
            near = get_close_matches(name, RULES, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else f" (known: {', '.join(RULES)})"
            problems.append(Problem(rule="lint/unknown-rule", message=f"no rule {name!r}{hint}"))
    if problems:
        raise ConfigError(problems)
