"""Bodies without what Grafana adds by itself, and panels by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from obskit.config import Secret
from obskit.engine.resource import Body

__all__ = ["dashboard", "data_source", "panel_words", "titles"]

#: Written by the server or by an import, never by the author.
_ADDED: Final = frozenset(
    {
        "id",
        "version",
        "iteration",
        "schemaVersion",
        "gnetId",
        "__requires",
        "__elements",
        "__inputs",
    }
)
#: What the editor writes where the author wrote nothing.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "editable": True,
    "fiscalYearStartMonth": 0,
    "graphTooltip": 0,
    "links": [],
    "liveNow": False,
    "preload": False,
    "refresh": "",
    "style": "dark",
    "tags": [],
    "timezone": "",
    "weekStart": "",
    "description": "",
}
_PANEL_ADDED: Final = frozenset({"pluginVersion"})
#: What the server keeps of a data source that is not for us to say.
_SOURCE_KEPT: Final = (
    "name", "type", "access", "url", "database", "user", "basicAuth", "basicAuthUser",
    "withCredentials",
)  # fmt: skip
_SOURCE_DEFAULTS: Final[Mapping[str, Any]] = {
    "access": "proxy", "basicAuth": False, "basicAuthUser": "", "database": "", "user": "",
    "withCredentials": False,
}  # fmt: skip


def dashboard(body: Body) -> Body:
    """A dashboard's body as it is compared: panels by id, server's additions and defaults left out.

    Args:
        body: ``{"folder": uid, "dashboard": {…}}``.
    """
    board = {
        key: value
        for key, value in body["dashboard"].items()
        if key not in _ADDED and value is not None and _DEFAULTS.get(key, _Other) != value
    }
    # Grafana stores whatever it is given: what is of another shape is compared as it stands.
    if _objects(board.get("panels")) is not None:
        board["panels"] = _panels(board["panels"])
    variables = _listed(board.get("templating"))
    if variables is not None:
        board["templating"] = {"list": [_variable(item) for item in variables]}
    marks = _listed(board.get("annotations"))
    if marks is not None:
        # The built-in one ("Annotations & Alerts") is added by the editor.
        kept = [_bare(item) for item in marks if not item.get("builtIn")]
        board["annotations"] = {"list": kept}
        if not kept:
            del board["annotations"]
    return {"folder": body.get("folder", ""), "dashboard": board}


def _objects(value: Any) -> list[dict[str, Any]] | None:
    """A list of objects; None for anything else."""
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    return None


def _listed(value: Any) -> list[dict[str, Any]] | None:
    """The objects of ``{"list": […]}``; None for anything else."""
    return _objects(value.get("list") or []) if isinstance(value, dict) else None


class _Other:
    pass


_PLAIN: Final = frozenset({str, int, float, bool})


def _bare(value: Any) -> Any:
    """Without null values: Grafana takes null and absent for the same."""
    if (
        type(value) in _PLAIN
    ):  # nearly every value is: thousands of dashboards are thousands of them
        return value
    if isinstance(value, dict):  # what JSON gives; the abstract classes cost more than the work
        return {key: _bare(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return value


def _panels(panels: Any) -> dict[str, Any]:
    if isinstance(panels, Mapping):
        return dict(panels)
    found: dict[str, Any] = {}
    for position, panel in enumerate(panels):
        key = str(panel.get("id", ""))
        if not key or key in found:
            key = f"#{position + 1}"
        kept = {
            name: _bare(value)
            for name, value in panel.items()
            if name not in _PANEL_ADDED and value is not None
        }
        if _objects(kept.get("panels")) is not None:
            if kept["panels"]:
                kept["panels"] = _panels(kept["panels"])
            else:
                del kept["panels"]
        found[key] = kept
    return found


def _variable(variable: Mapping[str, Any]) -> dict[str, Any]:
    kept = _bare(variable)
    if variable.get("type") in ("query", "datasource") and variable.get("refresh"):
        kept.pop("options", None)  # asked anew whenever the dashboard is opened
    return dict(kept)


def data_source(body: Body, key: bytes | None) -> Body:
    """A data source's body as it is compared; of secrets there are only fingerprints.

    Args:
        body: As it is sent, or as the server returned it.
        key: Key of the fingerprints; without it a secret's state is unknown and compares equal.
    """
    kept = {name: body[name] for name in _SOURCE_KEPT if name in body}
    kept = {
        name: value for name, value in kept.items() if _SOURCE_DEFAULTS.get(name, _Other) != value
    }
    options = {name: value for name, value in (body.get("jsonData") or {}).items() if value is not None}  # fmt: skip
    if options.get("index") and kept.get("database") in (None, options["index"]):
        kept.pop("database", None)  # Elasticsearch's index pattern stands in either place
    kept["jsonData"] = options
    secrets = body.get("secureJsonData") or {}
    if secrets:
        kept["secureJsonData"] = {name: _told(value, key) for name, value in secrets.items()}
    return kept


def _told(value: Any, key: bytes | None) -> str:
    if key is None:
        return "set"
    if isinstance(value, Secret):
        return f"fingerprint {value.fingerprint(key)}"
    return str(value)


def titles(panels: Any) -> dict[str, str]:
    """Titles of normalised panels by id, those inside rows too."""
    found: dict[str, str] = {}
    listed = list(panels.values()) if isinstance(panels, Mapping) else panels
    if _objects(listed) is None:
        return found
    for key, panel in _panels(panels).items():
        found[key] = str(panel.get("title", ""))
        found |= titles(panel.get("panels"))
    return found


def panel_words(paths: Iterable[str], known: Mapping[str, str]) -> Sequence[str]:
    """Which panels edits concern, one line each: ``panel 12 “CPU”: targets, title``.

    Args:
        paths: Paths of the edits of a normalised dashboard.
        known: Titles by id.
    """
    touched: dict[str, list[str]] = {}
    for path in paths:
        parts = path.split(".")
        places = [at for at, part in enumerate(parts) if part == "panels"]
        if not places or parts[:2] != ["dashboard", "panels"]:
            continue
        last = places[1] if len(places) > 1 and places[1] == 3 else 1
        if len(parts) <= last + 1:
            continue
        what = parts[last + 2].partition("[")[0] if len(parts) > last + 2 else "the whole panel"
        names = touched.setdefault(parts[last + 1], [])
        if what not in names:
            names.append(what)
    return [
        f"panel {key} “{known.get(key, '')}”: {', '.join(what)}" for key, what in touched.items()
    ]
