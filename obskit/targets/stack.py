"""All configured targets together: one plan, one list of proofs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from obskit.deadline import Deadline
from obskit.engine.plan import Plan, make_plan
from obskit.engine.resource import Address, Live, Resource
from obskit.engine.verify import Check, Proof
from obskit.errors import ObskitError, Problem, ReadError
from obskit.targets.base import Finding, Target

__all__ = ["checks", "destruction", "examine", "plan", "problems"]

Targets = Mapping[str, Target[Any]]
T = TypeVar("T")


def _sensibly(target: Target[Any], call: Callable[[Target[Any]], T]) -> T:
    """Call a target; an answer of another shape than its kind of server gives is an error, not a traceback.

    Each target checks what it reads. This is for what nobody thought of: another product behind the same API, a
    version to come. The traceback is the cause, which ``OBSKIT_TRACEBACK=1`` shows.
    """
    try:
        return call(target)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ReadError(
            f"obskit cannot make sense of what it answered: {type(error).__name__}: {error}",
            where=target.key,
            hint="is the address that of such a server? OBSKIT_TRACEBACK=1 shows where obskit gave up",
        ) from error


def _each(targets: Targets, call: Callable[[Target[Any]], T]) -> dict[str, T]:
    """Call every target at once; all failures are told, not the first."""
    with ThreadPoolExecutor(max_workers=max(1, len(targets)), thread_name_prefix="read") as pool:
        jobs = {name: pool.submit(_sensibly, target, call) for name, target in targets.items()}
    failed = [error for job in jobs.values() if isinstance(error := job.exception(), ObskitError)]
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise ReadError(
            f"{len(failed)} servers could not be read:\n"
            + "\n".join(f"  {error}" for error in failed)
        )
    return {name: job.result() for name, job in jobs.items()}


def plan(
    targets: Targets, project: str, *, adopt: Iterable[Address] = (), leave: bool = False
) -> Plan:
    """Read every server and compare.

    Args:
        targets: The targets to plan.
        project: Name of the project.
        adopt: Foreign addresses to take over.
        leave: Leave what else others hold out of the plan, instead of refusing to make it.

    Raises:
        ObskitError: A server could not be read whole, or an address is held by somebody else.
    """

    def read(
        target: Target[Any],
    ) -> tuple[Sequence[Resource], Mapping[Address, Live], Sequence[str]]:
        desired = target.desired()
        return desired, target.read(frozenset(item.address for item in desired)), target.notes()

    states = _each(targets, read)
    live = {address: item for _, found, _ in states.values() for address, item in found.items()}
    addresses = {
        name: frozenset(item.address for item in desired)
        for name, (desired, _, _) in states.items()
    }
    return make_plan(
        project,
        [
            replace(
                item, needs=item.needs.union(*(addresses.get(o, ()) for o in targets[name].after))
            )
            for name, (desired, _, _) in states.items()
            for item in desired
        ],
        live,
        normalise=lambda address, body: targets[address.target].normalise(address, body),
        impact=lambda change: targets[change.address.target].impact(change),
        adopt=frozenset(adopt),
        leave=leave,
        names={name: target.named_by for name, target in targets.items()},
        notes=[f"{name}: {note}" for name, (_, _, notes) in states.items() for note in notes],
    )


def destruction(targets: Targets, project: str) -> Plan:
    """The plan that removes every object with this project's mark, and nothing else.

    Args:
        targets: The targets to clear.
        project: Name of the project.

    Raises:
        ObskitError: A server could not be read whole.
    """
    states = _each(targets, lambda target: target.read(frozenset()))
    live = {address: item for found in states.values() for address, item in found.items()}
    return make_plan(project, [], live, normalise=lambda _, body: body)


def checks(targets: Targets) -> list[Check]:
    """Every proof of every target; those of a replica have its number in their ids."""
    return [
        _of_replica(check, target.key) if target.replica else check
        for target in targets.values()
        for check in target.checks()
    ]


def _of_replica(check: Check, key: str) -> Check:
    number = key.partition("@")[2]

    def renamed(id_: str) -> str:
        head, slash, rest = id_.partition("/")
        return f"{head}@{number}{slash}{rest}"

    def run(deadline: Deadline) -> Iterator[Proof]:
        for proof in check.run(deadline):
            yield replace(proof, id=renamed(proof.id))

    return replace(check, id=renamed(check.id), run=run)


def problems(targets: Targets) -> list[Problem]:
    """Every offline finding of every target; artefacts that cannot even be made are findings too."""
    found: list[Problem] = []
    for target in targets.values():
        if not target.replica:  # the same artefacts as the first's
            found += target.check()
    return found


def examine(targets: Targets, *, seconds: float = 15.0) -> dict[str, list[Finding]]:
    """What doctor learns of every server; one that does not answer is a finding, not an end."""

    def look(target: Target[Any]) -> list[Finding]:
        found: list[Finding] = []
        try:
            _sensibly(target, lambda one: found.extend(one.examine(Deadline.after(seconds))))
        except ObskitError as error:
            found.append(Finding(subject="address", ok=False, detail=error.fact, next=error.hint))
        return found

    return _each(targets, look)
