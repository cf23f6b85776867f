"""What the engine handles: addresses, resources as desired, objects as they live on a server."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from obskit.config.secret import REDACTED, Secret
from obskit.errors import ObskitError

__all__ = ["Address", "Body", "Live", "Mark", "Resource", "digest", "redacted"]

#: JSON-like data (mappings, sequences, scalars, ``Secret``), or the text of a file.
Body = Any


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The name of an owned object: ``grafana/dashboard/obskit-node``.

    Args:
        target: Name of the target.
        kind: Kind of object, in the server's own word.
        name: Name or uid within the kind; may hold slashes.
    """

    target: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.target}/{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``target/kind/name``.

        Raises:
            ObskitError: The text is no address.
        """
        parts = text.split("/", 2)
        if len(parts) != 3 or not all(parts):
            raise ObskitError(
                f"{text!r} is no address",
                hint="an address reads like grafana/dashboard/obskit-node",
            )
        return cls(*parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """An object as obskit.yml says it should be.

    Args:
        address: Its name.
        body: What it holds, normalised or not.
        needs: Addresses that must be applied before it.
        note: Words for the plan, where the line alone would not say why (a proof's own route).
    """

    address: Address
    body: Body
    needs: frozenset[Address] = frozenset()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What an owned object carries, so that no state file is needed.

    Args:
        project: Name of the project that owns the object.
        release: obskit's version that last wrote the body.
        digest: Digest of the normalised body that was applied last.
    """

    project: str
    release: str
    digest: str

    def to_dict(self) -> dict[str, str]:
        """The mark as it stands in ``_meta`` and the like."""
        return {"project": self.project, "release": self.release, "digest": self.digest}

    @classmethod
    def from_dict(cls, data: object) -> Mark | None:
        """Read a mark; None when there is none or it is not one of ours."""
        if not isinstance(data, Mapping):
            return None
        values = [data.get(key) for key in ("project", "release", "digest")]
        if not all(isinstance(value, str) for value in values):
            return None
        return cls(project=str(values[0]), release=str(values[1]), digest=str(values[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """An object as it is on the server now.

    Args:
        address: Its name.
        body: What it holds, as the server returned it, without the mark, secrets wrapped.
        mark: The mark it carries; None for an object of somebody else's.
        extra: What the target needs to write it again (a version number); never compared.
        untouched: Whether the server itself says that nobody wrote it since obskit did: what differs from
            what was applied then is what the server makes of it (a migration), and no drift.
    """

    address: Address
    body: Body
    mark: Mark | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    untouched: bool = False

    def owned_by(self, project: str) -> bool:
        """Whether it carries this project's mark."""
        return self.mark is not None and self.mark.project == project


def _encodable(value: object) -> object:
    if isinstance(value, Secret):
        # A secret's value has no part in a digest that stands on a server for all to read.
        return {"$secret": True}
    if isinstance(value, tuple | frozenset | set):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a body holds {type(value).__name__}, which is not JSON")


def digest(body: Body) -> str:
    """SHA-256 of a body's canonical JSON (sorted keys), or of a file's text; secrets count as present.

    Args:
        body: A normalised body.
    """
    if isinstance(body, str):
        data = body.encode()
    else:
        data = orjson.dumps(
            body,
            default=_encodable,
            option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS,
        )
    return hashlib.sha256(data).hexdigest()[:32]


def redacted(value: Body) -> Body:
    """The same data with every ``Secret`` replaced by words."""
    if isinstance(value, Secret):
        return REDACTED
    if isinstance(value, Mapping):
        return {str(key): redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return value
