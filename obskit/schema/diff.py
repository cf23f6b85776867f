"""What a change of the schema breaks: each change classed, for those who write and those who read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from obskit.schema.model import Field, Requirement, Schema

__all__ = ["Change", "diff"]

_STRENGTH: Final = {Requirement.OPTIONAL: 0, Requirement.NULLABLE: 1, Requirement.REQUIRED: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one field.

    Args:
        field: Name of the field; the old one where it was renamed.
        key: What of it changed: ``field`` for its coming or going, else the key of the schema file.
        before: The old value; empty for a new field.
        after: The new value; empty for a removed field.
        breaking: Whether services, dashboards or stored events are broken by it.
        why: Who has to do what, or why nobody has to.
    """

    field: str
    key: str
    before: str
    after: str
    breaking: bool
    why: str

    def __str__(self) -> str:
        sign = "breaking" if self.breaking else "compatible"
        return f"{sign}: {self.field}.{self.key}: {self.before or '–'} → {self.after or '–'}: {self.why}"


def diff(old: Schema, new: Schema) -> list[Change]:
    """The changes between two schemas, breaking ones first.

    Args:
        old: The schema that services and servers know.
        new: The schema that is to come.
    """
    found: list[Change] = []
    renamed: set[str] = set()
    for item in old.fields:
        successor = new.by_name.get(item.name)
        if successor is not None:
            found.extend(_changes(item, successor))
        elif item.name in new.by_alias:
            heir = new.by_alias[item.name]
            renamed.add(heir.name)
            why = (
                "events are normalised to the new name; queries and stored events keep the old one"
            )
            found.append(_change(item, "field", item.name, heir.name, why, breaking=True))
            found.extend(_changes(item, heir))
        else:
            why = "its values go below attributes from now on; queries on the name find old events only"
            found.append(_change(item, "field", item.name, "", why, breaking=True))
    for item in new.fields:
        if item.name not in old.by_name and item.name not in renamed:
            found.append(_added(item))
    return sorted(found, key=lambda change: not change.breaking)


def _added(item: Field) -> Change:
    if item.required:
        return _change(
            item, "field", "", item.name, "every service has to write it first", breaking=True
        )
    why = "no service has to write it; events that have it below attributes move up"
    return _change(item, "field", "", item.name, why, breaking=False)


def _changes(old: Field, new: Field) -> Iterator[Change]:
    if old.type is not new.type:
        why = "a field's type in an index cannot change: the stream needs a rollover, queries both forms"
        yield _change(old, "type", old.type.value, new.type.value, why, breaking=True)
    if old.requirement is not new.requirement:
        stricter = _STRENGTH[new.requirement] > _STRENGTH[old.requirement]
        why = "services that leave it out break" if stricter else "what was valid remains so"
        yield _change(
            old, "requirement", old.requirement.value, new.requirement.value, why, breaking=stricter
        )
    yield from _allowed(old, new)
    if old.pattern != new.pattern:
        why = (
            "values that only the old pattern allows become invalid"
            if new.pattern
            else "any text is valid now"
        )
        yield _change(old, "pattern", old.pattern, new.pattern, why, breaking=bool(new.pattern))
    yield from _bounds(old, new)
    gone = [alias for alias in old.aliases if alias not in new.aliases and alias != new.name]
    if gone:
        why = "events with these names are no longer normalised"
        yield _change(old, "aliases", ", ".join(gone), "", why, breaking=True)
    come = [alias for alias in new.aliases if alias not in old.aliases and alias != old.name]
    if come:
        yield _change(
            old, "aliases", "", ", ".join(come), "more events are understood", breaking=False
        )
    if old.ecs != new.ecs:
        why = (
            "queries on the ECS name find nothing any more" if old.ecs else "another name finds it"
        )
        yield _change(old, "ecs", old.ecs, new.ecs, why, breaking=bool(old.ecs))
    if old.redact != new.redact:
        why = (
            "dashboards see no value any more"
            if new.redact
            else "values become visible: mind what they are"
        )
        yield _change(
            old, "redact", str(old.redact).lower(), str(new.redact).lower(), why, breaking=True
        )
    for key in ("description", "otel"):
        if getattr(old, key) != getattr(new, key):
            yield _change(
                old, key, getattr(old, key), getattr(new, key), "documentation only", breaking=False
            )


def _allowed(old: Field, new: Field) -> Iterator[Change]:
    if set(old.allowed) == set(new.allowed):
        return
    fewer = bool(new.allowed) and (not old.allowed or not set(old.allowed) <= set(new.allowed))
    why = "services that write the others break" if fewer else "what was valid remains so"
    yield _change(
        old, "allowed", ", ".join(old.allowed), ", ".join(new.allowed), why, breaking=fewer
    )


def _bounds(old: Field, new: Field) -> Iterator[Change]:
    for key in ("min_length", "max_length", "minimum", "maximum"):
        before, after = getattr(old, key), getattr(new, key)
        if before == after:
            continue
        if key.startswith("min"):
            stricter = after is not None and (before is None or after > before)
        else:
            stricter = bool(after) and (not before or after < before)
        why = "values out of it become invalid" if stricter else "what was valid remains so"
        shown = ("" if before is None else str(before), "" if after is None else str(after))
        yield _change(old, key, *shown, why, breaking=stricter)


def _change(item: Field, key: str, before: str, after: str, why: str, *, breaking: bool) -> Change:
    return Change(field=item.name, key=key, before=before, after=after, breaking=breaking, why=why)
