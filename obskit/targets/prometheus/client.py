"""Prometheus' HTTP API: queries through ``prometheus-api-client``, the rest through our seam."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

__all__ = ["PrometheusApi"]

_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{.*\})? (?P<value>\S+)")


class PrometheusApi:
    """What obskit asks of a Prometheus.

    Args:
        http: The server.
    """

    def __init__(self, http: Http) -> None:
        self.http = http

    def metric_names(self, *, start: float | None = None, end: float | None = None) -> list[str]:
        """The names of the metrics that the server has.

        Args:
            start: Begin of the time looked at, in seconds since 1970; the server's own choice when None.
            end: Its end.

        Raises:
            BadAnswerError: The answer is not one of Prometheus'.
            ServerError: No answer, or an error.
        """
        given = {"start": start, "end": end}
        window = {name: f"{at:.0f}" for name, at in given.items() if at is not None}
        names: list[str] = self.data("/label/__name__/values", of=list, deadline=None, **window)
        return names

    def data(
        self,
        path: str,
        part: str = "",
        *,
        of: type = dict,
        deadline: Deadline | None = None,
        **params: str | int,
    ) -> Any:
        """``data`` of an answer of the HTTP API v1.

        Args:
            path: Path below ``/api/v1``, with a slash first.
            part: Key of ``data`` that is wanted; all of it when empty.
            of: What ``data`` is.
            deadline: Handed down.
            params: Query parameters.

        Raises:
            BadAnswerError: The answer is not one of Prometheus'.
            ServerError: No answer, or an error.
        """
        answer = self.http.get(f"/api/v1{path}", params=params, deadline=deadline)
        body = answer.json()
        good = isinstance(body, dict) and body.get("status") == "success"
        if not good or not isinstance(body.get("data"), of) or (part and part not in body["data"]):
            raise _not_prometheus(answer.request)
        return body["data"][part] if part else body["data"]

    def query(self, expression: str, *, deadline: Deadline | None = None) -> list[dict[str, Any]]:
        """The result of an instant query: a list of ``{"metric": …, "value": [time, text]}``.

        Raises:
            RejectedError: The expression is wrong; with Prometheus' words.
        """
        try:
            found = self._connect(deadline).custom_query(expression)
        except (KeyError, TypeError, AttributeError):  # the package looks into whatever came
            raise _not_prometheus(f"GET {self.http.base_url}/api/v1/query") from None
        if isinstance(found, list) and found and not isinstance(found[0], dict):
            return [{"metric": {}, "value": found}]  # a scalar or a string
        return list(found)

    def query_range(
        self,
        expression: str,
        *,
        start: float,
        end: float,
        step: float,
        deadline: Deadline | None = None,
    ) -> list[dict[str, Any]]:
        """The result of a range query: a list of ``{"metric": …, "values": [[time, text], …]}``.

        Args:
            expression: PromQL.
            start: Unix time in seconds.
            end: Unix time in seconds.
            step: Seconds between points.
            deadline: Handed down.

        Raises:
            RejectedError: The expression is wrong; with Prometheus' words.
        """
        found = self.data(
            "/query_range", "result", deadline=deadline, query=expression,
            start=f"{start:.3f}", end=f"{end:.3f}", step=f"{step:g}",
        )  # fmt: skip
        return list(found)

    def metrics(self, *, deadline: Deadline | None = None) -> Mapping[str, float]:
        """Prometheus' own ``/metrics``: values summed by name."""
        totals: dict[str, float] = {}
        text = self.http.get("/metrics", deadline=deadline, headers={"accept": "text/plain"}).text
        for line in text.splitlines():
            found = _SAMPLE.match(line)
            if found:
                totals[found["name"]] = totals.get(found["name"], 0.0) + float(found["value"])
        return totals

    def _connect(self, deadline: Deadline | None) -> PrometheusConnect:
        import requests
        from prometheus_api_client import PrometheusConnect

        session = requests.Session()
        session.mount("http://", _adapter(self.http, deadline))
        session.mount("https://", _adapter(self.http, deadline))
        return PrometheusConnect(url=self.http.base_url, session=session)


def _not_prometheus(where: str) -> BadAnswerError:
    return BadAnswerError(
        "this is not the answer of a Prometheus", where=where,
        hint="is the address that of Prometheus itself?",
    )  # fmt: skip


def _adapter(http: Http, deadline: Deadline | None) -> Any:
    """A transport for ``requests`` that goes through our seam: deadlines, caps, no redirects."""
    import requests
    from requests.adapters import BaseAdapter

    class SeamAdapter(BaseAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            path = (request.url or "").removeprefix(http.base_url)
            body = request.body.encode() if isinstance(request.body, str) else None
            kind = {"content-type": str(request.headers.get("Content-Type"))} if body else None
            answer = http.request(
                request.method or "GET", path, content=body, deadline=deadline,
                headers=kind,
            )  # fmt: skip
            response = requests.Response()
            response.status_code = answer.status
            response._content = answer.body
            response.headers.update(answer.headers)
            response.url = request.url or ""
            response.request = request
            if not isinstance(answer.json(), dict):
                raise BadAnswerError("this is not the answer of a Prometheus", where=answer.request)
            return response

        def close(self) -> None:
            """Nothing of its own is open."""

    return SeamAdapter()
