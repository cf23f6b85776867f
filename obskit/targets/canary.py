"""The proof of the log path: a line is written where a service writes, and found with every field right."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from obskit.config import Service
from obskit.deadline import Deadline
from obskit.engine.verify import Check, Exchange, Proof, Verdict
from obskit.errors import ObskitError, RejectedError
from obskit.schema.streams import quarantine_stream, stream_name
from obskit.targets.base import Canary, Context, Hop, Target
from obskit.targets.canary_judge import flat, judge, queries
from obskit.targets.canary_line import broken, event_of, place, writing

__all__ = ["Store", "checks"]

_POLL: Final = 0.5
#: Seconds that asking the servers on the path may take, once the canary has not arrived.
_ASKING: Final = 15.0


class Store(Protocol):
    """Where events end."""

    @property
    def where(self) -> str:
        """Its address, for messages."""

    def search(
        self, index: str, body: Mapping[str, Any], deadline: Deadline
    ) -> Mapping[str, Any] | None:
        """The answer to a search; None while no such index is there."""


def checks(context: Context, store: Store) -> list[Check]:
    """One check a service.

    Args:
        context: Settings, schema, and the servers on the path.
        store: Where events end.
    """
    seconds = context.settings.verify.deadline.total_seconds()
    return [
        Check(
            id=f"canary/{service.name}",
            title=f"a log line of {service.name} arrives",
            run=lambda deadline, service=service: _try(context, store, service, deadline),  # type: ignore[misc]
            seconds=seconds,
        )
        for service in context.settings.services
    ]


def _try(context: Context, store: Store, service: Service, deadline: Deadline) -> Iterator[Proof]:
    valid_id, invalid_id = f"canary/{service.name}", f"canary/{service.name}/invalid"
    valid = f"a log line of {service.name} arrives with every field right"
    invalid = f"a log line of {service.name} that breaks the schema arrives in the quarantine"
    ships = any(
        type(peer).hop is not Target.hop
        for peer in context.peers.values()
        if peer.name != "elasticsearch"
    )
    why = ""
    if not service.logs:
        why = "obskit.yml names no logs of this service"
    elif not ships:
        why = "obskit.yml names no server that ships logs (filebeat, logstash)"
    if why:
        for id_, title in ((valid_id, valid), (invalid_id, invalid)):
            yield Proof(id=id_, title=title, verdict=Verdict.NOT_CONFIGURED, detail=why)
        return
    try:
        spot = place(service, context.settings.folder)
    except ObskitError as error:
        for id_, title in ((valid_id, valid), (invalid_id, invalid)):
            yield Proof(
                id=id_, title=title, verdict=Verdict.UNPROVED, detail=error.message, next=error.hint
            )
        return
    event = event_of(context.schema, service, context.settings)
    faulty, faults = broken(event)
    trial = _Trial(context, store, service, event, faults)
    with writing(spot, [event, faulty]) as (good, bad):
        yield trial.valid(valid_id, valid, good, deadline)
        yield trial.invalid(invalid_id, invalid, bad, deadline)


class _Trial:
    """One service's canaries, from writing to judgement."""

    def __init__(
        self,
        context: Context,
        store: Store,
        service: Service,
        event: Mapping[str, Any],
        faults: Sequence[str],
    ) -> None:
        self.context = context
        self.store = store
        self.event = event
        self.faults = faults
        namespace = context.settings.namespace
        self.stream = stream_name(service.name, namespace)
        self.quarantine = quarantine_stream(namespace)
        self.anywhere = f"logs-obskit.*-{namespace}"
        self.enriched = {
            name: value
            for name, value in (
                ("environment", context.settings.environment),
                ("version", service.version),
            )
            if value and name in context.schema.by_name
        }
        self.started = time.monotonic()

    # The line that keeps the schema --------------------------------------------------------------

    def valid(self, id_: str, title: str, canary: Canary, deadline: Deadline) -> Proof:
        wanted = {**flat(self.event, self.context.schema), **self.enriched}
        by_id = {"term": {"trace_id": canary.trace_id}}
        evidence = [_wrote(canary)]
        # Half of the time is left for asking who lost it.
        answer = self._wait(
            self.stream,
            {"size": 1, "query": by_id},
            deadline,
            keep=min(_ASKING, deadline.seconds / 2),
        )
        took = time.monotonic() - self.started
        if answer is None:
            return self._lost(id_, title, canary, took, deadline, evidence)
        hit = answer["hits"]["hits"][0]
        evidence.append(
            Exchange(
                of=self.store.where,
                asked=f"GET /{self.stream}/_search trace_id: {canary.trace_id}",
                answer=json.dumps(hit, ensure_ascii=False),
            )
        )
        wrong = judge(hit, wanted, self.context.schema)
        wrong += self._unfindable(by_id, wanted, wrong, evidence)
        return Proof(
            id=id_, title=title,
            verdict=Verdict.FAILED if wrong else Verdict.PROVED,
            detail=f"arrived, but {'; '.join(wrong)}" if wrong
            else f"found in {self.stream} after {took:.1f} s, {len(wanted) + 1} fields right",
            next="compare the event in --explain with docs/normalisation.md; is the shipper's filter obskit's?"
            if wrong else "",
            evidence=tuple(evidence),
        )  # fmt: skip

    def _wait(
        self, index: str, body: Mapping[str, Any], deadline: Deadline, *, keep: float
    ) -> Mapping[str, Any] | None:
        """Search until there is a hit; None when time, but for what is kept, is over."""
        while True:
            # Late is not too late for one look: both lines were written at the same time.
            one = deadline if deadline.remaining > 2.0 else Deadline.after(2.0)
            answer = self.store.search(index, body, one)
            if answer is not None and answer["hits"]["hits"]:
                return answer
            if deadline.remaining <= keep or not deadline.sleep(_POLL):
                return None

    def _unfindable(
        self,
        by_id: Mapping[str, Any],
        wanted: Mapping[str, Any],
        wrong: Sequence[str],
        evidence: list[Exchange],
    ) -> list[str]:
        """Fields that are stored, and by whose values nobody finds the document."""
        body = {
            "size": 0,
            "query": by_id,
            "aggs": {"found": {"filters": {"filters": queries(self.context.schema, wanted)}}},
        }
        try:
            answer = self.store.search(self.stream, body, Deadline.after(10.0)) or {}
        except RejectedError as error:  # a value that is none of the field's type there
            return [f"its values cannot be searched for: {error.message}"]
        buckets = answer["aggregations"]["found"]["buckets"]
        evidence.append(
            Exchange(
                of=self.store.where, asked=f"GET /{self.stream}/_search by the value of each field",
                answer=json.dumps({name: bucket["doc_count"] for name, bucket in buckets.items()}),
            )
        )  # fmt: skip
        named = {words.split(" ")[0] for words in wrong}
        lost = [
            name
            for name, bucket in buckets.items()
            if not bucket["doc_count"] and name not in named
        ]
        return [f"stored, but not found by: {', '.join(sorted(lost))}"] if lost else []

    def _lost(  # noqa: PLR0917
        self,
        id_: str,
        title: str,
        canary: Canary,
        took: float,
        deadline: Deadline,
        evidence: list[Exchange],
    ) -> Proof:
        elsewhere = self._elsewhere(canary)
        if elsewhere is not None:
            index, source = elsewhere
            evidence.append(
                Exchange(
                    of=self.store.where, asked=f"GET /{self.anywhere}/_search {canary.trace_id}",
                    answer=json.dumps(source, ensure_ascii=False),
                )
            )  # fmt: skip
            reasons = _reasons(source)
            place_ = "the quarantine" if self.quarantine in index else index
            return Proof(
                id=id_, title=title, verdict=Verdict.FAILED, evidence=tuple(evidence),
                detail=f"arrived in {place_} instead of {self.stream}" + (f": {reasons}" if reasons else ""),
                next="the reasons say what was refused: is the template obskit's, and the shipper's filter current?",
            )  # fmt: skip
        hops = self._hops(canary, deadline, evidence)
        # The last server was handed the event directly: when it refuses, the shippers before it wait for it.
        refusing = hops[-1] if hops and hops[-1].passed is False else None
        guilty = refusing or next((hop for hop in hops if hop.passed is False), None)
        if guilty is not None:
            detail = f"not found after {took:.0f} s: {guilty.name} lost it: {guilty.detail}"
            return Proof(
                id=id_, title=title, verdict=Verdict.FAILED, detail=detail, next=guilty.next,
                evidence=tuple(evidence),
            )  # fmt: skip
        told = "; ".join(f"{hop.name}: {hop.detail}" for hop in hops)
        unsure = next((hop.next for hop in hops if hop.passed is None and hop.next), "")
        return Proof(
            id=id_, title=title, verdict=Verdict.FAILED,
            detail=f"not found after {took:.0f} s, and nobody says where it was lost ({told})",
            next=unsure or "look into the log of the last server that passed it on",
            evidence=tuple(evidence),
        )  # fmt: skip

    def _elsewhere(self, canary: Canary) -> tuple[str, Mapping[str, Any]] | None:
        body = {
            "size": 1,
            "query": {
                "bool": {
                    "should": [
                        {"term": {"trace_id": canary.trace_id}},
                        # In the quarantine the whole line is the message; its id is one word of it.
                        {"match": {"message": canary.trace_id}},
                    ]
                }
            },
        }
        answer = self.store.search(self.anywhere, body, Deadline.after(5.0))
        hits = answer["hits"]["hits"] if answer else []
        return (str(hits[0]["_index"]), hits[0]["_source"]) if hits else None

    def _hops(self, canary: Canary, deadline: Deadline, evidence: list[Exchange]) -> list[Hop]:
        """What each server on the path says, in the order of the path."""
        hops = []
        for peer in self.context.peers.values():
            try:
                hop = peer.hop(canary, deadline.within(_ASKING / 2))
            except ObskitError as error:
                hop = Hop(name=peer.name, order=50, passed=None, detail=error.fact, next=error.hint)
            if hop is not None:
                hops.append(hop)
        hops.sort(key=lambda hop: hop.order)
        for hop in hops:
            evidence += hop.evidence
            said = {True: "passed it on", False: "lost it", None: "does not know"}[hop.passed]
            evidence.append(
                Exchange(of=hop.name, asked="did the line pass?", answer=f"{said}: {hop.detail}")
            )
        return hops

    # The line that breaks it ---------------------------------------------------------------------

    def invalid(self, id_: str, title: str, canary: Canary, deadline: Deadline) -> Proof:
        body = {"size": 1, "query": {"match": {"message": canary.trace_id}}}
        evidence = [_wrote(canary)]
        answer = self._wait(self.quarantine, body, deadline, keep=min(5.0, deadline.seconds / 4))
        took = time.monotonic() - self.started
        if answer is None:
            accepted = self._elsewhere(canary)
            where = f"it was taken for valid, into {accepted[0]}" if accepted else "it is nowhere"
            return Proof(
                id=id_, title=title, verdict=Verdict.FAILED, evidence=tuple(evidence),
                detail=f"not in {self.quarantine} after {took:.0f} s: {where}",
                next="is the shipper's filter obskit's? obskit drift tells; canary/… names the hop",
            )  # fmt: skip
        source = answer["hits"]["hits"][0]["_source"]
        evidence.append(
            Exchange(
                of=self.store.where,
                asked=f"GET /{self.quarantine}/_search message: {canary.trace_id}",
                answer=json.dumps(source, ensure_ascii=False),
            )
        )
        reasons = _reasons(source)
        wrong = [f"no reason names {name}" for name in self.faults if name not in reasons]
        if source.get("message") != canary.line:
            wrong.append("the original line was changed")
        return Proof(
            id=id_, title=title, evidence=tuple(evidence),
            verdict=Verdict.FAILED if wrong else Verdict.PROVED,
            detail=f"in {self.quarantine}, but {'; '.join(wrong)}" if wrong
            else f"in {self.quarantine} after {took:.1f} s: {reasons}",
            next="obskit drift tells whether the shipper's filter is obskit's" if wrong else "",
        )  # fmt: skip


def _reasons(source: Mapping[str, Any]) -> str:
    """Why a document is in the quarantine: the shipper's reasons, else Elasticsearch's own words."""
    reasons = source.get("reasons")
    if isinstance(reasons, list):
        return "; ".join(map(str, reasons))
    error = source.get("error")
    nested = error.get("message", "") if isinstance(error, Mapping) else ""
    return str(reasons or source.get("error.message") or nested)


def _wrote(canary: Canary) -> Exchange:
    return Exchange(
        of=str(canary.path), asked=f"append one line at byte {canary.offset}", answer=canary.line
    )
