"""What a board is made of, as values: nothing here knows Grafana's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

__all__ = [
    "Board",
    "Event",
    "Kind",
    "Link",
    "LogQuery",
    "Override",
    "Panel",
    "Query",
    "Row",
    "Threshold",
    "Variable",
    "steps",
]


class Kind(StrEnum):
    """The panel types that the boards use."""

    TIMESERIES = "timeseries"
    STAT = "stat"
    TABLE = "table"
    LOGS = "logs"
    HEATMAP = "heatmap"
    BAR_GAUGE = "bargauge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A PromQL query of a panel.

    Args:
        expr: PromQL, with the board's variables in it.
        legend: Legend format, such as ``{{device}}``.
        instant: Whether one value at the end of the range is asked for (stats and tables).
        table: Whether the answer is wanted as a table.
        exemplars: Whether exemplars are drawn, from which one click leads to the logs.
        objective: Whether it is a limit, drawn as a dashed line and not as data.
        heatmap: Whether the series are the buckets of a histogram.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False
    exemplars: bool = False
    objective: bool = False
    heatmap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """A query of a panel to Elasticsearch.

    Args:
        query: Lucene query string, with the board's variables in it.
        by: Fields whose values split the answer, outermost first.
        metric: Aggregation: ``count``, ``cardinality``, ``avg``, ``max`` or ``percentiles``.
        of: Field of the metric; ``count`` needs none.
        percents: Percentiles of a ``percentiles`` metric.
        over_time: Whether the answer is a line over time; otherwise a table of ``by``.
        documents: Instead of an aggregation: how many of the newest documents to show.
        as_logs: Whether these documents are wanted as log lines.
        alias: Legend format; ``{{term level}}`` is the value of a field.
        top: How many values of each field in ``by`` are kept.
    """

    query: str
    by: tuple[str, ...] = ()
    metric: str = "count"
    of: str = ""
    percents: tuple[int, ...] = ()
    over_time: bool = True
    documents: int = 0
    as_logs: bool = False
    alias: str = ""
    top: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A colour from a value on; the value of the first step is ``None``, its base."""

    value: float | None
    color: str


def steps(warning: float, critical: float) -> tuple[Threshold, ...]:
    """Give the three steps of a limit: good, worse, bad.

    Args:
        warning: Value from which it is worth a look.
        critical: Value from which somebody must act; below ``warning`` where less is worse.

    Returns:
        The steps in ascending order, as Grafana wants them.
    """
    if critical >= warning:
        return (
            Threshold(value=None, color="green"),
            Threshold(value=warning, color="orange"),
            Threshold(value=critical, color="red"),
        )
    return (
        Threshold(value=None, color="red"),
        Threshold(value=critical, color="orange"),
        Threshold(value=warning, color="green"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of a board, or of the values of a panel, to another page."""

    title: str
    url: str
    new_tab: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Properties for the fields whose name matches a regular expression."""

    field: str
    properties: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Args:
        title: Title, unique on its board: the panel's id follows from it.
        description: What is shown, what to look for, what to do; every panel has one.
        queries: What is asked.
        unit: Grafana's unit id.
        kind: Panel type.
        width: Width in columns of 24.
        height: Height in grid rows.
        thresholds: Colour steps, ascending.
        threshold_lines: Whether the steps are drawn as lines.
        stack: Whether series are stacked.
        bars: Whether values are bars (counts in an interval) and not lines.
        minimum: Lowest value of the axis.
        maximum: Highest value of the axis.
        decimals: Digits behind the point.
        empty_when: Condition under which the panel is rightly empty, as the rest of a sentence that starts
            with "No data when"; ``obskit verify`` says it beside an empty panel.
        links: Links of the panel's values.
        overrides: Properties of single fields.
        values: Texts for single values, such as ``{0: "no", 1: "yes"}``.
        transformations: Grafana's transformations, as id and options.
        calc: How a stat reduces its series to one value.
        name_only: Whether a stat shows the name of its series and not the value (versions, releases).
        identifier: Fixed panel id, where something outside the board points to it.
    """

    title: str
    description: str
    queries: tuple[Query | LogQuery, ...]
    unit: str
    kind: Kind = Kind.TIMESERIES
    width: int = 8
    height: int = 7
    thresholds: tuple[Threshold, ...] = ()
    threshold_lines: bool = False
    stack: bool = False
    bars: bool = False
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    empty_when: str = ""
    links: tuple[Link, ...] = ()
    overrides: tuple[Override, ...] = ()
    values: tuple[tuple[float, str, str], ...] = ()
    transformations: tuple[tuple[str, dict[str, object]], ...] = ()
    calc: str = "lastNotNull"
    name_only: bool = False
    identifier: int = 0

    @property
    def id(self) -> int:
        """Id that stays the same when panels are added before this one, so that links to it live on."""
        return self.identifier or 1000 + crc32(self.title.encode()) % 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable of a board.

    Args:
        name: Name, used as ``$name``.
        label: What the reader sees.
        description: What choosing a value does.
        kind: ``prometheus`` or ``logs`` (a data source), ``values`` (values of a label, by a query to
            Prometheus), ``terms`` (values of a field, by a query to Elasticsearch), ``text`` (typed in).
        query: The query of ``values`` and ``terms``; the default of ``text``.
        multi: Whether several values may be chosen, and all.
        regex: What part of an answer is the value.
        all_value: What "All" stands for in queries; empty for the list of all values.
    """

    name: str
    label: str
    description: str
    kind: str
    query: str = ""
    multi: bool = True
    regex: str = ""
    all_value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Events drawn over every panel.

    Args:
        name: What the switch at the top of the board says.
        color: Colour of the markers.
        tags: Tags of the Grafana annotations that are shown; or else:
        expr: PromQL query whose points are the events.
        title: Title of an event from a query, with labels as ``{{label}}``.
        enabled: Whether it is shown at first.
    """

    name: str
    color: str
    tags: tuple[str, ...] = ()
    expr: str = ""
    title: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard.

    Args:
        uid: Stable uid of at most 40 characters; links and alerts use it.
        title: Title, unique in its folder.
        description: What the board answers.
        tags: Tags beside ``obskit``.
        variables: Variables in the order in which they depend on each other.
        rows: Rows from top to bottom.
        events: Events beside those that every board has.
        links: Links beside the menu of all our boards.
        since: Start of the time range at first.
    """

    uid: str
    title: str
    description: str
    tags: tuple[str, ...]
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    since: str = "now-1h"

    @property
    def file_name(self) -> str:
        """Name of the JSON file: the uid without our prefix."""
        return f"{self.uid.removeprefix('obskit-')}.json"
