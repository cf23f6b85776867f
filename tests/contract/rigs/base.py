"""What the contract suite needs of each target: how to make one, and how to interfere with its server.

A rig is a module ``tests/contract/rigs/<target>.py`` with::

    RIGS = {"8.19.21": make, ...}     # id → make(start: Start, folder: Path) -> Rig

``start`` starts a local server that lives as long as the module; ``folder`` is empty and the rig's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from obskit.config import Section, Settings
from obskit.engine import execute
from obskit.engine.plan import Plan, make_plan
from obskit.engine.resource import Address, Body, Live, Resource
from obskit.local.server import Running, Server
from obskit.schema import BUILTIN, Schema
from obskit.targets import target_class
from obskit.targets.base import Context, Target

__all__ = ["AnyTarget", "Make", "Rig", "Start", "apply", "make_target", "owned", "plan_of"]

AnyTarget = Target[Any]
Start = Callable[[Server], Running]


class Rig(ABC):
    """One target with a server behind it, for one test module.

    Every test begins and ends with nothing of the project's on the server: the suite removes it by plan.
    """

    @abstractmethod
    def target(self, *, changed: bool = False) -> AnyTarget:
        """A fresh target with at least one resource.

        Args:
            changed: With another obskit.yml: at least one resource differs, and one more is there.
        """

    @abstractmethod
    def foreign(self) -> object:
        """Objects of somebody else's, beside ours: made where they are absent; what they are now."""

    @abstractmethod
    def occupy(self) -> AbstractContextManager[None]:
        """While it is entered, an object of somebody else's holds one of the desired addresses."""

    @abstractmethod
    def drift(self) -> None:
        """Change one owned object by hand, behind obskit's back."""

    @abstractmethod
    def denied(self) -> AbstractContextManager[AnyTarget]:
        """A target that is not let in: a wrong password; for files, a folder that may not be read."""

    @abstractmethod
    def cut_short(self) -> AbstractContextManager[AnyTarget]:
        """A target whose server's answer to a read breaks off (of a file: cannot be read to its end)."""


Make = Callable[[Start, Path], Rig]


def make_target(
    name: str,
    section: Mapping[str, Any],
    *,
    folder: Path,
    project: str = "contract",
    schema: Schema = BUILTIN,
    peers: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> AnyTarget:
    """A target as obskit.yml makes it.

    Args:
        name: Its key.
        section: Its section.
        folder: Where obskit.yml stands.
        project: Name of the project.
        schema: The log schema.
        peers: Sections of other targets, by key.
        more: Other keys of obskit.yml.
    """
    sections: dict[str, Section] = {
        key: target_class(key).Settings.model_validate(dict(value))
        for key, value in {name: section, **(peers or {})}.items()
    }
    settings = Settings.model_validate({"project": project, **more}).model_copy(
        update={"targets": sections, "path": folder / "obskit.yml"}
    )
    context = Context(settings=settings, schema=schema)
    for key in sections:
        context.peers[key] = target_class(key)(context)
    return context.peers[name]


def plan_of(
    target: AnyTarget,
    desired: Sequence[Resource] | None = None,
    adopt: frozenset[Address] = frozenset(),
) -> Plan:
    """The plan of one target.

    Args:
        target: The target.
        desired: What is wanted instead of what obskit.yml says.
        adopt: Foreign addresses to take over.
    """
    wanted = target.desired() if desired is None else desired
    live = target.read(frozenset(resource.address for resource in wanted))
    return make_plan(
        target.context.project, wanted, live, normalise=target.normalise, impact=target.impact,
        adopt=adopt,
    )  # fmt: skip


def apply(target: AnyTarget, plan: Plan) -> None:
    """Apply a plan that must succeed."""
    outcomes = execute.apply(plan, {target.name: target})
    assert execute.succeeded(outcomes), [
        f"{outcome.change.address}: {outcome.state}: {outcome.error}" for outcome in outcomes
    ]


def owned(target: AnyTarget) -> dict[str, Body]:
    """Normalised bodies of what the project owns on the server, by address."""
    live: Mapping[Any, Live] = target.read(frozenset())
    return {
        str(address): target.normalise(address, item.body)
        for address, item in live.items()
        if item.owned_by(target.context.project)
    }
