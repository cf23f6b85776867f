"""Templates and policies without what the server writes otherwise than it was told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["STAMPS", "component_template", "ilm_policy", "index_template", "seconds_of"]

#: Added by the server, by itself; server 9 refuses them in what is written.
STAMPS: Final = frozenset(
    {"created_date", "created_date_millis", "modified_date", "modified_date_millis"}
)
_EMPTY: Final[tuple[Any, ...]] = ({}, [], None)
_TIME: Final = re.compile(r"(\d+)(nanos|micros|ms|s|m|h|d)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def component_template(body: Mapping[str, Any]) -> dict[str, Any]:
    """A component template in one form.

    Args:
        body: As obskit.yml or the server says it.
    """
    whole = _common(body)
    if whole.get("deprecated") is False:
        del whole["deprecated"]
    return whole


def index_template(body: Mapping[str, Any]) -> dict[str, Any]:
    """An index template in one form.

    Args:
        body: As obskit.yml or the server says it.
    """
    whole = _common(body)
    patterns = whole.get("index_patterns")
    if isinstance(patterns, str):
        whole["index_patterns"] = [patterns]
    stream = body.get("data_stream")
    if isinstance(stream, Mapping):
        # Empty is not absent here: it is what makes data streams.
        whole["data_stream"] = {
            key: value for key, value in stream.items() if value not in (False, "false", None)
        }
    for key, default in (("priority", 0), ("deprecated", False)):
        if whole.get(key) == default:
            del whole[key]
    return whole


def ilm_policy(body: Mapping[str, Any]) -> dict[str, Any]:
    """An ILM policy in one form.

    Args:
        body: The policy, as obskit.yml or the server says it.
    """
    phases: dict[str, Any] = {}
    for name, phase in (body.get("phases") or {}).items():
        actions = {
            action: {
                key: _time(value)
                for key, value in (options or {}).items()
                if (key, value) != ("delete_searchable_snapshot", True)
            }
            for action, options in (phase.get("actions") or {}).items()
        }
        age = _time(phase.get("min_age", 0))
        phases[name] = {"actions": actions} | ({"min_age": age} if age else {})
    return {key: value for key, value in body.items() if key not in ("phases", "_meta")} | {
        "phases": phases
    }


def _common(body: Mapping[str, Any]) -> dict[str, Any]:
    whole = {key: value for key, value in body.items() if key not in STAMPS and value not in _EMPTY}
    meta = {key: value for key, value in (body.get("_meta") or {}).items() if key != "obskit"}
    whole.pop("_meta", None)
    if meta:
        whole["_meta"] = meta
    template = _template(body.get("template") or {})
    whole.pop("template", None)
    if template:
        whole["template"] = template
    return whole


def _template(template: Mapping[str, Any]) -> dict[str, Any]:
    whole = {key: value for key, value in template.items() if value not in _EMPTY}
    if settings := _flat(template.get("settings") or {}):
        whole["settings"] = settings
    mappings = template.get("mappings") or {}
    if set(mappings) == {"_doc"} and isinstance(mappings["_doc"], Mapping):
        mappings = mappings["_doc"]
    if mappings:
        whole["mappings"] = _mapping(mappings)
    lifecycle = template.get("lifecycle")
    if isinstance(lifecycle, Mapping):
        whole["lifecycle"] = {
            key: _time(value)
            for key, value in lifecycle.items()
            if key not in ("effective_retention", "retention_determined_by")
            and (key, value) != ("enabled", True)
        }
    return whole


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Settings by their whole names; the server keeps every value as text."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{above}.{key}" if above else key
        if isinstance(value, Mapping):
            flat |= _flat(value, name)
            continue
        if not name.startswith("index.") and name != "index":
            name = f"index.{name}"
        flat[name] = [_text(item) for item in value] if isinstance(value, list) else _text(value)
    return flat


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _mapping(mapping: Mapping[str, Any]) -> dict[str, Any]:
    whole = {key: value for key, value in mapping.items() if value not in _EMPTY}
    dynamic = whole.get("dynamic")
    if isinstance(dynamic, bool):
        whole["dynamic"] = _text(dynamic)
    return whole


def _time(value: Any) -> Any:
    """A duration in its largest exact unit, since ``720h`` is ``30d``; anything else as it is."""
    if not isinstance(value, str) or not (found := _TIME.fullmatch(value)):
        return value
    amount = int(found[1])
    if not amount:
        return 0
    if found[2] not in _SECONDS:
        return value
    seconds = amount * _SECONDS[found[2]]
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def seconds_of(text: str) -> float | None:
    """A duration of Elasticsearch's in seconds; None where it is none.

    Args:
        text: Such as ``30d`` or ``500ms``.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    return int(found[1]) * _SECONDS.get(found[2], 0.001)
