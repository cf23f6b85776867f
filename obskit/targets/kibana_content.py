"""What Kibana is given: data views, saved searches, and the link from a trace id."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from obskit.config import Settings
from obskit.engine.resource import Address, Body, Resource
from obskit.schema.streams import DATASET_PREFIX, quarantine_stream

__all__ = ["normalise", "resources", "saved_search", "search_body"]

TARGET: Final = "kibana"
#: How a saved search names its data view (saved objects refer by name, never by id).
_INDEX: Final = "kibanaSavedObjectMeta.searchSourceJSON.index"
#: What Kibana adds to a data view by itself, or keeps beside what it was given.
_VIEW_KEYS: Final = ("title", "name", "timeFieldName", "fieldFormats")
_SEARCH_KEYS: Final = ("title", "description", "columns", "sort", "query", "data_view")


def resources(settings: Settings) -> Iterator[Resource]:
    """Everything that should be in Kibana.

    Args:
        settings: All of obskit.yml.
    """
    prefix, namespace = f"obskit-{settings.project}", settings.namespace
    broken = quarantine_stream(namespace)
    logs, quarantine = f"{prefix}-logs", f"{prefix}-quarantine"
    views = {
        # The quarantine matches the pattern, too, and has a view of its own.
        logs: (f"obskit logs ({settings.project})", f"logs-{DATASET_PREFIX}*-{namespace},-{broken}"),
        quarantine: (f"obskit quarantine ({settings.project})", broken),
    }  # fmt: skip
    for id_, (name, title) in views.items():
        body: dict[str, Any] = {"title": title, "name": name, "timeFieldName": "@timestamp"}
        if id_ == logs:
            body["fieldFormats"] = {"trace_id": _link(settings, logs)}
        yield Resource(address=Address(TARGET, "data_view", id_), body=body)
    columns = ["service", "level", "message", "trace_id"]
    for name, title, query, view, shown in (
        ("errors", "Errors", "level : ERROR", logs, [*columns, "error.type", "error.message"]),
        ("trace", "By trace id", "trace_id : *", logs, columns),
        ("quarantine", "Events that break the schema", "", quarantine, ["service", "reasons", "message"]),
    ):  # fmt: skip
        body = {
            "title": f"obskit: {title} ({settings.project})",
            "description": "Made by obskit provision: edit obskit.yml instead.",
            "columns": shown,
            "sort": [["@timestamp", "desc"]],
            "query": {"language": "kuery", "query": query},
            "data_view": view,
        }
        yield Resource(
            address=Address(TARGET, "search", f"{prefix}-{name}"),
            body=body,
            needs=frozenset({Address(TARGET, "data_view", view)}),
        )


def _link(settings: Settings, view: str) -> dict[str, Any]:
    """The format that makes a trace id a link: to the tracing tool, else to all events of the trace."""
    template = settings.links.trace.replace("{trace_id}", "{{value}}")
    if not template:
        state = f"(columns:!(service,level,message),index:'{view}',query:(language:kuery,query:'trace_id:%22@%22'))"
        template = "discover#/?_a=" + quote(state, safe="():!,'%@").replace("@", "{{value}}")
    return {"id": "url", "params": {"urlTemplate": template, "labelTemplate": "{{value}}"}}


def saved_search(body: Mapping[str, Any]) -> dict[str, Any]:
    """A saved search as Kibana's saved objects hold it.

    Args:
        body: The search as a resource.
    """
    source = {"query": body["query"], "filter": [], "indexRefName": _INDEX}
    attributes = {key: body[key] for key in ("title", "description", "columns", "sort")}
    attributes["kibanaSavedObjectMeta"] = {"searchSourceJSON": json.dumps(source)}
    return {
        "attributes": attributes,
        "references": [{"type": "index-pattern", "id": body["data_view"], "name": _INDEX}],
    }


def search_body(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The resource's body of a saved search; what is nobody's to read stays empty.

    Args:
        saved: The saved object.
    """
    attributes = dict(saved.get("attributes") or {})
    meta = attributes.pop("kibanaSavedObjectMeta", None) or {}
    try:
        source = json.loads(meta.get("searchSourceJSON") or "{}")
    except ValueError:
        source = {}
    references: Sequence[Mapping[str, Any]] = saved.get("references") or ()
    views = [item["id"] for item in references if item.get("name") == source.get("indexRefName")]
    filters = {"filter": source["filter"]} if source.get("filter") else {}
    return {
        **attributes,
        **filters,
        "query": source.get("query"),
        "data_view": views[0] if views else None,
    }


def normalise(kind: str, body: Body) -> Body:
    """A body without what Kibana adds: versions, fields, defaults.

    Args:
        kind: Kind of the object.
        body: As obskit.yml or Kibana says it.
    """
    keys = _VIEW_KEYS if kind == "data_view" else (*_SEARCH_KEYS, "filter")
    return {key: body[key] for key in keys if body.get(key) not in (None, {}, [])}
