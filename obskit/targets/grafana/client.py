"""Grafana's API by the ``grafana-client`` package, with every request going through our HTTP seam.

The package has no total deadline, gives up at once on 429 and 503, and takes HTML with 200 for success;
its session is replaced by one that hands each request to :class:`obskit.delivery.http.Http`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from obskit.deadline import Deadline
from obskit.delivery.http import Answer, Http
from obskit.errors import BadAnswerError, ObskitError, RejectedError, StalePlanError

__all__ = ["Client", "SeamSession"]

T = TypeVar("T")

#: Statuses that mean something to us; the seam turns all others into errors.
_TELLING: Final = frozenset({400, 404, 406, 409, 412})
#: Where Grafana 12 and later say that a dashboard is to be had which was saved in the schema v2.
_ELSEWHERE: Final = re.compile(
    r"(/apis/dashboard\.grafana\.app)/v2\w*(/namespaces/\S+/dashboards/\S+)"
)
_PAGE: Final = 5000


class _Response:
    """What grafana-client wants of a response."""

    def __init__(self, answer: Answer, method: str) -> None:
        self.status_code = answer.status
        self.headers: Mapping[str, str] = {"Content-Type": "application/json"}
        self.text = answer.text
        if answer.status == 204 or (method == "DELETE" and not answer.body and answer.status < 300):
            self._data: Any = None  # Grafana 9 answers a deleted folder with nothing
        else:
            self._data = answer.json()  # a proxy's HTML is no answer, whatever its status

    def json(self) -> Any:
        return self._data


class SeamSession:
    """Stands where a client package keeps its session; requests go through the seam.

    Args:
        http: The server.
        deadline: Deadline of all requests together; each has its own when None.
    """

    #: Statuses that the client package reads itself; all others are errors of the seam.
    telling: frozenset[int] = _TELLING

    def __init__(self, http: Http, deadline: Deadline | None = None) -> None:
        self._http = http
        self._deadline = deadline

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> _Response:
        """Make one request; the client's own timeout, trust and sign-in settings have no part in it.

        Raises:
            ServerError: As of :meth:`obskit.delivery.http.Http.request`.
        """
        path = url.removeprefix(self._http.base_url)
        if params:
            path += "?" + urlencode(params, doseq=True)
        answer = self._http.request(
            method.upper(), path, json=json, deadline=self._deadline, allow=self.telling
        )
        return _Response(answer, method.upper())

    def close(self) -> None:
        """The seam keeps the connections."""


class Client:
    """What obskit asks of Grafana.

    Args:
        http: Its address and how to sign in.
        deadline: Deadline of all requests together; each has its own when None.
    """

    def __init__(self, http: Http, deadline: Deadline | None = None) -> None:
        from grafana_client.api import GrafanaApi

        self.http = http
        self._deadline = deadline
        self.where = http.base_url
        api: Any = GrafanaApi()
        self._api = api
        self._api.client.s.close()
        self._api.client.s = SeamSession(http, deadline)
        self._api.client.url = f"{http.base_url}/api"

    # Reads ----------------------------------------------------------------------------------------

    def data_sources(self) -> list[dict[str, Any]]:
        """Every data source, in short."""
        return self._list(self._call(self._api.datasource.list_datasources), "uid")

    def data_source(self, uid: str) -> dict[str, Any] | None:
        """A data source; None when there is none."""
        return self._found(lambda: self._api.datasource.get_datasource_by_uid(_part(uid)), "uid")

    def folder(self, uid: str) -> dict[str, Any] | None:
        """A folder; None when there is none."""
        return self._found(lambda: self._api.folder.get_folder(_part(uid)), "uid")

    def dashboard(self, uid: str) -> dict[str, Any] | None:
        """A dashboard with its ``meta``; None when there is none.

        One that a browser saved in the schema v2 is answered 406; it is read converted to the classic one.
        """
        from grafana_client.client import GrafanaException

        def get() -> Any:
            try:
                return self._api.dashboard.get_dashboard(_part(uid))
            except GrafanaException as error:
                said = error.response if isinstance(error.response, dict) else {}
                place = _ELSEWHERE.search(str(said.get("message")))
                if error.status_code != 406 or place is None:
                    raise
                return self._converted(place[1], place[2])

        return self._found(get, "dashboard")

    def _converted(self, group: str, rest: str) -> dict[str, Any]:
        """A dashboard in the classic schema, as the older API would answer it."""
        served = self.http.get(group, deadline=self._deadline).json()
        versions = served.get("versions") if isinstance(served, Mapping) else None
        classic = [
            str(item["version"]) for item in versions or () if str(item.get("version")).startswith("v1")
        ]  # fmt: skip
        if not classic:
            raise BadAnswerError(
                "holds a dashboard in the schema v2 and offers no classic one", where=self.where + rest,
                hint="restore an older version of it in Grafana, or delete it there",
            )  # fmt: skip
        found = self.http.get(f"{group}/{classic[0]}{rest}", deadline=self._deadline).json()
        about, board = found.get("metadata") or {}, found.get("spec")
        if not isinstance(board, dict):
            raise BadAnswerError("answered something that is no dashboard", where=self.where + rest)
        folder = (about.get("annotations") or {}).get("grafana.app/folder", "")
        named = {"uid": about.get("name"), "version": about.get("generation")}
        return {"dashboard": board | named, "meta": {"folderUid": folder}}

    def library_panel(self, uid: str) -> dict[str, Any] | None:
        """A library panel's model; None when there is none."""
        found = self._found(
            lambda: self._api.libraryelement.get_library_element(_part(uid)), "result"
        )
        return None if found is None else dict(found["result"].get("model") or {})

    def dashboards(self) -> dict[str, list[str]]:
        """Tags of every dashboard by its uid."""
        found = self._search(type_="dash-db")
        return {str(item["uid"]): list(item.get("tags") or ()) for item in found}

    def in_folder(self, uid: str) -> list[dict[str, Any]]:
        """The dashboards of a folder, in short."""
        return list(self._search(type_="dash-db", folder_uids=[uid]))

    def folders_in(self, uid: str) -> list[str]:
        """Titles of the folders of a folder."""
        found = self._list(self._call(self._api.folder.get_all_folders, parent_uid=uid), "uid")
        # One that knows no folders in folders lists all of them, and names no parent.
        return [str(item.get("title")) for item in found if item.get("parentUid") == uid]

    def library_panels(self, folder: str) -> list[str]:
        """Names of the library panels of a folder."""
        found = self._found(
            lambda: self._api.libraryelement.list_library_elements(kind=1, per_page=_PAGE), "result"
        )
        # Grafana 10 filters by the folder's number only, and says its uid beside ``meta`` or inside.
        return [
            str(item.get("name"))
            for item in ((found or {}).get("result") or {}).get("elements") or ()
            if folder in (item.get("folderUid"), (item.get("meta") or {}).get("folderUid"))
        ]

    def _search(self, **by: Any) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            found = self._list(
                self._call(
                    self._api.search.search_dashboards, limit=_PAGE, page=page, **by,
                ),
                "uid",
            )  # fmt: skip
            yield from found
            if len(found) < _PAGE:
                return
            page += 1

    def notes(self, tags: Sequence[str]) -> list[dict[str, Any]]:
        """Annotations of the organisation that carry all of some tags, the newest first."""
        wanted = [quote(tag) for tag in tags]
        found = self._list(
            self._call(self._api.annotations.find_annotations, tags=wanted, limit=1000), "id"
        )
        return sorted(found, key=lambda item: int(item["id"]), reverse=True)

    # Writes ---------------------------------------------------------------------------------------

    def create_data_source(self, body: Mapping[str, Any]) -> None:
        """Make a data source."""
        self._call(self._api.datasource.create_datasource, dict(body))

    def update_data_source(self, uid: str, body: Mapping[str, Any]) -> None:
        """Change a data source; with ``version`` only as long as it is that one."""
        self._call(self._api.datasource.update_datasource_by_uid, _part(uid), dict(body))

    def delete_data_source(self, uid: str) -> None:
        """Delete a data source."""
        self._call(self._api.datasource.delete_datasource_by_uid, _part(uid))

    def create_folder(self, uid: str, title: str) -> None:
        """Make a folder."""
        self._call(self._api.folder.create_folder, title, uid=uid)

    def update_folder(self, uid: str, title: str, version: int) -> None:
        """Change a folder's title, as long as it is at a version."""
        self._call(self._api.folder.update_folder, _part(uid), title=title, version=version)

    def delete_folder(self, uid: str) -> None:
        """Delete a folder and what is in it."""
        self._call(self._api.folder.delete_folder, _part(uid))

    def save_dashboard(self, body: Mapping[str, Any], *, folder: str, message: str) -> None:
        """Save a dashboard; one that is there only at the ``version`` in its body."""
        self._call(
            self._api.dashboard.update_dashboard,
            {"dashboard": dict(body), "folderUid": folder, "message": message, "overwrite": False},
        )

    def delete_dashboard(self, uid: str) -> None:
        """Delete a dashboard."""
        self._call(self._api.dashboard.delete_dashboard, _part(uid))

    def annotate(self, text: str, tags: list[str]) -> None:
        """Put an annotation at this moment, for every dashboard that shows its tags."""
        self._call(self._api.annotations.add_annotation, text=text, tags=tags)

    def delete_note(self, number: int) -> None:
        """Delete an annotation."""
        self._call(self._api.annotations.delete_annotations_by_id, number)

    # Shared ---------------------------------------------------------------------------------------

    def _call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call grafana-client, and turn its errors into ours.

        Raises:
            StalePlanError: 412 ``version-mismatch``, or a data source's 409 of the same sense.
            RejectedError: Any other refusal, with the server's words.
        """
        from grafana_client.client import GrafanaException

        try:
            return function(*args, **kwargs)
        except GrafanaException as error:
            raise self._refusal(error) from None

    def _refusal(self, error: Any) -> ObskitError:
        said = error.response if isinstance(error.response, dict) else {}
        words = str(said.get("message") or error.message)
        if said.get("status") == "version-mismatch" or "updated by someone else" in words:
            return StalePlanError(
                f"changed on the server since the plan was made: {words}", where=self.where,
                hint="nothing was overwritten; plan again",
            )  # fmt: skip
        return RejectedError(f"answered {error.status_code}: {words}", where=self.where)

    def _found(self, function: Callable[[], Any], key: str) -> dict[str, Any] | None:
        """An object; None where Grafana itself says that there is none."""
        from grafana_client.client import GrafanaException

        try:
            found = function()
        except GrafanaException as error:
            if error.status_code != 404:
                raise self._refusal(error) from None
            if isinstance(error.response, dict) and "message" in error.response:
                return None
            raise BadAnswerError(
                "answered 404, but not in Grafana's words", where=self.where,
                hint="is the address that of Grafana itself?",
            ) from None  # fmt: skip
        if not isinstance(found, dict) or key not in found:
            raise BadAnswerError(
                f"answered something that has no {key!r}", where=self.where,
                hint="is the address that of Grafana itself?",
            )  # fmt: skip
        return found

    def _list(self, found: Any, key: str) -> list[dict[str, Any]]:
        if not isinstance(found, list) or not all(
            isinstance(item, dict) and key in item for item in found
        ):
            raise BadAnswerError(
                "answered something that is not the list asked for", where=self.where,
                hint="is the address that of Grafana itself?",
            )  # fmt: skip
        return found


def _part(name: str) -> str:
    """A uid as one part of a path; Grafana accepts uids such as ``x/ y`` for data sources."""
    return quote(name, safe="")
