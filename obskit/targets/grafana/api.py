"""Delivery through Grafana's API."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import obskit
from obskit.config import Secret
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Live, Mark
from obskit.errors import DeniedError, RejectedError
from obskit.targets.grafana import marks, sources
from obskit.targets.grafana.client import Client

__all__ = ["ApiDelivery"]

_log = logging.getLogger("obskit.targets.grafana")

#: Reads at once; the seam keeps 32 connections.
_WORKERS: Final = 16
#: Wanted dashboards that no list names, up to which each is asked for by itself.
_MOST_UNLISTED: Final = 50
T = TypeVar("T")


class ApiDelivery:
    """Reads and writes Grafana's objects through its API.

    Args:
        client: Grafana.
        project: Name of the project.
        key: Key of the secrets' fingerprints; None where there is none.
        secrets: The secrets of obskit.yml for a data source, by its uid: Grafana gives none back.
        folder: Uid of our folder.
    """

    def __init__(
        self,
        client: Client,
        project: str,
        key: bytes | None,
        secrets: Callable[[str], Mapping[str, Any]],
        folder: str = "",
    ) -> None:
        self._secrets = secrets
        self._place = folder
        self._saved: set[str] = set()
        self._client = client
        self._project = project
        self._key = key

    # Reading ----------------------------------------------------------------------------------------

    def read(self, wanted: frozenset[Address]) -> dict[Address, Live]:
        """Every object of this project, and every one at a wanted address.

        One request lists the data sources, one the registry, one each 5,000 dashboards; then there is
        one for each object of ours, and for each at a wanted address.
        """
        names = {
            kind: {address.name for address in wanted if address.kind == kind}
            for kind in ("data_source", "folder", "dashboard")
        }
        listed = {str(item["uid"]): item for item in self._client.data_sources()}
        notes = self._client.notes([marks.owner_tag(self._project), marks.REGISTRY])
        boards = self._wanted_boards(names["dashboard"], self._client.dashboards())
        ours = {uid for uid, item in listed.items() if self._source_mark(item)}
        folders = names["folder"] | _registered(notes) | {marks.uid("obskit", self._project)}
        with ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="grafana") as pool:
            jobs = [
                pool.submit(self._source, uid)
                for uid in sorted(ours | (names["data_source"] & listed.keys()))
            ]
            jobs += [pool.submit(self._folder, uid, notes) for uid in sorted(folders)]
            jobs += [pool.submit(self._dashboard, uid) for uid in sorted(boards)]
            found = [job.result() for job in jobs]
        return {live.address: live for live in found if live is not None}

    def _wanted_boards(self, wanted: set[str], listed: Mapping[str, list[str]]) -> set[str]:
        """Uids of the dashboards to fetch: ours, and the wanted ones that are there.

        Grafana 12 lists a new dashboard some moments late. So what is wanted and not listed is asked
        for all the same, unless it is so much that this is plainly the first time; should one of those
        be there after all, saving it without its version is refused. What this process saved is asked
        for in any case: it is read back.
        """
        tag = marks.owner_tag(self._project)
        ours = {uid for uid, tags in listed.items() if tag in tags} | self._saved
        unlisted = wanted - listed.keys()
        return ours | (wanted if len(unlisted) <= _MOST_UNLISTED else wanted & listed.keys())

    def _source_mark(self, item: Mapping[str, Any]) -> Mark | None:
        return Mark.from_dict((item.get("jsonData") or {}).get("obskit"))

    def _source(self, uid: str) -> Live | None:
        found = self._client.data_source(uid)
        if found is None:
            return None
        options = dict(found.get("jsonData") or {})
        noted = options.pop("obskit", None)
        known = noted.get("secrets") if isinstance(noted, Mapping) else None
        body = {key: found[key] for key in _SOURCE_KEYS if key in found} | {"jsonData": options}
        secrets = {
            name: str((known or {}).get(name, "unknown"))
            for name, is_set in (found.get("secureJsonFields") or {}).items()
            if is_set
        }
        if secrets:
            body["secureJsonData"] = secrets
        return Live(
            address=Address("grafana", "data_source", uid),
            body=body,
            mark=self._source_mark(found),
            extra={
                "version": found.get("version"),
                "isDefault": bool(found.get("isDefault")),
                "readOnly": bool(found.get("readOnly")),
            },
        )

    def _folder(self, uid: str, notes: Sequence[Mapping[str, Any]]) -> Live | None:
        found = self._client.folder(uid)
        if found is None:
            return None
        mark = marks.folder_mark(notes, uid, self._project)
        if mark is None and uid == marks.uid("obskit", self._project):
            # Its uid is reserved for this project: made by a run that ended before it was registered.
            mark = Mark(project=self._project, release="", digest="")
        return Live(
            address=Address("grafana", "folder", uid),
            body={"title": found.get("title", "")},
            mark=mark,
            extra={
                "version": found.get("version"),
                "notes": [note["id"] for note in notes if uid in _registered([note])],
            },
        )

    def _dashboard(self, uid: str) -> Live | None:
        found = self._client.dashboard(uid)
        if found is None:
            return None
        board, meta = dict(found["dashboard"]), found.get("meta") or {}
        tags = board.get("tags") or []
        board["tags"] = marks.plain_tags(tags)
        version, folder = board.get("version"), str(meta.get("folderUid") or "")
        return Live(
            address=Address("grafana", "dashboard", uid),
            body={"folder": folder, "dashboard": board},
            mark=marks.mark_of_tags(tags, self._project, uid),
            extra={"version": version, "provisioned": bool(meta.get("provisioned"))},
            # Grafana 12 moves a dashboard without a new version.
            untouched=version == marks.version_of_tags(tags) and folder == self._place,
        )

    # Writing ----------------------------------------------------------------------------------------

    def write(self, change: Change, mark: Callable[[], Mark]) -> None:
        """Make one change.

        Args:
            change: The change.
            mark: Makes the mark of what is written.

        Raises:
            StalePlanError: The object is at another version than the one that was read.
        """
        {
            "data_source": self._write_source,
            "folder": self._write_folder,
            "dashboard": self._write_dashboard,
        }[change.address.kind](change, mark)

    def _write_source(self, change: Change, mark: Callable[[], Mark]) -> None:
        uid = change.address.name
        if change.after is None:
            self._client.delete_data_source(uid)
            return
        body = self._with_secrets(uid, dict(change.after.body), new=change.before is None)
        told = {
            name: _fingerprint(value, self._key)
            for name, value in (body.get("secureJsonData") or {}).items()
        }
        noted = mark().to_dict() | ({"secrets": told} if told else {})
        body["jsonData"] = {**(body.get("jsonData") or {}), "obskit": noted}
        body["uid"] = uid
        sent = sources.revealed(body)
        if change.before is None:
            self._client.create_data_source({"isDefault": False} | sent)
            return
        extra = change.before.extra
        if extra.get("readOnly"):
            raise RejectedError(
                "Grafana has it from a provisioning file, so its API cannot change it",
                where=str(change.address), hint="remove it from that file, or use another name",
            )  # fmt: skip
        kept = {"isDefault": extra.get("isDefault", False), "version": extra.get("version")}
        self._client.update_data_source(uid, sent | kept)

    def _with_secrets(self, uid: str, body: dict[str, Any], *, new: bool) -> dict[str, Any]:
        """A body that was read from Grafana, with the secrets that it did not tell.

        Grafana keeps the secrets of a data source that is there; one that is made anew has none.
        """
        lost = [
            name
            for name, value in (body.get("secureJsonData") or {}).items()
            if not isinstance(value, Secret)
        ]
        if not lost or not new:
            return body
        known = self._secrets(uid)
        body["secureJsonData"] = dict(body["secureJsonData"]) | {
            name: known[name] for name in lost if name in known
        }
        for name in lost:
            if name not in known:
                _log.warning("%s: its secret %s is known to nobody: write it anew", uid, name)
        return body

    def _write_folder(self, change: Change, mark: Callable[[], Mark]) -> None:
        uid = change.address.name
        before = change.before
        old = list(before.extra.get("notes") or ()) if before else []
        if change.after is None:
            self._refuse_foreign(uid, change)
            self._client.delete_folder(uid)
        else:
            title = str(change.after.body["title"])
            if before is None:
                self._client.create_folder(uid, title)
            elif before.body.get("title") != title:
                self._client.update_folder(uid, title, int(before.extra.get("version") or 0))
            made = mark()
            self._client.annotate(
                f"obskit {made.release} provisioned the folder {title}",
                marks.folder_tags(made, uid),
            )
        for number in old:
            self._client.delete_note(int(number))

    def _refuse_foreign(self, uid: str, change: Change) -> None:
        """Deleting a folder deletes what others put into it: dashboards, folders, library panels.

        With alert rules in it Grafana itself refuses, since it is not told to force it.
        """
        foreign = [f"folder {title}" for title in self._client.folders_in(uid)]
        foreign += [f"library panel {name}" for name in self._client.library_panels(uid)]
        for item in self._client.in_folder(uid):
            mark = marks.mark_of_tags(item.get("tags") or (), self._project, str(item["uid"]))
            if mark is None or mark.project != self._project:
                foreign.append(str(item.get("title")))
        if foreign:
            raise RejectedError(
                f"holds what is not {self._project}'s: {', '.join(foreign)}",
                where=str(change.address), hint="move it to another folder first",
            )  # fmt: skip

    def _write_dashboard(self, change: Change, mark: Callable[[], Mark]) -> None:
        uid, before = change.address.name, change.before
        if before is not None and before.extra.get("provisioned"):
            raise RejectedError(
                "Grafana has it from a provisioning file, so its API cannot change it",
                where=str(change.address), hint="remove that file, or give the dashboard another uid",
            )  # fmt: skip
        if change.after is None:
            self._client.delete_dashboard(uid)
            self._saved.discard(uid)
            return
        board = dict(change.after.body["dashboard"])
        version = int(before.extra.get("version") or 0) if before else 0
        tags = marks.tags_of(mark(), uid, version + 1)  # what saving will make of it
        board["tags"] = [*marks.plain_tags(board.get("tags") or ()), *tags]
        board |= {"uid": uid, "id": None}
        board.pop("version", None)
        if before is not None:
            board["version"] = before.extra.get("version")
        self._saved.add(uid)
        self._client.save_dashboard(
            board,
            folder=str(change.after.body.get("folder", "")),
            message=f"obskit {obskit.__version__}: {change.cause.value}",
        )

    def settle(self, changes: Sequence[Change]) -> None:
        """Annotate the dashboards with what was provisioned."""
        names = [change.address.name for change in changes if change.address.kind == "dashboard"]
        if not names:
            return
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        try:
            self._client.annotate(
                f"obskit {obskit.__version__} provisioned {', '.join(names[:5])}{more}",
                ["obskit", "provisioning", marks.owner_tag(self._project)],
            )
        except DeniedError as error:
            # The dashboards are in place; they merely do not show when.
            _log.warning("no annotation was made: %s", error)


_SOURCE_KEYS: Final = (
    "name", "uid", "type", "access", "url", "user", "database", "basicAuth", "basicAuthUser",
    "withCredentials",
)  # fmt: skip


def _registered(notes: Iterable[Mapping[str, Any]]) -> set[str]:
    """Uids of the folders that annotations register."""
    return {
        str(tag).removeprefix("folder:").rpartition(":")[0]
        for note in notes
        for tag in note.get("tags") or ()
        if str(tag).startswith("folder:")
    }


def _fingerprint(value: Any, key: bytes | None) -> str:
    if isinstance(value, Secret):
        return f"fingerprint {value.fingerprint(key)}" if key else "unknown"
    return str(value)
