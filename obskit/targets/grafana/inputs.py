"""``__inputs``, ``${DS_*}`` and ``__elements``: what an exported dashboard leaves open, filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from obskit.errors import Problem
from obskit.targets.base import DataSource

__all__ = ["fill", "source_types"]

_INPUT: Final = re.compile(r"\$\{((?:DS|VAR)_[^{}:\s]+)\}")


def fill(
    dashboard: Mapping[str, Any],
    sources: Sequence[DataSource],
    given: Mapping[str, str],
    origin: str,
) -> tuple[dict[str, Any], list[Problem]]:
    """Fill in what is open.

    Args:
        dashboard: As it was exported.
        sources: Our data sources.
        given: Uids or values by input name, from obskit.yml.
        origin: Where the dashboard came from, for messages.

    Returns:
        The dashboard, and what could not be filled.
    """
    problems: list[Problem] = []
    values: dict[str, str] = {}
    for item in dashboard.get("__inputs") or ():
        name = str(item.get("name", ""))
        value = _value(item, sources, given)
        if value is None:
            problems.append(_missing(name, str(item.get("pluginId", "")), origin))
        else:
            values[name] = value
    variables = {
        str(item.get("name")) for item in (dashboard.get("templating") or {}).get("list") or ()
    }
    body = {
        key: value
        for key, value in dashboard.items()
        if key not in ("__inputs", "__requires", "__elements")
    }
    filled = dict(_replaced(body, values)) if values else body
    left = _open(filled) if _INPUT.search(orjson.dumps(filled).decode()) else {}
    for name, plugin in left.items():
        # Not declared, and no variable of the dashboard's own: exports of old releases.
        if name in variables or any(
            item.get("name") == name for item in dashboard.get("__inputs") or ()
        ):
            continue
        value = given.get(name) or _uid_of(plugin or _guessed(name), sources)
        if value is None:
            problems.append(_missing(name, plugin, origin))
        else:
            filled = dict(_replaced(filled, {name: value}))
    _inline(filled, dashboard.get("__elements"), lambda item: _replaced(item, values))
    _choose(filled, sources)
    return filled, problems


def _value(
    item: Mapping[str, Any], sources: Sequence[DataSource], given: Mapping[str, str]
) -> str | None:
    name = str(item.get("name", ""))
    if name in given:
        return given[name]
    if item.get("type") == "constant":
        value = item.get("value")
        return None if value is None else str(value)
    return _uid_of(str(item.get("pluginId", "")), sources)


def _uid_of(plugin: str, sources: Sequence[DataSource]) -> str | None:
    return next((source.uid for source in sources if source.type == plugin), None)


def _guessed(name: str) -> str:
    """``DS_PROMETHEUS`` and ``DS_THANOS-RAW``: exporters made the name of the source's own."""
    words = name.lower()
    for plugin in ("prometheus", "elasticsearch", "alertmanager", "loki", "tempo"):
        if plugin in words:
            return plugin
    return ""


def _missing(name: str, plugin: str, origin: str) -> Problem:
    what = f"a data source of type {plugin}" if plugin else "a value"
    return Problem(
        rule="grafana/input",
        path=origin,
        message=(
            f"${{{name}}} needs {what}, and obskit.yml has none: configure its server, "
            f"or write grafana.inputs.{name} with the uid of one that Grafana has"
        ),
    )


def _open(value: Any, plugin: str = "") -> dict[str, str]:
    """Inputs that are left over, with the type beside them where there is one."""
    found: dict[str, str] = {}
    if isinstance(value, dict):
        kind = str(value.get("type") or "") if "uid" in value else ""
        for item in value.values():
            found |= {name: kind or now for name, now in _open(item, kind).items()}
    elif isinstance(value, list):
        for item in value:
            found |= _open(item, plugin)
    elif isinstance(value, str):
        for match in _INPUT.finditer(value):
            found.setdefault(match[1], plugin)
    return found


def _replaced(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, values) for item in value]
    if isinstance(value, str) and "${" in value:
        for name, filling in values.items():
            value = value.replace(f"${{{name}}}", filling)
    return value


def _inline(board: dict[str, Any], elements: Any, fill_in: Callable[[Any], Any]) -> None:
    """Put exported library panels in place of the references to them: the export carries their models."""
    if not isinstance(elements, Mapping):
        return

    def inline(panels: Any) -> list[Any]:
        result = []
        for panel in panels or ():
            element = elements.get((panel.get("libraryPanel") or {}).get("uid"))
            if isinstance(element, Mapping) and isinstance(element.get("model"), Mapping):
                own = {key: panel[key] for key in ("id", "gridPos", "title") if key in panel}
                panel = {**fill_in(element["model"]), **own}  # noqa: PLW2901
                panel.pop("libraryPanel", None)
            if panel.get("panels"):
                panel = {**panel, "panels": inline(panel["panels"])}  # noqa: PLW2901
            result.append(panel)
        return result

    if board.get("panels"):
        board["panels"] = inline(board["panels"])


def _choose(board: dict[str, Any], sources: Sequence[DataSource]) -> None:
    """Let a data source variable that has chosen nothing choose ours, not the first of its type."""
    templating = board.get("templating")
    if not isinstance(templating, Mapping):
        return
    variables = []
    for variable in templating.get("list") or ():
        chosen = (variable.get("current") or {}).get("value")
        ours = [source for source in sources if source.type == variable.get("query")]
        if variable.get("type") == "datasource" and ours and chosen in (None, "", "default", []):
            now = {"selected": True, "text": ours[0].name, "value": ours[0].uid}
            variable = {**variable, "current": now}  # noqa: PLW2901
        variables.append(variable)
    board["templating"] = {**templating, "list": variables}


def source_types(dashboard: Mapping[str, Any]) -> list[str]:
    """Types of the data sources that a dashboard's variables choose among, in their order."""
    variables = (dashboard.get("templating") or {}).get("list") or ()
    return [str(item.get("query")) for item in variables if item.get("type") == "datasource"]
