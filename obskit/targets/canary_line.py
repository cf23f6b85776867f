"""The canary's log lines, and where they are written so that the shipper takes them for the service's own.

Where ``logs`` is a pattern (``app/logs/*.json``), the lines go to a file of their own beside the service's,
named ``obskit-canary-<id>`` so that the pattern matches it, and the file is removed afterwards: the service's
files stay as they are. Where ``logs`` names one file, nothing beside it would be read: the line is appended
to it in one write (``O_APPEND``), and only while the file ends with a whole line. A named file that is not there
yet is made as the service would make it, in a folder of its own user, and stays: the service may have opened it.
"""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import json
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from obskit.config import Service, Settings
from obskit.errors import ObskitError
from obskit.schema import ATTRIBUTES, Field, FieldType, Schema
from obskit.targets.base import Canary

__all__ = ["MESSAGE", "Place", "broken", "event_of", "place", "writing"]

#: What every canary says; searches that look for real events leave it out.
MESSAGE: Final = "obskit canary"
_EVENT: Final = "obskit.canary"
_GLOB: Final = re.compile(r"[*?\[]")
_SET: Final = re.compile(r"\[!?\]?[^\]]*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a service's canary is written.

    Args:
        path: The file.
        own: Whether the file is the canary's own, and removed afterwards.
    """

    path: Path
    own: bool


def event_of(schema: Schema, service: Service, settings: Settings) -> dict[str, Any]:
    """A valid event with every declared field that has a sensible value.

    ``environment`` and ``version`` are left to the shipper where obskit.yml has them: that they arrive is
    part of the proof.

    Args:
        schema: The log schema.
        service: The service.
        settings: All of obskit.yml.
    """
    now = datetime.now(UTC)
    trace_id = secrets.token_hex(16)
    own: dict[str, Any] = {
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
        "level": "INFO",
        "service": service.name,
        "trace_id": trace_id,
        "message": MESSAGE,
        "event": _EVENT,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        ATTRIBUTES: {"obskit": {"canary": True, "deep": {"count": 3}}},
    }
    # The id comes first: Filebeat knows a young file by its first 64 bytes, and two canaries of one
    # millisecond would be one file to it.
    event: dict[str, Any] = {"trace_id": trace_id}
    shipped = {"environment": settings.environment, "version": service.version}
    for field in schema.fields:
        if shipped.get(field.name) or field.name == "severity_text":
            continue
        value = own.get(field.name, field.example if field.example is not None else _made_up(field))
        if value is None:
            continue
        holder = event
        for key in field.path[:-1]:
            holder = holder.setdefault(key, {})
        holder[field.path[-1]] = value
    return event


def _made_up(field: Field) -> Any:
    """A value for a project's field that has no example; None where nobody can know one."""
    if field.pattern:
        return None
    if field.allowed:
        return field.allowed[0]
    match field.type:
        case FieldType.KEYWORD | FieldType.TEXT:
            text = "canary".ljust(field.min_length, "y")
            return text[: field.max_length] if field.max_length else text
        case FieldType.LONG:
            return int(_within(field))
        case FieldType.DOUBLE:
            return float(_within(field))
        case FieldType.BOOLEAN:
            return True
        case FieldType.IP:
            return "192.0.2.1"
        case FieldType.DATE:
            return "2023-09-10T12:34:56.000Z"
        case FieldType.FLATTENED:
            return {"canary": True}


def _within(field: Field) -> float:
    if field.minimum is not None:
        return field.minimum
    return 1.0 if field.maximum is None else min(1.0, field.maximum)


def broken(event: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The same event with two faults, and the fields that the reasons have to name.

    Args:
        event: A valid event.
    """
    trace_id = secrets.token_hex(16)
    faults = {"level": "LOUD", "client_ip": "not-an-address"}
    faults = {name: value for name, value in faults.items() if name in event}
    return {**event, **faults, "trace_id": trace_id}, tuple(faults)


def place(service: Service, folder: Path) -> Place:
    """Where the service's canary can be written.

    Args:
        service: The service.
        folder: Where relative paths start.

    Raises:
        ObskitError: None of the service's paths is on this machine.
    """
    paths = [str(folder / pattern) for pattern in service.logs]
    for whole in paths:
        if not _GLOB.search(whole):
            if Path(whole).is_file():
                return Place(path=Path(whole), own=False)
            continue
        for path in _beside(whole):
            return Place(path=path, own=True)
    for whole in paths:
        if not _GLOB.search(whole) and _can_be_made(Path(whole)):
            return Place(path=Path(whole), own=False)
    raise ObskitError(
        f"{', '.join(service.logs)}: no such file, and no folder for one, on this machine",
        where=str(folder),
        hint="run obskit verify where the service writes its logs, and after it has begun to",
    )


def _can_be_made(path: Path) -> bool:
    """Whether a file made here would be the service's own: the folder's owner is who we are, or we are root."""
    if not path.parent.is_dir() or os.path.lexists(path):
        return False
    return os.geteuid() in {0, path.parent.stat().st_uid}


def _make(path: Path) -> None:
    owner = path.parent.stat()
    with contextlib.suppress(FileExistsError):  # the service has made it meanwhile
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            os.fchown(handle, owner.st_uid, owner.st_gid if os.geteuid() == 0 else -1)
        finally:
            os.close(handle)


def _beside(pattern: str) -> Iterator[Path]:
    """Names for the canary's own file that the pattern matches, in folders that are there."""
    parent, name = os.path.split(pattern.replace("**/", ""))
    # pathlib takes no pattern that begins at the root.
    folders = sorted(glob.glob(parent)) if _GLOB.search(parent) else [parent]  # noqa: PTH207
    word = f"obskit-canary-{secrets.token_hex(4)}"
    plain = _SET.sub(lambda found: _one_of(found[0]), name.replace("?", "0"))
    candidate = plain.replace("*", word, 1).replace("*", "")
    for folder in folders:
        path = Path(folder) / candidate
        if Path(folder).is_dir() and fnmatch.fnmatchcase(candidate, name) and not path.exists():
            yield path


def _one_of(characters: str) -> str:
    """A character that ``[…]`` matches."""
    return next(
        char for char in map(chr, range(48, 127)) if fnmatch.fnmatchcase(char, characters)
    )  # fmt: skip


@contextlib.contextmanager
def writing(spot: Place, events: list[Mapping[str, Any]]) -> Iterator[list[Canary]]:
    """Write canaries; a file of their own is removed at the end.

    Args:
        spot: Where.
        events: The events, one a line.

    Raises:
        ObskitError: The file cannot be written.
    """
    written = []
    try:
        for event in events:
            line = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
            offset = _append(spot, line.encode() + b"\n")
            written.append(
                Canary(
                    service=str(event.get("service")),
                    path=spot.path,
                    trace_id=str(event["trace_id"]),
                    line=line,
                    offset=offset,
                )
            )
        yield written
    finally:
        if spot.own:
            spot.path.unlink(missing_ok=True)


def _append(spot: Place, data: bytes) -> int:
    """Append in one write; the position at which it begins."""
    flags = os.O_WRONLY | os.O_APPEND | (os.O_CREAT if spot.own else 0)
    try:
        if not spot.own:
            _make(spot.path)
            _wait_for_whole_line(spot.path)
        handle = os.open(spot.path, flags, 0o644)
        try:
            if spot.own:
                os.fchmod(handle, 0o644)  # the shipper is seldom the user that obskit is
            count = os.write(handle, data)
            end = os.lseek(handle, 0, os.SEEK_CUR)
        finally:
            os.close(handle)
    except OSError as error:
        raise ObskitError(
            f"the canary cannot be written: {error.strerror}", where=str(spot.path),
            hint="run obskit verify as a user who may write where the service logs",
        ) from None  # fmt: skip
    if count != len(data):
        raise ObskitError("the canary was cut off: is the disk full?", where=str(spot.path))
    return end - count


def _wait_for_whole_line(path: Path) -> None:
    for _ in range(20):
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            if size == 0 or file.read(1) == b"\n":
                return
        time.sleep(0.1)
    raise ObskitError(
        "ends in the middle of a line for two seconds: a canary there would break it",
        where=str(path), hint="does the service write whole lines? name its logs by a pattern",
    )  # fmt: skip
