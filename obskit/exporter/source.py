"""What the exporter asks: a source says who it is and what it measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from obskit.deadline import Deadline
from obskit.errors import BadAnswerError

__all__ = ["Source", "counter", "gauge", "number"]

Sample = tuple[Mapping[str, str], float]


class Source(Protocol):
    """A server that is asked at every scrape."""

    name: str
    """Label ``source``, such as ``logstash``."""

    target: str
    """Label ``target``: the server's address."""

    def collect(self, deadline: Deadline) -> Iterable[Metric]:
        """Ask the server.

        Args:
            deadline: By when the answer has to be there.

        Raises:
            ServerError: It does not answer as such a server does.
        """
        ...


def gauge(name: str, help_text: str, labels: tuple[str, ...], samples: Iterable[Sample]) -> Metric:
    """A gauge with its samples."""
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for values, value in samples:
        family.add_metric([values[label] for label in labels], value)
    return family


def counter(
    name: str, help_text: str, labels: tuple[str, ...], samples: Iterable[Sample]
) -> Metric:
    """A counter with its samples; its exposed name ends in ``_total``."""
    family = CounterMetricFamily(name, help_text, labels=labels)
    for values, value in samples:
        family.add_metric([values[label] for label in labels], value)
    return family


def number(document: Any, *path: str, where: str) -> float:
    """The number at a path of a JSON document.

    Raises:
        BadAnswerError: There is none: another server, or another version of it.
    """
    for key in path:
        if not isinstance(document, Mapping) or key not in document:
            raise BadAnswerError(f"its answer has no {'.'.join(path)}", where=where)
        document = document[key]
    if isinstance(document, bool) or not isinstance(document, int | float):
        raise BadAnswerError(f"{'.'.join(path)} is no number in its answer", where=where)
    return float(document)
