"""The proof that nothing is rejected: the quarantine, what Elasticsearch itself refused, and ignored fields.

Everything that one of these counts was answered with success somewhere on the way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from obskit.deadline import Deadline
from obskit.engine.verify import Check, Exchange, Proof, Verdict
from obskit.errors import BadAnswerError
from obskit.schema.streams import quarantine_stream
from obskit.targets.base import Context
from obskit.targets.canary import Store
from obskit.targets.canary_line import MESSAGE

__all__ = ["checks"]

_TOP: Final = 5


def checks(context: Context, store: Store, window: timedelta) -> list[Check]:
    """One check with three proofs.

    Args:
        context: Settings.
        store: Where events end.
        window: How far back is looked.
    """
    seconds = context.settings.verify.deadline.total_seconds()
    return [
        Check(
            id="rejected",
            title="nothing is rejected",
            run=lambda deadline: _try(context, store, window, deadline),
            seconds=seconds,
        )
    ]


def _try(context: Context, store: Store, window: timedelta, deadline: Deadline) -> Iterator[Proof]:
    namespace = context.settings.namespace
    quarantine = quarantine_stream(namespace)
    since = f"{int(window.total_seconds())}s"
    shown = f"the last {int(window.total_seconds() // 60)} min"
    by_schema = {"exists": {"field": "reasons"}}
    yield _quarantined(
        store, deadline, quarantine, since,
        id_="rejected/quarantine", title=f"no event of {shown} broke the schema",
        query={"must": [by_schema]},
        next_="obskit lint FILE shows each line and rule; the lines are in the quarantine's field message",
    )  # fmt: skip
    # A document that Elasticsearch refuses inside a bulk request answered 200 comes as a dead letter.
    yield _quarantined(
        store, deadline, quarantine, since,
        id_="rejected/bulk", title=f"Elasticsearch refused no item of a bulk request in {shown}",
        query={"must_not": [by_schema]},
        next_="error.message has Elasticsearch's words; a mapping that is not obskit's? obskit drift tells",
    )  # fmt: skip
    yield _ignored(store, deadline, f"logs-obskit.*-{namespace}", quarantine, since, shown)


def _quarantined(
    store: Store,
    deadline: Deadline,
    index: str,
    since: str,
    *,
    id_: str,
    title: str,
    query: Mapping[str, Any],
    next_: str,
) -> Proof:
    # obskit's own canaries break the schema on purpose.
    canary = {"match_phrase": {"message": MESSAGE}}
    body = {
        "size": 3,
        "track_total_hits": True,
        "query": {
            "bool": {
                **query,
                "must_not": [*query.get("must_not", ()), canary],
            }
        },
        "sort": [{"@timestamp": "desc"}],
        "aggs": {
            "recent": {
                "filter": {"range": {"@timestamp": {"gte": f"now-{since}"}}},
                "aggs": {
                    "reasons": {"terms": {"field": "reasons", "size": _TOP}},
                    "services": {"terms": {"field": "service", "size": _TOP}},
                },
            }
        },
    }
    answer = _whole(store.search(index, body, deadline), store)
    evidence = Exchange(
        of=store.where, asked=f"GET /{index}/_search {json.dumps(body)}",
        answer=json.dumps(answer, ensure_ascii=False)[:4000] if answer else "no such stream",
    )  # fmt: skip
    if not answer or "aggregations" not in answer:
        return Proof(
            id=id_, title=title, verdict=Verdict.PROVED, detail=f"{index} is not there yet: 0 events",
            evidence=(evidence,),
        )  # fmt: skip
    recent = answer["aggregations"]["recent"]
    count, ever = recent["doc_count"], answer["hits"]["total"]["value"]
    if not count:
        return Proof(
            id=id_, title=title, verdict=Verdict.PROVED, detail=f"0 events, {ever} before",
            evidence=(evidence,),
        )  # fmt: skip
    why = _top(recent["reasons"]) or _words(answer["hits"]["hits"])
    who = _top(recent["services"])
    return Proof(
        id=id_, title=title, verdict=Verdict.FAILED,
        detail=f"{count} events" + (f" of {who}" if who else "") + (f": {why}" if why else ""),
        next=next_, evidence=(evidence,),
    )  # fmt: skip


def _ignored(  # noqa: PLR0917
    store: Store, deadline: Deadline, index: str, quarantine: str, since: str, shown: str
) -> Proof:
    title = f"no field of an event of {shown} was ignored"
    body = {
        "size": 20,
        "track_total_hits": True,
        "_source": ["service"],
        "query": {
            "bool": {
                "filter": [
                    {"exists": {"field": "_ignored"}},
                    {"range": {"@timestamp": {"gte": f"now-{since}"}}},
                ]
            }
        },
    }
    # A service's stream: what is in the quarantine is counted there.
    answer = _whole(store.search(f"{index},-{quarantine}", body, deadline), store)
    hits = answer["hits"]["hits"] if answer else []
    count = answer["hits"]["total"]["value"] if answer else 0
    fields = sorted({name for hit in hits for name in hit.get("_ignored", ())})
    return Proof(
        id="rejected/ignored", title=title,
        verdict=Verdict.FAILED if count else Verdict.PROVED,
        detail=f"{count} events have values that cannot be searched: {', '.join(fields)}" if count
        else "0 events",
        next="the values are too long or not of their type; obskit lint names them" if count else "",
        evidence=(
            Exchange(
                of=store.where, asked=f"GET /{index}/_search {json.dumps(body)}",
                answer=json.dumps(hits[:3], ensure_ascii=False),
            ),
        ),
    )  # fmt: skip


def _whole(answer: Mapping[str, Any] | None, store: Store) -> Mapping[str, Any] | None:
    """An answer that counts everything: shards that failed would count as nothing rejected."""
    shards = answer.get("_shards", {}) if answer else {}
    if answer and (answer.get("timed_out") or shards.get("failed")):
        why = _reasons(shards) or "it timed out"
        raise BadAnswerError(
            f"searched only a part: {shards.get('failed', 0)} of {shards.get('total')} shards failed: {why}",
            where=store.where, hint="look at the cluster's health; then obskit verify again",
        )  # fmt: skip
    return answer


def _reasons(shards: Mapping[str, Any]) -> str:
    found = [
        str((item.get("reason") or {}).get("reason", "")) for item in shards.get("failures", ())
    ]
    return "; ".join(dict.fromkeys(found))[:300]


def _top(terms: Mapping[str, Any]) -> str:
    return ", ".join(f"{item['key']} ({item['doc_count']})" for item in terms["buckets"])


def _words(hits: list[Mapping[str, Any]]) -> str:
    """Elasticsearch's own words for the newest document it refused."""
    for hit in hits:
        error = hit["_source"].get("error")
        words = error.get("message") if isinstance(error, Mapping) else None
        words = words or hit["_source"].get("error.message")
        if words:
            return str(words)[:300]
    return ""
