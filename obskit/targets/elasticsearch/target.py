"""The target ``elasticsearch``: what it asks for, reads, writes and settles."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Final

from obskit.config import Section
from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.engine.diff import diff
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Body, Live, Mark, Resource
from obskit.engine.verify import Check
from obskit.errors import BadAnswerError, ConfigError, DeliveryError, Problem
from obskit.targets import canary, rejected
from obskit.targets.base import Canary, Context, DataSource, Finding, Hop, Target
from obskit.targets.elasticsearch import doctor, impact, normalise, templates
from obskit.targets.elasticsearch.capabilities import Capabilities, probe
from obskit.targets.elasticsearch.client import Client, RefusedError
from obskit.targets.elasticsearch.settings import ElasticsearchSettings
from obskit.targets.elasticsearch.store import EventStore
from obskit.targets.elasticsearch.streams import Streams, read_streams, roll_over, stamp_of

__all__ = ["Elasticsearch"]

#: Kind → path of its endpoint.
_PATHS: Final = {
    "ilm_policy": "/_ilm/policy",
    "component_template": "/_component_template",
    "index_template": "/_index_template",
}
#: Keys of a live body that stand for the streams which what was written does not reach yet: that a run was
#: killed, or a stream changed by hand, shows in the plan like any other difference.
BEHIND: Final = "write_indices_behind"
RETENTION: Final = "streams_of_other_retention"
_VIRTUAL: Final = frozenset({BEHIND, RETENTION})


class Elasticsearch(Target[ElasticsearchSettings]):
    """Templates, retention and proofs of the log streams.

    Args:
        context: Settings, schema and peers.
    """

    name: ClassVar[str] = "elasticsearch"
    Settings: ClassVar[type[Section]] = ElasticsearchSettings
    kinds: ClassVar[tuple[str, ...]] = ("ilm_policy", "component_template", "index_template")
    named_by: ClassVar[str] = "namespace"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        own = self.settings
        self.client = Client(
            (own.url, *own.nodes),
            auth=own.auth,
            seconds=own.timeout.total_seconds(),
            folder=context.settings.folder,
        )
        self.store = EventStore(self.client, context.settings.namespace)
        self.names = templates.Names(namespace=context.settings.namespace)
        self._able: Capabilities | None = None
        self._lock = threading.Lock()

    @property
    def able(self) -> Capabilities:
        """What the server can do, asked once.

        Raises:
            ServerError: It does not say.
        """
        with self._lock:
            if self._able is None:
                self._able = probe(self.client)
            return self._able

    def desired(self) -> Sequence[Resource]:
        """Templates and retention, in the form that the server can take."""
        return list(
            templates.resources(
                self.settings, self.context.schema, self.names, self.able, self.path("")
            )
        )

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        """All templates and policies with the project's mark, and those wanted, in six requests."""
        with ThreadPoolExecutor(4, thread_name_prefix="elasticsearch") as pool:
            streams = pool.submit(read_streams, self.client, self.names.pattern)
            bodies = dict(zip(_PATHS, pool.map(self._all, _PATHS), strict=True))
            there = streams.result()
        found: dict[Address, Live] = {}
        for kind, objects in bodies.items():
            for name, body in objects.items():
                address = self.address(kind, name)
                mark = Mark.from_dict((body.get("_meta") or {}).get("obskit"))
                ours = mark is not None and mark.project == self.context.project
                if address in wanted or ours:
                    found[address] = Live(address=address, body=body, mark=mark)
        for name in (self.names.logs, self.names.quarantine):
            component = found.get(self.address("component_template", name))
            whole = found.get(self.address("index_template", name))
            if component is None or whole is None:
                continue
            stamp = stamp_of(component.body.get("template") or {})
            if behind := self._behind(there, name, stamp):
                found[component.address] = _with(component, BEHIND, behind)
            if other := self._other_retention(there, name, whole.body):
                found[whole.address] = _with(whole, RETENTION, other)
        return found

    def _all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Every object of a kind by its name."""
        if kind == "ilm_policy":
            if not self.able.ilm:
                return {}
            answer = self.client.get(_PATHS[kind]).body
            return {name: dict(item["policy"]) for name, item in answer.items()}
        answer = self.client.get(_PATHS[kind]).body
        try:
            return {item["name"]: dict(item[kind]) for item in answer[f"{kind}s"]}
        except (KeyError, TypeError) as error:
            raise BadAnswerError(
                f"the list of {kind}s has no {error}", where=f"GET {self.settings.url}{_PATHS[kind]}",
                hint="is the address that of Elasticsearch itself, with nothing in between?",
            ) from None  # fmt: skip

    def _behind(self, streams: Streams, name: str, stamp: str) -> list[str]:
        """Streams whose write index was not made by the template that is there."""
        return [
            stream.name
            for stream in self.streams_of(streams, name)
            if stream.stamp != stamp and not stream.waiting
        ]

    def _other_retention(self, streams: Streams, name: str, whole: Mapping[str, Any]) -> list[str]:
        """Streams that keep events for another time than their template says."""
        lifecycle = (whole.get("template") or {}).get("lifecycle") or {}
        wanted = lifecycle.get("data_retention")
        if not streams.api or not wanted:
            return []
        return [item.name for item in self.streams_of(streams, name) if item.retention != wanted]

    def streams_of(self, streams: Streams, name: str) -> Sequence[Any]:
        """The streams that one of our templates makes.

        Args:
            streams: Those of the namespace.
            name: Name of the template.
        """
        quarantine = self.names.quarantine_stream
        if name == self.names.quarantine:
            return streams.matching(quarantine)
        return (
            streams.matching(self.names.pattern, but=quarantine) if name == self.names.logs else ()
        )

    def normalise(self, address: Address, body: Body) -> Body:
        """The body in the one form that both sides are compared in."""
        if address.kind == "ilm_policy":
            return normalise.ilm_policy(body)
        if address.kind == "index_template":
            return normalise.index_template(body)
        return normalise.component_template(body)

    def write(self, change: Change) -> None:
        """Put or delete one template or policy."""
        if change.after is None:
            self._delete(change.address)
        else:
            mark = self.mark(change).to_dict()
            self._put(change.address, change.after.body, mark)

    def _put(
        self, address: Address, body: Mapping[str, Any], mark: Mapping[str, str] | None
    ) -> None:
        kept_back = _VIRTUAL | normalise.STAMPS
        sent = {key: value for key, value in body.items() if key not in kept_back}
        meta = {key: value for key, value in (body.get("_meta") or {}).items() if key != "obskit"}
        if mark is not None:
            meta["obskit"] = dict(mark)
        sent["_meta"] = meta
        if address.kind == "ilm_policy":
            sent = {"policy": sent}
        self.client.call("PUT", f"{_PATHS[address.kind]}/{address.name}", body=sent)

    def _delete(self, address: Address) -> None:
        path = f"{_PATHS[address.kind]}/{address.name}"
        try:
            self.client.call("DELETE", path, allow={404})
        except RefusedError as error:
            if address.kind == "ilm_policy" or "in use by" not in error.message:
                raise
            # Streams that hold events lean on it, and the events are not ours to delete: it stays, without
            # our mark.
            live = self._live(address.kind, address.name)
            if live is not None:
                self._put(address, live.body, None)

    def settle(self, changes: Sequence[Change]) -> None:
        """Read back what was written, then give the streams that are behind a new write index.

        Raises:
            DeliveryError: What was acknowledged reads back otherwise; it has been put back.
        """
        live = self.read(frozenset(change.address for change in changes))
        wrong = [words for change in changes for words in self._misread(change, live)]
        if wrong:
            for change in changes:
                if change.before is not None:
                    mark = change.before.mark
                    self._put(change.address, change.before.body, mark.to_dict() if mark else None)
                else:
                    self._delete(change.address)
            raise DeliveryError(
                "acknowledged, yet reads back otherwise: " + "; ".join(wrong),
                where=self.settings.url, hint="what was written has been put back",
            )  # fmt: skip
        for change in changes:
            if change.after is not None and change.address.kind != "ilm_policy":
                self._reach(change.address.name, live)

    def _misread(self, change: Change, live: Mapping[Address, Live]) -> Iterator[str]:
        now = live.get(change.address)
        if change.after is None or now is None:
            if change.after is None and now is not None and now.mark is not None:
                yield f"{change.address} is still there"
            if change.after is not None:
                yield f"{change.address} is not there"
            return
        got = {key: value for key, value in now.body.items() if key not in _VIRTUAL}
        asked = {key: value for key, value in change.after.body.items() if key not in _VIRTUAL}
        for edit in diff(
            self.normalise(change.address, got), self.normalise(change.address, asked)
        ):
            yield f"{change.address}: {edit.path}"
        if now.mark != self.mark(change):
            yield f"{change.address}: _meta.obskit"

    def _reach(self, name: str, live: Mapping[Address, Live]) -> None:
        """Make what was written hold for the streams that exist."""
        component = live.get(self.address("component_template", name)) or self._live(
            "component_template", name
        )
        whole = live.get(self.address("index_template", name)) or self._live("index_template", name)
        if (
            component is None
            or whole is None
            or name not in (self.names.logs, self.names.quarantine)
        ):
            return  # the other half is still to be written
        streams = read_streams(self.client, self.names.pattern)
        stamp = stamp_of(component.body.get("template") or {})
        if behind := self._behind(streams, name, stamp):
            roll_over(self.client, self.names.pattern, behind, stamp, lazy=streams.api)
        # A template's lifecycle is copied when a stream is made: those that exist keep theirs.
        for stream in self._other_retention(streams, name, whole.body):
            lifecycle = whole.body["template"]["lifecycle"]
            self.client.call(
                "PUT", f"/_data_stream/{stream}/_lifecycle",
                body={"data_retention": lifecycle["data_retention"]},
            )  # fmt: skip

    def _live(self, kind: str, name: str) -> Live | None:
        address = self.address(kind, name)
        return self.read(frozenset({address})).get(address)

    def impact(self, change: Change) -> Sequence[str]:
        """A rollover, a field whose type changes, indices that retention will delete."""
        return impact.impact(self, change)

    def notes(self) -> Sequence[str]:
        """Retention that nobody keeps, a template that wins over ours, what ``verify`` writes."""
        return impact.notes(self)

    def check(self) -> Iterator[Problem]:
        """Offline: the user's own templates are readable."""
        for path in (
            *self.settings.component_templates.values(), *self.settings.index_templates.values()
        ):  # fmt: skip
            try:
                templates.read_file(self.path(path))
            except ConfigError as error:
                yield from error.problems

    def examine(self, deadline: Deadline) -> Iterator[Finding]:
        """Address, version, licence, privileges, clock, disk and templates."""
        yield from doctor.examine(self, deadline)

    @classmethod
    def recognise(cls, http: Http, deadline: Deadline) -> Mapping[str, Any] | None:
        """An Elasticsearch answers its cluster's health, or asks for a password as only its own do."""
        answer = http.get("/_cluster/health", deadline=deadline, allow={401})
        if answer.status == 401:
            # Kibana hands on the question of its Elasticsearch, and says its own name.
            asks = 'realm="security"' in answer.headers.get("www-authenticate", "")
            if not asks or "kbn-name" in answer.headers:
                return None
            return {"url": http.base_url, "auth": {"token": "${env:ES_API_KEY}"}}
        health = answer.json()
        if not isinstance(health, dict) or "number_of_data_nodes" not in health:
            return None
        return {"url": http.base_url}

    def checks(self) -> Sequence[Check]:
        """That each service's events arrive, and that nothing is rejected."""
        window = self.settings.rejected_window
        return [
            *canary.checks(self.context, self.store),
            *rejected.checks(self.context, self.store, window),
        ]

    def hop(self, canary: Canary, deadline: Deadline) -> Hop:
        """Whether it takes the canary's event when that is handed to it past all shippers."""
        return self.store.hop(canary, deadline)

    def data_source(self) -> DataSource:
        """The logs, for Grafana."""
        own = self.settings
        return DataSource(
            uid="obskit-logs",
            name="obskit logs",
            type="elasticsearch",
            url=own.grafana_url or own.url,
            auth=own.auth,
            database="logs-obskit.*",
            options={
                "index": "logs-obskit.*",
                "timeField": "@timestamp",
                "logMessageField": "message",
                "logLevelField": "level",
                "maxConcurrentShardRequests": 5,
                **self._links(),
            },
        )

    def _links(self) -> dict[str, Any]:
        """From the trace id of a line to where its trace is shown (``links.trace``)."""
        trace = self.context.settings.links.trace
        if not trace:
            return {}
        url = trace.replace("{trace_id}", "${__value.raw}")
        return {"dataLinks": [{"field": "trace_id", "url": url, "urlDisplayLabel": "Trace"}]}


def _with(live: Live, key: str, value: Body) -> Live:
    return Live(address=live.address, body={**live.body, key: value}, mark=live.mark)
