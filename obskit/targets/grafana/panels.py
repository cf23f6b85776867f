"""The proof of a dashboard: every query of every panel is run, and each panel judged."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.engine.verify import Exchange, Proof, Verdict
from obskit.errors import ObskitError
from obskit.targets.base import DataSource
from obskit.targets.grafana import explain, promql
from obskit.targets.grafana.client import Client
from obskit.targets.grafana.dashboards import Loaded
from obskit.targets.grafana.doors import Door, Elastic, Metrics
from obskit.targets.grafana.interpolate import Scope, interpolate
from obskit.targets.grafana.queries import Panel, Query, panels
from obskit.targets.grafana.ranges import Range, scope_of
from obskit.targets.grafana.running import Result, Runner
from obskit.targets.grafana.variables import Resolver

__all__ = ["Proof", "Prover"]

_EVIDENCE: Final = 6
_NO_EVENTS: Final = "do the services log, and do the canary's proofs say that lines arrive?"
_NO_METRIC: Final = "is its exporter scraped, and does this version of it name the metric so?"
#: Between two trials of a dashboard with empty panels, in seconds.
_PAUSE: Final = 3.0


class Prover:
    """Proves dashboards.

    Args:
        sources: Our data sources.
        grafana: Grafana; None where there is only its provisioning folder.
        folder: Where relative paths of settings start.
        addresses: Addresses at which we reach the data sources ourselves, by uid; Grafana's where left out.
        patience: How long data may take to come, in seconds, before an empty panel is a failure.
    """

    def __init__(
        self,
        *,
        sources: Sequence[DataSource],
        grafana: Http | None,
        folder: Path,
        addresses: Mapping[str, str] | None = None,
        patience: float = 20.0,
    ) -> None:
        reached = addresses or {}
        self._patience = patience
        self._ours = [
            Door(
                uid=source.uid, name=source.name, type=source.type, options=source.options,
                database=source.database,
                http=Http(
                    reached.get(source.uid, source.url), auth=source.auth, folder=folder,
                    scheme="ApiKey" if source.type == "elasticsearch" else "Bearer",
                ),
            )
            for source in sources
        ]  # fmt: skip
        self._grafana = grafana

    def prove(self, board: Loaded, deadline: Deadline) -> Iterator[Proof]:
        """Run every query of a dashboard.

        Args:
            board: The dashboard.
            deadline: When to stop.

        Yields:
            A proof for every panel that shows data.
        """
        doors = self._doors(deadline)
        patience = deadline.within(self._patience)
        while True:
            proofs = list(_Trial(board, doors, self._grafana, deadline).proofs())
            # What was started a moment ago has not been scraped yet, or has logged nothing.
            if not any(_may_come(proof) for proof in proofs) or not patience.sleep(_PAUSE):
                break
        yield from proofs

    def _doors(self, deadline: Deadline) -> list[Door]:
        """Our data sources, and those that Grafana has beside them."""
        if self._grafana is None:
            return self._ours
        known = {door.uid for door in self._ours}
        try:
            listed = Client(self._grafana, deadline.within(10)).data_sources()
        except ObskitError:
            return self._ours  # Grafana does not answer; the data sources are asked themselves
        others = [
            Door(
                uid=str(item["uid"]), name=str(item.get("name", "")), type=str(item.get("type", "")),
                http=self._grafana, prefix=f"/api/datasources/proxy/uid/{item['uid']}",
                options=item.get("jsonData") or {}, database=str(item.get("database") or ""),
            )
            for item in listed
            if item["uid"] not in known
        ]  # fmt: skip
        return self._ours + others


class _Trial:
    """One dashboard, one moment."""

    def __init__(
        self, board: Loaded, doors: Sequence[Door], grafana: Http | None, deadline: Deadline
    ) -> None:
        self.doors = doors
        self._grafana = grafana
        self._board = board
        self._deadline = deadline
        self._over = Range.of(board.body, time.time())
        self._metrics: dict[str, Metrics] = {}
        self._indices: dict[str, Elastic] = {}
        self._lock = threading.Lock()
        self._runner = Runner(
            deadline=deadline, grafana=grafana,
            metrics=self.metrics, indices=self.elastic,
        )  # fmt: skip

    # What the resolver asks -------------------------------------------------------------------------

    def metrics(self, door: Door) -> Metrics:
        """The Prometheus of a data source."""
        with self._lock:
            if door.uid not in self._metrics:
                self._metrics[door.uid] = Metrics(door, self._over, self._deadline)
            return self._metrics[door.uid]

    def elastic(self, door: Door) -> Elastic:
        """The Elasticsearch of a data source."""
        with self._lock:
            if door.uid not in self._indices:
                self._indices[door.uid] = Elastic(door, self._deadline)
            return self._indices[door.uid]

    def find(self, reference: Any, scope: Scope) -> Door | None:
        """By uid or name; by type where only that is said; else the first."""
        kind = ""
        if isinstance(reference, Mapping):
            kind = str(reference.get("type") or "")
            name = interpolate(str(reference.get("uid") or ""), scope)
        else:
            name = interpolate(str(reference or ""), scope)
        if name and name != "default":
            return next((door for door in self.doors if name in (door.uid, door.name)), None)
        return next((door for door in self.doors if not kind or door.type == kind), None)

    # The proofs -------------------------------------------------------------------------------------

    def proofs(self) -> Iterator[Proof]:
        """Resolve, run, judge."""
        scope, failed = Resolver(self._board.body, self, scope_of(self._over)).resolve()
        body = self._with_library(self._board.body)
        found = list(panels(body, self, scope, failed, self._over))
        asked = [query for panel in found for query in panel.queries if not query.unknown]
        results = self._runner.run(asked)
        missing = self._missing(asked, results)
        some_data = any(result.values for result in results.values())
        reasons = explain.Reasons(self.metrics, self.elastic, some_data=some_data)
        told: dict[str, Proof] = {}
        waiting = []
        for panel in found:
            if panel.shows:
                waiting.append(panel)
                continue
            told[panel.id] = self._judged(panel, results, missing, reasons)
        for panel in waiting:
            told[panel.id] = self._shown(panel, told.get(panel.shows))
        for panel in found:
            yield told[panel.id]

    def _with_library(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """With the library panels that Grafana has in their places; others stay as they are."""
        if self._grafana is None or "libraryPanel" not in str(body.get("panels")):
            return body
        client = Client(self._grafana, self._deadline)

        def filled(panel: Mapping[str, Any]) -> Mapping[str, Any]:
            uid = str((panel.get("libraryPanel") or {}).get("uid") or "")
            if uid and not panel.get("targets"):
                model = client.library_panel(uid)
                own = {key: panel[key] for key in ("id", "gridPos", "title") if panel.get(key)}
                panel = {**(model or panel), **own}
            if panel.get("panels"):
                panel = {**panel, "panels": [filled(inner) for inner in panel["panels"]]}
            return panel

        try:
            return {**body, "panels": [filled(panel) for panel in body.get("panels") or ()]}
        except ObskitError:
            return body  # Grafana does not answer: such a panel stays unproved, and says so

    def _missing(
        self, queries: Iterable[Query], results: Mapping[str, Result]
    ) -> dict[str, set[str]]:
        """Metrics without any series in the time range, by data source; asked for all at once."""
        wanted: dict[str, set[str]] = {}
        doors: dict[str, Door] = {}
        for query in queries:
            result = results.get(query.key)
            if query.door and query.door.type == "prometheus" and result and not result.values:
                wanted.setdefault(query.door.uid, set()).update(promql.metrics(query.text))
                doors[query.door.uid] = query.door
        missing = {}
        for uid, names in wanted.items():
            try:
                missing[uid] = names - self.metrics(doors[uid]).existing(names)
            except ObskitError:
                # The queries failed on the same server, and say why; here nothing is known.
                missing[uid] = set()
        return missing

    def _shown(self, panel: Panel, other: Proof | None) -> Proof:
        """A panel that shows another panel's data."""
        if other is None:
            return self._proof(panel, Verdict.FAILED, f"error: it shows panel {panel.shows}, which is not there")  # fmt: skip  # noqa: E501
        detail = f"as panel {panel.shows}: {other.detail}"
        return self._proof(panel, other.verdict, detail, other.next, evidence=other.evidence)

    def _judged(
        self,
        panel: Panel,
        results: Mapping[str, Result],
        missing: Mapping[str, set[str]],
        reasons: explain.Reasons,
    ) -> Proof:
        if panel.reason:
            return self._proof(panel, Verdict.UNPROVED, panel.reason)
        evidence: list[Exchange] = []
        errors: list[tuple[str, str]] = []
        absent: list[tuple[str, str]] = []
        empty: list[tuple[str, str]] = []
        explained: list[tuple[str, str]] = []
        nowhere = [query for query in panel.queries if query.door is None and not query.unknown]
        if len(nowhere) == len(panel.queries):
            return self._proof(
                panel, Verdict.NOT_CONFIGURED, f"there is no data source {nowhere[0].source}",
                "configure its server in obskit.yml, or leave the dashboard out",
            )  # fmt: skip
        data = values = 0
        seconds = 0.0
        for query in panel.queries:
            result = results.get(query.key)
            if result is not None:
                seconds += result.seconds
                evidence.append(result.exchange)
            ref = query.ref if len(panel.queries) > 1 else ""
            if query.unknown:
                name, why = next(iter(query.unknown.items()))
                errors.append((ref, f"the variable ${name} could not be resolved: {why}"))
            elif result is None or result.error:
                why = result.error if result else f"there is no data source {query.source}"
                errors.append((ref, why))
            elif result.values:
                data += 1
                values += result.values
            else:
                gone = self._gone(query, missing) or reasons.absent(query)
                reason = reasons.of(query, gone)
                if reason:
                    explained.append((ref, reason))
                elif gone:
                    absent.append((ref, ", ".join(gone)))
                else:
                    empty.append((ref, _emptiness(query, result)))
        words = {
            "error": _together(errors),
            "metric missing": _together(absent),
            "no data (metric exists)": _together(empty),
            "explained": _together(explained),
        }
        return self._verdict(
            panel, data=data, values=values, words=words, evidence=tuple(evidence), seconds=seconds
        )

    @staticmethod
    def _gone(query: Query, missing: Mapping[str, set[str]]) -> list[str]:
        if query.door is None or query.door.type != "prometheus":
            return []
        gone = missing.get(query.door.uid, set())
        return [name for name in promql.metrics(query.text) if name in gone]

    def _verdict(
        self,
        panel: Panel,
        *,
        data: int,
        values: int,
        words: Mapping[str, str],
        evidence: tuple[Exchange, ...],
        seconds: float,
    ) -> Proof:
        rest = "; ".join(f"{what}: {which}" for what, which in words.items() if which)
        if words["error"]:
            verdict, detail, following = Verdict.FAILED, rest, "look at the query and its variables"
        elif data:
            count = len(panel.queries)
            some = f", {data} of {count} queries" if data < count else ""
            detail = f"data: {values} values{some}" + (f" ({rest})" if rest else "")
            verdict, following = Verdict.PROVED, ""
        elif words["metric missing"]:
            verdict, detail = Verdict.FAILED, rest
            logs = any(query.door and query.door.type == "elasticsearch" for query in panel.queries)
            following = _NO_EVENTS if logs else _NO_METRIC
        elif words["no data (metric exists)"]:
            verdict, detail = Verdict.FAILED, rest
            following = "look at its labels and at the variables of the dashboard"
        else:
            verdict, detail, following = Verdict.EXPLAINED, words["explained"], ""
        return self._proof(panel, verdict, detail, following, evidence=evidence, seconds=seconds)

    def _proof(
        self,
        panel: Panel,
        verdict: Verdict,
        detail: str,
        following: str = "",
        *,
        evidence: tuple[Exchange, ...] = (),
        seconds: float = 0.0,
    ) -> Proof:
        return Proof(
            id=f"panel/{self._board.uid}/{panel.id}",
            title=f"{self._board.body.get('title', self._board.uid)}: {panel.title}",
            verdict=verdict, detail=detail, next=following, seconds=seconds,
            evidence=tuple(dict.fromkeys(evidence))[:_EVIDENCE],
        )  # fmt: skip


def _may_come(proof: Proof) -> bool:
    """Whether a panel failed for want of data, which may still come."""
    return proof.verdict is Verdict.FAILED and not proof.detail.startswith("error")


def _together(told: Iterable[tuple[str, str]]) -> str:
    """``A, C: the same reason; B: another``."""
    refs: dict[str, list[str]] = {}
    for ref, words in told:
        known = refs.setdefault(words, [])
        if ref and ref not in known:
            known.append(ref)
    return "; ".join(
        f"{', '.join(known)}: {words}" if known else words for words, known in refs.items()
    )


def _emptiness(query: Query, result: Result) -> str:
    if query.empty:
        return f"the variable ${query.empty[0]} has no values"
    if result.series and query.door and query.door.type == "prometheus":
        return f"{result.series} series without a number (NaN): {query.text}"
    return query.text or "nothing matches"
