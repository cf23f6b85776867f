"""Generated values of any kind go through the formatter: none raises, all lines are strict."""

from __future__ import annotations

import logging
import math
import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obskit.logging import JSONFormatter
from obskit.logging.quick import QuickPath
from obskit.schema import BUILTIN


class Raises:
    def __str__(self) -> str:
        raise ValueError("no text of this")

    __repr__ = __str__


class Text(str):
    def __str__(self) -> str:
        raise ValueError("a text that raises")


class Number(int):
    def __str__(self) -> str:
        raise ValueError("a number that raises")


def cycle() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["self"] = [made]
    return made


def _generated(seed: random.Random, level: int = 0) -> Any:
    choice = seed.randrange(22 if level < 4 else 14)
    match choice:
        case 0 | 1 | 2:
            return seed.choice(
                ["", "text", "\0", "\ud800", "é" * seed.randrange(9_000), "\x1b[31m", "\u202e"]
            )
        case 3 | 4:
            return seed.choice([0, -1, 2**63, 2**64, -(2**70), seed.randrange(10**9)])
        case 5 | 6:
            return seed.choice([0.0, -0.0, math.nan, math.inf, 1e308, 5e-324, seed.random()])
        case 7:
            return seed.choice([None, True, False])
        case 8:
            return bytes(seed.randrange(256) for _ in range(seed.randrange(20)))
        case 9:
            return seed.choice([Raises(), Text("t"), Number(3), object(), len, Raises])
        case 10:
            return seed.choice(
                [
                    datetime(2023, 9, 10, tzinfo=UTC),
                    Decimal(1),
                    UUID(int=3),
                    Path("p"),
                    1j,
                    range(2),
                ]
            )
        case 11:
            return seed.choice(["192.168.1.1", "::1", "2023-09-10T12:34:56Z", "abc-123", "GET"])
        case 12 | 13:
            return "".join(chr(seed.randrange(0x110000)) for _ in range(seed.randrange(12)))
        case 14 | 15 | 16 | 17:
            return {
                _generated(seed, 9) if seed.random() < 0.1 else f"k{seed.randrange(9)}": _generated(
                    seed, level + 1
                )
                for _ in range(seed.randrange(5))
            }
        case 18 | 19:
            return [_generated(seed, level + 1) for _ in range(seed.randrange(5))]
        case 20:
            return tuple(_generated(seed, level + 1) for _ in range(seed.randrange(4)))
        case _:
            return cycle()


# What logging itself allows as an extra: no name that a record has already, nor message and asctime.
_TAKEN = {*logging.makeLogRecord({}).__dict__, "message", "asctime"}
_NAMES = sorted(
    {name for item in BUILTIN.fields for name in (item.name, *item.aliases) if name not in _TAKEN}
    | {"password", "x", "y", "cart", "error", "http"}
)


def _generated_extra(seed: random.Random) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    for _ in range(seed.randrange(5)):
        name = seed.choice(_NAMES)
        try:
            extra[name] = _generated(seed)
        except TypeError:  # a key that has no hash
            extra[name] = None
    return extra


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("native", "objects"), [(True, 100_000), (False, 20_000)])
def test_100_000_generated_objects(
    make_record: Any, judge: Any, native: bool, objects: int
) -> None:
    """No object raises; quick and careful path write the same line where both can, native or not."""
    seed = random.Random(20230910)
    formatter = JSONFormatter(service="user-service", version="1.2.3")
    if not native:
        formatter.quick = QuickPath(formatter.encoder, formatter.service, formatter.chosen)
    agreed = 0
    for number in range(objects):
        extra = _generated_extra(seed)
        message = _generated(seed, 9) if number % 3 else "User logged in"
        record = make_record(message, level=seed.choice([10, 20, 30, 40, 50, 25]))
        record.__dict__.update(extra)
        line = formatter.line(record)
        judge(line)
        if type(message) is str:
            assert line == formatter._careful(record, message)
            agreed += 1
    assert agreed > objects * 0.3


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=12,
)


@settings(
    max_examples=3_000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(
    message=st.text(st.characters(exclude_categories=())),
    extra=st.dictionaries(
        st.sampled_from(_NAMES) | st.text(st.characters(exclude_categories=())), _VALUES
    ),
)
def test_any_value_gives_a_line(
    make_record: Any, judge: Any, message: str, extra: dict[str, Any]
) -> None:
    formatter = JSONFormatter(service="user-service")
    record = make_record(message)
    record.__dict__.update(
        {key: value for key, value in extra.items() if key not in record.__dict__}
    )
    judge(formatter.line(record))


# A part takes about two minutes of one processor, all of them half an hour. Hypothesis remembers its examples:
# 10,000 at once took 0.8 GB.
@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("part", range(20))
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(extra=st.dictionaries(st.text(st.characters(exclude_categories=())), _VALUES))
def test_any_value_gives_a_line_for_hours(
    make_record: Any, judge: Any, part: int, extra: dict[str, Any]
) -> None:
    del part
    record = make_record("soak")
    record.__dict__.update(
        {key: value for key, value in extra.items() if key not in record.__dict__}
    )
    judge(JSONFormatter(service="user-service").line(record))
