"""What a change breaks, where a field is used, and what sample logs say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from obskit.schema import BUILTIN
from obskit.schema.diff import diff
from obskit.schema.infer import infer, to_yaml
from obskit.schema.load import parse_schema
from obskit.schema.usages import usages

ROOT = Path(__file__).resolve().parents[3]


def changes(old: str, new: str) -> list[tuple[str, str, bool]]:
    found = diff(parse_schema(f"fields:\n{old}"), parse_schema(f"fields:\n{new}"))
    return [(item.field, item.key, item.breaking) for item in found]


X = "  x: {type: keyword%s}\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", X % "", [("x", "field", False)]),
        ("", X % ", requirement: required", [("x", "field", True)]),
        (X % "", "", [("x", "field", True)]),
        (X % "", "  x: {type: long}\n", [("x", "type", True), ("x", "max_length", False)]),
        (X % "", X % ", requirement: required", [("x", "requirement", True)]),
        (X % ", requirement: required", X % "", [("x", "requirement", False)]),
        (X % ", allowed: [a, b]", X % ", allowed: [a, b, c]", [("x", "allowed", False)]),
        (X % ", allowed: [a, b]", X % ", allowed: [a]", [("x", "allowed", True)]),
        (X % ", max_length: 9", X % ", max_length: 10", [("x", "max_length", False)]),
        (X % ", max_length: 9", X % ", max_length: 8", [("x", "max_length", True)]),
        (X % "", X % ", pattern: '^a'", [("x", "pattern", True)]),
        (X % "", X % ", aliases: [ex]", [("x", "aliases", False)]),
        (X % ", aliases: [ex]", X % "", [("x", "aliases", True)]),
        (X % "", X % ", ecs: labels.x", [("x", "ecs", False)]),
        (X % ", ecs: labels.x", X % "", [("x", "ecs", True)]),
        (X % "", X % ", description: new", [("x", "description", False)]),
        (X % "", "  y: {type: keyword, aliases: [x]}\n", [("x", "field", True)]),
    ],
)
def test_each_change_is_classed(old: str, new: str, expected: list[tuple[str, str, bool]]) -> None:
    assert changes(old, new) == expected


def test_a_schema_does_not_differ_from_itself() -> None:
    assert diff(BUILTIN, BUILTIN) == []


def test_breaking_changes_come_first() -> None:
    found = changes("  a: {type: long}\n", "  b: {type: long}\n")
    assert [breaking for _, _, breaking in found] == [True, False]


def test_usages_name_panels_rules_and_pipelines(tmp_path: Path) -> None:
    board = {
        "title": "Logs",
        "panels": [
            {"title": "By level", "targets": [{"query": "level:ERROR AND service:x"}]},
            {
                "title": "A word",
                "description": "the level of water",
                "targets": [{"query": "loglevel:x"}],
            },
            {
                "title": "row",
                "panels": [
                    {"title": "Inner", "targets": [{"bucketAggs": [{"field": "log.level"}]}]}
                ],
            },
        ],
        "templating": {"list": [{"name": "level", "query": '{"find": "terms", "field": "level"}'}]},
    }
    (tmp_path / "logs.json").write_text(json.dumps(board), encoding="utf-8")
    (tmp_path / "other.json").write_text('{"level": 1}', encoding="utf-8")
    (tmp_path / "rules.yml").write_text(
        'groups:\n- rules:\n  - alert: A\n    # level\n    expr: log_events_total{level="ERROR"} > 1\n',
        encoding="utf-8",
    )
    (tmp_path / "pipeline.conf").write_text(
        'filter {\n mutate { uppercase => ["level"] }\n if [level] == "X" {}\n [error][level]\n}',
        encoding="utf-8",
    )
    found = usages(BUILTIN.by_name["level"], tmp_path)
    assert [(item.kind, item.line) for item in found] == [
        ("panel", None), ("panel", None), ("variable", None), ("pipeline", 2), ("pipeline", 3), ("rule", 5),
    ]  # fmt: skip
    assert found[0].where == "'By level' of 'Logs'"


def test_the_shipped_dashboards_use_the_level() -> None:
    assert any(
        item.kind == "panel" for item in usages(BUILTIN.by_name["level"], ROOT / "dashboards")
    )
    assert usages("no_such_field", ROOT / "dashboards") == []


def lines(*events: dict[str, Any]) -> list[str]:
    return [json.dumps(event) for event in events]


def test_conflicts_name_their_services() -> None:
    found = infer(
        lines({"service": "a", "cart": 1}, {"service": "b", "cart": "x"}, {"svc": "a", "cart": 2})
    )
    (conflict,) = found.conflicts
    assert conflict.field == "cart"
    assert conflict.types == {"long": {"a": 2}, "string": {"b": 1}}
    assert "long in a (2×); string in b (1×)" in str(conflict)
    assert found.aliases == {"svc": "service"}


def test_types_are_inferred() -> None:
    found = infer(
        lines(
            {
                "orderId": "A-1",
                "total": 1,
                "paid": True,
                "at": "2023-09-10T12:34:56Z",
                "peer": "::1",
            },
            {
                "orderId": "A-2",
                "total": 1.5,
                "note": "long text " * 50,
                "list": [1],
                "cart": {"items": 3},
            },
        )
    )
    kinds = {item.name: str(item.type) for item in found.fields}
    assert kinds == {
        "order_id": "keyword", "total": "double", "paid": "boolean", "at": "date", "peer": "ip",
        "note": "text", "cart.items": "long",
    }  # fmt: skip


def test_the_proposal_is_a_schema_file() -> None:
    events = [
        {"service": "a", "orderId": f"A-{number}", "deep": {"er": {"est": {"x": 1}}}}
        for number in range(200)
    ]
    found = infer(lines(*events))
    schema = parse_schema(to_yaml(found))
    assert schema.by_name["order_id"].required
    assert schema.by_alias["orderId"].name == "order_id"


def test_lines_that_are_no_events_are_counted() -> None:
    found = infer(["", "nope", "[1]", b"\xff", "{}", '{"a": NaN}'])
    assert (found.events, found.skipped) == (2, 3)


def test_keys_made_from_data_do_not_fill_the_memory() -> None:
    found = infer(lines({f"id{number}": 1 for number in range(10_000)}))
    assert len(found.fields) <= 2_000
