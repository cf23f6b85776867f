"""Applying a plan: in the order of need, in parallel inside a level, each outcome told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from obskit.engine.diff import same
from obskit.engine.plan import Change, Plan
from obskit.engine.resource import Address, Body, Live
from obskit.errors import ObskitError, StalePlanError

__all__ = ["Outcome", "State", "Writer", "apply", "levels", "succeeded"]


class State(StrEnum):
    """How far a change came."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"  # written, then put back because the server refused the whole
    SKIPPED = "not attempted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one change.

    Args:
        change: The change.
        state: How far it came.
        error: Why it failed or was undone; None otherwise.
    """

    change: Change
    state: State
    error: ObskitError | None = None


class Writer(Protocol):
    """What the executor needs of a target."""

    @property
    def name(self) -> str:
        """Name of the target."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its objects, in the order in which they are created."""

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        """Live objects: every owned one and every one at a wanted address."""

    def normalise(self, address: Address, body: Body) -> Body:
        """The body without what a server adds by itself."""

    def write(self, change: Change) -> None:
        """Make one change."""

    def settle(self, changes: Sequence[Change]) -> None:
        """After all writes of a level: reload, read back; on refusal put everything back and raise."""


def levels(
    changes: Iterable[Change], ranks: Mapping[tuple[str, str], int] | None = None
) -> list[list[Change]]:
    """Changes in the order in which they may be made: what is needed first, deletions last.

    Args:
        changes: The changes of a plan.
        ranks: Place of each (target, kind) in its target's order of creation.

    Returns:
        Lists of changes; those of one list do not depend on one another.

    Raises:
        ObskitError: The needs go round in a circle.
    """
    writes = {change.address: change for change in changes if change.after is not None}
    deletes = [change for change in changes if change.after is None]
    ordered: list[list[Change]] = []
    done: set[Address] = set()
    while len(done) < len(writes):
        ready = [
            change
            for address, change in sorted(writes.items())
            if address not in done and not ((change.after.needs if change.after else set()) & writes.keys()) - done
        ]  # fmt: skip
        if not ready:
            circle = ", ".join(str(address) for address in sorted(writes.keys() - done))
            raise ObskitError(f"these resources need one another in a circle: {circle}")
        ordered.append(ready)
        done.update(change.address for change in ready)
    return ordered + _deletions(deletes, ranks)


def _deletions(
    deletes: Iterable[Change], ranks: Mapping[tuple[str, str], int] | None
) -> list[list[Change]]:
    """What is created first is leant upon, so kinds are deleted in the reverse of their order."""
    groups: dict[int, list[Change]] = {}
    for change in deletes:
        rank = (ranks or {}).get((change.address.target, change.address.kind), 0)
        groups.setdefault(rank, []).append(change)
    return [groups[rank] for rank in sorted(groups, reverse=True)]


def _raise_if_stale(plan: Plan, writers: Mapping[str, Writer]) -> None:
    for name, writer in writers.items():
        changes = plan.of(name)
        if not changes:
            continue
        live = writer.read(frozenset(change.address for change in changes))
        for change in changes:
            now = live.get(change.address)
            before = change.before
            if (now is None) != (before is None) or (
                now is not None
                and before is not None
                and not same(
                    writer.normalise(change.address, now.body),
                    writer.normalise(change.address, before.body),
                )
            ):
                raise StalePlanError(
                    "changed on the server since the plan was made",
                    where=str(change.address),
                    hint="nothing was written; plan again",
                )


def apply(
    plan: Plan,
    writers: Mapping[str, Writer],
    *,
    workers: int = 8,
    observe: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Make the changes of a plan.

    Args:
        plan: What to change; it is checked against the servers once more before the first write.
        writers: Targets by name.
        workers: How many changes of a level are made at once.
        observe: Called as each change starts and ends (progress now, the journal later).

    Returns:
        One outcome a change. After a failure, changes of later levels are not attempted.

    Raises:
        StalePlanError: Live state changed since the plan was made; nothing was written.
    """
    _raise_if_stale(plan, writers)
    outcomes: dict[Address, Outcome] = {}

    def note(outcome: Outcome) -> None:
        if outcome.state is not State.STARTED:
            outcomes[outcome.change.address] = outcome
        observe(outcome)

    def write(change: Change) -> None:
        note(Outcome(change=change, state=State.STARTED))
        try:
            writers[change.address.target].write(change)
        except ObskitError as error:
            note(Outcome(change=change, state=State.FAILED, error=error))
        except Exception as error:  # noqa: BLE001 - one write that breaks must not leave the others untold
            broke = ObskitError(
                f"obskit itself broke while writing: {type(error).__name__}: {error}"
            )
            broke.__cause__ = error
            note(Outcome(change=change, state=State.FAILED, error=broke))
        else:
            outcomes[change.address] = Outcome(change=change, state=State.DONE)

    ranks = {
        (name, kind): rank
        for name, writer in writers.items()
        for rank, kind in enumerate(writer.kinds)
    }
    failed = False
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="apply") as pool:
        for level in levels(plan.changes, ranks):
            if failed:
                for change in level:
                    note(Outcome(change=change, state=State.SKIPPED))
                continue
            for job in as_completed([pool.submit(write, change) for change in level]):
                job.result()
            for name in sorted({change.address.target for change in level}):
                written = [
                    change
                    for change in level
                    if change.address.target == name
                    and outcomes[change.address].state is State.DONE
                ]
                if not written:
                    continue
                try:
                    writers[name].settle(written)
                except ObskitError as error:
                    for change in written:
                        note(Outcome(change=change, state=State.UNDONE, error=error))
                else:
                    for change in written:
                        note(outcomes[change.address])
            failed = any(outcomes[change.address].state is not State.DONE for change in level)
    return [outcomes[change.address] for change in plan.changes]


def succeeded(outcomes: Iterable[Outcome]) -> bool:
    """Whether every change was made."""
    return all(outcome.state is State.DONE for outcome in outcomes)
