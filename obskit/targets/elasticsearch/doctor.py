"""What ``obskit doctor`` asks Elasticsearch: address, version, licence, privileges, clock, disk, templates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from obskit.deadline import Deadline
from obskit.errors import DeniedError, ServerError
from obskit.targets.base import Finding
from obskit.targets.clock import clock_finding
from obskit.targets.elasticsearch.client import RefusedError
from obskit.targets.elasticsearch.impact import shadowed

if TYPE_CHECKING:
    from obskit.targets.elasticsearch.target import Elasticsearch

__all__ = ["examine"]

#: Elasticsearch's own default of ``cluster.routing.allocation.disk.watermark.flood_stage``.
FLOOD_SHARE: Final = 0.95

_INDEX_PRIVILEGES: Final = (
    "auto_configure", "create_doc", "manage", "monitor", "read", "view_index_metadata",
)  # fmt: skip


def examine(target: Elasticsearch, deadline: Deadline) -> Iterator[Finding]:
    """Learn what there is to learn; nothing is written.

    Args:
        target: The target.
        deadline: By when.
    """
    client = target.client
    try:
        health = client.get("/_cluster/health", deadline=deadline).body
    except ServerError as error:
        yield Finding(subject="address", ok=False, detail=error.fact, next=error.hint)
        return
    yield Finding(
        subject="address",
        ok=health.get("status") != "red",
        detail=f"{client.urls[0]}: cluster {health.get('cluster_name')}, "
        f"{health.get('number_of_nodes')} nodes, {health.get('status')}",
        next="some primary shards have no copy: GET _cluster/allocation/explain"
        if health.get("status") == "red"
        else "",
    )
    for subject, ask in (
        ("version", _version),
        ("licence", _licence),
        ("privileges", _privileges),
        ("clock", _clock),
        ("disk", _disk),
        ("retention", _retention),
        ("templates", _templates),
    ):
        try:
            yield ask(target, deadline)
        except RefusedError as error:
            yield Finding(
                subject=subject, ok=None, detail=f"the server does not say: {error.message}"
            )
        except ServerError as error:
            yield Finding(subject=subject, ok=False, detail=error.fact, next=error.hint)


def _version(target: Elasticsearch, deadline: Deadline) -> Finding:
    # Not GET /, which some builds answer with 405.
    nodes = target.client.get(
        "/_nodes/_all/none", params={"filter_path": "nodes.*.version"}, deadline=deadline
    ).body
    versions = sorted({node["version"] for node in nodes["nodes"].values()})
    major = min(int(version.split(".")[0]) for version in versions)
    return Finding(
        subject="version",
        ok=major >= 8,
        detail=", ".join(versions),
        next="" if major >= 8 else "data streams as obskit uses them need Elasticsearch 8",
    )


def _licence(target: Elasticsearch, deadline: Deadline) -> Finding:
    licence = target.client.get("/_license", deadline=deadline).body["license"]
    active = licence.get("status") == "active"
    return Finding(
        subject="licence",
        ok=active,
        detail=f"{licence.get('type')}, {licence.get('status')} (obskit needs no more than basic)",
        next="" if active else "renew it, or go back to basic: POST _license/start_basic",
    )


def _privileges(target: Elasticsearch, deadline: Deadline) -> Finding:
    client = target.client
    who = client.get("/_security/_authenticate", deadline=deadline, allow={400, 404, 405, 500})
    if who.status >= 400:
        return Finding(
            subject="privileges", ok=True, detail="security is off: everybody may do everything"
        )
    cluster = ["manage_index_templates", "monitor"]
    try:
        cluster += ["manage_ilm"] if target.able.ilm and not target.able.lifecycle else []
    except DeniedError:  # what the server can do is asked with the first of these privileges
        cluster += ["manage_ilm"]
    asked = {
        "cluster": cluster,
        "index": [{"names": [target.names.pattern], "privileges": list(_INDEX_PRIVILEGES)}],
    }
    has = client.call("POST", "/_security/user/_has_privileges", body=asked, deadline=deadline).body
    missing = [name for name, granted in has["cluster"].items() if not granted]
    for names in has["index"].values():
        missing += [f"{name} on {target.names.pattern}" for name, ok in names.items() if not ok]
    return Finding(
        subject="privileges",
        ok=not missing,
        detail=f"{who.body.get('username')} " + (
            f"lacks {', '.join(missing)}" if missing else "has all that is needed"
        ),
        next="grant them to a role of this user or API key" if missing else "",
    )  # fmt: skip


def _clock(target: Elasticsearch, deadline: Deadline) -> Finding:
    # Elasticsearch sends no Date header; the nodes' statistics carry their time, taken between these two.
    before = time.time()
    nodes = target.client.get(
        "/_nodes/_all/stats/os", params={"filter_path": "nodes.*.timestamp"}, deadline=deadline
    ).body["nodes"]
    after = time.time()
    pairs = [
        (stamp, min(max(stamp, before), after))
        for stamp in (node["timestamp"] / 1000 for node in nodes.values())
    ]
    return clock_finding(*max(pairs, key=lambda pair: abs(pair[0] - pair[1])))


def _disk(target: Elasticsearch, deadline: Deadline) -> Finding:
    nodes = target.client.get(
        "/_nodes/stats/fs",
        params={"filter_path": "nodes.*.name,nodes.*.fs.total"},
        deadline=deadline,
    ).body["nodes"]
    blocks = target.client.get(
        f"/{target.names.pattern}/_settings/index.blocks.*",
        params={"expand_wildcards": "all"},
        deadline=deadline,
    ).body
    used = {}
    for node in nodes.values():
        total = node["fs"]["total"]
        used[node["name"]] = 1 - total["available_in_bytes"] / max(total["total_in_bytes"], 1)
    fullest = max(used, key=lambda name: used[name])
    if blocks:
        return Finding(
            subject="disk", ok=False,
            detail=f"writes are blocked on {len(blocks)} indices of {target.names.pattern}",
            next="free disk space; Elasticsearch lifts the block by itself then",
        )  # fmt: skip
    return Finding(
        subject="disk",
        ok=used[fullest] < FLOOD_SHARE,
        detail=f"node {fullest} has used {used[fullest]:.0%}; writes stop at {FLOOD_SHARE:.0%}",
        next="" if used[fullest] < FLOOD_SHARE else "free disk space: Elasticsearch blocks writes",
    )


def _retention(target: Elasticsearch, deadline: Deadline) -> Finding:
    del deadline
    able = target.able
    by = "data stream lifecycle" if able.lifecycle else "ILM" if able.ilm else ""
    return Finding(
        subject="retention",
        ok=bool(by) or None,
        detail=f"by {by}" if by else "this server has neither data stream lifecycle nor ILM",
        next="" if by else "delete old backing indices yourself, or use a complete distribution",
    )


def _templates(target: Elasticsearch, deadline: Deadline) -> Finding:
    del deadline
    won = shadowed(target)
    return Finding(
        subject="templates",
        ok=not won,
        detail="; ".join(won) if won else "no index template wins over obskit's",
        next="raise elasticsearch.priority, or narrow the other template" if won else "",
    )
