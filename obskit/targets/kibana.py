"""Kibana: data views on the logs and the quarantine, saved searches, and a link from each trace id.

Kibana's objects have no room for a mark, so their ids begin with ``obskit-<project>-`` and what was applied
stands in one owned registry: the description of the tag ``obskit-<project>``. An entry is written before its
object and removed after it, so that a run that is killed in between leaves nothing that looks foreign.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, ClassVar, Final
from urllib.parse import quote

from obskit.config import Auth, Duration, Section, Url
from obskit.deadline import Deadline
from obskit.delivery.http import Answer, Http
from obskit.engine.diff import diff
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Body, Live, Mark, Resource
from obskit.engine.verify import Check, Exchange, Proof, Verdict
from obskit.errors import BadAnswerError, DeliveryError, ReadError, ServerError
from obskit.targets.base import Context, Finding, Target
from obskit.targets.kibana_content import normalise, resources, saved_search, search_body

__all__ = ["Kibana", "KibanaSettings"]

#: Kibana refuses writes without it (protection against forged requests of browsers).
_HEADERS: Final = {"kbn-xsrf": "obskit"}
_COLOR: Final = "#6092C0"


class KibanaSettings(Section):
    """The section ``kibana``.

    Args:
        url: Address of Kibana, with its base path.
        auth: How to sign in; ``token`` is an API key of Elasticsearch in its encoded form.
        space: The space to provision; the default one where empty.
        timeout: Deadline of one request.
    """

    url: Url
    auth: Auth = Auth()
    space: str = ""
    timeout: Duration = timedelta(seconds=30)


class Kibana(Target[KibanaSettings]):
    """Data views and saved searches.

    Args:
        context: Settings, schema and peers.
    """

    name: ClassVar[str] = "kibana"
    Settings: ClassVar[type[Section]] = KibanaSettings
    kinds: ClassVar[tuple[str, ...]] = ("data_view", "search")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        own = self.settings
        space = f"/s/{quote(own.space)}" if own.space else ""
        self.http = Http(
            own.url + space,
            auth=own.auth,
            scheme="ApiKey",
            seconds=own.timeout.total_seconds(),
            folder=context.settings.folder,
        )
        self._registry_lock = threading.Lock()

    @classmethod
    def recognise(cls, http: Http, deadline: Deadline) -> Mapping[str, Any] | None:
        """A Kibana says its name with every answer, also to those it does not let in."""
        answer = http.get("/api/status", deadline=deadline, allow={401, 404, 503})
        if "kbn-name" not in answer.headers:
            return None
        return {"url": http.base_url, "auth": {"token": "${env:KIBANA_API_KEY}"}}

    def desired(self) -> Sequence[Resource]:
        """Two data views and three searches."""
        return list(resources(self.context.settings))

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        """What the registry names and what is wanted."""
        registry = self._registry()
        addresses = sorted(wanted | {Address.parse(text) for text in registry})
        with ThreadPoolExecutor(8, thread_name_prefix="kibana") as pool:
            bodies = list(pool.map(self._get, addresses))
        found: dict[Address, Live] = {}
        for address, body in zip(addresses, bodies, strict=True):
            if body is not None:
                mark = Mark.from_dict(registry.get(str(address)))
                found[address] = Live(address=address, body=body, mark=mark)
        return found

    # The registry -----------------------------------------------------------------------------------

    @property
    def _tag(self) -> str:
        return f"/api/saved_objects/tag/obskit-{self.context.project}"

    def _registry(self) -> dict[str, Any]:
        """Marks by address, as the tag's description holds them."""
        answer = self.http.get(self._tag, allow={404})
        if answer.status == 404:
            self._object(answer, "statusCode")  # Kibana's own "not found", and not a proxy's
            return {}
        text = self._object(answer, "attributes").get("description") or "{}"
        try:
            marks = json.loads(text)
        except ValueError:
            raise ReadError(
                "the registry of what is ours is no JSON", where=answer.request,
                hint="its description was edited by hand: put it back, or delete the tag and adopt",
            ) from None  # fmt: skip
        return dict(marks)

    def _register(self, address: Address, mark: Mark | None) -> None:
        """Write or remove one entry."""
        with self._registry_lock:
            marks = self._registry()
            if mark is None:
                marks.pop(str(address), None)
            else:
                marks[str(address)] = mark.to_dict()
            if not marks:
                self.http.request("DELETE", self._tag, headers=_HEADERS, allow={404})
                return
            attributes = {
                "name": f"obskit-{self.context.project}",
                "description": json.dumps(marks, sort_keys=True),
                "color": _COLOR,
            }
            self._send("POST", f"{self._tag}?overwrite=true", {"attributes": attributes})

    # Objects ----------------------------------------------------------------------------------------

    def _path(self, address: Address) -> str:
        name = quote(address.name, safe="")
        if address.kind == "data_view":
            return f"/api/data_views/data_view/{name}"
        return f"/api/saved_objects/search/{name}"

    def _get(self, address: Address, deadline: Deadline | None = None) -> dict[str, Any] | None:
        answer = self.http.get(self._path(address), allow={404}, deadline=deadline)
        if answer.status == 404:
            self._object(answer, "statusCode")
            return None
        if address.kind == "data_view":
            return dict(self._object(answer, "data_view"))
        self._object(answer, "attributes")
        return search_body(answer.json())

    @staticmethod
    def _object(answer: Answer, key: str) -> Any:
        body = answer.json()
        if not isinstance(body, dict) or key not in body:
            raise BadAnswerError(
                f"the answer has no {key!r}", where=answer.request,
                hint="is the address that of Kibana itself, with its base path?",
            )  # fmt: skip
        return body[key]

    def _send(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        answer = self.http.request(method, path, json=dict(body), headers=_HEADERS)
        answer.json()  # a login page, with 200, wrote nothing

    def normalise(self, address: Address, body: Body) -> Body:
        """The body without what Kibana adds."""
        return normalise(address.kind, body)

    def write(self, change: Change) -> None:
        """Put or delete one object, and its entry in the registry."""
        if change.after is None:
            self._delete(change.address)
        else:
            exists = change.before is not None
            self._put(change.address, change.after.body, self.mark(change), exists=exists)

    def _put(self, address: Address, body: Body, mark: Mark | None, *, exists: bool) -> None:
        self._register(address, mark)
        wanted = self.normalise(address, body)
        path = self._path(address)
        if address.kind == "search":
            overwrite = "?overwrite=true" if exists else ""
            self._send("POST", path + overwrite, saved_search(wanted))
        elif exists:
            # What is left out stays as it is, so formats are said also where there are none.
            view = {"fieldFormats": {}, **wanted}
            self._send("POST", path, {"data_view": view, "refresh_fields": False})
        else:
            view = {"id": address.name, **wanted}
            self._send("POST", path.rpartition("/")[0], {"data_view": view, "override": False})

    def _delete(self, address: Address) -> None:
        self.http.request("DELETE", self._path(address), headers=_HEADERS, allow={404})
        self._register(address, None)

    def settle(self, changes: Sequence[Change]) -> None:
        """Read back what was written.

        Raises:
            DeliveryError: It reads back otherwise.
        """
        live = self.read(frozenset(change.address for change in changes))
        wrong = []
        for change in changes:
            now = live.get(change.address)
            if change.after is None or now is None:
                if (change.after is None) != (now is None):
                    wrong.append(str(change.address))
                continue
            got = self.normalise(change.address, now.body)
            asked = self.normalise(change.address, change.after.body)
            wrong += [f"{change.address}: {edit.path}" for edit in diff(got, asked)]
        if not wrong:
            return
        for change in changes:
            if change.before is None:
                self._delete(change.address)
            else:
                before = change.before
                self._put(change.address, before.body, before.mark, exists=change.address in live)
        raise DeliveryError(
            "acknowledged, yet reads back otherwise: " + "; ".join(wrong),
            where=self.settings.url, hint="what was written has been put back",
        )  # fmt: skip

    # Doctor and proofs --------------------------------------------------------------------------------

    def examine(self, deadline: Deadline) -> Iterator[Finding]:
        """Address, version, privileges."""
        try:
            answer = self.http.get("/api/status", deadline=deadline)
            version = self._object(answer, "version")
            overall = (answer.json().get("status") or {}).get("overall") or {}
        except ServerError as error:
            yield Finding(subject="address", ok=False, detail=error.fact, next=error.hint)
            return
        level = str(overall.get("level") or overall.get("state") or "unknown")
        yield Finding(
            subject="address",
            ok=level in ("available", "green"),
            detail=f"{self.settings.url}: {level}",
            next="" if level in ("available", "green") else "its /status page names the plugin",
        )
        number = str(version.get("number", ""))
        major = number.partition(".")[0]
        recent = major.isdigit() and int(major) >= 8
        yield Finding(
            subject="version", ok=recent, detail=number,
            next="" if recent else "data views have an API from Kibana 8 on",
        )  # fmt: skip
        try:
            self._registry()
        except ServerError as error:
            yield Finding(subject="privileges", ok=False, detail=error.fact, next=error.hint)
        else:
            yield Finding(subject="privileges", ok=True, detail="it may read saved objects")

    def checks(self) -> Sequence[Check]:
        """That each object is there and its data view sees our fields."""
        seconds = self.context.settings.verify.deadline.total_seconds()
        return [
            Check(
                id="loaded/kibana", title="data views see the log fields", run=self._prove, seconds=seconds
            )
        ]  # fmt: skip

    def _prove(self, deadline: Deadline) -> Iterator[Proof]:
        title = "data views see the log fields, searches are there"
        missing, blind, evidence = [], [], []
        for resource in self.desired():
            body = self._get(resource.address, deadline)
            if body is None:
                missing.append(str(resource.address))
                continue
            if resource.address.kind != "data_view":
                continue
            fields = body.get("fields") or {}
            evidence.append(
                Exchange(
                    of=self.settings.url,
                    asked=f"GET {self._path(resource.address)}",
                    answer=f"{len(fields)} fields: {', '.join(sorted(fields)[:20])}",
                )
            )
            if "@timestamp" not in fields:
                blind.append(resource.address.name)
        if missing:
            verdict, detail, following = (
                Verdict.FAILED,
                f"not there: {', '.join(missing)}",
                "obskit provision",
            )
        elif blind:
            # No index yet is no fault of Kibana's; the canary proves that there will be one.
            verdict = Verdict.UNPROVED
            detail = f"{', '.join(blind)}: no index matches yet, or Kibana may not read it"
            following = "verify again when the first events have arrived"
        else:
            verdict, detail, following = Verdict.PROVED, "all there, with their fields", ""
        yield Proof(
            id="loaded/kibana", title=title, verdict=verdict, detail=detail, next=following,
            evidence=tuple(evidence),
        )  # fmt: skip
