"""How a board becomes the JSON document that Grafana imports."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from .model import Board, Event, Kind, Link, Row, Variable
from .panels import panel
from .queries import LOGS, METRICS

__all__ = ["document", "text"]

GRAFANA = {"type": "grafana", "uid": "-- Grafana --"}
COLUMNS = 24
OURS = {
    "prometheus": {"selected": True, "text": "obskit Prometheus", "value": "obskit-prometheus"},
    "elasticsearch": {"selected": True, "text": "obskit logs", "value": "obskit-logs"},
}

# What every board shows: who changed the stack, and when. `obskit provision` writes these annotations.
EVERYWHERE = (
    Event(name="Provisioning", color="blue", tags=("obskit", "provisioning")),
    Event(name="Deployments", color="purple", tags=("obskit", "deployment")),
)


def text(board: Board) -> str:
    """Give the committed text of a board.

    Args:
        board: The board.

    Returns:
        JSON with two blanks of indent and a final line feed, keys sorted, so that a diff stays small.
    """
    return json.dumps(document(board), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def document(board: Board) -> dict[str, Any]:
    """Give Grafana's document of a board.

    Args:
        board: The board.

    Returns:
        The document that Grafana imports.

    Raises:
        ValueError: Two panels of the board have the same id, or the uid is too long for Grafana.
    """
    _refuse_clashes(board)
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["obskit", *board.tags])
        .timezone("browser")
        .time(board.since, "now")
        .refresh("30s")
        .editable()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
    )
    for link in (_menu(), *(_link(link) for link in board.links)):
        built.link(link)
    top = 0
    for row in board.rows:
        top = _place(built, row, top)
    raw = json.loads(JSONEncoder().encode(built.build()))
    raw["templating"] = {"list": [_variable(variable) for variable in board.variables]}
    raw["annotations"] = {"list": [_builtin(), *(_event(e) for e in (*EVERYWHERE, *board.events))]}
    return _tidy(raw)


def _refuse_clashes(board: Board) -> None:
    if len(board.uid) > 40:
        raise ValueError(f"{board.uid}: Grafana takes uids of at most 40 characters")
    seen: dict[int, str] = {}
    for row in board.rows:
        for spec in row.panels:
            if spec.id in seen:
                raise ValueError(
                    f"{board.uid}: {spec.title!r} and {seen[spec.id]!r} have the same panel id: "
                    "give one of them another title or an identifier"
                )
            seen[spec.id] = spec.title


def _place(built: dashboard.Dashboard, row: Row, top: int) -> int:
    """Put a row's heading and panels on the grid, from left to right, and give the next free line."""
    heading = models.GridPos(x=0, y=top, w=COLUMNS, h=1)
    built.with_row(dashboard.Row(row.title).id(top + 1).grid_pos(heading))
    x, y, tallest = 0, top + 1, 0
    for spec in row.panels:
        if x + spec.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        built.with_panel(panel(spec, models.GridPos(x=x, y=y, w=spec.width, h=spec.height)))
        x, tallest = x + spec.width, max(tallest, spec.height)
    return y + tallest


def _menu() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("obskit")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags(["obskit"])
        .as_dropdown(True)
        .keep_time(True)
        .include_vars(False)
        .tooltip("All dashboards of this stack")
    )


def _link(link: Link) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(link.title)
        .type(models.DashboardLinkType.LINK)
        .url(link.url)
        .icon("dashboard")
        .keep_time(True)
        .target_blank(link.new_tab)
    )


def _variable(variable: Variable) -> dict[str, Any]:
    """Write a variable by hand: the SDK adds members that Grafana's own do not have."""
    base: dict[str, Any] = {
        "name": variable.name,
        "label": variable.label,
        "description": variable.description,
        "hide": 0,
        "skipUrlSync": False,
    }
    if variable.kind in {"prometheus", "logs"}:
        plugin = "elasticsearch" if variable.kind == "logs" else "prometheus"
        return {
            **base,
            "type": "datasource",
            "query": plugin,
            "regex": variable.regex,
            "refresh": 1,
            "multi": False,
            "includeAll": False,
            # The data source that obskit provisions, where it is here; else Grafana takes the first.
            "current": dict(OURS[plugin]),
            "options": [],
        }
    if variable.kind == "text":
        value = {"text": variable.query, "value": variable.query, "selected": True}
        return {
            **base,
            "type": "textbox",
            "query": variable.query,
            "current": value,
            "options": [value],
        }
    if variable.kind == "values":
        source = METRICS
        query: Any = {"query": variable.query, "refId": f"obskit-{variable.name}"}
    else:
        source = LOGS
        query = variable.query
    chosen = {"text": ["All"], "value": ["$__all"], "selected": True} if variable.multi else {}
    return {
        **base,
        "type": "query",
        "datasource": {"type": source.type_val, "uid": source.uid},
        "definition": variable.query,
        "query": query,
        "regex": variable.regex,
        "refresh": 2,
        "sort": 1,
        "multi": variable.multi,
        "includeAll": variable.multi,
        **({"allValue": variable.all_value} if variable.all_value else {}),
        "current": chosen,
        "options": [],
    }


def _builtin() -> dict[str, Any]:
    return {
        "builtIn": 1,
        "datasource": GRAFANA,
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "target": {"limit": 100, "matchAny": False, "tags": [], "type": "dashboard"},
        "type": "dashboard",
    }


def _event(event: Event) -> dict[str, Any]:
    base = {"name": event.name, "enable": event.enabled, "hide": False, "iconColor": event.color}
    if event.expr:
        return {
            **base,
            "datasource": {"type": METRICS.type_val, "uid": METRICS.uid},
            "expr": event.expr,
            "step": "60s",
            "titleFormat": event.title,
            "textFormat": "",
        }
    target = {"limit": 100, "matchAny": False, "tags": list(event.tags), "type": "tags"}
    return {**base, "datasource": GRAFANA, "target": target}


def _tidy(raw: dict[str, Any]) -> dict[str, Any]:
    """Drop what the SDK writes without need, so that Grafana's answer differs from ours in less."""
    raw["schemaVersion"] = 38
    raw.pop("style", None)
    for item in raw["panels"]:
        item.pop("repeatDirection", None)
        for name in ("options", "transparent"):
            if not item.get(name):
                item.pop(name, None)
        for link in item.get("fieldConfig", {}).get("defaults", {}).get("links", ()):
            for name in set(link) - {"title", "url", "targetBlank"}:
                del link[name]
        if item["type"] != "row" and not item.get("transformations"):
            item.pop("transformations", None)
        if item["type"] == Kind.TABLE.value:
            item.setdefault("options", {}).setdefault("showHeader", True)
        for target in item.get("targets", ()):
            # The SDK writes an empty alias; Grafana takes that for the name of every series.
            if not target.get("alias", True):
                del target["alias"]
    return raw
