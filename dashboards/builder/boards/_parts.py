"""What several boards share: variables, value texts, and PromQL that is easy to get wrong."""

from __future__ import annotations

from typing import Any

from ..model import Kind, Panel, Query, Threshold, Variable

__all__ = [
    "DATASOURCE",
    "LOGS",
    "RATE",
    "SELECTOR",
    "UP_DOWN",
    "YES_NO",
    "chart",
    "instance",
    "job",
    "number",
    "or_zero",
    "ratio",
    "up",
]

# The window of every rate: Grafana makes it at least four scrape intervals, at every zoom.
RATE = "$__rate_interval"

# What the variables job and instance choose.
SELECTOR = 'job=~"$job",instance=~"$instance"'

DATASOURCE = Variable(
    name="datasource",
    label="Metrics",
    description="The Prometheus that is asked.",
    kind="prometheus",
)
LOGS = Variable(
    name="logs",
    label="Logs",
    description="The Elasticsearch data source with the index pattern logs-obskit.*.",
    kind="logs",
)

YES_NO = ((0.0, "no", "red"), (1.0, "yes", "green"))
UP_DOWN = ((0.0, "down", "red"), (1.0, "up", "green"))


def job(metric: str) -> Variable:
    """Offer the jobs that expose a metric.

    Args:
        metric: A metric that every exporter of this kind has, and no other.

    Returns:
        The variable ``job``.
    """
    return Variable(
        name="job",
        label="Job",
        description="Scrape jobs to show.",
        kind="values",
        query=f"label_values({metric}, job)",
    )


def instance(metric: str, *, multi: bool = True) -> Variable:
    """Offer the instances of the chosen jobs.

    Args:
        metric: A metric that every exporter of this kind has, and no other.
        multi: Whether several may be shown together.

    Returns:
        The variable ``instance``.
    """
    return Variable(
        name="instance",
        label="Instance",
        description="Instances to show.",
        kind="values",
        query=f'label_values({metric}{{job=~"$job"}}, instance)',
        multi=multi,
    )


def or_zero(part: str, whole: str) -> str:
    """Read the absence of failures as 0 where there is traffic at all.

    A counter with a label for failures has no series before the first failure; without this a panel
    of errors is empty exactly when everything is well.

    Args:
        part: Expression that may have no series.
        whole: Expression with the same labels that has them.

    Returns:
        PromQL for ``part``, 0 where only ``whole`` has a series.
    """
    return f"({part} or 0 * {whole})"


def ratio(part: str, whole: str) -> str:
    """Divide, with 0 for a part that has no series and nothing (not NaN) where there is no traffic.

    Args:
        part: Numerator.
        whole: Denominator, with the same labels.

    Returns:
        PromQL for the ratio, 0 to 1.
    """
    return f"{or_zero(part, whole)} / ({whole} > 0)"


def chart(title: str, description: str, unit: str, *queries: tuple[str, str], **more: Any) -> Panel:
    """Describe a panel of lines over time.

    Args:
        title: Title.
        description: Description.
        unit: Unit.
        queries: PromQL and legend of each line.
        more: Other properties of the panel.
    """
    made = tuple(Query(expr=expr, legend=legend) for expr, legend in queries)
    return Panel(
        title=title, description=description, unit=unit, queries=made, **{"minimum": 0, **more}
    )


def number(title: str, description: str, unit: str, expr: str, **more: Any) -> Panel:
    """Describe a panel of one number, such as stand in the first row of a board.

    Args:
        title: Title.
        description: Description.
        unit: Unit.
        expr: PromQL.
        more: Other properties of the panel.
    """
    return Panel(
        title=title,
        description=description,
        unit=unit,
        queries=(Query(expr=expr, legend=more.pop("legend", "")),),
        kind=Kind.STAT,
        **{"width": 4, "height": 4, **more},
    )


def up(title: str, description: str, expr: str, **more: Any) -> Panel:
    """Describe a panel that says whether something is up.

    Args:
        title: Title.
        description: Description.
        expr: PromQL that gives 1 or 0.
        more: Other properties of the panel.
    """
    colors = (Threshold(value=None, color="red"), Threshold(value=1, color="green"))
    return number(
        title, description, "short", expr, **{"thresholds": colors, "values": UP_DOWN, **more}
    )
