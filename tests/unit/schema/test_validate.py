"""The plain slow path says exactly which rule a defect breaks, and the JSON Schema agrees on validity."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from obskit.schema import BUILTIN, LIMITS, REFERENCE_LINE
from obskit.schema.export import json_schema
from obskit.schema.validate import NOTICES, RULES, is_ip, is_timestamp, validate

REFERENCE = json.loads(REFERENCE_LINE)


def nested(levels: int) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = {"a": made}
    return made


def test_the_reference_line_is_valid() -> None:
    assert validate(REFERENCE) == []


# What is changed in the reference event → the rule and the field.
DEFECTS: list[tuple[dict[str, Any], str, str]] = [
    ({"level": "warn"}, "level-case", "level"),
    ({"level": "WARNING"}, "allowed", "level"),
    ({"level": 3}, "type", "level"),
    ({"level": None}, "required", "level"),
    ({"timestamp": "2023-09-10 12:34:56"}, "timestamp-zone", "timestamp"),
    ({"timestamp": "2023-09-10T12:34:56"}, "timestamp-zone", "timestamp"),
    ({"timestamp": "2023-09-10T12:34:56+0200"}, "timestamp-zone", "timestamp"),
    ({"timestamp": "2023-09-10T12:34:56 CET"}, "timestamp-zone", "timestamp"),
    ({"timestamp": "2023-02-29T12:34:56Z"}, "format", "timestamp"),
    ({"timestamp": "2023-04-31T12:34:56Z"}, "format", "timestamp"),
    ({"timestamp": "1969-12-31T23:59:59Z"}, "format", "timestamp"),
    ({"timestamp": "2023-09-10T24:00:00Z"}, "format", "timestamp"),
    ({"timestamp": "2023-09-10T12:34:60Z"}, "format", "timestamp"),
    ({"timestamp": "2023-09-10t12:34:56z"}, "format", "timestamp"),
    ({"timestamp": "2023-09-10T12:34:56+18:01"}, "format", "timestamp"),
    ({"timestamp": "٢٠٢٣-09-10T12:34:56Z"}, "format", "timestamp"),
    ({"timestamp": 1694349296}, "type", "timestamp"),
    ({"service": ""}, "format", "service"),
    ({"service": "s" * 257}, "format", "service"),
    ({"trace_id": "a b"}, "format", "trace_id"),
    ({"trace_id": "abc\n"}, "format", "trace_id"),
    ({"trace_id": ""}, "format", "trace_id"),
    ({"trace_id": 7}, "type", "trace_id"),
    ({"message": 7}, "type", "message"),
    ({"message": None}, "required", "message"),
    ({"client_ip": "1.2.3"}, "format", "client_ip"),
    ({"client_ip": "01.2.3.4"}, "format", "client_ip"),
    ({"client_ip": "fe80::1%eth0"}, "format", "client_ip"),
    ({"client_ip": ""}, "format", "client_ip"),
    ({"pid": 1.5}, "type", "pid"),
    ({"pid": True}, "type", "pid"),
    ({"pid": "1"}, "type", "pid"),
    ({"pid": -1}, "range", "pid"),
    ({"pid": 2**63}, "range", "pid"),
    ({"duration_ms": -0.5}, "range", "duration_ms"),
    ({"http": {"status": 99}}, "range", "http.status"),
    ({"error": "boom"}, "type", "error"),
    ({"error": {"code": 7}}, "unknown-field", "error.code"),
    ({"error.type": "ValueError"}, "alias", "error.type"),
    ({"lvl": "INFO"}, "alias", "level"),
    ({"log": {"level": "info"}}, "alias", "level"),
    ({"log": "text"}, "alias", "message"),
    ({"cart": 1}, "unknown-field", "cart"),
    ({"attributes": [1]}, "type", "attributes"),
    ({"attributes": "x"}, "type", "attributes"),
]


@pytest.mark.parametrize(("change", "rule", "field"), DEFECTS)
def test_a_defect_breaks_its_rule(change: dict[str, Any], rule: str, field: str) -> None:
    found = validate({**REFERENCE, **change})
    assert [(item.rule, item.field) for item in found] == [(rule, field)]
    assert rule in RULES


@pytest.mark.parametrize("name", ["timestamp", "level", "service", "trace_id", "message"])
def test_a_missing_required_field_is_named(name: str) -> None:
    event = {key: value for key, value in REFERENCE.items() if key != name}
    assert [(item.rule, item.field) for item in validate(event)] == [("required", name)]


@pytest.mark.parametrize(
    "change",
    [
        {"trace_id": None},
        {"client_ip": None},
        {"client_ip": "::1"},
        {"client_ip": "::ffff:1.2.3.4"},
        {"timestamp": "2024-02-29T00:00:00.123456789+14:00"},
        {"timestamp": "2023-09-10T12:34:56-18:00"},
        {"pid": 7.0},
        {"error": None},
        {"error": {"type": None}},
        {"message": ""},
        {"message": "line\nline\ttab"},
        {"attributes": {"anything": [1, "x", {"a": None}]}},
        {"attributes": {}},
        {"attributes": nested(20)},
    ],
)
def test_what_is_allowed_is_valid_everywhere(change: dict[str, Any]) -> None:
    event = {**REFERENCE, **change}
    assert validate(event) == []
    _json_schema().validate(event)


def test_bounds_of_attributes() -> None:
    for attributes, rule in (
        (nested(21), "depth"),
        ({"a": "x" * (LIMITS.LEAF_BYTES + 1)}, "leaf-size"),
        ({"a": ["é" * LIMITS.LEAF_BYTES]}, "leaf-size"),
        ({"a\0b": 1}, "attribute-key"),
        ({"a": {"k" * (LIMITS.KEY_BYTES + 1): 1}}, "attribute-key"),
    ):
        assert [item.rule for item in validate({**REFERENCE, "attributes": attributes})] == [rule]


def test_a_line_is_bounded() -> None:
    assert validate(REFERENCE, line_bytes=LIMITS.LINE_BYTES) == []
    assert [item.rule for item in validate(REFERENCE, line_bytes=LIMITS.LINE_BYTES + 1)] == [
        "oversized-line"
    ]


def test_a_control_character_is_a_notice() -> None:
    found = validate({**REFERENCE, "message": "\x1b[31mred"})
    assert [item.rule for item in found] == ["control-character"]
    assert {item.rule for item in found} <= NOTICES


@pytest.mark.parametrize("event", [None, 7, "x", [], True])
def test_a_line_that_is_no_object_breaks_type(event: object) -> None:
    assert [item.rule for item in validate(event)] == ["type"]


def _json_schema() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json_schema.export(BUILTIN), validate_formats=True)


def test_the_json_schema_is_one_and_accepts_the_reference_line() -> None:
    exported = json_schema.export(BUILTIN)
    jsonschema.Draft202012Validator.check_schema(exported)
    jsonschema.Draft202012Validator(exported).validate(REFERENCE)
    _json_schema().validate(REFERENCE)


@pytest.mark.parametrize(("change", "rule", "field"), DEFECTS)
def test_the_json_schema_refuses_the_same_defects(
    change: dict[str, Any], rule: str, field: str
) -> None:
    del rule, field
    with pytest.raises(jsonschema_rs.ValidationError):
        _json_schema().validate({**REFERENCE, **change})


def test_all_messages_say_what_to_do() -> None:
    for change, _, _ in DEFECTS:
        (found,) = validate({**REFERENCE, **change})
        assert 10 < len(found.message) < 200
        assert "\n" not in found.message


def test_timestamps_and_addresses_alone() -> None:
    assert is_timestamp("2000-02-29T00:00:00Z")
    assert not is_timestamp("1900-02-29T00:00:00Z")
    assert not is_timestamp("2100-02-29T00:00:00Z")
    assert not is_ip("1.2.3.4\0")
    assert not is_ip("é")
