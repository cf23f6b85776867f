"""Ways to a data source: straight to its server, or through Grafana's proxy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, TypeVar

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError
from obskit.targets.grafana.client import SeamSession
from obskit.targets.grafana.ranges import Range

__all__ = ["Door", "Elastic", "Metrics"]

T = TypeVar("T")

#: Names asked for in one request; an address of a few kilobytes passes every proxy.
_NAMES_AT_ONCE: Final = 60


@dataclass(frozen=True, kw_only=True)
class Door:
    """A data source and how to ask it.

    Args:
        uid: Its uid.
        name: Its name.
        type: Its plugin.
        http: Its server, or Grafana with ``prefix``; None where it can only be asked through ``ds/query``.
        prefix: Path below the address at which the server's own API begins.
        options: Its ``jsonData``.
        database: Elasticsearch's index pattern, where not in the options.
    """

    uid: str
    name: str
    type: str
    http: Http | None
    prefix: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    database: str = ""

    @property
    def index(self) -> str:
        """Elasticsearch's index pattern."""
        return str(self.options.get("index") or self.database or "*")


class _PromSession(SeamSession):
    """Every status but 200 is an error of the seam, with the server's words."""

    verify = True
    cert = None
    telling = frozenset[int]()

    def mount(self, prefix: str, adapter: object) -> None:
        """The client mounts its own adapter; the seam has none."""

    def get(self, url: str, **options: Any) -> Any:
        """``GET``; see :meth:`SeamSession.request`."""
        return self.request("GET", url, **options)


class Metrics:
    """Prometheus, asked with ``prometheus-api-client`` through the seam; answers are kept.

    Args:
        door: The data source.
        over: The time range.
        deadline: Deadline of all requests together.
    """

    def __init__(self, door: Door, over: Range, deadline: Deadline) -> None:
        from prometheus_api_client import PrometheusConnect

        assert door.http is not None  # noqa: S101 - the callers ask through Grafana otherwise
        self._over = over
        self.where = door.http.base_url + door.prefix
        self._client: Any = PrometheusConnect(
            url=self.where, session=_PromSession(door.http, deadline)
        )
        self._window = {"start": f"{over.start:.3f}", "end": f"{over.end:.3f}"}
        self._kept: dict[tuple[str, ...], Any] = {}
        self._lock = threading.Lock()

    def instant(self, query: str) -> list[Any]:
        """An instant query at the end of the range: series, or ``[time, text]`` for a scalar."""
        return self._once(
            ("instant", query),
            lambda: self._client.custom_query(query, params={"time": f"{self._over.end:.3f}"}),
        )

    def ranged(self, query: str, step: float, length: float) -> list[Any]:
        """A range query over some seconds whose last point is the end of the range."""
        count = int(length // step)
        end = datetime.fromtimestamp(self._over.end, UTC)
        start = datetime.fromtimestamp(self._over.end - count * step, UTC)
        return self._once(
            ("range", query, f"{step:g}", f"{length:g}"),
            lambda: self._client.custom_query_range(query, start, end, f"{step:g}"),
        )

    def label_values(self, label: str, match: str = "") -> list[str]:
        """Values of a label, of the series that match."""
        params = self._window | ({"match[]": match} if match else {})
        return self._once(
            ("values", label, match), lambda: self._client.get_label_values(label, params=params)
        )

    def label_names(self, match: str = "") -> list[str]:
        """Names of the labels."""
        params = self._window | ({"match[]": match} if match else {})
        return self._once(("names", match), lambda: self._client.get_label_names(params=params))

    def series(self, match: str) -> list[dict[str, str]]:
        """Label sets of the series that match."""
        window = (
            datetime.fromtimestamp(self._over.start, UTC),
            datetime.fromtimestamp(self._over.end, UTC),
        )
        return self._once(
            ("series", match),
            lambda: self._client.get_series(*window, params={"match[]": match}),
        )

    def existing(self, metrics: Iterable[str]) -> set[str]:
        """Those of some metrics that have series in the range; a request for every sixty names."""
        wanted = sorted(set(metrics))
        found: set[str] = set()
        for at in range(0, len(wanted), _NAMES_AT_ONCE):
            names = "|".join(wanted[at : at + _NAMES_AT_ONCE])
            found.update(self.label_values("__name__", f'{{__name__=~"{names}"}}'))
        return found

    def _once(self, key: tuple[str, ...], ask: Callable[[], list[T]]) -> list[T]:
        with self._lock:
            if key in self._kept:
                kept: list[T] = self._kept[key]
                return kept
        answer = ask()
        if not isinstance(answer, list):
            raise BadAnswerError("answered something that Prometheus does not", where=self.where)
        with self._lock:
            self._kept[key] = answer
        return answer


class Elastic:
    """Elasticsearch, asked through the seam.

    Args:
        door: The data source.
        deadline: Deadline of all requests together.
    """

    def __init__(self, door: Door, deadline: Deadline) -> None:
        assert door.http is not None  # noqa: S101 - the callers ask through Grafana otherwise
        self._door = door
        self._http = door.http
        self._deadline = deadline
        self.where = f"{door.http.base_url}{door.prefix}/{door.index}"

    def search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """One ``_search``; an index that is not there has no documents."""
        answer = self._http.post(
            f"{self._door.prefix}/{self._door.index}/_search",
            params={"ignore_unavailable": "true", "allow_no_indices": "true"},
            json=body,
            deadline=self._deadline,
        ).json()
        if not isinstance(answer, Mapping) or "hits" not in answer:
            raise BadAnswerError("answered something that Elasticsearch does not", where=self.where)
        return answer

    @cached_property
    def fields(self) -> Mapping[str, Sequence[str]]:
        """Types of every mapped field, by name."""
        answer = self._http.get(
            f"{self._door.prefix}/{self._door.index}/_field_caps",
            params={"fields": "*", "ignore_unavailable": "true", "allow_no_indices": "true"},
            deadline=self._deadline,
        ).json()
        if not isinstance(answer, Mapping) or not isinstance(answer.get("fields"), Mapping):
            raise BadAnswerError("answered something that Elasticsearch does not", where=self.where)
        return {name: list(types) for name, types in answer["fields"].items()}
