"""A project's schema file adds and tightens fields; every mistake is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from obskit.errors import ConfigError
from obskit.schema import BUILTIN, FieldType, Requirement
from obskit.schema.load import load_schema, parse_schema
from obskit.schema.validate import validate

GOOD = """
name: shop
version: "2"
fields:
  order_id: {type: keyword, requirement: required, pattern: "^[0-9]{8}$", example: "20230910", aliases: [orderId]}
  cart.items: {type: long, minimum: 0}
  card: {type: keyword, redact: true}
  level: {allowed: [INFO, WARN, ERROR]}
  client_ip: {requirement: required, aliases: [peer]}
"""


def test_fields_are_added_and_tightened() -> None:
    schema = parse_schema(GOOD)
    assert (schema.name, schema.version) == ("shop", "2")
    assert schema.by_name["order_id"].requirement is Requirement.REQUIRED
    assert schema.by_name["cart.items"].type is FieldType.LONG
    assert schema.by_name["level"].allowed == ("INFO", "WARN", "ERROR")
    assert "DEBUG" not in schema.by_name["level"].synonyms.values()
    assert schema.by_alias["peer"].name == schema.by_alias["remote_addr"].name == "client_ip"
    assert schema.by_name["card"].max_length == 4_095
    assert [item.name for item in schema.fields[:5]] == [item.name for item in BUILTIN.fields[:5]]


def test_an_event_is_judged_by_the_project_schema() -> None:
    schema = parse_schema(GOOD)
    event = {
        "timestamp": "2023-09-10T12:34:56Z", "level": "DEBUG", "service": "shop", "trace_id": None,
        "message": "m", "cart": {"items": -1},
    }  # fmt: skip
    found = {(item.rule, item.field) for item in validate(event, schema)}
    assert found == {
        ("allowed", "level"), ("required", "client_ip"), ("required", "order_id"), ("range", "cart.items"),
    }  # fmt: skip


def test_json_is_taken_too(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"fields": {"order_id": {"type": "keyword"}}}', encoding="utf-8")
    assert "order_id" in load_schema(path).by_name


def test_an_empty_file_is_the_builtin_schema() -> None:
    assert parse_schema("").fields == BUILTIN.fields


# Text → line and words of the finding.
WRONG = {
    "fields: [": (1, "is not YAML"),
    "[1, 2]": (1, "must be a mapping"),
    "feilds: {}": (1, "unknown key"),
    "fields: 7": (1, "must be a mapping"),
    "fields:\n  x: 7": (2, "must be a mapping"),
    "fields:\n  x: {}": (2, "needs a type"),
    "fields:\n  x: {type: string}": (2, "no type 'string'"),
    "fields:\n  x:\n    type: keyword\n    foo: 1": (4, "unknown key"),
    "fields:\n  X: {type: keyword}": (2, "lower case"),
    "fields:\n  attributes.x: {type: keyword}": (2, "lower case"),
    "fields:\n  x: {type: keyword}\n  x: {type: long}": (3, "second time"),
    "fields:\n  x:\n    type: keyword\n    pattern: '['": (4, "no regular expression"),
    "fields:\n  x:\n    type: keyword\n    minimum: 1": (4, "means nothing"),
    "fields:\n  x:\n    type: long\n    minimum: 5\n    maximum: 1": (4, "above maximum"),
    "fields:\n  x:\n    type: ip\n    example: home": (4, "no IPv4"),
    "fields:\n  x:\n    type: keyword\n    aliases: [7]": (4, "list of texts"),
    "fields:\n  x:\n    type: keyword\n    redact: yes please": (4, "true or false"),
    "fields:\n  x: {type: keyword, aliases: [lvl]}": (2, "one of level already"),
    "fields:\n  x: {type: keyword, aliases: [level]}": (2, "is a field itself"),
    "fields:\n  event.name: {type: keyword}": (2, "is a field itself"),
    "fields:\n  x: {type: keyword, ecs: log.level}": (2, "that of level already"),
    "fields:\n  level:\n    type: text": (3, "cannot be changed"),
    "fields:\n  level:\n    requirement: optional": (3, "cannot be loosened"),
    "fields:\n  level:\n    allowed: [INFO, NOTICE]": (3, "only be fewer"),
    "fields:\n  user_id:\n    max_length: 9999": (3, "at most 256"),
    "fields:\n  pid:\n    minimum: -5": (3, "at least 0"),
    "fields:\n  timestamp:\n    pattern: '.*'": (3, "servers parse it"),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_told_with_its_line(text: str) -> None:
    line, words = WRONG[text]
    with pytest.raises(ConfigError) as caught:
        parse_schema(text, "schema.yml")
    assert any(item.line == line and words in item.message for item in caught.value.problems), (
        caught.value
    )


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_schema("fields:\n  A: {type: keyword}\n  b: {type: nothing}\n  c: 1\n")
    assert [item.line for item in caught.value.problems] == [2, 3, 4]


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="obskit schema infer"):
        load_schema(tmp_path / "none.yml")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "schema.yml"
    path.write_bytes(b"fields: \xff")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 8"):
        load_schema(path)


def test_anchors_that_hold_themselves_come_to_an_end() -> None:
    with pytest.raises(ConfigError):
        parse_schema("fields: &a\n  x: *a\n")


def test_the_file_of_the_documentation_is_one() -> None:
    text = (Path(__file__).parents[3] / "docs" / "own-fields.md").read_text(encoding="utf-8")
    written = text.split("```yaml\n", 1)[1].split("```", 1)[0]
    schema = parse_schema(written)
    assert schema.by_alias["orderId"].name == "order_id"
    assert schema.by_name["level"].allowed == ("INFO", "WARN", "ERROR")
