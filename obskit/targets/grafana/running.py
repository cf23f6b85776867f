"""Running queries: through Grafana where it answers, else straight against the data source."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.engine.verify import Exchange
from obskit.errors import BadAnswerError, ObskitError
from obskit.targets.grafana import elastic
from obskit.targets.grafana.doors import Door, Elastic, Metrics
from obskit.targets.grafana.queries import Query

__all__ = ["Result", "Runner"]

_WORKERS: Final = 8
#: Queries in one request to Grafana.
_AT_ONCE: Final = 12
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a query gave.

    Args:
        series: How many series, buckets or documents.
        values: How many values that are numbers.
        error: Why it could not be run; empty where it was.
        exchange: What was asked and answered.
        seconds: How long it took.
    """

    series: int = 0
    values: int = 0
    error: str = ""
    exchange: Exchange
    seconds: float = 0.0


class Runner:
    """Runs queries, each different one once.

    Args:
        deadline: Deadline of all together.
        grafana: Grafana, asked first; None to ask the data sources themselves.
        metrics: Gives the client of a Prometheus.
        indices: Gives the client of an Elasticsearch.
    """

    def __init__(
        self,
        *,
        deadline: Deadline,
        grafana: Http | None,
        metrics: Callable[[Door], Metrics],
        indices: Callable[[Door], Elastic],
    ) -> None:
        self._deadline = deadline
        self._grafana = grafana
        self._metrics = metrics
        self._indices = indices
        self._straight = ""

    def run(self, queries: Iterable[Query]) -> dict[str, Result]:
        """Run them side by side.

        Args:
            queries: Queries with a data source.

        Returns:
            Results by the queries' keys.
        """
        wanted = {query.key: query for query in queries if query.door is not None}
        results: dict[str, Result] = {}
        with ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="panels") as pool:
            if self._grafana is not None:
                for found in pool.map(self._through_grafana, _batches(wanted.values())):
                    results |= found
            left = [query for key, query in wanted.items() if key not in results]
            for query, result in zip(left, pool.map(self.straight, left), strict=True):
                results[query.key] = self._told(result)
        return results

    def _told(self, result: Result) -> Result:
        """With the reason why Grafana was passed by."""
        if not self._straight:
            return result
        of = f"{result.exchange.of}, straight, for Grafana: {self._straight[:120]}"
        return replace(result, exchange=replace(result.exchange, of=of))

    # Straight -------------------------------------------------------------------------------------

    def straight(self, query: Query) -> Result:
        """Ask the data source itself."""
        door = query.door
        assert door is not None  # noqa: S101 - ``run`` leaves the others out
        started = time.monotonic()
        asked = query.text
        try:
            if door.type == "prometheus":
                result = self._ask_prometheus(door, query)
            elif door.type == "elasticsearch":
                result = self._ask_elastic(door, query)
            else:
                raise BadAnswerError(f"a {door.type} can only be asked through Grafana")
        except ObskitError as error:
            exchange = Exchange(of=door.name, asked=asked, answer=error.message)
            result = Result(error=error.message, exchange=exchange)
        return replace(result, seconds=time.monotonic() - started)

    def _ask_prometheus(self, door: Door, query: Query) -> Result:
        client = self._metrics(door)
        if query.instant:
            found = client.instant(query.text)
            asked = f"query={query.text}"
        else:
            found = client.ranged(query.text, query.step, query.over.length)
            asked = f"query={query.text} over {query.over.length:g} s, step {query.step:g} s"
        if found and not isinstance(found[0], Mapping):  # a scalar: one time and one text
            found = [{"metric": {}, "value": found}]
        values = sum(map(_numbers, found))
        return Result(
            series=len(found), values=values,
            exchange=Exchange(
                of=f"{door.name} {client.where}", asked=asked,
                answer=f"{len(found)} series, {values} values; first: {str(found[:1])[:_SHOWN]}",
            ),
        )  # fmt: skip

    def _ask_elastic(self, door: Door, query: Query) -> Result:
        client = self._indices(door)
        time_field = str(query.target.get("timeField") or door.options.get("timeField") or "@timestamp")  # fmt: skip
        body = elastic.search_body(query.target, query.over, time_field, query.step)
        answer = client.search(body)
        found = elastic.amount(query.target, answer)
        total = (answer["hits"].get("total") or {}).get("value", 0)
        return Result(
            series=total, values=found,
            exchange=Exchange(
                of=f"{door.name} {client.where}", asked=f"_search {body}",
                answer=f"{total} documents, {found} values",
            ),
        )  # fmt: skip

    # Through Grafana --------------------------------------------------------------------------------

    def _through_grafana(self, batch: Sequence[Query]) -> dict[str, Result]:
        """Results by key; those that Grafana cannot run are left out, to be asked straight."""
        assert self._grafana is not None  # noqa: S101 - asked only where it is
        started = time.monotonic()
        body = {
            "from": f"{batch[0].over.start * 1000:.0f}",
            "to": f"{batch[0].over.end * 1000:.0f}",
            "queries": [_sent(query, f"Q{at}") for at, query in enumerate(batch)],
        }
        try:
            answer = self._grafana.post(
                "/api/ds/query", json=body, deadline=self._deadline, allow={400, 404, 500, 501, 502}
            )
            said = answer.json()
        except ObskitError as error:
            self._straight = error.message  # the data source itself is asked, and its words count
            return {}
        results = said.get("results") if isinstance(said, Mapping) else None
        seconds = (time.monotonic() - started) / len(batch)
        found: dict[str, Result] = {}
        for at, query in enumerate(batch):
            one = results.get(f"Q{at}") if isinstance(results, Mapping) else None
            if one is None:
                if answer.status == 404:
                    found[query.key] = self._not_there(query, said, seconds)
                continue
            result = self._of_frames(query, one, seconds)
            # Grafana 10.0 runs only some Elasticsearch queries on its own side.
            if result.error and query.door is not None and query.door.type == "elasticsearch":
                self._straight = result.error
                continue
            found[query.key] = result
        return found

    def _not_there(self, query: Query, said: Any, seconds: float) -> Result:
        words = str(said.get("message", "")) if isinstance(said, Mapping) else ""
        exchange = Exchange(of=f"Grafana {self._of}", asked=query.text, answer=words)
        return Result(error=f"Grafana: {words}", exchange=exchange, seconds=seconds)

    @property
    def _of(self) -> str:
        return self._grafana.base_url if self._grafana else ""

    def _of_frames(self, query: Query, said: Mapping[str, Any], seconds: float) -> Result:
        frames = said.get("frames") or []
        count = values = 0
        for frame in frames:
            fields = (frame.get("schema") or {}).get("fields") or []
            columns = (frame.get("data") or {}).get("values") or []
            held = sum(
                1
                for kind, column in zip(fields, columns, strict=False)
                if kind.get("type") != "time"
                for value in column
                if value is not None
            )
            count += bool(fields)
            values += held
        error = str(said.get("error") or "")
        answer = error or f"{count} frames, {values} values"
        door = query.door.name if query.door else query.source
        exchange = Exchange(of=f"Grafana {self._of}, {door}", asked=query.text, answer=answer)
        return Result(series=count, values=values, error=error, exchange=exchange, seconds=seconds)


def _numbers(series: Mapping[str, Any]) -> int:
    """Values that are numbers; a division by zero gives points that no panel can draw."""
    points = series["values"] if "values" in series else [series["value"]] if "value" in series else []  # fmt: skip
    held = sum(1 for _, value in points if value != "NaN")
    return held + len(series.get("histograms") or ()) + ("histogram" in series)


def _batches(queries: Iterable[Query]) -> list[list[Query]]:
    """A dozen at once, of one time range and data source: one that Grafana lacks fails only its own."""
    by_door: dict[tuple[str, float], list[Query]] = {}
    for query in queries:
        uid = query.door.uid if query.door else ""
        by_door.setdefault((uid, query.over.length), []).append(query)
    return [
        found[at : at + _AT_ONCE]
        for found in by_door.values()
        for at in range(0, len(found), _AT_ONCE)
    ]


def _sent(query: Query, ref: str) -> dict[str, Any]:
    assert query.door is not None  # noqa: S101 - ``run`` leaves the others out
    return {
        **query.target,
        "refId": ref,
        "hide": False,
        "datasource": {"uid": query.door.uid, "type": query.door.type},
        "instant": query.instant,
        "range": not query.instant,
        "intervalMs": int(query.step * 1000),
        "maxDataPoints": query.points,
    }
