"""From what should be and what is to what has to change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from obskit.engine.diff import ABSENT, Edit, diff
from obskit.engine.resource import Address, Body, Live, Resource, digest, redacted
from obskit.errors import ForeignObjectError, UnsafePlanError

__all__ = ["Action", "Cause", "Change", "Plan", "make_plan"]

#: Above this share of what is owned, deleting or rewriting needs ``force`` …
SAFE_SHARE = 0.3
#: … once there are this many owned objects: one change of three is daily work.
SAFE_COUNT = 10


class Action(StrEnum):
    """What happens to an object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADOPT = "adopt"

    @property
    def sign(self) -> str:
        """The sign in front of a line of the plan."""
        return {"create": "+", "update": "~", "delete": "-", "adopt": "^"}[self.value]


class Cause(StrEnum):
    """Why the two sides differ."""

    NEW = "new in obskit.yml"
    CHANGED = "changed in obskit.yml"
    DRIFTED = "drifted on the server"
    BOTH = "changed in obskit.yml and drifted on the server"
    GONE = "no longer in obskit.yml"
    MISSING = "missing on the server"
    ADOPTED = "taken over by name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the plan.

    Args:
        address: What changes.
        action: What happens to it.
        cause: Why.
        before: The object on the server; None when there is none.
        after: The resource desired; None when it is deleted.
        edits: Differences, path by path.
        impact: What follows from it, in words (a rollover, routes that change).
    """

    address: Address
    action: Action
    cause: Cause
    before: Live | None
    after: Resource | None
    edits: tuple[Edit, ...] = ()
    impact: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """The resource's own words."""
        return self.after.note if self.after else ""

    def to_dict(self) -> dict[str, Any]:
        """The change for machines, secrets redacted."""
        return {
            "address": str(self.address),
            "action": self.action.value,
            "cause": self.cause.value,
            "edits": [edit.to_dict() for edit in self.edits],
            "impact": list(self.impact),
            "note": self.note,
            "digest": digest(self.after.body) if self.after else None,
            "before_digest": digest(self.before.body) if self.before else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to change, and what need not.

    Args:
        project: Whose objects these are.
        changes: In the order of their addresses; the executor orders them by need.
        unchanged: Owned objects that are as desired.
        notes: Words that belong to no change (packs left out and why).
    """

    project: str
    changes: tuple[Change, ...]
    unchanged: tuple[Address, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.changes)

    def count(self, action: Action) -> int:
        """How many changes of a kind there are."""
        return sum(change.action is action for change in self.changes)

    def of(self, target: str) -> tuple[Change, ...]:
        """The changes of one target."""
        return tuple(change for change in self.changes if change.address.target == target)

    def raise_if_unsafe(self) -> None:
        """Refuse a plan that touches too much of what is owned.

        Raises:
            UnsafePlanError: Over ``SAFE_SHARE`` of the owned objects would be deleted or rewritten.
        """
        touched = [
            change for change in self.changes if change.action in (Action.DELETE, Action.UPDATE)
        ]
        owned = len(touched) + len(self.unchanged)
        if owned >= SAFE_COUNT and len(touched) > SAFE_SHARE * owned:
            raise UnsafePlanError(
                f"{len(touched)} of {owned} owned objects would be deleted or rewritten "
                f"(over {SAFE_SHARE:.0%})",
                hint="look at the plan; if it is meant, say --force",
            )

    def to_dict(self) -> dict[str, Any]:
        """The plan for machines, secrets redacted."""
        return {
            "project": self.project,
            "changes": [change.to_dict() for change in self.changes],
            "unchanged": [str(address) for address in self.unchanged],
            "notes": list(self.notes),
            "summary": {action.value: self.count(action) for action in Action},
        }


def make_plan(
    project: str,
    desired: Iterable[Resource],
    live: Mapping[Address, Live],
    *,
    normalise: Callable[[Address, Body], Body],
    impact: Callable[[Change], Sequence[str]] = lambda _: (),
    adopt: frozenset[Address] = frozenset(),
    leave: bool = False,
    names: Mapping[str, str] = MappingProxyType({}),
    notes: Sequence[str] = (),
) -> Plan:
    """Compare what should be with what is.

    Args:
        project: Name of the project; only objects with its mark are changed or deleted.
        desired: What obskit.yml says.
        live: What the servers hold: every owned object, and every object at a desired address.
        normalise: Applied to both sides: what a server adds by itself must not show.
        impact: What follows from a change, in words.
        adopt: Foreign addresses to take over.
        leave: Leave what others hold out of the plan, instead of refusing to make it.
        names: Keys of obskit.yml that give the objects of a target other names, by the target.
        notes: Words for the plan as a whole.

    Raises:
        ForeignObjectError: Desired addresses are held by objects of somebody else's.
    """
    wanted = {resource.address: resource for resource in desired}
    changes: list[Change] = []
    unchanged: list[Address] = []
    foreign: list[Address] = []
    for address, resource in sorted(wanted.items()):
        target_body = normalise(address, resource.body)
        there = live.get(address)
        if there is None:
            new = Change(
                address=address, action=Action.CREATE, cause=Cause.NEW, before=None, after=resource,
                edits=(Edit("", ABSENT, redacted(target_body)),),
            )  # fmt: skip
            changes.append(new)
            continue
        is_ours = there.owned_by(project)
        if not is_ours and address not in adopt:
            foreign.append(address)
            continue
        live_body = normalise(address, there.body)
        edits = tuple(diff(live_body, target_body))
        if is_ours and (not edits or _as_applied(there, target_body)):
            unchanged.append(address)
            continue
        changes.append(
            Change(
                address=address,
                action=Action.UPDATE if is_ours else Action.ADOPT,
                cause=_cause(there, live_body, target_body) if is_ours else Cause.ADOPTED,
                before=there,
                after=resource,
                edits=edits,
            )
        )
    if foreign and not leave:
        keys = sorted({key for item in foreign if (key := names.get(item.target, ""))})
        where = f" ({', '.join(keys)})" if keys else ""
        raise ForeignObjectError(
            f"held by an object that is not {project}'s: {', '.join(map(str, foreign))}",
            hint=f"obskit adopt ADDRESS takes it over; or choose another name in obskit.yml{where}",
        )
    for address, there in sorted(live.items()):
        if address not in wanted and there.owned_by(project):
            changes.append(
                Change(
                    address=address, action=Action.DELETE, cause=Cause.GONE, before=there, after=None
                )
            )  # fmt: skip
    told = tuple(_with_impact(change, impact) for change in changes)
    return Plan(project=project, changes=told, unchanged=tuple(unchanged), notes=tuple(notes))


def _as_applied(live: Live, desired_body: Body) -> bool:
    return live.untouched and live.mark is not None and live.mark.digest == digest(desired_body)


def _cause(live: Live, live_body: Body, desired_body: Body) -> Cause:
    applied = live.mark.digest if live.mark else ""
    drifted = not live.untouched and digest(live_body) != applied
    changed = digest(desired_body) != applied
    if drifted and changed:
        return Cause.BOTH
    return Cause.DRIFTED if drifted else Cause.CHANGED


def _with_impact(change: Change, impact: Callable[[Change], Sequence[str]]) -> Change:
    words = tuple(impact(change))
    if not words:
        return change
    return Change(
        address=change.address, action=change.action, cause=change.cause, before=change.before,
        after=change.after, edits=change.edits, impact=words,
    )  # fmt: skip
