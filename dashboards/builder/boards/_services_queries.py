"""Services: the PromQL of requests, errors and durations, for every row of the board."""

from __future__ import annotations

from ..model import Link
from ._parts import RATE

__all__ = [
    "BUILD",
    "LOGGED",
    "TO_LOGS",
    "VERSION_P95",
    "S",
    "failures",
    "of_process",
    "quantile",
    "requests",
    "version_requests",
]

S = 'service=~"$service",route=~"$route"'
BUILD = 'service_build_info{service=~"$service",version=~"$version"}'
LOGGED = "NOT _index:logs-obskit.invalid-* AND service:$service"

TO_LOGS = Link(
    title="Logs of ${__field.labels.service}",
    url="/d/obskit-logs?var-service=${__field.labels.service}&${__url_time_range}",
)


def requests(by: str, match: str = S) -> str:
    """Ask for requests a second.

    Args:
        by: Labels that split them.
        match: Label matchers.
    """
    return f"sum by ({by}) (rate(http_requests_total{{{match}}}[{RATE}]))"


def failures(by: str) -> str:
    """Ask for requests a second that were answered with 5xx; no series where none ever was.

    Args:
        by: Labels that split them.
    """
    return requests(by, f'{S},status=~"5.."')


def quantile(rank: float, by: str) -> str:
    """Ask for a quantile of the durations, in seconds.

    Args:
        rank: Rank, 0 to 1.
        by: Labels that split them.
    """
    buckets = f"sum by (le, {by}) (rate(http_request_duration_seconds_bucket{{{S}}}[{RATE}]))"
    return f"histogram_quantile({rank:g}, {buckets})"


def version_requests(match: str = S) -> str:
    """Ask for requests a second, by service and version.

    Args:
        match: Label matchers.
    """
    by_instance = f"sum by (job, instance, service) (rate(http_requests_total{{{match}}}[{RATE}]))"
    return f"sum by (service, version) ({_of_version(by_instance)})"


def of_process(metric: str) -> str:
    """Give a metric of a process the name of the service that it runs.

    Args:
        metric: PromQL with the labels ``job`` and ``instance``.
    """
    return (
        f"{metric} * on (job, instance) group_left (service)"
        f" max by (job, instance, service) ({BUILD})"
    )


def _of_version(rate: str) -> str:
    """Give rates the version label, which stands on ``service_build_info`` only."""
    return f"{rate} * on (job, instance, service) group_left (version) ({BUILD} > 0)"


VERSION_P95 = (
    "histogram_quantile(0.95, sum by (le, service, version) ("
    + _of_version(
        "sum by (job, instance, service, le)"
        f" (rate(http_request_duration_seconds_bucket{{{S}}}[{RATE}]))"
    )
    + "))"
)
