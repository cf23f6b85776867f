"""Secrets do not reach a line: by the names of fields always, by the look of values on request."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

from obskit.logging import JSONFormatter
from obskit.schema.load import parse_schema


@pytest.fixture
def formatter() -> JSONFormatter:
    return JSONFormatter(service="user-service")


@pytest.mark.parametrize(
    "name",
    ["password", "Password", "db_password", "passwordHash", "PASSWD", "client_secret", "Authorization",
     "X-Api-Key", "apiKey", "api_key", "access_token", "refreshToken", "token", "Set-Cookie", "private_key", "pwd",
     "credentials", "bearer", "jwt", "auth"],
)  # fmt: skip
def test_secret_names_are_redacted_everywhere(
    make_record: Any, formatter: JSONFormatter, judge: Any, name: str
) -> None:
    line = formatter.format(make_record("m", deep={"in": [{name: "hunter2"}]}, **{name: "hunter2"}))
    judge(line)
    assert "hunter2" not in line
    assert line.count("[REDACTED]") == 2


@pytest.mark.parametrize(
    "name",
    [
        "token_count",
        "tokens",
        "secretary",
        "author",
        "authority",
        "pinned",
        "session",
        "key",
        "keyboard",
    ],
)
def test_harmless_names_are_not(
    make_record: Any, formatter: JSONFormatter, judge: Any, name: str
) -> None:
    assert judge(formatter.format(make_record(**{name: "x"})))["attributes"][name] == "x"


def test_redaction_can_be_chosen(make_record: Any, judge: Any) -> None:
    own = JSONFormatter(service="s", redact=["iban", "code$"])
    event = judge(own.format(make_record(iban="DE1", promo_code="x", code_name="y", password="p")))
    assert event["attributes"] == {
        "iban": "[REDACTED]",
        "promo_code": "[REDACTED]",
        "code_name": "y",
        "password": "p",
    }
    none = JSONFormatter(service="s", redact=[])
    assert judge(none.format(make_record(password="p")))["attributes"]["password"] == "p"


def test_patterns_are_redacted_on_request(make_record: Any, judge: Any) -> None:
    formatter = JSONFormatter(service="s", redact_patterns=["card", "key", re.compile("top[0-9]+")])
    secrets = {
        "a": "card 4111 1111 1111 1111 paid", "b": ["AKIAIOSFODNN7EXAMPLE"], "c": "Bearer abcdefgh12345678",
        "d": "postgres://user:hunter2@db/x", "e": "top7", "f": "4111 1111 1111 1112",
    }  # fmt: skip
    line = formatter.format(make_record("pay 4111111111111111 now", **secrets))
    event = judge(line)
    assert event["message"] == "pay [REDACTED] now"
    assert event["attributes"] == {
        "a": "card [REDACTED] paid", "b": ["[REDACTED]"], "c": "Bearer [REDACTED]",
        "d": "postgres://[REDACTED]@db/x", "e": "[REDACTED]", "f": "4111 1111 1111 1112",
    }  # fmt: skip


def test_patterns_look_into_exceptions(make_record: Any, judge: Any) -> None:
    formatter = JSONFormatter(service="s", redact_patterns=["card"])
    try:
        raise ValueError("4111111111111111 declined")
    except ValueError:
        line = formatter.format(make_record(exc_info=sys.exc_info()))
    judge(line)
    assert "4111111111111111" not in line


def test_a_declared_field_can_be_secret(make_record: Any, judge: Any) -> None:
    schema = parse_schema(
        "fields:\n  card: {type: keyword, redact: true}\n  pin_code: {type: long, redact: true}\n"
    )
    line = JSONFormatter(service="s", schema=schema).format(make_record(card="4111", pin_code=1234))
    event = json.loads(line)
    assert event["card"] == "[REDACTED]"
    assert "1234" not in line


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("GET /x?token=abc&page=2", "GET /x?token=[REDACTED]&page=2"),
        ("GET /x?a=1&access_token=abc HTTP/1.1", "GET /x?a=1&access_token=[REDACTED] HTTP/1.1"),
        ("host=db password=hunter2 user=u", "host=db password=[REDACTED] user=u"),
        ("X-Amz-Signature=deadbeef", "X-Amz-Signature=[REDACTED]"),
        ("got {'password': 'a b', 'n': 1}", "got {'password': '[REDACTED]', 'n': 1}"),
        ('{"api_key":"x y"}', '{"api_key":"[REDACTED]"}'),
        ("open(secret='x y')", "open(secret='[REDACTED]')"),
        ("the password: forgotten", "the password: forgotten"),
        ("broken_tokens=3 tokens=4 page=2", "broken_tokens=3 tokens=4 page=2"),
    ],
)
def test_pairs_of_a_query_are_keys_too(
    make_record: Any, judge: Any, text: str, redacted: str
) -> None:
    formatter = JSONFormatter(service="s", redact_patterns=["key"])
    assert judge(formatter.format(make_record(text)))["message"] == redacted
