"""What can be learned of a running Filebeat: its HTTP endpoint, its registry, its log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError, ReadError

__all__ = ["FilebeatApi", "Stats", "acknowledged", "error_lines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counters since Filebeat's start.

    Args:
        uptime: Milliseconds since its start.
        running: Inputs of the reloaded folder that run.
        starts: Inputs of that folder that were started.
        scans: How often the folder was looked through.
        acked: Events that the output acknowledged.
        failed: Events that are sent again.
        dropped: Events that the output gave up.
        write_errors: Failed writes to the output.
        exceptions: Lines that the script failed on.
    """

    uptime: int
    running: int
    starts: int
    scans: int
    acked: int
    failed: int
    dropped: int
    write_errors: int
    exceptions: int


class FilebeatApi:
    """Filebeat's HTTP endpoint.

    Args:
        http: The server.
    """

    def __init__(self, http: Http) -> None:
        self.http = http

    def version(self, deadline: Deadline | None = None) -> str:
        """Its version.

        Raises:
            BadAnswerError: The answer is not one of a Filebeat.
        """
        answer = self.http.get("/", deadline=deadline)
        body = answer.json()
        if not isinstance(body, dict) or body.get("beat") != "filebeat":
            raise BadAnswerError(
                "this is not the answer of a Filebeat", where=answer.request,
                hint="is filebeat.url the address of its own HTTP endpoint (http.port, 5066)?",
            )  # fmt: skip
        return str(body.get("version", ""))

    def stats(self, deadline: Deadline | None = None) -> Stats:
        """Its counters.

        Raises:
            BadAnswerError: The answer is not one of a Filebeat.
        """
        answer = self.http.get("/stats", deadline=deadline)
        body = answer.json()
        if not isinstance(body, dict) or "libbeat" not in body:
            raise BadAnswerError("these are not the counters of a Filebeat", where=answer.request)
        scripts = _at(body, "processor", "javascript")
        return Stats(
            uptime=_number(body, "beat", "info", "uptime", "ms"),
            running=_number(body, "libbeat", "config", "module", "running"),
            starts=_number(body, "libbeat", "config", "module", "starts"),
            scans=_number(body, "libbeat", "config", "scans"),
            acked=_number(body, "libbeat", "output", "events", "acked"),
            failed=_number(body, "libbeat", "output", "events", "failed"),
            dropped=_number(body, "libbeat", "output", "events", "dropped"),
            write_errors=_number(body, "libbeat", "output", "write", "errors"),
            exceptions=sum(
                _number(item, "exceptions")
                for name, item in (scripts.items() if isinstance(scripts, Mapping) else ())
                if name.startswith("obskit")
            ),
        )


def _at(data: Any, *path: str) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def _number(data: Any, *path: str) -> int:
    # Filebeat leaves a counter out until something has counted.
    found = _at(data, *path)
    return int(found) if isinstance(found, int | float) else 0


def acknowledged(data: Path, file: Path) -> int | None:
    """How far a file was acknowledged, in bytes, by Filebeat's registry; None where it does not know the file.

    The registry is a log of operations beside a snapshot that ``active.dat`` names
    (libbeat/statestore/backend/memlog).

    Args:
        data: Filebeat's data folder.
        file: The log file.

    Raises:
        ReadError: There is no registry, or it cannot be read.
    """
    folder = data / "registry" / "filebeat"
    try:
        entries = dict(_registry(folder))
    except (OSError, ValueError) as error:
        raise ReadError(
            f"the registry cannot be read: {error}", where=str(folder),
            hint="filebeat.data names its data folder (path.data); may this user read it?",
        ) from None  # fmt: skip
    path = str(file.resolve())
    offsets = [
        int(_at(value, "cursor", "offset") or 0)
        for value in entries.values()
        if _at(value, "meta", "source") in (path, str(file))
    ]
    return max(offsets, default=None)


def _registry(folder: Path) -> Iterator[tuple[str, Any]]:
    active = folder / "active.dat"
    if active.is_file():
        snapshot = Path(active.read_text(encoding="utf-8").strip())
        for item in json.loads((folder / snapshot.name).read_text(encoding="utf-8")):
            yield item["_key"], item
    operation = ""
    for line in (folder / "log.json").read_text(encoding="utf-8").split("\n"):
        try:
            entry = json.loads(line) if line else {}
        except ValueError:
            break  # the last line is being written just now
        if "op" in entry:
            operation = entry["op"]
        elif "k" in entry:
            yield entry["k"], None if operation == "remove" else entry.get("v")


def error_lines(log: Path, *, since: int = 0, limit: int = 5) -> tuple[list[str], int]:
    """The last ERROR lines of a log, and its length.

    Args:
        log: Filebeat's log file; where it is not there, no lines.
        since: Position from which to read, in bytes.
        limit: How many lines at most.
    """
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(since if since <= size else 0)
            text = stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", where=str(log)) from None
    found = [
        line.strip()[:500]
        for line in text.split("\n")
        if ("\tERROR\t" in line or '"log.level":"error"' in line)
        and "Not loading modules" not in line
    ]
    return found[-limit:], size
