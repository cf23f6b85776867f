"""Variables are replaced as Grafana's documentation of variable syntax says."""

from __future__ import annotations

import pytest

from obskit.targets.grafana.interpolate import Scope, Value, constant, interpolate, names

SCOPE = Scope(
    values={
        "one": constant("a.b"),
        "quoted": constant("it's \\d"),
        "many": Value(values=("a.b", "c"), texts=("A", "C"), many=True),
        "single": Value(values=("a.b",), texts=("A",), many=True),
        "all": Value(values=("x", "y"), texts=("All",), many=True, is_all=True),
        "every": Value(
            values=("x", "y"), texts=("All",), many=True, is_all=True, all_value=".+$one"
        ),
        "none": Value(values=(), many=True),
        "__from": constant("1700000000123"),
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$one", "a.b"),
        ("${one}", "a.b"),
        ("[[one]]", "a.b"),
        ("$many", r"(a\\.b|c)"),
        ("$single", r"a\\.b"),
        ("$all", "(x|y)"),
        ("$every", ".+a.b"),
        ("${every:text}", "All"),
        ("$quoted", r"it\\'s \\d"),
        ("${many:regex}", r"(a\.b|c)"),
        ("${many:pipe}", "a.b|c"),
        ("${many:csv}", "a.b,c"),
        ("${many:raw}", "a.b,c"),
        ("${many:glob}", "{a.b,c}"),
        ("${many:json}", '["a.b","c"]'),
        ("${many:singlequote}", "'a.b','c'"),
        ("${many:doublequote}", '"a.b","c"'),
        ("${many:distributed}", "a.b,many=c"),
        ("${many:queryparam}", "var-many=a.b&var-many=c"),
        ("${many:lucene}", r'("a.b" OR "c")'),
        ("${many:text}", "A + C"),
        ("${one:percentencode}", "a.b"),
        ("[[many:csv]]", "a.b,c"),
        ("${__from:date}", "2023-11-14T22:13:20.123Z"),
        ("${__from:date:seconds}", "1700000000"),
        ("${__from:date:YYYY-MM-DD}", "2023-11-14"),
        ("$unknown ${unknown:csv} $1", "$unknown ${unknown:csv} $1"),
    ],
)
def test_a_reference_is_replaced_by_its_format(text: str, expected: str) -> None:
    assert interpolate(text, SCOPE, "prometheus") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("service:$many", 'service:("a.b" OR "c")'),
        ("$one", "a.b"),
        ("$none", "__empty__"),
        ("x:$every", "x:.+a.b"),
    ],
)
def test_lucene_is_the_format_of_elasticsearch(text: str, expected: str) -> None:
    assert interpolate(text, SCOPE, "lucene") == expected


def test_a_typed_text_is_escaped_in_lucene_unless_raw() -> None:
    scope = Scope(values={"search": constant('level:(A-B) "x"/*')})
    assert interpolate("$search", scope, "lucene") == r"level\:\(A\-B\)\ \"x\"\/\*"
    assert interpolate("${search:raw}", scope, "lucene") == 'level:(A-B) "x"/*'


def test_all_is_never_everything_unless_the_author_says_so() -> None:
    assert ".*" not in interpolate("$all", SCOPE, "prometheus")


def test_names_are_found_at_any_depth() -> None:
    body = {"a": ["$one", {"b": "${two:csv} [[three]]"}], "c": 4}
    assert names(body) == {"one", "two", "three"}
