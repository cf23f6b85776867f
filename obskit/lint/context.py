"""What a rule may know beside the line: the schema, the limits in force, and what earlier lines said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import time

from obskit.schema.fields import BUILTIN
from obskit.schema.model import Schema

__all__ = ["Context", "Options", "State"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Limits that a project may set, in obskit.yml below ``lint``.

    Args:
        future_seconds: How far a timestamp may be ahead of the clock.
        order_seconds: How far a timestamp may be behind the latest one before it; threads race.
        skew_seconds: How far a timestamp may be from what its carrier says.
        attribute_types: Whether types below ``attributes`` are compared between lines too.
    """

    future_seconds: float = 60.0
    order_seconds: float = 1.0
    skew_seconds: float = 5.0
    attribute_types: bool = False


@dataclass(slots=True)
class State:
    """What earlier lines of a source said; the only thing here that changes.

    Args:
        latest: The latest timestamp so far, in seconds since 1970.
        least: The earliest one.
        types: The JSON type that an undeclared field had first, by its dotted name.
    """

    latest: float | None = None
    least: float | None = None
    types: dict[str, str] = field(default_factory=dict)

    def seen(self, least: float, greatest: float) -> None:
        """Takes note of timestamps.

        Args:
            least: The earliest of them.
            greatest: The latest of them.
        """
        self.latest = greatest if self.latest is None else max(self.latest, greatest)
        self.least = least if self.least is None else min(self.least, least)

    def inherit(self, before: State) -> None:
        """Goes on from where an earlier part of the source ended.

        Args:
            before: The state at its end.
        """
        self.latest = before.latest
        self.types.update(before.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a rule is given with each line.

    Args:
        schema: The log schema.
        options: Limits in force.
        state: What earlier lines of the same source said.
        now: Clock, in seconds since 1970.
    """

    schema: Schema = BUILTIN
    options: Options = field(default_factory=Options)
    state: State = field(default_factory=State)
    now: Callable[[], float] = time
