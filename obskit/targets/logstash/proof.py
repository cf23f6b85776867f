"""The proofs of Logstash: what was written is what runs, and it is well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from obskit.deadline import Deadline
from obskit.engine.verify import Check, Exchange, Proof, Verdict
from obskit.errors import DeliveryError, ObskitError
from obskit.targets.base import Canary, Hop
from obskit.targets.logstash.client import NodeApi, Pipeline
from obskit.targets.logstash.content import MAIN, pipeline_ids

if TYPE_CHECKING:
    from obskit.targets.logstash.target import Logstash

__all__ = ["ORDER", "checks", "hop", "wait_for_hashes"]

#: Logstash stands behind Filebeat on the log path.
ORDER = 20

_POLL = 0.5


def sha256(text: str) -> str:
    """What Logstash says as ``hash`` of a file with this text."""
    return hashlib.sha256(text.encode()).hexdigest()


def wait_for_hashes(api: NodeApi, expected: Mapping[str, str | None], deadline: Deadline) -> None:
    """Wait until Logstash runs exactly what was written.

    Args:
        api: The server.
        expected: Hash of each pipeline by id; None for one that was taken away.
        deadline: By when.

    Raises:
        DeliveryError: It runs something else; with the words of its last failure.
    """
    before = api.pipelines(deadline)
    while True:
        running = api.pipelines(deadline)
        wrong = {
            name: _against(running.get(name), wanted)
            for name, wanted in expected.items()
            if _against(running.get(name), wanted)
        }
        if not wrong:
            return
        refused = _refused(before, running, wrong)
        if refused or not deadline.sleep(_POLL):
            words = refused or "; ".join(f"{name}: {why}" for name, why in wrong.items())
            raise DeliveryError(
                words, where=api.http.base_url,
                hint="its log has the whole reason; is pipelines.yml as obskit doctor prints it?",
            )  # fmt: skip


def _against(running: Pipeline | None, wanted: str | None) -> str:
    if wanted is None:
        return "it still runs" if running else ""
    if running is None:
        return "it does not run"
    if running.hash != wanted:
        return f"it runs another configuration ({running.hash[:12]}, written was {wanted[:12]})"
    return ""


def _refused(
    before: Mapping[str, Pipeline], now: Mapping[str, Pipeline], wrong: Mapping[str, str]
) -> str:
    """The words of a reload that failed since the files were written; no need to wait any longer."""
    for name in wrong:
        old, new = before.get(name), now.get(name)
        if new and new.failing and (old is None or new.last_failure != old.last_failure):
            return f"{name}: {new.last_error}"
    return ""


def checks(target: Logstash) -> list[Check]:
    """What is tried."""
    seconds = target.context.settings.verify.deadline.total_seconds()
    return [
        Check(
            id="loaded/logstash", title="runs exactly what was written", seconds=seconds,
            run=lambda deadline: _loaded(target, deadline),
        )
    ]  # fmt: skip


def _loaded(target: Logstash, deadline: Deadline) -> Iterator[Proof]:
    for file, name in pipeline_ids(target.settings).items():
        text = target.folder.read(file)
        wanted = sha256(text) if text is not None else ""
        while True:
            running = target.api.pipelines(deadline).get(name)
            problem, following = _problem(running, wanted, _written(target, file))
            if not problem or not deadline.sleep(_POLL):
                break
        shown = (
            f"hash={running.hash} in={running.events_in} out={running.events_out}"
            if running
            else "not listed"
        )
        yield Proof(
            id=f"loaded/logstash/{name}",
            title="runs exactly what was written",
            verdict=Verdict.FAILED if problem else Verdict.PROVED,
            detail=problem or f"its hash is the SHA-256 of {file}; no reload failed since",
            next=following,
            evidence=(
                Exchange(
                    of=target.http.base_url,
                    asked=f"GET /_node/pipelines, /_node/stats/pipelines: {name}",
                    answer=shown,
                ),
            ),
        )


def _written(target: Logstash, file: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(target.folder.path(file).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _problem(running: Pipeline | None, wanted: str, written: datetime | None) -> tuple[str, str]:
    if not wanted:
        return "its file is not there", "obskit provision writes it"
    if running is None:
        return "the pipeline does not run", "obskit doctor prints its entry for pipelines.yml"
    # Putting back what runs is no reload, so the failure before it stays the newest: it is of another text.
    of_this_text = running.hash != wanted or written is None or running.failed_after(written)
    if running.failing and of_this_text:
        return (
            f"the newest reload failed, and the old pipeline goes on in silence: {running.last_error}",
            "mend what the message names, or obskit provision to put obskit's file back",
        )
    if running.hash != wanted:
        return (
            f"it runs another configuration than its file ({running.hash[:12]}, the file is {wanted[:12]})",
            "is config.reload.automatic on, and path.config this file? obskit doctor tells",
        )
    return "", ""


def hop(target: Logstash, canary: Canary, deadline: Deadline) -> Hop:
    """Whether Logstash is able to pass a line on; it cannot tell one line from another."""
    del canary
    try:
        running = target.api.pipelines(deadline.within(5.0)).get(target.settings.pipeline)
    except ObskitError as error:
        return Hop(
            name="logstash", order=ORDER, passed=False, detail=error.message, next=error.hint
        )
    text = target.folder.read(MAIN)
    problem, following = _problem(
        running, sha256(text) if text is not None else "", _written(target, MAIN)
    )
    if not problem and running and running.queued and running.events_out < running.events_in:
        problem = f"{running.queued} events wait in its queue"
        following = "does Elasticsearch take its bulk requests? its log has the answers"
    evidence = Exchange(
        of=target.http.base_url, asked="GET /_node/stats/pipelines",
        answer=f"in={running.events_in} out={running.events_out} queued={running.queued}" if running else "not listed",
    )  # fmt: skip
    return Hop(
        name="logstash", order=ORDER, passed=False if problem else None, next=following, evidence=(evidence,),
        detail=problem or "it runs and nothing waits; it does not tell one line from another",
    )  # fmt: skip
