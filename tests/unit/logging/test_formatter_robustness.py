"""Whatever a service logs, the formatter writes one strict JSON line of the schema, and raises nothing."""

from __future__ import annotations

import json
import logging
import math
import os
from collections import ChainMap, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from obskit.logging import JSONFormatter
from obskit.schema import BUILTIN

CORPORA = Path(os.environ.get("OBSKIT_CORPORA", Path(__file__).parents[4] / "shared" / "corpora"))
NAUGHTY = CORPORA / "blns" / "blns.json"


class Raises:
    def __str__(self) -> str:
        raise ValueError("no text of this")

    __repr__ = __str__


class RaisesBase:
    def __str__(self) -> str:
        raise KeyError(self)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __hash__(self) -> int:
        return 7


class NotText:
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]  # noqa: PLE0307 - that is what is tried


class Text(str):
    def __str__(self) -> str:
        raise ValueError("a text that raises")

    def encode(self, *_: Any) -> bytes:
        raise ValueError("a text that does not encode")


class Number(int):
    def __str__(self) -> str:
        raise ValueError("a number that raises")


class Mapping(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise ValueError("a mapping without items")


class Colour(Enum):
    RED = "red"
    ODD = object()


class Meta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)


class WithMeta(metaclass=Meta):
    pass


class Chained(Exception):
    def __str__(self) -> str:
        raise ValueError("an exception without a message")


@dataclass
class Data:
    password: str = "hunter2"


Point = namedtuple("Point", "x y")


def cycle() -> dict[str, Any]:
    made: dict[str, Any] = {"list": []}
    made["list"].append(made)
    made["self"] = made
    return made


def deep(levels: int, kind: str = "dict") -> Any:
    made: Any = "bottom"
    for _ in range(levels):
        made = {"down": made} if kind == "dict" else [made]
    return made


def raised(error: BaseException) -> tuple[Any, ...]:
    try:
        raise error
    except BaseException as caught:
        return type(caught), caught, caught.__traceback__


def endless() -> tuple[Any, ...]:
    def again() -> None:
        again()

    try:
        again()
    except RecursionError as error:
        return type(error), error, error.__traceback__
    raise AssertionError


def caused() -> tuple[Any, ...]:
    try:
        try:
            raise Chained
        except Chained as first:
            raise ExceptionGroup("many", [ValueError("one"), first]) from first
    except ExceptionGroup as error:
        error.add_note("\ud800 a note")
        return type(error), error, error.__traceback__


def changed(**attributes: Any) -> Callable[[logging.LogRecord], None]:
    def change(record: logging.LogRecord) -> None:
        record.__dict__.update(attributes)

    return change


def without(*names: str) -> Callable[[logging.LogRecord], None]:
    def change(record: logging.LogRecord) -> None:
        for name in names:
            del record.__dict__[name]

    return change


# Each is (what to log, how to change the record), by what is hostile about it.
HOSTILE: dict[str, tuple[dict[str, Any], Callable[[logging.LogRecord], None] | None]] = {
    "a cycle of objects": ({"x": cycle()}, None),
    "a list that holds itself": ({"x": cycle()["list"]}, None),
    "200 levels of objects": ({"x": deep(200)}, None),
    "2,000 levels of objects": ({"x": deep(2_000)}, None),
    "2,000 levels of lists": ({"x": deep(2_000, "list")}, None),
    "NaN": ({"x": math.nan}, None),
    "infinity": ({"x": math.inf, "y": -math.inf}, None),
    "NaN in a list": ({"x": [1.0, math.nan]}, None),
    "NaN as a key": ({"x": {math.nan: 1}}, None),
    "a lone surrogate in the message": ({"msg": "a \ud800 b"}, None),
    "a lone surrogate in a value": ({"x": "\udfff"}, None),
    "a lone surrogate in a key": ({"x": {"\ud800": 1}}, None),
    "a lone surrogate in a name": ({"\ud800": 1}, None),
    "a lone surrogate in a declared field": ({"user_id": "\ud800"}, None),
    "a lone surrogate in the logger": ({"name": "app.\ud800"}, None),
    "bytes": ({"x": b"\xff\xfe\x00"}, None),
    "bytes as the message": ({"msg": b"\xff"}, None),
    "bytes as a key": ({"x": {b"\xff": 1}}, None),
    "a memoryview": ({"x": memoryview(b"abc")}, None),
    "a bytearray of 10 MB": ({"x": bytearray(10_000_000)}, None),
    "keys of many types": ({"x": {None: 1, True: 2, 3: 4, 5.5: 6, (7, 8): 9}}, None),
    "keys that collide": ({"x": {1: "a", "1": "b", 1.5: "c", "1.5": "d"}}, None),
    "keys that are objects": ({"x": {object(): 1, object(): 2}}, None),
    "keys that cannot be compared": ({"x": {RaisesBase(): 1}}, None),
    "a key of 100,000 characters": ({"x": {"k" * 100_000: 1}}, None),
    "keys alike for 100,000 characters": (
        {"x": {"k" * 100_000 + str(n): n for n in range(9)}},
        None,
    ),
    "NUL in a key": ({"x": {"a\0b": 1}, "c\0d": 2}, None),
    "an empty key": ({"x": {"": 1}, "": 2}, None),
    "an int of 20,000 bits": ({"x": 2**20_000}, None),
    "an int of 65 bits": ({"x": 2**64, "y": -(2**63) - 1}, None),
    "an int of 65 bits in a declared field": ({"pid": 2**64, "duration_ms": 2**2_000}, None),
    "a text of 10 MB": ({"x": "é" * 5_000_000}, None),
    "a message of 10 MB": ({"msg": "é" * 5_000_000}, None),
    "a message of control characters": ({"msg": "\0" * 60_000}, None),
    "attributes of control characters": ({"x": ["\0" * 8_000] * 50}, None),
    "a list of a million": ({"x": list(range(1_000_000))}, None),
    "an object of 100,000": ({"x": {str(n): n for n in range(100_000)}}, None),
    "5,000 extras": ({f"x{n}": n for n in range(5_000)}, None),
    "5,000 long extras": ({f"x{n}": "v" * 5_000 for n in range(5_000)}, None),
    "a wide tree": ({"x": [[[[0] * 30] * 30] * 30] * 30}, None),
    "too few arguments": ({"msg": "%s %s", "args": ("one",)}, None),
    "too many arguments": ({"msg": "%s", "args": ("one", "two")}, None),
    "an argument of the wrong type": ({"msg": "%d", "args": ("one",)}, None),
    "a format that is none": ({"msg": "100%", "args": ("one",)}, None),
    "a format with a name": ({"msg": "%(missing)s", "args": ({"a": 1},)}, None),
    "an argument that raises": ({"msg": "%s", "args": (Raises(),)}, None),
    "an argument whose text is none": ({"msg": "%s", "args": (NotText(),)}, None),
    "arguments that are no tuple": ({}, changed(args=7)),
    "arguments that are a cycle": ({"msg": "%d", "args": (cycle(),)}, None),
    "a message that raises": ({"msg": Raises()}, None),
    "a message that is an exception": ({"msg": ValueError("wrong")}, None),
    "a message that is a dictionary": ({"msg": {"a": cycle()}}, None),
    "a message that is None": ({"msg": None}, None),
    "a message that is a text of its own": ({"msg": Text("own")}, None),
    "a message that is empty": ({"msg": ""}, None),
    "a value that raises": ({"x": Raises(), "y": RaisesBase()}, None),
    "a value of a class with a hostile metaclass": ({"x": WithMeta(), "y": WithMeta}, None),
    "a text of its own": ({"x": Text("own"), "user_id": Text("own")}, None),
    "a number of its own": ({"x": Number(7), "pid": Number(7)}, None),
    "a mapping of its own": ({"x": Mapping(a=1)}, None),
    "a named tuple": ({"x": Point(1, 2)}, None),
    "a data class": ({"x": Data()}, None),
    "an enumeration of objects": ({"x": Colour.ODD, "y": Colour.RED}, None),
    "collections": (
        {"x": [OrderedDict(a=1), defaultdict(list), deque([1]), {1}, frozenset({2})]},
        None,
    ),
    "other collections": ({"x": [ChainMap({}), SimpleNamespace(a=1), range(3), iter([1])]}, None),
    "a generator": ({"x": (n for n in range(3))}, None),
    "functions, classes, modules": ({"x": [len, logging, Raises, lambda: 0]}, None),
    "values of the standard library": (
        {
            "x": [
                datetime(2023, 9, 10, tzinfo=UTC),
                timedelta(1),
                Decimal("NaN"),
                UUID(int=1),
                Path("/"),
                1j,
            ]
        },
        None,
    ),
    "every name of a field": (
        {item.name: object() for item in BUILTIN.fields if item.name != "message"},
        None,
    ),
    "every alias of a field": (
        {
            alias: ["\ud800", math.nan]
            for item in BUILTIN.fields
            for alias in item.aliases
            if alias != "asctime"
        },
        None,
    ),
    "attributes that are no object": ({"attributes": [1]}, None),
    "attributes deep inside": ({"attributes": deep(60)}, None),
    "error that is a text": ({"error": "boom", "http": 7}, None),
    "error that is a tree": ({"error": {"type": deep(40), 7: 8}}, None),
    "our own marks": ({"_cut": 1, "_invalid": "x", "event_id": 7}, None),
    "an address that is none": ({"client_ip": "x" * 100_000}, None),
    "an address with NUL": ({"client_ip": "1.2.3.4\0"}, None),
    "a trace id with a line feed": ({"trace_id": "abc\n"}, None),
    "a trace id that is a cycle": ({"trace_id": cycle()}, None),
    "exception without a message": ({"exc_info": raised(Chained())}, None),
    "exception with a huge message": ({"exc_info": raised(ValueError("x" * 5_000_000))}, None),
    "exception of endless recursion": ({"exc_info": endless()}, None),
    "exception group with causes": ({"exc_info": caused()}, None),
    "exc_info that is true": ({"exc_info": True}, None),
    "exc_info of three None": ({"exc_info": (None, None, None)}, None),
    "exc_info that is nonsense": ({"exc_info": "nonsense"}, None),
    "exc_info of the wrong length": ({"exc_info": (1, 2)}, None),
    "stack_info that is no text": ({}, changed(stack_info=7)),
    "stack_info of 1 MB": ({}, changed(stack_info="s" * 1_000_000)),
    "no level name": ({}, without("levelname")),
    "a level that is an object": ({}, changed(levelname=object(), levelno=object())),
    "a level nobody knows": ({}, changed(levelname="NOTICE", levelno=25)),
    "a level of 10,000 characters": ({}, changed(levelname="L" * 10_000, levelno=25)),
    "no time": ({}, without("created")),
    "a time that is NaN": ({}, changed(created=math.nan)),
    "a time before 1970": ({}, changed(created=-1.5)),
    "a time after 9999": ({}, changed(created=1e30)),
    "a time that is text": ({}, changed(created="now")),
    "a time that raises": ({}, changed(created=Raises())),
    "a logger without a name": ({"name": None}, None),
    "a logger with 10,000 characters": ({"name": "n" * 10_000}, None),
    "a logger that cannot be hashed": ({"name": []}, None),
    "no attributes at all": ({}, lambda record: record.__dict__.clear()),
    "a name that is no text": ({}, lambda record: record.__dict__.update({7: 8, None: 9})),  # type: ignore[dict-item]
    "a name that raises": ({}, lambda record: record.__dict__.update({RaisesBase(): 8})),  # type: ignore[dict-item]
}


@pytest.fixture(scope="module")
def formatter() -> JSONFormatter:
    return JSONFormatter(service="user-service", environment="test")


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_record_gives_a_line_of_the_schema(
    case: str, make_record: Any, judge: Any, formatter: JSONFormatter
) -> None:
    """The required fields survive, the record is not changed, and the second line equals the first."""
    given, change = HOSTILE[case]
    record = make_record(**given)
    if change is not None:
        change(record)
    before = dict(record.__dict__)
    event = judge(formatter.format(record))
    assert event["service"] == "user-service"
    assert event["level"] in BUILTIN.by_name["level"].allowed
    assert isinstance(event["message"], str)
    assert list(record.__dict__) == list(before)
    assert all(
        record.__dict__[key] is value for key, value in before.items() if isinstance(key, str)
    )


def test_the_hostile_set_is_as_large_as_promised() -> None:
    assert len(HOSTILE) >= 78


def test_something_that_is_no_record_gives_a_line(judge: Any, formatter: JSONFormatter) -> None:
    for thing in (None, 7, object(), SimpleNamespace(msg="x"), Raises()):
        assert judge(formatter.format(thing))["level"] == "INFO"  # type: ignore[arg-type]


def test_an_argument_is_turned_to_text_once(make_record: Any, formatter: JSONFormatter) -> None:
    calls: list[str] = []

    class Counted:
        def __str__(self) -> str:
            calls.append("str")
            raise ValueError("no")

    formatter.format(make_record("%s and %s", (Counted(), "x")))
    assert calls == ["str"]


def test_what_surrounds_a_hostile_value_survives(
    make_record: Any, judge: Any, formatter: JSONFormatter
) -> None:
    event = judge(formatter.format(make_record(x=Raises(), y="kept", client_ip="192.168.1.1")))
    assert event["client_ip"] == "192.168.1.1"
    assert event["attributes"] == {"x": f"<{__name__}.Raises>", "y": "kept"}


def _naughty() -> list[str]:
    return json.loads(NAUGHTY.read_text(encoding="utf-8"))


@pytest.mark.skipif(not NAUGHTY.exists(), reason=f"no corpora at {CORPORA}")
def test_naughty_strings_in_every_field(
    make_record: Any, judge: Any, formatter: JSONFormatter
) -> None:
    """515 naughty strings × every field, alias and place."""
    strings = _naughty()
    assert len(strings) == 515
    for text in strings:
        for field in BUILTIN.fields:
            if field.name != "message":
                judge(formatter.line(make_record("m", **{field.name: text})))
        event = judge(formatter.line(make_record(text, name=text, x=text, y={text: [text]})))
        assert event["message"] == text
        assert event["attributes"]["x"] == text
        judge(formatter.line(make_record("%s", (text,), exc_info=raised(ValueError(text)))))
        judge(formatter.line(make_record("m", **({text: 1} if text != "message" else {}))))
