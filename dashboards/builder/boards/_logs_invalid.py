"""Logs: the quarantine, and clocks that cannot be right."""

from __future__ import annotations

from ..model import Kind, LogQuery, Panel, Query, Row, steps

__all__ = ["CLOCKS", "INVALID", "QUARANTINE", "columns"]

# The name of a data stream finds its backing indices, whatever fields a document has. Only a prefix does: a
# query string with a wildcard in front (_index:*invalid*) matches nothing (tried on 8.7.1 and 8.19.21).
INVALID = "_index:logs-obskit.invalid-*"


def columns(*names: str) -> tuple[tuple[str, dict[str, object]], ...]:
    """Show these fields of the documents, in this order.

    Args:
        names: Names of the fields.
    """
    return (
        ("filterFieldsByName", {"include": {"names": list(names)}}),
        ("organize", {"indexByName": {name: index for index, name in enumerate(names)}}),
    )


QUARANTINE = Row(
    title="Quarantine",
    panels=(
        Panel(
            title="Quarantined by reason",
            description="Events in the quarantine in each interval, by the rule that they break. obskit lint "
            "names the same rules, with an example of how to mend each.",
            unit="short",
            bars=True,
            stack=True,
            minimum=0,
            width=8,
            queries=(LogQuery(query=INVALID, by=("reasons",), alias="{{term reasons}}"),),
            empty_when="every event kept to the schema",
        ),
        Panel(
            title="Quarantined by service",
            description="Which service broke which rule, in the shown range. Lines that are no JSON have no "
            "service that could be known.",
            kind=Kind.TABLE,
            unit="short",
            width=8,
            queries=(LogQuery(query=INVALID, by=("reasons", "service"), over_time=False, top=50),),
            empty_when="every event kept to the schema",
        ),
        Panel(
            title="Refused by Elasticsearch",
            description="Events that Elasticsearch itself refused (a type conflict), by its error type.",
            kind=Kind.TABLE,
            unit="short",
            width=8,
            queries=(
                LogQuery(
                    query=f"{INVALID} AND NOT _exists_:reasons",
                    by=("error.type",),
                    over_time=False,
                    top=20,
                ),
            ),
            empty_when="Elasticsearch refused nothing",
        ),
        Panel(
            title="Newest quarantined events",
            description="The newest events in the quarantine: the original line and why it is there.",
            kind=Kind.TABLE,
            unit="",
            width=24,
            height=9,
            queries=(LogQuery(query=INVALID, documents=100),),
            transformations=columns(
                "@timestamp", "service", "reasons", "error.type", "error.message", "message"
            ),
            empty_when="every event kept to the schema",
        ),
    ),
)

CLOCKS = Row(
    title="Clock: log time and arrival",
    panels=(
        Panel(
            title="Age of the newest line",
            description="Arrival minus log time: how old the newest line of each service is when obskit exporter "
            "looks for it. It grows when shipping falls behind or the service is silent; a value that "
            "stays at whole hours is a service that writes local time as UTC.",
            unit="s",
            width=12,
            queries=(
                Query(
                    expr="time() - max by (service) (obskit_log_newest_timestamp_seconds)",
                    legend="{{service}}",
                ),
            ),
            thresholds=steps(300, 3600),
            empty_when="obskit exporter is not scraped",
        ),
        Panel(
            title="Log time ahead of arrival",
            description="Services whose newest line lies in the future: the clock of their host is ahead, or "
            "they write local time as UTC. See the clock dashboard.",
            unit="s",
            minimum=0,
            width=12,
            queries=(
                Query(
                    expr="max by (service) (obskit_log_newest_timestamp_seconds) - time() > 1",
                    legend="{{service}}",
                ),
            ),
            thresholds=steps(5, 300),
            threshold_lines=True,
            empty_when="no line came from the future, or obskit exporter is not scraped",
        ),
    ),
)
