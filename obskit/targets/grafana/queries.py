"""The queries of a dashboard's panels, with every variable filled in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson

from obskit.targets.grafana.doors import Door
from obskit.targets.grafana.interpolate import Scope, Value, interpolate, names
from obskit.targets.grafana.ranges import Range, builtins, seconds, steps

__all__ = ["Finder", "Panel", "Query", "panels"]

#: Panels that ask no data source.
_SILENT: Final = frozenset(
    {"row", "text", "news", "dashlist", "alertlist", "annolist", "welcome", "gettingstarted",
     "pluginlist", "alertGroups"}
)  # fmt: skip
_MIXED: Final = frozenset({"-- Mixed --", "mixed"})
_DASHBOARD: Final = "-- Dashboard --"
_BUILT_IN: Final = frozenset({"-- Grafana --", "grafana"})
_EXPRESSION: Final = "__expr__"
#: Pixels of one of the 24 columns on a usual screen: Grafana asks for one point a pixel.
_COLUMN: Final = 75
#: Repeats of a panel that are tried.
_MOST_REPEATS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of one panel.

    Args:
        ref: Its letter.
        door: Its data source; None where there is none.
        source: What the dashboard calls its data source, for messages.
        target: The query as Grafana sends it, variables filled in.
        text: Its PromQL, or its Lucene query.
        instant: Whether it asks for one moment.
        step: Its interval, in seconds.
        points: How many points the panel wants.
        over: The time range: the dashboard's, or the panel's own.
        unknown: Variables it uses that could not be resolved, with the reasons.
        empty: Variables it uses that have no value.
    """

    ref: str
    door: Door | None
    source: str
    target: Mapping[str, Any]
    text: str
    instant: bool
    step: float
    points: int
    over: Range
    unknown: Mapping[str, str] = field(default_factory=dict)
    empty: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Equal for queries that need asking only once."""
        if self.door is None:
            return f"none {self.source} {self.text}"
        if self.door.type == "prometheus":
            return (
                f"{self.door.uid} {self.instant} {0 if self.instant else self.step:g} {self.text}"
            )
        kept = {key: value for key, value in self.target.items() if key not in ("refId", "alias", "hide")}  # fmt: skip
        body = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()
        return f"{self.door.uid} {self.over.length:g}/{self.step:g} {body}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel that shows data.

    Args:
        id: Its id, or its place where it has none.
        title: Its title.
        queries: What it asks, of all its repeats.
        shows: Id of the panel whose data it shows; empty for its own.
        reason: Why it cannot be asked; empty where it can.
    """

    id: str
    title: str
    queries: tuple[Query, ...] = ()
    shows: str = ""
    reason: str = ""


class Finder(Protocol):
    """Who knows the data sources."""

    def find(self, reference: Any, scope: Scope) -> Door | None:
        """The data source that a dashboard refers to."""


def panels(
    dashboard: Mapping[str, Any],
    finder: Finder,
    scope: Scope,
    failed: Mapping[str, str],
    over: Range,
) -> Iterator[Panel]:
    """Every panel that shows data, with its queries.

    Args:
        dashboard: The dashboard.
        finder: Who knows the data sources.
        scope: The dashboard's variables.
        failed: Variables that could not be resolved, with the reasons.
        over: The time range.
    """
    for place, (panel, repeats) in enumerate(_flat(dashboard), 1):
        if panel.get("type") in _SILENT:
            continue
        number = str(panel.get("id") or f"#{place}")
        title = interpolate(str(panel.get("title") or panel.get("type") or ""), scope, "text")
        library = panel.get("libraryPanel")
        if library and not panel.get("targets"):
            name = str(library.get("name") or library.get("uid"))
            yield Panel(id=number, title=title or name, reason=f"it is the library panel {name!r}, whose queries are in Grafana")  # fmt: skip  # noqa: E501
            continue
        source = panel.get("datasource")
        if _uid(source) == _DASHBOARD:
            shown = next((item.get("panelId") for item in panel.get("targets") or ()), "")
            yield Panel(id=number, title=title, shows=str(shown))
            continue
        if _uid(source) in _BUILT_IN:
            continue
        wide = int((panel.get("gridPos") or {}).get("w") or 2 * int(panel.get("span") or 6))
        points = int(panel.get("maxDataPoints") or wide * _COLUMN)
        span = _span(panel, over)
        found = [
            _query(
                target, panel, source,
                finder=finder, scope=inner, failed=failed, over=span, points=points,
            )
            for inner in _scopes(repeats, scope)
            for target in _asked(panel)
        ]  # fmt: skip
        if not found:
            yield Panel(id=number, title=title, reason="it has no query")
        else:
            yield Panel(id=number, title=title, queries=tuple(found))


def _span(panel: Mapping[str, Any], over: Range) -> Range:
    """The panel's own time range where it has one (``timeFrom: 7d``)."""
    length = seconds(str(panel.get("timeFrom") or ""))
    return Range(start=over.end - length, end=over.end) if length else over


def _uid(source: Any) -> str:
    if isinstance(source, Mapping):
        return str(source.get("uid") or "")
    return str(source or "")


def _flat(dashboard: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """Panels with the variables they are repeated by: their own and their row's."""
    for row in dashboard.get("rows") or ():  # before Grafana 5
        for panel in row.get("panels") or ():
            yield panel, _repeats(row, panel)
    above: Mapping[str, Any] = {}
    for panel in dashboard.get("panels") or ():
        if panel.get("type") == "row":
            above = panel
            for inner in panel.get("panels") or ():
                yield inner, _repeats(panel, inner)
        else:
            yield panel, _repeats(above, panel)


def _repeats(*owners: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(owner["repeat"]) for owner in owners if owner.get("repeat")))


def _scopes(repeats: Sequence[str], scope: Scope) -> Iterator[Scope]:
    """One scope for each repeat: the variable has one value there."""
    known = [name for name in repeats if name in scope.values and scope.values[name].values]
    choices = [[(name, value) for value in scope.values[name].values] for name in known]
    for chosen in itertools.islice(itertools.product(*choices), _MOST_REPEATS):
        yield scope.having(
            **{
                name: Value(values=(value,), texts=(value,), many=scope.values[name].many)
                for name, value in chosen
            }
        )


def _asked(panel: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The queries that Grafana runs: not the hidden ones, unless an expression may use them."""
    targets = [item for item in panel.get("targets") or () if isinstance(item, Mapping)]
    expressed = any(_is_expression(item) for item in targets)
    for target in targets:
        if not _is_expression(target) and (expressed or not target.get("hide")):
            yield target


def _is_expression(target: Mapping[str, Any]) -> bool:
    source = target.get("datasource")
    kind = source.get("type") if isinstance(source, Mapping) else ""
    return _EXPRESSION in (_uid(source), kind)


def _query(
    target: Mapping[str, Any],
    panel: Mapping[str, Any],
    source: Any,
    *,
    finder: Finder,
    scope: Scope,
    failed: Mapping[str, str],
    over: Range,
    points: int,
) -> Query:
    reference = target.get("datasource") if source is None or _uid(source) in _MIXED else source
    door = finder.find(reference, scope)
    least = interpolate(str(target.get("interval") or panel.get("interval") or ""), scope)
    scrape = str(door.options.get("timeInterval") or "") if door else ""
    step, rate = steps(over, points, least, scrape, float(target.get("intervalFactor") or 1))
    own = scope.having(**builtins(over, step, rate))
    default = {"prometheus": "prometheus", "loki": "prometheus", "elasticsearch": "lucene"}
    kind = default.get(door.type, "glob") if door else "glob"
    filled = _filled(target, own, kind)
    used = names({key: value for key, value in target.items() if key not in ("alias", "legendFormat")})  # fmt: skip
    if isinstance(reference, Mapping | str):
        used |= names(reference)
    return Query(
        ref=str(target.get("refId") or "A"),
        door=door,
        source=_called(reference, scope),
        target=filled,
        text=str(filled.get("expr") or filled.get("query") or ""),
        instant=bool(target.get("instant")) and not target.get("range"),
        step=step,
        points=points,
        over=over,
        unknown={name: failed[name] for name in sorted(used & failed.keys())},
        empty=tuple(
            sorted(
                name for name in used & scope.values.keys() if not any(scope.values[name].values)
            )
        ),
    )


def _called(reference: Any, scope: Scope) -> str:
    if isinstance(reference, Mapping):
        kind = str(reference.get("type") or "")
        uid = interpolate(str(reference.get("uid") or ""), scope)
        return f"{kind} {uid}".strip() or "the default data source"
    return interpolate(str(reference), scope) if reference else "the default data source"


def _filled(value: Any, scope: Scope, kind: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(item, scope, kind) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, scope, kind) for item in value]
    return interpolate(value, scope, kind) if isinstance(value, str) else value
