"""What follows from a change, told before it is made; and what the server cannot do or does otherwise."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from obskit.engine.plan import Change
from obskit.schema.streams import stream_name
from obskit.targets.elasticsearch.normalise import seconds_of
from obskit.targets.elasticsearch.streams import Stream, read_streams, stamp_of
from obskit.targets.elasticsearch.templates import es_time
from obskit.targets.elasticsearch.users import users_of

if TYPE_CHECKING:
    from obskit.targets.elasticsearch.target import Elasticsearch

__all__ = ["impact", "notes", "shadowed"]

_SHOWN: Final = 5


def impact(target: Elasticsearch, change: Change) -> Sequence[str]:
    """What follows from one change, in words for the plan.

    Args:
        target: The target.
        change: The change.
    """
    name = change.address.name
    if change.after is None:
        return tuple(_in_use(target, change))
    if name not in (target.names.logs, target.names.quarantine):
        return ()
    after = change.after.body
    before = change.before.body if change.before else {}
    if change.address.kind == "component_template":
        return (*_rollover(target, name, after), *_types(before, after, target))
    return tuple(_retention(target, name, before, after))


def _in_use(target: Elasticsearch, change: Change) -> Iterator[str]:
    patterns = (change.before.body if change.before else {}).get("index_patterns") or ()
    for pattern in patterns:
        streams = read_streams(target.client, pattern).streams
        if streams:
            yield (
                f"{_names([stream.name for stream in streams])} lean on it: it stays on the server, without "
                "obskit's mark, and no event is deleted"
            )


def _rollover(target: Elasticsearch, name: str, after: Mapping[str, Any]) -> Iterator[str]:
    stamp = stamp_of(after.get("template") or {})
    streams = target.streams_of(read_streams(target.client, target.names.pattern), name)
    late = [stream.name for stream in streams if stream.stamp != stamp]
    if late:
        yield f"needs a rollover: {_names(late)} (obskit provision does it)"


def _types(
    before: Mapping[str, Any], after: Mapping[str, Any], target: Elasticsearch
) -> Iterator[str]:
    old, new = _fields(before), _fields(after)
    kept = es_time(target.settings.retention)
    for field in sorted(old.keys() & new.keys()):
        if old[field] != new[field]:
            yield (
                f"{field} changes from {old[field]} to {new[field]}: what is written already stays "
                f"{old[field]} until retention ({kept}) deletes it; searches go over both"
                + _used(target, field)
            )
    for field in sorted(old.keys() - new.keys()):
        yield (
            f"{field} is no longer indexed: searches for it find only what is written already"
            + _used(target, field)
        )


def _used(target: Elasticsearch, field: str) -> str:
    peers = [peer for peer in target.context.peers.values() if peer.name != target.name]
    users = users_of(field, peers)
    return f"; used by {_names(users)}" if users else ""


def _fields(body: Mapping[str, Any]) -> dict[str, str]:
    """Field → type, whether the mapping is laid out with objects or with dots."""
    found: dict[str, str] = {}

    def walk(properties: Mapping[str, Any], above: str) -> None:
        for name, item in properties.items():
            if item.get("type"):
                found[above + name] = item["type"]
            walk(item.get("properties") or {}, f"{above}{name}.")
            walk(item.get("fields") or {}, f"{above}{name}.")

    mappings = (body.get("template") or {}).get("mappings") or {}
    walk(mappings.get("properties") or {}, "")
    return found


def _retention(
    target: Elasticsearch, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[str]:
    old, new = _kept(before), _kept(after)
    if old is None or new is None or new >= old:
        return
    client, pattern = target.client, target.names.pattern
    made = client.get(
        f"/{pattern}/_settings",
        params={"filter_path": "*.settings.index.creation_date", "expand_wildcards": "all"},
    ).body
    doomed: list[str] = []
    for stream in target.streams_of(read_streams(client, pattern), name):
        doomed += _older(stream, made, new)
    if doomed:
        yield f"retention will delete {len(doomed)} indices: {_names(doomed)}"
    else:
        yield "retention is shorter; no index is old enough to be deleted by it now"


def _older(stream: Stream, made: Mapping[str, Any], seconds: float) -> Iterator[str]:
    """Indices that are out of retention: it counts from the rollover, which made the next one."""
    for index, following in zip(stream.indices, stream.indices[1:], strict=False):
        settings = (made.get(following) or {}).get("settings") or {}
        created = int((settings.get("index") or {}).get("creation_date", 0)) / 1000
        if created and time.time() - created > seconds:
            yield index


def _kept(body: Mapping[str, Any]) -> float | None:
    """Retention in seconds: a template's lifecycle's, or a policy's."""
    lifecycle = (body.get("template") or {}).get("lifecycle") or {}
    delete = (body.get("phases") or {}).get("delete") or {}
    text = lifecycle.get("data_retention") or delete.get("min_age")
    return seconds_of(text) if isinstance(text, str) else None


def notes(target: Elasticsearch) -> Sequence[str]:
    """What the plan as a whole has to say of this server.

    Args:
        target: The target.
    """
    told = []
    if not target.able.lifecycle and not target.able.ilm:
        told.append(
            "this server has neither data stream lifecycle nor ILM, so nothing deletes events "
            f"after {es_time(target.settings.retention)}: delete old backing indices yourself"
        )
    told += shadowed(target)
    logging = [service.name for service in target.context.settings.services if service.logs]
    if logging:
        told.append(
            f"obskit verify writes two canary lines, one of them broken on purpose, where {_names(logging)} "
            "logs: into a file obskit-canary-… of its own that is removed again, or at the end of a file that "
            "is named without a pattern, which is made where its folder is there and it is not"
        )
    plain = read_streams(target.client, target.names.pattern).plain
    if plain:
        told.append(
            f"{_names(plain)} were made as ordinary indices before there was a template, "
            "and stay so: reindex and delete them, and the next event makes a data stream"
        )
    return told


def shadowed(target: Elasticsearch) -> list[str]:
    """Which index templates win over ours, for which streams; confirmed by the server.

    Args:
        target: The target.
    """
    client, names = target.client, target.names
    listed = client.get("/_index_template").body["index_templates"]
    others = {
        item["name"]: item["index_template"]
        for item in listed
        if item["name"] not in (names.logs, names.quarantine)
    }
    namespace = target.context.settings.namespace
    wanted = {
        stream_name(service.name, namespace): target.settings.priority
        for service in target.context.settings.services
    }
    wanted = wanted or {stream_name("any", namespace): target.settings.priority}
    wanted[names.quarantine_stream] = target.settings.priority + 1
    won: dict[str, list[str]] = {}
    for stream, ours in wanted.items():
        above = [
            (int(body.get("priority", 0)), name)
            for name, body in others.items()
            if int(body.get("priority", 0)) > ours
            and any(fnmatch.fnmatchcase(stream, pattern) for pattern in body["index_patterns"])
        ]
        if above and not _is_ours(target, stream):
            won.setdefault(max(above)[1], []).append(stream)
    return [
        f"index template {name} (priority {others[name].get('priority', 0)}) wins over ours for "
        f"{_names(streams)}: their mapping is not obskit's; raise elasticsearch.priority above it, or "
        "narrow its index_patterns"
        for name, streams in sorted(won.items())
    ]


def _is_ours(target: Elasticsearch, stream: str) -> bool:
    """Whether an index of that name, made now, would be by our template."""
    answer = target.client.call("POST", f"/_index_template/_simulate_index/{stream}").body
    return bool(stamp_of(answer.get("template") or {}))


def _names(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
