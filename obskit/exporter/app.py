"""The exporter's pages: ``/metrics`` and ``/-/healthy``."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from obskit.deadline import Deadline
from obskit.errors import ObskitError
from obskit.exporter.source import Source, gauge

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Exporter", "application"]

#: Prometheus gives up after 10 s unless it is told otherwise.
PATIENCE: Final = 8.0

_log = logging.getLogger("obskit.exporter")


class Exporter:
    """A collector of prometheus_client that asks every source at each scrape, all at once.

    Args:
        sources: Whom to ask.
        patience: Seconds for one scrape.
    """

    def __init__(self, sources: Sequence[Source], *, patience: float = PATIENCE) -> None:
        self._sources = tuple(sources)
        self._patience = patience
        self._failing: dict[int, str] = {}

    def collect(self) -> Iterator[Metric]:
        """Metrics of all sources; one that fails is `obskit_exporter_source_up` 0 and nothing else."""
        deadline = Deadline.after(self._patience)
        families: dict[str, Metric] = {}
        up, seconds = [], []
        with ThreadPoolExecutor(max_workers=max(1, len(self._sources))) as pool:
            for source, (found, took) in zip(
                self._sources,
                pool.map(
                    lambda numbered: self._ask(numbered[0], numbered[1], deadline),
                    enumerate(self._sources),
                ),
                strict=True,
            ):
                label = {"source": source.name, "target": source.target}
                up.append((label, float(found is not None)))
                seconds.append((label, took))
                for family in found or ():
                    # two Filebeats make one family: a name may stand once in an exposition
                    if family.name in families:
                        families[family.name].samples.extend(family.samples)
                    else:
                        families[family.name] = family
        labels = ("source", "target")
        yield gauge("obskit_exporter_source_up", "1 where the source answered.", labels, up)
        yield gauge("obskit_exporter_source_seconds", "How long the source took.", labels, seconds)
        yield from families.values()

    def _ask(
        self, position: int, source: Source, deadline: Deadline
    ) -> tuple[list[Metric] | None, float]:
        start = time.monotonic()
        try:
            found: list[Metric] | None = list(source.collect(deadline))
            error = ""
        except ObskitError as raised:
            found, error = None, str(raised)
        if error != self._failing.get(position, ""):  # once, not at every scrape
            if error:
                _log.warning("%s does not answer: %s", source.name, error)
            else:
                _log.info("%s at %s answers again", source.name, source.target)
            self._failing[position] = error
        return found, time.monotonic() - start


def application(sources: Iterable[Source], *, patience: float = PATIENCE) -> Starlette:
    """The exporter as an ASGI application.

    Args:
        sources: Whom to ask.
        patience: Seconds for one scrape.
    """
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Exporter(tuple(sources), patience=patience))

    def metrics(request: Request) -> Response:  # not async: Starlette runs it in a thread
        del request
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def healthy(request: Request) -> Response:
        del request
        return PlainTextResponse("obskit exporter is healthy\n")

    return Starlette(routes=[Route("/metrics", metrics), Route("/-/healthy", healthy)])
