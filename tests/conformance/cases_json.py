"""Lines that are no JSON, or JSON that readers differ on; lines that are no text at all."""

# One case a line: that is the point of this module.
# ruff: noqa: E501

from __future__ import annotations

from typing import Any

from cases import BASE, NORMALISED, Corpus, dumped

LINE = dumped(BASE)
SYNTAX = {
    "empty-brace": "{", "cut-in-key": LINE[:5], "cut-in-value": LINE[:30], "cut-after-colon": LINE[: LINE.index(":") + 1], "cut-before-brace": LINE[:-1],
    "two-objects": LINE + LINE, "two-objects-space": LINE + " " + LINE, "two-objects-comma": LINE + "," + LINE, "comma-behind": LINE + ",",
    "scalar-before": "42 " + LINE, "text-before": '"web-1" ' + LINE, "array-before": "[] " + LINE, "scalar-behind": LINE + " 42", "null-behind": LINE + " null", "scalar-between": LINE + " 42 " + LINE,
    "extra-brace": LINE + "}", "text-behind": LINE + " ok", "text-in-front": "INFO " + LINE, "prefix-of-compose": "web-1  | " + LINE, "plain-text": "Server started on port 8080",
    "apache": '127.0.0.1 - - [10/Sep/2023:12:34:56 +0000] "GET / HTTP/1.1" 200 45', "logfmt": "ts=2023-09-10T12:34:56Z level=info msg=hi",
    "trailing-comma": LINE[:-1] + ",}", "leading-comma": LINE.replace("{", "{,", 1), "double-comma": LINE.replace(",", ",,", 1), "missing-comma": LINE.replace(',"level"', '"level"', 1),
    "missing-colon": LINE.replace('"level":', '"level"', 1), "single-quotes": LINE.replace('"', "'"), "unquoted-key": LINE.replace('"level"', "level", 1),
    "python-none": LINE.replace('"abc123xyz"', "None"), "python-true": LINE[:-1] + ',"attributes":{"a":True}}', "undefined": LINE.replace('"abc123xyz"', "undefined"),
    "nan": LINE[:-1] + ',"duration_ms":NaN}', "infinity": LINE[:-1] + ',"duration_ms":Infinity}', "negative-infinity": LINE[:-1] + ',"duration_ms":-Infinity}',
    "leading-zero": LINE[:-1] + ',"pid":007}', "plus": LINE[:-1] + ',"pid":+7}', "hexadecimal": LINE[:-1] + ',"pid":0x7}', "bare-point": LINE[:-1] + ',"duration_ms":.5}',
    "point-behind": LINE[:-1] + ',"duration_ms":5.}', "bare-exponent": LINE[:-1] + ',"duration_ms":5e}', "raw-tab": LINE.replace("User", "User\t"), "raw-escape": LINE.replace("User", "\x1bUser"),
    "raw-nul": LINE.replace("User", "\0User"), "bad-escape": LINE.replace("User", "\\xUser"), "short-unicode-escape": LINE.replace("User", "\\u12"),
    "comment": LINE + " // note", "block-comment": "/* note */" + LINE, "unclosed-string": LINE[:-2] + "}", "unclosed-array": LINE[:-1] + ',"attributes":{"a":[1,2}}',
    "half-pair-high": LINE.replace("User", "\\ud83d"), "half-pair-low": LINE.replace("User", "\\ude00"), "pair-reversed": LINE.replace("User", "\\ude00\\ud83d"),
    "half-pair-before-escape": LINE.replace("User", "\\ud83d\\u0041"), "half-pair-in-key": LINE[:-1] + ',"attributes":{"\\ud800":1}}', "half-pair-at-end": LINE.replace("successful", "\\uD83D"),
    "form-feed-behind": LINE + "\f", "no-break-space": "\u00a0" + LINE, "record-separator": "\x1e" + LINE, "nul-behind": LINE + "\0", "nul-alone": "\0",
    "deep-arrays": LINE[:-1] + ',"attributes":{"a":' + "[" * 600 + "]" * 600 + "}}", "deep-unclosed": "[" * 10_000, "deep-objects": '{"a":' * 10_000,
    "typographic-quotes": LINE.replace('"level"', "“level”"), "semicolon": LINE.replace(",", ";", 1), "equals": LINE.replace(":", "=", 1), "xml": "<log level='info'/>",
    "yaml": "level: INFO", "just-a-quote": '"', "just-a-backslash": "\\", "minus": "-", "tru": "tru",
}  # fmt: skip


def add(corpus: Corpus) -> None:
    for name, line in SYNTAX.items():
        corpus.raw(f"syntax-{name}", line, "not one strict JSON object", "json-syntax")
    corpus.raw(
        "bom",
        "\ufeff" + LINE,
        "a byte order mark is no JSON; it is removed",
        "json-syntax",
        to=NORMALISED,
    )
    duplicates(corpus)
    numbers(corpus)
    for name, raw in {
        "latin-1": LINE.replace("User", "Müller").encode("latin-1"), "lone-continuation": LINE.encode().replace(b"User", b"\x80"),
        "overlong": LINE.encode().replace(b"User", b"\xc0\xaf"), "surrogate-bytes": LINE.encode().replace(b"User", b"\xed\xa0\x80"),
        "beyond-unicode": LINE.encode().replace(b"User", b"\xf4\x90\x80\x80"), "cut-character": LINE.encode().replace(b"User", b"\xe2\x82"),
        "bad-key": LINE.encode().replace(b"level", b"lev\xffel"), "in-attributes": LINE.encode()[:-1] + b',"attributes":{"a":"\xfe"}}',
        "utf-16": LINE.encode("utf-16"), "binary": bytes(range(128, 200)), "gzip": b"\x1f\x8b\x08\x00\x00\x00", "cp1252": LINE.encode().replace(b"User", b"\x93User\x94"),
    }.items():  # fmt: skip
        corpus.raw(f"bytes-{name}", raw, "not UTF-8", "encoding")


def duplicates(corpus: Corpus) -> None:
    def twice(name: str, line: str, why: str, *rules: str, to: dict[str, Any] | None) -> None:
        corpus.raw(f"duplicate-{name}", line, why, "duplicate-key", *rules, to=to)

    twice(
        "level",
        LINE.replace('"level"', '"level":"DEBUG","level"', 1),
        "the last one counts",
        to=NORMALISED,
    )
    twice(
        "level-last",
        LINE[:-1] + ',"level":"ERROR"}',
        "the last one counts",
        to={**NORMALISED, "level": "ERROR"},
    )
    twice(
        "equal", LINE[:-1] + ',"level":"INFO"}', "an equal value is a duplicate too", to=NORMALISED
    )
    twice(
        "optional",
        LINE[:-1] + ',"pid":1,"pid":2}',
        "an optional field",
        to={**NORMALISED, "pid": 2},
    )
    twice(
        "null",
        LINE[:-1] + ',"host":"a","host":null}',
        "null counts if it is the last",
        to=NORMALISED,
    )
    twice(
        "attributes",
        LINE[:-1] + ',"attributes":{"a":1},"attributes":{"b":2}}',
        "the whole object is replaced",
        to={**NORMALISED, "attributes": {"b": 2}},
    )
    twice(
        "in-http",
        LINE[:-1] + ',"http":{"status":200,"status":500}}',
        "in an object of fields",
        to={**NORMALISED, "http": {"status": 500}},
    )
    twice(
        "in-attributes",
        LINE[:-1] + ',"attributes":{"a":1,"a":2}}',
        "below attributes",
        to={**NORMALISED, "attributes": {"a": 2}},
    )
    twice(
        "deep",
        LINE[:-1] + ',"attributes":{"a":{"b":{"c":1,"c":1}}}}',
        "deep below attributes",
        to={**NORMALISED, "attributes": {"a": {"b": {"c": 1}}}},
    )
    twice(
        "in-array",
        LINE[:-1] + ',"attributes":{"a":[{"b":1,"b":2}]}}',
        "in an array",
        to={**NORMALISED, "attributes": {"a": [{"b": 2}]}},
    )
    twice(
        "escaped",
        LINE[:-1] + ',"\\u006cevel":"WARN"}',
        "an escaped key is the same key",
        to={**NORMALISED, "level": "WARN"},
    )
    twice(
        "spaced",
        LINE[:-1] + ' , "level" : "WARN" }',
        "white space hides nothing",
        to={**NORMALISED, "level": "WARN"},
    )
    twice(
        "stranger",
        LINE[:-1] + ',"x":1,"x":2}',
        "an undeclared one",
        "unknown-field",
        to={**NORMALISED, "attributes": {"x": 2}},
    )
    twice(
        "bad-first",
        LINE.replace('"level"', '"level":17,"level"', 1),
        "only the last one is judged",
        to=NORMALISED,
    )
    corpus.raw(
        "not-duplicate-nested",
        LINE[:-1] + ',"attributes":{"level":1,"service":{"level":2}}}',
        "equal keys of different objects are none",
        to={**NORMALISED, "attributes": {"level": 1, "service": {"level": 2}}},
    )
    corpus.raw(
        "not-duplicate-text",
        dumped({**BASE, "message": '"level":"INFO","level":"INFO"'}),
        "what a message says is no key",
        to={**NORMALISED, "message": '"level":"INFO","level":"INFO"'},
    )


def numbers(corpus: Corpus) -> None:
    for name, token, value in (
        ("minus-zero", "-0", 0), ("big-exponent", "1e21", 1e21), ("capital-exponent", "1E5", 100000.0), ("signed-exponent", "1e+2", 100.0),
        ("long-fraction", "0.30000000000000004", 0.30000000000000004), ("trailing-zeros", "1.500", 1.5), ("largest-exact", "9007199254740991", 9007199254740991),
    ):  # fmt: skip
        corpus.raw(
            f"number-{name}",
            LINE[:-1] + f',"attributes":{{"a":{token}}}}}',
            "a number of JSON",
            to={**NORMALISED, "attributes": {"a": value}},
        )
    for name, token in (
        ("beyond-double", "9007199254740993"),
        ("snowflake", "1168234567890123456"),
        ("negative", "-9007199254740993"),
        ("forty-digits", "1" * 40),
    ):
        corpus.raw(
            f"number-{name}",
            LINE[:-1] + f',"attributes":{{"a":{token}}}}}',
            "a double cannot hold it: kept as text, digit for digit",
            to={**NORMALISED, "attributes": {"a": token}},
        )
    corpus.raw(
        "number-overflow",
        LINE[:-1] + ',"attributes":{"a":1e400}}',
        "beyond a double: kept as text",
        to={**NORMALISED, "attributes": {"a": "1e400"}},
    )
    corpus.raw(
        "number-underflow",
        LINE[:-1] + ',"attributes":{"a":1e-400}}',
        "too small is zero",
        to={**NORMALISED, "attributes": {"a": 0.0}},
    )
