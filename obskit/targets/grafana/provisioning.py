"""Delivery by files: Grafana's provisioning folder, where no Grafana runs or its API is closed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from obskit.config import Secret
from obskit.delivery.files import Batch, Folder
from obskit.delivery.http import Http
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Live, Mark
from obskit.errors import DeliveryError, ReadError, ServerError, UnreachableError
from obskit.targets.grafana import marks
from obskit.targets.marks import split_mark, with_mark

__all__ = ["FileDelivery"]

_log = logging.getLogger("obskit.targets.grafana")

_SECRET_MODE: Final = 0o640


class FileDelivery:
    """Reads and writes provisioning files.

    ``datasources/obskit-PROJECT-UID.yml`` is one data source, ``dashboards/obskit-PROJECT.yml`` the folder
    (Grafana's *provider*), and each dashboard is a file of the provider's folder.

    Args:
        root: Grafana's provisioning folder.
        boards: Folder of the dashboards' files.
        path: The same folder as Grafana sees it.
        project: Name of the project.
        http: Grafana, to be told to read its files anew; None where it reads them by itself.
    """

    def __init__(
        self, *, root: Path, boards: Path, path: str, project: str, http: Http | None
    ) -> None:
        self._root = Folder(root)
        self._boards = Folder(boards)
        self.path = path
        self._project = project
        self._http = http
        self._batches = {"root": Batch(self._root), "boards": Batch(self._boards)}

    def _file(self, address: Address) -> str:
        name = marks.uid("obskit", self._project)
        if address.kind == "data_source":
            return f"datasources/{name}-{_safe(address.name)}.yml"
        if address.kind == "folder":
            return f"dashboards/{name}.yml"
        return f"{_safe(address.name)}.json"

    # Reading ----------------------------------------------------------------------------------------

    def read(self, wanted: frozenset[Address]) -> dict[Address, Live]:
        """Every file of this project, and every one where a wanted object would stand.

        Raises:
            ReadError: A file of ours cannot be read whole, or the folder is not there.
        """
        try:
            self._root.require()
            return self._files(wanted) | self._dashboards(wanted)
        except DeliveryError as error:
            raise ReadError(error.message, where=error.where, hint=error.hint) from None

    def _files(self, wanted: frozenset[Address]) -> dict[Address, Live]:
        found: dict[Address, Live] = {}
        names = [(name, "data_source") for name in self._root.names("datasources/*.y*ml")]
        names += [(name, "folder") for name in self._root.names("dashboards/*.y*ml")]
        by_file = {self._file(item): item for item in wanted if item.kind != "dashboard"}
        for name, kind in names:
            mark, text = split_mark(self._root.read(name) or "")
            if name in by_file or (mark is not None and mark.project == self._project):
                live = _of_yaml(kind, text, mark, by_file.get(name))
                if live is None:
                    raise ReadError(
                        "is no provisioning file", where=str(self._root.path(name)),
                        hint="was it cut short? remove it, and obskit writes it anew",
                    )  # fmt: skip
                found[live.address] = live
        return found

    def _dashboards(self, wanted: frozenset[Address]) -> dict[Address, Live]:
        found: dict[Address, Live] = {}
        if not self._boards.root.is_dir():
            return found
        by_file = {self._file(item): item for item in wanted if item.kind == "dashboard"}
        for name in self._boards.names("*.json"):
            board = self._board(name, by_file.get(name))
            if board is not None:
                found[board.address] = board
        return found

    def _board(self, name: str, wanted: Address | None) -> Live | None:
        text = self._boards.read(name) or ""
        try:
            body: Any = orjson.loads(text)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            if wanted is None and '"obskit:' not in text:
                return None  # somebody else's, whatever it is
            raise ReadError(
                "is no dashboard", where=str(self._boards.path(name)),
                hint="was it cut short? remove it, and obskit writes it anew",
            )  # fmt: skip
        tags = body.get("tags") or []
        mark = marks.mark_of_tags(tags, self._project, str(body.get("uid")))
        if wanted is None and (mark is None or mark.project != self._project):
            return None
        address = wanted or Address("grafana", "dashboard", str(body.get("uid")))
        if "tags" in body:
            body["tags"] = marks.plain_tags(tags)
        return Live(address=address, body={"folder": "", "dashboard": body}, mark=mark)

    # Writing ----------------------------------------------------------------------------------------

    def write(self, change: Change, mark: Callable[[], Mark]) -> None:
        """Write or remove one file."""
        name = self._file(change.address)
        batch = self._batches["boards" if change.address.kind == "dashboard" else "root"]
        if change.after is None:
            batch.delete(name)
            return
        body = change.after.body
        if change.address.kind == "dashboard":
            board = dict(body["dashboard"])
            board["tags"] = [
                *marks.plain_tags(board.get("tags") or ()),
                *marks.tags_of(mark(), change.address.name),
            ]
            board.pop("version", None)
            batch.write(name, orjson.dumps(board, option=orjson.OPT_INDENT_2).decode() + "\n")
            return
        text = _source(body) if change.address.kind == "data_source" else self._provider(body)
        secret = change.address.kind == "data_source" and bool(body.get("secureJsonData"))
        batch.write(name, with_mark(text, mark()), mode=_SECRET_MODE if secret else None)
        if secret and os.geteuid() == 0:
            # Grafana reads it by its group, which is that of the folder it was given.
            path = self._root.path(name)
            os.chown(path, -1, path.parent.stat().st_gid)

    def _provider(self, body: Mapping[str, Any]) -> str:
        name = marks.uid("obskit", self._project)
        provider = {
            "name": name, "orgId": 1, "type": "file", "folder": body["title"],
            "folderUid": body["uid"], "disableDeletion": False, "allowUiUpdates": False,
            "updateIntervalSeconds": 10,
            "options": {"path": body["path"], "foldersFromFilesStructure": False},
        }  # fmt: skip
        return _yaml({"apiVersion": 1, "providers": [_escaped(provider)]})

    def settle(self, changes: Sequence[Change]) -> None:
        """Tell a running Grafana to read its files; on refusal put the old ones back.

        Raises:
            DeliveryError: Grafana refused.
        """
        what = {"data_source": "datasources", "folder": "dashboards", "dashboard": "dashboards"}
        kinds = sorted({what[change.address.kind] for change in changes})
        try:
            for kind in kinds if self._http is not None else ():
                self._reload(kind)
        except ServerError as error:
            for batch in self._batches.values():
                batch.restore()
            raise DeliveryError(
                f"Grafana refused the files, the old ones are back: {error.message}",
                where=error.where, hint=error.hint,
            ) from None  # fmt: skip
        for batch in self._batches.values():
            batch.keep()

    def _reload(self, kind: str) -> None:
        assert self._http is not None  # noqa: S101
        try:
            self._http.post(f"/api/admin/provisioning/{kind}/reload")
        except UnreachableError as error:
            _log.warning("Grafana will read the files when it starts: %s", error)


def _of_yaml(kind: str, text: str, mark: Mark | None, wanted: Address | None) -> Live | None:
    """The object of a provisioning file; None where the text is none."""
    listing = "datasources" if kind == "data_source" else "providers"
    try:
        item = _unescaped(dict(yaml.safe_load(text)[listing][0]))
        options = dict(item.get("options") or {})
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError):
        return None
    if kind == "data_source":
        name = str(item.get("uid", ""))
        body = {key: value for key, value in item.items() if key not in ("orgId", "editable")}
        secrets = item.get("secureJsonData")
        if isinstance(secrets, Mapping):
            body["secureJsonData"] = {key: Secret(str(value)) for key, value in secrets.items()}
    else:
        name = str(item.get("folderUid", ""))
        body = {"title": item.get("folder", ""), "uid": name, "path": options.get("path", "")}
    return Live(address=wanted or Address("grafana", kind, name), body=body, mark=mark)


def _source(body: Mapping[str, Any]) -> str:
    secrets = {
        name: value.reveal() if isinstance(value, Secret) else str(value)
        for name, value in (body.get("secureJsonData") or {}).items()
    }
    item = {key: value for key, value in body.items() if key != "secureJsonData"}
    if secrets:
        item["secureJsonData"] = secrets
    # Newer Grafanas delete a data source that stood in such a file and does not any more.
    one = _escaped(item) | {"orgId": 1, "editable": False}
    return _yaml({"apiVersion": 1, "prune": True, "datasources": [one]})


def _yaml(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def _escaped(value: Any) -> Any:
    """Grafana replaces ``$NAME`` in its YAML files by environment variables; ``$$`` is a dollar sign."""
    return _strings(value, lambda text: text.replace("$", "$$"))


def _unescaped(value: Any) -> Any:
    return _strings(value, lambda text: text.replace("$$", "$"))


def _strings(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _strings(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strings(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def _safe(name: str) -> str:
    """A uid as a file name; uids of dashboards need no change, those of data sources can hold anything."""
    return "".join(
        sign if sign.isalnum() or sign in "-_." else f"%{ord(sign):02x}" for sign in name
    )
