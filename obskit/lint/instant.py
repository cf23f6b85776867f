"""Timestamps as instants: what the linter compares and the normaliser writes."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["instant", "to_utc"]

_LOOSE: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
    r" ?(?:([Zz])|([+-])([0-9]{2})(?::?([0-9]{2}))?)"
)
_EPOCH: Final = re.compile(r"[0-9]{10,19}")
_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = 253_402_300_800_000  # milliseconds from 1970 to the year 10000
_GREATEST_OFFSET: Final = 18 * 60  # minutes; Elasticsearch refuses more


def to_utc(value: object) -> str | None:
    """A timestamp in the form that the log path writes, or None where the instant is not certain.

    The forms that are read are those of docs/normalisation.md, "Timestamps".

    Args:
        value: The value on the wire.
    """
    millis = _millis(value)
    if millis is None or not 0 <= millis < _END:
        return None
    moment = _ZERO + timedelta(milliseconds=millis)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{millis % 1000:03d}Z"


def instant(text: str) -> float:
    """The seconds since 1970 of a timestamp that keeps the schema.

    Args:
        text: A timestamp for which ``is_timestamp`` holds.
    """
    # fromisoformat reads at most what datetime holds; ninth digits decide no finding.
    return datetime.fromisoformat(text).timestamp()


def _millis(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if _EPOCH.fullmatch(value):
            return _epoch(float(value))
        return _date(value)
    return _epoch(float(value)) if isinstance(value, int | float) else None


def _epoch(value: float) -> int | None:
    if value < 0:
        return None
    if value < 1e11:
        scaled = value * 1000
    elif value < 1e14:
        scaled = value
    else:
        scaled = value / 1000 if value < 1e17 else value / 1_000_000
    return math.floor(scaled + 0.5)


def _date(text: str) -> int | None:
    found = _LOOSE.fullmatch(text)
    if found is None or not int(found[1]) >= 1970:
        return None
    offset = 0
    if found[9]:
        if int(found[11] or 0) > 59:
            return None
        offset = int(found[10]) * 60 + int(found[11] or 0)
        if offset > _GREATEST_OFFSET:
            return None
    try:
        moment = datetime(*(int(found[part]) for part in range(1, 7)), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:  # no such day, hour, minute or second
        return None
    millis = int(((found[7] or "") + "000")[:3])
    seconds = round((moment - _ZERO).total_seconds())
    return (seconds - (-offset if found[9] == "-" else offset) * 60) * 1000 + millis
