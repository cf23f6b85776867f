"""What ``doctor`` learns of a Grafana."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError, DeniedError, ServerError
from obskit.targets.base import Finding

__all__ = ["folder", "server"]

#: What is written needs these actions.
_NEEDED: Final = (
    "datasources:read", "datasources:create", "datasources:write", "datasources:query",
    "folders:read", "folders:create", "folders:write",
    "dashboards:read", "dashboards:create", "dashboards:write",
    "annotations:read", "annotations:create", "annotations:delete",
)  # fmt: skip
#: Behind by more, and what Grafana asks for as "now" is not what the servers have.
_CLOCK: Final = 5.0
_OLDEST: Final = 9


def folder(path: Path) -> Finding:
    """Whether the provisioning folder can be written to."""
    if not path.is_dir():
        return Finding(
            subject="address", ok=False, detail=f"{path}: no such folder",
            next="make it, or write where Grafana reads its provisioning files from",
        )  # fmt: skip
    if not os.access(path, os.W_OK | os.X_OK):
        return Finding(
            subject="privileges", ok=False, detail=f"{path} may not be written to",
            next="run as a user who may",
        )  # fmt: skip
    return Finding(subject="address", ok=True, detail=f"files go to {path}")


def server(http: Http, deadline: Deadline) -> Iterator[Finding]:
    """Address, version, organisation, privileges, clock; writes nothing.

    Args:
        http: Grafana.
        deadline: When to stop asking.
    """
    try:
        before = time.time()
        answer = http.get("/api/health", deadline=deadline)
        after = time.time()
        health = answer.json()
    except ServerError as error:
        yield Finding(subject="address", ok=False, detail=error.fact, next=error.hint)
        return
    told = health if isinstance(health, Mapping) else {}
    if "database" not in told:
        yield Finding(
            subject="address", ok=False, detail=f"{http.base_url} answers, but not as a Grafana does",
            next="is the address that of Grafana itself?",
        )  # fmt: skip
        return
    healthy = told["database"] == "ok"
    trouble = "" if healthy else f", but its database is {told.get('database')!r}"
    yield Finding(
        subject="address", ok=healthy, detail=f"{http.base_url} answers{trouble}",
        next="" if healthy else "look at Grafana's log",
    )  # fmt: skip
    yield _version(str(told.get("version", "")))
    yield from _rights(http, deadline)
    yield _clock(answer.headers.get("date", ""), before, after)


def _version(version: str) -> Finding:
    major = version.partition(".")[0]
    if not major.isdigit():
        return Finding(
            subject="version",
            ok=None,
            detail="not told: anonymous callers may be barred from it",
        )
    if int(major) < _OLDEST:
        return Finding(
            subject="version", ok=False, detail=version,
            next=f"obskit speaks to Grafana {_OLDEST} and later: upgrade it",
        )  # fmt: skip
    return Finding(subject="version", ok=True, detail=version)


def _rights(http: Http, deadline: Deadline) -> Iterator[Finding]:
    try:
        org: Any = http.get("/api/org", deadline=deadline).json()
        name = org.get("name") if isinstance(org, Mapping) else None
        if not isinstance(name, str):
            raise BadAnswerError(
                "answered something that is no organisation", where=f"GET {http.base_url}/api/org",
                hint="is the address that of Grafana itself?",
            )  # fmt: skip
        yield Finding(subject="organisation", ok=True, detail=name)
        held = http.get("/api/access-control/user/permissions", deadline=deadline, allow={404})
    except DeniedError as error:
        yield Finding(subject="privileges", ok=False, detail=error.fact, next=error.hint)
        return
    except ServerError as error:
        yield Finding(subject="privileges", ok=None, detail=error.fact, next=error.hint)
        return
    if held.status == 404:
        yield Finding(subject="privileges", ok=None, detail="this Grafana does not list them")
        return
    actions: Any = held.json()
    if not isinstance(actions, Mapping):
        yield Finding(subject="privileges", ok=None, detail="this Grafana lists something else")
        return
    missing = [action for action in _NEEDED if action not in actions]
    if missing:
        yield Finding(
            subject="privileges", ok=False, detail=f"missing: {', '.join(missing)}",
            next="give the service account the role Editor, and datasources:create and :write (Admin has all)",
        )  # fmt: skip
    else:
        yield Finding(subject="privileges", ok=True, detail="all that obskit needs")


def _clock(date: str, before: float, after: float) -> Finding:
    """From the ``Date`` header, which has whole seconds."""
    if not date:
        return Finding(subject="clock", ok=None, detail="the answer carries no Date")
    try:
        there = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return Finding(subject="clock", ok=None, detail=f"{date!r} is no date")
    off = max(there - after, before - (there + 1), 0.0)
    return Finding(
        subject="clock", ok=off <= _CLOCK, detail=f"off by {off:.0f} s at most" if off else "agrees with this machine",
        next="" if off <= _CLOCK else "synchronise the clocks: ranges such as now-1h mean something else there",
    )  # fmt: skip
