"""Dashboards of grafana.com, by number and revision: a lock file with their SHA-256, and their texts beside it.

``obskit.lock`` says which revision was taken and what it hashed to; ``obskit.lock.d/`` holds the texts, so
that nothing but ``obskit dashboards pull`` needs the network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from obskit.deadline import Deadline
from obskit.delivery.files import Folder
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError, ContentError, Problem

__all__ = ["Locked", "Lock", "pull"]  # noqa: RUF022

GRAFANA_COM: Final = "https://grafana.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One line of the lock file.

    Args:
        id: Number of the dashboard.
        revision: The revision that was taken.
        sha256: Digest of its text.
        title: Its title, for people.
    """

    id: int
    revision: int
    sha256: str
    title: str = ""

    @property
    def name(self) -> str:
        """Name of its text beside the lock file."""
        return f"grafana-{self.id}-{self.revision}.json"


class Lock:
    """The lock file and the texts beside it.

    Args:
        path: The lock file; it need not be there.

    Raises:
        ContentError: It is no lock file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._texts = path.with_name(path.name + ".d")
        self.entries: dict[int, Locked] = {}
        if path.exists():
            try:
                data = orjson.loads(path.read_bytes())
                for number, item in data["dashboards"].items():
                    self.entries[int(number)] = Locked(
                        id=int(number), revision=int(item["revision"]),
                        sha256=str(item["sha256"]), title=str(item.get("title", "")),
                    )  # fmt: skip
            except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
                raise ContentError([self._problem(f"is no lock file: {error}")]) from None

    def text(self, number: int, revision: int | None) -> str:
        """The text of a dashboard, as it was when it was locked.

        Raises:
            ContentError: It is not in the lock file, at another revision, gone, or changed since.
        """
        entry = self.entries.get(number)
        wanted = f"{number}@{revision}" if revision else str(number)
        if entry is None:
            raise self._error(f"dashboard {number} is not in it: obskit dashboards pull {wanted}")
        if revision and entry.revision != revision:
            raise self._error(
                f"dashboard {number} is locked at revision {entry.revision}, obskit.yml says "
                f"{revision}: obskit dashboards pull {wanted}"
            )
        path = self._texts / entry.name
        try:
            text = path.read_bytes()
        except OSError as error:
            raise self._error(
                f"{path.name} cannot be read ({error.strerror}): obskit dashboards pull {wanted}"
            ) from None
        found = hashlib.sha256(text).hexdigest()
        if found != entry.sha256:
            raise self._error(
                f"{path.name} is not what was locked: SHA-256 {found[:16]}…, the lock says "
                f"{entry.sha256[:16]}…; look at the change, then put it back or pull it anew"
            )
        return text.decode("utf-8", "replace")

    def keep(self, entry: Locked, text: bytes, *, accept_change: bool = False) -> None:
        """Write a dashboard's text and its line.

        Args:
            entry: Its line.
            text: Its text.
            accept_change: Whether another text for the same revision may replace the locked one.

        Raises:
            ContentError: The revision is locked with another text: grafana.com serves something else now.
            DeliveryError: It cannot be written.
        """
        before = self.entries.get(entry.id)
        if (
            before is not None
            and before.revision == entry.revision
            and before.sha256 != entry.sha256
            and not accept_change
        ):
            raise self._error(
                f"dashboard {entry.id} revision {entry.revision} is not what it was: SHA-256 "
                f"{entry.sha256[:16]}…, the lock says {before.sha256[:16]}…; refused. If the change is "
                "right, say --accept-change"
            )
        self._texts.mkdir(parents=True, exist_ok=True)
        Folder(self._texts).write(entry.name, text.decode("utf-8"))
        self.entries[entry.id] = entry
        lines = {
            str(item.id): {"revision": item.revision, "sha256": item.sha256, "title": item.title}
            for item in sorted(self.entries.values(), key=lambda item: item.id)
        }
        data = orjson.dumps({"dashboards": lines}, option=orjson.OPT_INDENT_2).decode() + "\n"
        Folder(self.path.parent).write(self.path.name, data)
        if before is not None and before.name != entry.name:
            Folder(self._texts).delete(before.name)

    def _problem(self, message: str) -> Problem:
        return Problem(rule="grafana/lock", path=str(self.path), message=message)

    def _error(self, message: str) -> ContentError:
        return ContentError([self._problem(message)])


def pull(http: Http, number: int, revision: int | None, deadline: Deadline) -> tuple[Locked, bytes]:
    """Fetch a dashboard.

    Args:
        http: grafana.com, or what stands in for it.
        number: Number of the dashboard.
        revision: Revision; the newest when None.
        deadline: When it must be here.

    Raises:
        ServerError: It could not be fetched, or is no dashboard.
    """
    if revision is None:
        about = http.get(f"/api/dashboards/{number}", deadline=deadline).json()
        found = about.get("revision") if isinstance(about, Mapping) else None
        if not isinstance(found, int):
            raise BadAnswerError(f"does not say the newest revision of {number}", where=http.base_url)  # fmt: skip
        revision = found
    answer = http.get(f"/api/dashboards/{number}/revisions/{revision}/download", deadline=deadline)
    body: Any = answer.json()
    if not isinstance(body, Mapping) or not ("panels" in body or "rows" in body):
        raise BadAnswerError("answered something that is no dashboard", where=answer.request)
    digest = hashlib.sha256(answer.body).hexdigest()
    entry = Locked(id=number, revision=revision, sha256=digest, title=str(body.get("title", "")))
    return entry, answer.body
