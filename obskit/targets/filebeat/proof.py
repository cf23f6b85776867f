"""The proofs of Filebeat: it runs what was written, and what it read was acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from obskit.deadline import Deadline
from obskit.engine.verify import Check, Exchange, Proof, Verdict
from obskit.errors import DeliveryError, ObskitError
from obskit.targets.base import Canary, Hop
from obskit.targets.filebeat.client import FilebeatApi, Stats, acknowledged, error_lines
from obskit.targets.filebeat.content import input_count, sources

if TYPE_CHECKING:
    from obskit.targets.filebeat.target import Filebeat

__all__ = ["ORDER", "checks", "hop", "wait_for_inputs"]

#: Filebeat is the first server on the log path.
ORDER = 10

_POLL = 0.3


def wait_for_inputs(target: Filebeat, api: FilebeatApi, before: Stats, deadline: Deadline) -> None:
    """Wait until Filebeat has looked through its folder and runs every input there.

    Args:
        target: The target.
        api: Its HTTP endpoint.
        before: Counters from before the files were written.
        deadline: By when.

    Raises:
        DeliveryError: It does not run them all; with the words of its log where that is known.
    """
    expected = expected_inputs(target)
    while True:
        now = api.stats(deadline)
        # A Filebeat that was started again has read the folder as it is now. Else the scan that was going on while
        # a file was written may have missed it: the one after that has ended when the next begins.
        scans = now.scans if now.uptime < before.uptime else now.scans - before.scans
        if now.running == expected and scans >= 2:
            return
        if not deadline.sleep(_POLL):
            raise DeliveryError(
                f"{now.running} of {expected} inputs run{_words(target)}", where=api.http.base_url,
                hint="does filebeat.config.inputs name the folder, with reload.enabled: true? obskit doctor tells",
            )  # fmt: skip


def expected_inputs(target: Filebeat) -> int:
    """How many inputs the folder holds, ours and others."""
    names = target.folder.names("*.yml")
    return sum(input_count(target.folder.read(name) or "") for name in names)


def _words(target: Filebeat) -> str:
    if target.settings.log is None:
        return ""
    lines, _ = error_lines(target.path(target.settings.log), since=target.log_position)
    return "; its log: " + " | ".join(lines) if lines else ""


def checks(target: Filebeat) -> list[Check]:
    """What is tried."""
    seconds = target.context.settings.verify.deadline.total_seconds()
    return [
        Check(
            id="loaded/filebeat", title="inputs loaded, output without errors", seconds=seconds,
            run=lambda deadline: _loaded(target, deadline),
        )
    ]  # fmt: skip


def _loaded(target: Filebeat, deadline: Deadline) -> Iterator[Proof]:
    title = "inputs loaded, output without errors"
    if target.api is None:
        yield Proof(
            id="loaded/filebeat", title=title, verdict=Verdict.UNPROVED,
            detail="filebeat.url is not set: the files are written, whether they are read is not known",
            next="set http.enabled: true in filebeat.yml, and filebeat.url in obskit.yml",
        )  # fmt: skip
        return
    # Numbers alone can be right by chance just after a change: two scans of the folder from now on have to pass.
    first = target.api.stats(deadline)
    expected = expected_inputs(target)
    while True:
        stats = target.api.stats(deadline)
        problem, following = _problem(first, stats, expected)
        if not problem or not deadline.sleep(_POLL):
            break
    yield Proof(
        id="loaded/filebeat",
        title=title,
        verdict=Verdict.FAILED if problem else Verdict.PROVED,
        detail=problem + _words(target) if problem
        else f"{stats.running} inputs run, {stats.acked} events acknowledged, none given up",
        next=following,
        evidence=(_evidence(target, stats),),
    )  # fmt: skip


def _problem(first: Stats, stats: Stats, expected: int) -> tuple[str, str]:
    if expected and stats.scans < first.scans + 2:
        return (
            "it does not look through the folder of its inputs",
            "set filebeat.config.inputs with reload.enabled: true and a reload.period of a few seconds",
        )
    if stats.running != expected:
        return (
            f"{stats.running} of {expected} inputs run",
            "obskit doctor looks at filebeat.config.inputs; its log has the reason",
        )
    if stats.dropped:
        return (
            f"{stats.dropped} events were given up by its output",
            "set non_indexable_policy.dead_letter_index, as filebeat/filebeat.yml.j2 has it",
        )
    if stats.exceptions:
        return (
            f"the script failed on {stats.exceptions} events",
            "its log has the exception: report it",
        )
    return "", ""


def _evidence(target: Filebeat, stats: Stats) -> Exchange:
    base = target.api.http.base_url if target.api else ""
    shown = ", ".join(f"{name}={getattr(stats, name)}" for name in Stats.__slots__)
    return Exchange(of=base, asked="GET /stats", answer=shown)


def hop(target: Filebeat, canary: Canary, deadline: Deadline) -> Hop:
    """Whether Filebeat read a canary line, and whether its output acknowledged it."""
    inputs = sources(target.context.settings, target.settings)
    if not any(fnmatchcase(str(canary.path), path) for item in inputs for path in item.paths):
        return Hop(
            name="filebeat", order=ORDER, passed=False, detail=f"no input reads {canary.path}",
            next="add the file to the service's logs in obskit.yml",
        )  # fmt: skip
    evidence: list[Exchange] = []
    state = _endpoint(target, deadline, evidence)
    end = canary.offset + len(canary.line.encode()) + 1
    if target.settings.data is not None:
        return _by_registry(target, canary, end, state, evidence)
    if state:
        return Hop(
            name="filebeat", order=ORDER, passed=False, detail=state, evidence=tuple(evidence),
            next="is Filebeat running? its log has the reason",
        )  # fmt: skip
    return Hop(
        name="filebeat", order=ORDER, passed=None, evidence=tuple(evidence),
        detail="it answers; whether it acknowledged this line is not known",
        next="set filebeat.data to its data folder, and its registry will tell",
    )  # fmt: skip


def _endpoint(target: Filebeat, deadline: Deadline, evidence: list[Exchange]) -> str:
    """What the endpoint has against it; nothing where it is well, or there is no endpoint."""
    if target.api is None:
        return ""
    try:
        stats = target.api.stats(deadline.within(5.0))
    except ObskitError as error:
        evidence.append(
            Exchange(of=target.api.http.base_url, asked="GET /stats", answer=str(error))
        )
        return f"it does not answer: {error.message}"
    evidence.append(_evidence(target, stats))
    expected = expected_inputs(target)
    if stats.running != expected:
        return f"{stats.running} of {expected} inputs run{_words(target)}"
    if stats.failed and not stats.acked:
        return f"its output refuses everything ({stats.failed} events wait){_words(target)}"
    return ""


def _by_registry(
    target: Filebeat, canary: Canary, end: int, state: str, evidence: list[Exchange]
) -> Hop:
    data = target.path(target.settings.data or Path())
    try:
        offset = acknowledged(data, canary.path)
    except ObskitError as error:
        return Hop(
            name="filebeat", order=ORDER, passed=False if state else None, detail=state or str(error),
            next=error.hint, evidence=tuple(evidence),
        )  # fmt: skip
    evidence.append(Exchange(of=str(data), asked=f"offset of {canary.path}", answer=str(offset)))
    if offset is not None and offset >= end:
        return Hop(
            name="filebeat", order=ORDER, passed=True, evidence=tuple(evidence),
            detail=f"read and acknowledged to byte {offset}, the line ends at {end}",
        )  # fmt: skip
    if offset is None:
        detail = state or "it has not opened the file"
        following = "is Filebeat running, and may it read the file?"
    else:
        detail = state or f"acknowledged to byte {offset} only, the line ends at {end}"
        following = "its output does not take events: is the server behind it well?"
    return Hop(
        name="filebeat", order=ORDER, passed=False, detail=detail, next=following, evidence=tuple(evidence)
    )  # fmt: skip
