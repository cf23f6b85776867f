"""Everything that the schema does not declare: below attributes, on top, or in a declared object."""

# One case a line: that is the point of this module.
# ruff: noqa: E501

from __future__ import annotations

from typing import Any

from cases import NORMALISED, Corpus, dumped


def deep(levels: int, leaf: Any = 1) -> Any:
    """So many nested objects."""
    for _ in range(levels):
        leaf = {"k": leaf}
    return leaf


def add(corpus: Corpus) -> None:
    below(corpus)
    strangers(corpus)
    bounds(corpus)


def below(corpus: Corpus) -> None:
    for name, value in {
        "string": "x", "empty-string": "", "number": 1, "negative": -7, "fraction": 0.5, "zero": 0, "true": True, "false": False, "null": None,
        "array": [1, "a", None, True, 2.5], "empty-array": [], "object": {"b": {"c": 1}}, "empty-object": {}, "array-of-objects": [{"b": 1}, {"b": 2}],
        "nested-arrays": [[1, [2]], []], "unicode": "ключ", "text-of-json": '{"a":1}', "exponent": 1e21, "tiny": 1e-7,
    }.items():  # fmt: skip
        corpus.valid(
            f"attribute-{name}", "any JSON value is an attribute", {"attributes": {"a": value}}
        )
    for name, key in {
        "dotted": "a.b", "at": "@a", "space": "a b", "unicode": "größe", "emoji": "😀", "level": "level", "own-name": "attributes",
        "dash": "x-request-id", "dollar": "$a", "digits": "42", "quote": 'a"b', "backslash": "a\\b", "colon": "a:b", "proto": "__proto__",
        "constructor": "constructor", "underscore": "_a",
    }.items():  # fmt: skip
        corpus.valid(
            f"attribute-key-{name}", "any text is a key of an attribute", {"attributes": {key: 1}}
        )
    corpus.valid(
        "attributes-many",
        "a hundred attributes",
        {"attributes": {f"k{number}": number for number in range(100)}},
    )
    for name, value in (("string", "x"), ("number", 1), ("array", [1]), ("true", True)):
        corpus.repaired(f"attributes-{name}", "attributes is an object; what stands there instead is kept below it",
                        {"attributes": value}, {"attributes": {"attributes": value}}, "type")  # fmt: skip


def strangers(corpus: Corpus) -> None:
    unknown = "unknown-field"
    for name, value in {
        "string": "x", "number": 3, "object": {"items": 3}, "array": [1, 2], "true": True, "null": None, "nested": {"a": {"b": [1, {"c": None}]}},
    }.items():  # fmt: skip
        corpus.repaired(f"stranger-{name}", "what is not declared goes below attributes", {"cart": value},
                        {"attributes": {"cart": value}}, unknown)  # fmt: skip
    for name, key in {
        "typo": "mesage", "case": "Level", "upper": "MESSAGE", "dotted": "a.b", "at": "@version", "type": "type", "tags": "tags", "agent": "agent",
        "unicode": "größe", "space": "user name", "proto": "__proto__", "constructor": "constructor", "dunder": "__a__", "digit": "0", "long": "k" * 200,
    }.items():  # fmt: skip
        corpus.repaired(
            f"stranger-key-{name}",
            f"{key[:20]} is not declared",
            {key: "x"},
            {"attributes": {key: "x"}},
            unknown,
        )
    corpus.repaired(
        "stranger-beside-attributes",
        "joins the attributes that are there",
        {"attributes": {"a": 1}, "b": 2},
        {"attributes": {"a": 1, "b": 2}},
        unknown,
    )
    corpus.repaired(
        "stranger-taken",
        "a taken name gets an underscore: no value is lost",
        {"attributes": {"a": 1}, "a": 2},
        {"attributes": {"a": 1, "a_": 2}},
        unknown,
    )
    corpus.repaired(
        "stranger-taken-twice",
        "and another one",
        {"attributes": {"a": 1, "a_": 0}, "a": 2},
        {"attributes": {"a": 1, "a_": 0, "a__": 2}},
        unknown,
    )
    corpus.repaired(
        "stranger-null-attributes",
        "null attributes are nothing",
        {"attributes": None, "b": 2},
        {"attributes": {"b": 2}},
        unknown,
    )
    corpus.repaired(
        "stranger-two",
        "two of them",
        {"a": 1, "b": {"c": 2}},
        {"attributes": {"a": 1, "b": {"c": 2}}},
        unknown,
    )
    corpus.repaired(
        "stranger-in-error",
        "a declared object is closed too",
        {"error": {"type": "A", "code": 5}},
        {"error": {"type": "A"}, "attributes": {"error": {"code": 5}}},
        unknown,
    )
    corpus.repaired(
        "stranger-in-http",
        "with objects inside",
        {"http": {"status": 200, "request": {"bytes": 5}}},
        {"http": {"status": 200}, "attributes": {"http": {"request": {"bytes": 5}}}},
        unknown,
    )
    for name, value in (("string", "boom"), ("number", 5), ("true", True), ("array", ["a"])):
        corpus.repaired(
            f"error-{name}",
            "a value where an object of fields belongs",
            {"error": value},
            {"attributes": {"error": value}},
            "type",
        )
    corpus.repaired(
        "http-string",
        "a value where an object of fields belongs",
        {"http": "GET /"},
        {"attributes": {"http": "GET /"}},
        "type",
    )


def bounds(corpus: Corpus) -> None:
    corpus.valid("depth-20", "attributes is the first of 20 levels", {"attributes": deep(20)})
    cut = ".".join("k" * 20)
    corpus.repaired(
        "depth-21",
        "the 21st level is replaced by its JSON text",
        {"attributes": deep(21)},
        {"attributes": {**deep(20, '{"k":1}'), "_cut": [cut]}},
        "depth",
    )
    corpus.repaired(
        "depth-25",
        "with all that is in it",
        {"attributes": deep(25)},
        {"attributes": {**deep(20, dumped(deep(5))), "_cut": [cut]}},
        "depth",
    )
    corpus.valid("leaf-8191", "the longest leaf", {"attributes": {"a": "x" * 8191}})
    corpus.valid("leaf-8191-wide", "bytes count here", {"attributes": {"a": "é" * 4095}})
    corpus.repaired(
        "leaf-8192",
        "one byte more is cut",
        {"attributes": {"a": "x" * 8192}},
        {"attributes": {"a": "x" * 8191, "_cut": ["a"]}},
        "leaf-size",
    )
    corpus.repaired(
        "leaf-wide",
        "whole characters are cut",
        {"attributes": {"a": "é" * 4096}},
        {"attributes": {"a": "é" * 4095, "_cut": ["a"]}},
        "leaf-size",
    )
    corpus.repaired(
        "leaf-emoji",
        "four bytes at once",
        {"attributes": {"b": {"c": "😀" * 2048}}},
        {"attributes": {"b": {"c": "😀" * 2047}, "_cut": ["b.c"]}},
        "leaf-size",
    )
    corpus.repaired(
        "leaf-in-array",
        "inside an array the path is the array's",
        {"attributes": {"a": ["x", "y" * 9000]}},
        {"attributes": {"a": ["x", "y" * 8191], "_cut": ["a"]}},
        "leaf-size",
    )
    corpus.repaired(
        "leaf-of-stranger",
        "what joins the attributes is cut as well",
        {"blob": "x" * 10_000},
        {"attributes": {"blob": "x" * 8191, "_cut": ["blob"]}},
        "unknown-field",
    )
    corpus.repaired(
        "key-nul",
        "NUL in a key becomes U+FFFD",
        {"attributes": {"a\0b": 1}},
        {"attributes": {"a\ufffdb": 1}},
        "attribute-key",
    )
    corpus.valid("key-1024", "the longest key", {"attributes": {"k" * 1024: 1}})
    corpus.repaired(
        "key-1025",
        "one byte more is cut",
        {"attributes": {"k" * 1025: 1}},
        {"attributes": {"k" * 1024: 1, "_cut": ["k" * 1024]}},
        "attribute-key",
    )
    line = dumped(
        {**NORMALISED, "message": "x" * (65_535 - len(dumped({**NORMALISED, "message": ""})))}
    )
    assert len(line) == 65_535
    corpus.raw(
        "line-65536",
        line,
        "with its line feed the longest line",
        to={**NORMALISED, "message": line.split('"message":"')[1][:-2]},
    )
    line = line.replace('"message":"', '"message":"x')
    corpus.raw(
        "line-65537",
        line,
        "one byte more is not shipped whole everywhere",
        "oversized-line",
        to={**NORMALISED, "message": line.split('"message":"')[1][:-2]},
    )
