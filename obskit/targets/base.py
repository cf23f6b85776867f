"""What a target is: everything that obskit knows about one kind of server, in one place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast

import obskit
from obskit.config import Auth, Section, Settings
from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Body, Live, Mark, Resource, digest
from obskit.engine.verify import Check, Exchange
from obskit.errors import ObskitError, Problem
from obskit.schema import Schema

__all__ = ["Canary", "Context", "DataSource", "Finding", "Hop", "Target"]

S = TypeVar("S", bound=Section)
T = TypeVar("T", bound="Target[Any]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """What Grafana needs to know to query a server.

    Args:
        uid: Stable uid of the data source.
        name: Name for people.
        type: Grafana's plugin id: ``prometheus``, ``elasticsearch``, ``alertmanager``.
        url: Address as Grafana reaches it.
        auth: How to sign in.
        options: The data source's ``jsonData``.
        database: Index pattern, for Elasticsearch before ``jsonData.index``.
    """

    uid: str
    name: str
    type: str
    url: str
    auth: Auth = field(default_factory=Auth)
    options: Mapping[str, Any] = field(default_factory=dict)
    database: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What ``doctor`` learned of a server.

    Args:
        subject: What was looked at: ``address``, ``version``, ``licence``, ``privileges``, ``clock``.
        ok: Whether it is as obskit needs it; None when it could not be learned.
        detail: The fact.
        next: What to do, where it is not ok.
    """

    subject: str
    ok: bool | None
    detail: str
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A log line that obskit wrote where a service writes.

    Args:
        service: The service.
        path: File it was written to.
        trace_id: Its fresh trace id.
        line: The line, without its newline.
        offset: Position in the file at which it begins, in bytes.
    """

    service: str
    path: Path
    trace_id: str
    line: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """What one server on the log path says of a canary.

    Args:
        name: The hop, such as ``filebeat``.
        order: Place on the path; the lowest hop that did not pass it on lost it.
        passed: Whether the line went through; None when the server cannot tell.
        detail: What was seen.
        next: What to do where it did not pass.
        evidence: What was asked and answered.
    """

    name: str
    order: int
    passed: bool | None
    detail: str
    next: str = ""
    evidence: tuple[Exchange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Context:
    """What every target is given.

    Args:
        settings: All of obskit.yml.
        schema: The log schema, with the project's own fields.
        peers: The configured targets by key; filled after all are made. A replica's key is
            ``prometheus@2``.
        key: Key of the target that is made with this context; its name when empty.
    """

    settings: Settings
    schema: Schema
    peers: dict[str, Target[Any]] = field(default_factory=dict)
    key: str = ""

    @property
    def project(self) -> str:
        """Name of the project."""
        return self.settings.project

    def peer(self, kind: type[T]) -> T | None:
        """The configured target of a kind; None when it is not in obskit.yml."""
        found = self.peers.get(kind.name)
        return found if isinstance(found, kind) else None

    def instances(self, kind: type[T]) -> list[T]:
        """The configured target of a kind and its replicas, the first one first."""
        return [item for item in self.peers.values() if isinstance(item, kind)]


class Target(ABC, Generic[S]):
    """One kind of server: settings, resources, reads, writes and proofs.

    A subclass sets ``name`` (its key in obskit.yml), ``Settings`` and ``kinds``, and is registered in
    ``obskit/targets/__init__.py``. Its constructor opens no connection.

    Args:
        context: Settings, schema and peers.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[Section]]
    #: Kinds of its objects, in the order in which they are created.
    kinds: ClassVar[tuple[str, ...]]
    #: Targets whose objects are all in place before its first: a shipper must not find no template.
    after: ClassVar[tuple[str, ...]] = ()

    #: Key of obskit.yml that gives its objects other names, where somebody else's have these.
    named_by: ClassVar[str] = ""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.key = context.key or self.name
        self.settings = cast("S", context.settings.targets[self.key])

    @property
    def replica(self) -> bool:
        """Whether it is not the first instance of its kind; what is done once is done by the first."""
        return self.key != self.name

    # What should be, what is, and how one becomes the other -------------------------------------

    @abstractmethod
    def desired(self) -> Sequence[Resource]:
        """The resources that obskit.yml asks for."""

    @abstractmethod
    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        """Every owned object, and every object at a wanted address, ours or not.

        Args:
            wanted: Addresses of this target that are desired.

        Raises:
            ServerError, ReadError: The state could not be read whole. It never looks like "absent".
        """

    def normalise(self, address: Address, body: Body) -> Body:
        """The body without what the server adds by itself; applied to both sides of a comparison.

        It is idempotent.
        """
        del address
        return body

    @abstractmethod
    def write(self, change: Change) -> None:
        """Make one change; its mark is ``self.mark(change)``.

        Raises:
            ServerError, DeliveryError: It was not made.
        """

    def settle(self, changes: Sequence[Change]) -> None:
        """After all writes of a level: reload what has to be, and read back what was written.

        Args:
            changes: What was written.

        Raises:
            DeliveryError: The server refused; what was written has been put back.
        """

    # What is told before, and proved after ------------------------------------------------------

    def check(self) -> Iterator[Problem]:
        """Offline: parse and validate every artefact, by the server's own checker where installed."""
        return iter(())

    def examine(self, deadline: Deadline) -> Iterator[Finding]:
        """For ``doctor``: address, version, licence, privileges, clock. Writes nothing."""
        return iter(())

    def impact(self, change: Change) -> Sequence[str]:
        """What follows from a change, in words for the plan."""
        del change
        return ()

    def notes(self) -> Sequence[str]:
        """Words for the plan as a whole: what was left out and why."""
        return ()

    def checks(self) -> Sequence[Check]:
        """The proofs: loaded, healthy, tried from end to end."""
        return ()

    def write_back(self, live: Live) -> Path | None:
        """Keep an edit made on the server: write it into the file that obskit.yml takes it from.

        Args:
            live: The object as it is on the server.

        Returns:
            The file; None where objects of this kind come from no file.

        Raises:
            DeliveryError: The file could not be written.
        """
        del live
        return None

    @classmethod
    def check_file(cls, path: Path, text: str) -> Iterator[Problem] | None:
        """For ``obskit check FILE``: findings of any file of this kind of server, ours or not.

        Args:
            path: The file.
            text: Its text.

        Returns:
            Findings; None where the file is of another kind.
        """
        del path, text
        return None

    @classmethod
    def recognise(cls, http: Http, deadline: Deadline) -> Mapping[str, Any] | None:
        """For ``init --from-running``: this target's section for the server at an address.

        Args:
            http: The address.
            deadline: By when it has to have answered.

        Returns:
            What obskit.yml should say; None where the server is of another kind.

        Raises:
            ServerError: It does not answer as any server of this kind would.
        """
        del http, deadline
        return None

    # What it offers to other targets ------------------------------------------------------------

    def data_source(self) -> DataSource | None:
        """How Grafana queries this server; None where it does not."""
        return None

    def hop(self, canary: Canary, deadline: Deadline) -> Hop | None:
        """What this server says of a canary log line; None where it is not on the log path."""
        del canary, deadline
        return None

    # Shared ---------------------------------------------------------------------------------------

    def address(self, kind: str, name: str) -> Address:
        """The address of one of its objects."""
        return Address(self.key, kind, name)

    def mark(self, change: Change) -> Mark:
        """The mark that a changed object carries from now on.

        Raises:
            ObskitError: The change deletes, so nothing is left to carry a mark.
        """
        if change.after is None:
            raise ObskitError("a deleted object carries no mark", where=str(change.address))
        return Mark(
            project=self.context.project,
            release=obskit.__version__,
            digest=digest(self.normalise(change.address, change.after.body)),
        )

    def path(self, name: Path | str) -> Path:
        """A path of obskit.yml, which is relative to obskit.yml's folder."""
        return self.context.settings.folder / name
