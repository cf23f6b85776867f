"""The proof that Grafana reaches its data sources, with the secrets that it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from obskit.deadline import Deadline
from obskit.delivery.http import Answer, Http
from obskit.engine.verify import Exchange, Proof, Verdict
from obskit.targets.base import DataSource

__all__ = ["prove"]


def prove(http: Http, sources: Sequence[DataSource], deadline: Deadline) -> Iterator[Proof]:
    """Ask Grafana to test each data source.

    Args:
        http: Grafana.
        sources: Our data sources.
        deadline: When to stop.
    """
    for source in sources:
        path = f"/api/datasources/uid/{quote(source.uid, safe='')}/health"
        answer = http.get(path, deadline=deadline, allow={400, 404, 500, 501, 502})
        verdict, detail, following = _judged(answer)
        yield Proof(
            id=f"loaded/grafana/{source.uid}",
            title=f"Grafana reaches {source.name}",
            verdict=verdict, detail=detail, next=following,
            evidence=(Exchange(of=f"Grafana {http.base_url}", asked=f"GET {path}", answer=answer.text[:500]),),
        )  # fmt: skip


def _judged(answer: Answer) -> tuple[Verdict, str, str]:
    said = answer.json()
    words = str(said.get("message", "")) if isinstance(said, Mapping) else ""
    if answer.status == 200 and isinstance(said, Mapping) and said.get("status") == "OK":
        return Verdict.PROVED, words, ""
    if answer.status == 404 and words == "Data source not found":
        return (
            Verdict.FAILED,
            "Grafana has no such data source",
            "obskit plan shows what is missing",
        )
    if answer.status in (404, 501):
        # Grafana 10.0 tests Prometheus so, and Elasticsearch only from its browser side.
        return Verdict.UNPROVED, "this Grafana has no test for data sources of this type", ""
    return (
        Verdict.FAILED,
        words or f"answered {answer.status}",
        "is its address right as seen from Grafana, and its secret?",
    )
