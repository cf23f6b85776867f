"""What doctor looks at in Alertmanager, and the proof that the file is what runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from obskit.deadline import Deadline
from obskit.delivery.http import Answer, Http
from obskit.engine.verify import Exchange, Proof, Verdict
from obskit.errors import BadAnswerError
from obskit.targets import official
from obskit.targets.base import Finding
from obskit.targets.clock import clock_finding

if TYPE_CHECKING:
    from obskit.targets.alertmanager import Alertmanager

__all__ = ["examine", "loaded", "status"]


def status(http: Http) -> dict[str, Any]:
    """What an Alertmanager says of itself.

    Raises:
        BadAnswerError: It is none.
    """
    return _status(http.get("/api/v2/status"))


def _status(answer: Answer) -> dict[str, Any]:
    found = answer.json()
    if not isinstance(found, dict) or "versionInfo" not in found:
        raise not_alertmanager(answer.request)
    return found


def not_alertmanager(where: str) -> BadAnswerError:
    """What is said of an answer that no Alertmanager gives."""
    return BadAnswerError(
        "this is not the answer of an Alertmanager", where=where,
        hint="is the address that of Alertmanager itself, with its path prefix?",
    )  # fmt: skip


def examine(target: Alertmanager, deadline: Deadline) -> Iterator[Finding]:
    """Address, version, cluster, file, clock."""
    answer = target.http.get("/api/v2/status", deadline=deadline)
    now = time.time()
    told = _status(answer)
    yield Finding(subject="address", ok=True, detail=target.http.base_url)
    yield Finding(
        subject="version",
        ok=True,
        detail=f"Alertmanager {told['versionInfo'].get('version', '?')}",
    )
    yield official.match("amtool", str(told["versionInfo"].get("version", "")))
    cluster = told.get("cluster") or {}
    peers = len(cluster.get("peers") or ())
    yield Finding(
        subject="cluster",
        ok=True,
        detail=f"{cluster.get('status', 'unknown')}, {max(peers, 1)} instances",
    )
    there = target.file.is_file()
    writable = there and os.access(target.file, os.R_OK) and os.access(target.file.parent, os.W_OK)
    yield Finding(
        subject="file", ok=writable,
        detail=f"{target.file} " + ("can be written" if writable else "cannot be written" if there else "is not there"),
        next="" if writable else "alertmanager.file names the server's own alertmanager.yml, writable for you",
    )  # fmt: skip
    if "date" in answer.headers:
        yield clock_finding(parsedate_to_datetime(answer.headers["date"]).timestamp(), now)


def loaded(target: Alertmanager, deadline: Deadline) -> Iterator[Proof]:
    """Whether the hash that the server shows is that of the file's bytes."""
    from obskit.targets.alertmanager import config_hash

    expected = config_hash(target.file.read_bytes())
    metrics = target.metrics(deadline)
    seen = metrics.get("alertmanager_config_hash")
    good = seen == expected and metrics.get("alertmanager_config_last_reload_successful") == 1
    yield Proof(
        id="loaded/alertmanager", title="the file is what runs",
        verdict=Verdict.PROVED if good else Verdict.FAILED,
        detail=f"alertmanager_config_hash is that of {target.file.name}" if good
        else f"alertmanager_config_hash is {seen}, that of {target.file.name} is {expected}",
        next="" if good else "reload it; if that fails its log has the reason",
        evidence=(
            Exchange(of=target.http.base_url, asked="GET /metrics", answer=f"alertmanager_config_hash {seen}"),
        ),
    )  # fmt: skip
