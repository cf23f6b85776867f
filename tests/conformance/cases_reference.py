"""The reference line, the required fields, and the shape of a line."""

# One case a line: that is the point of this module.
# ruff: noqa: E501

from __future__ import annotations

from cases import ABSENT, BASE, NORMALISED, Corpus, dumped

REFERENCE = (
    '{"timestamp":"2023-09-10T12:34:56Z","level":"INFO","service":"user-service","trace_id":"abc123xyz",'
    '"message":"User login successful","client_ip":"192.168.1.1"}'
)
REQUIRED = ("timestamp", "level", "service", "trace_id", "message")


def add(corpus: Corpus) -> None:
    whole = {**NORMALISED, "client_ip": "192.168.1.1"}
    corpus.raw("reference", REFERENCE, "the line that must always pass", to=whole)
    corpus.raw(
        "reference-reversed",
        dumped(dict(reversed(BASE.items()))),
        "order of keys means nothing",
        to=NORMALISED,
    )
    spaced = REFERENCE.replace('":', '": ').replace(',"', ', "')
    corpus.raw("reference-spaces", spaced, "white space as json.dumps writes it", to=whole)
    corpus.raw(
        "reference-wide",
        REFERENCE.replace(":", " : ", 1).replace("{", "{ ", 1).replace("}", "\t}"),
        "white space before a colon and a tab before the brace",
        to=whole,
    )
    corpus.raw("reference-indented", "   " + REFERENCE, "white space before the object", to=whole)
    corpus.raw(
        "reference-trailing-space", REFERENCE + "  ", "white space after the object", to=whole
    )
    corpus.raw(
        "reference-crlf", REFERENCE + "\r", "a carriage return belongs to the line's end", to=whole
    )
    escaped = REFERENCE.replace('"level"', '"\\u006cevel"')
    corpus.raw("escaped-key", escaped, "an escaped key is the same key", to=whole)
    corpus.raw(
        "escaped-value",
        REFERENCE.replace('"INFO"', '"\\u0049NFO"'),
        "an escaped value is the same value",
        to=whole,
    )
    corpus.raw(
        "escaped-slash",
        dumped({**BASE, "message": "a/b"}).replace("/", "\\/"),
        "JSON allows an escaped slash",
        to={**NORMALISED, "message": "a/b"},
    )
    for name in REQUIRED:
        corpus.refused(f"missing-{name}", f"{name} is required", {name: ABSENT}, "required")
    for name in REQUIRED:
        if name != "trace_id":
            corpus.refused(f"null-{name}", f"{name} needs a value", {name: None}, "required")
    corpus.valid("trace-id-null", "null says: outside a request", {"trace_id": None})
    corpus.raw("empty-object", "{}", "all required fields are missing", "required")
    corpus.refused(
        "nothing-but-attributes",
        "attributes alone are no event",
        {**dict.fromkeys(REQUIRED, ABSENT), "attributes": {"a": 1}},
        "required",
    )
    corpus.valid("message-empty", "an empty message is a string", {"message": ""})
    corpus.valid("message-unicode", "any text is a message", {"message": "Grüße, 世界 🌍"})
    corpus.valid(
        "message-quotes",
        "quotes and backslashes are escaped",
        {"message": 'say "hi" to C:\\new\\users'},
    )
    corpus.valid("message-newlines", "line ends and tabs are escaped", {"message": "a\nb\r\nc\td"})
    corpus.valid(
        "message-json", "JSON inside a message is text", {"message": '{"level":"debug","a":1}'}
    )
    corpus.valid("message-html", "markup is text", {"message": "<b>&amp;</b> ' \""})
    corpus.valid("message-braces", "braces inside a message are text", {"message": '}\\n{ "} {'})
    corpus.valid(
        "message-colons", "what looks like a key inside a message", {"message": '":": "x":1'}
    )
    corpus.valid(
        "message-template",
        "placeholders are text",
        {"message": "${HOME} %{[@metadata][x]} {{x}} $1 %s"},
    )
    corpus.valid("message-long", "10,000 characters are fine", {"message": "x" * 10_000})
    corpus.valid("message-rtl", "right-to-left text is text", {"message": "שלום עולם"})
    corpus.valid(
        "message-combining",
        "combining characters are kept as they are",
        {"message": "e\u0301 vs \u00e9"},
    )
    corpus.valid(
        "message-separators",
        "U+2028 and U+2029 are allowed in JSON",
        {"message": "a\u2028b\u2029c"},
    )
    corpus.valid(
        "message-nonchar", "a noncharacter is a character of JSON", {"message": "\U0010ffff"}
    )
    pair = dumped({**BASE, "message": "X"}).replace('"X"', '"\\ud83d\\ude00"')
    corpus.raw(
        "message-surrogate-pair",
        pair,
        "an escaped pair is one character",
        to={**NORMALISED, "message": "😀"},
    )
    pair = dumped({**BASE, "message": "X"}).replace('"X"', '"\\\\ud83d"')
    corpus.raw(
        "message-escaped-backslash-u",
        pair,
        "a backslash, then ud83d: no surrogate",
        to={**NORMALISED, "message": "\\ud83d"},
    )
    for name, value in (
        ("number", 42),
        ("true", True),
        ("array", ["a"]),
        ("object", {"text": "a"}),
    ):
        corpus.refused(f"message-{name}", "a message is a string", {"message": value}, "type")
    full = {
        "client_ip": "2001:db8::1", "severity_text": "NOTICE", "span_id": "00f067aa0ba902b7", "environment": "production",
        "version": "1.4.2", "host": "web-01", "logger": "app.auth", "thread": "MainThread", "pid": 4711,
        "error": {"type": "ValueError", "message": "invalid literal", "stack": "Traceback\n  File x"},
        "http": {"method": "GET", "route": "/users/{id}", "status": 200}, "duration_ms": 12.5, "user_id": "42",
        "event": "user.login", "attributes": {"cart": {"items": 3}},
    }  # fmt: skip
    corpus.valid("all-fields", "every field of the schema at once", full)
    for name, value in full.items():
        corpus.valid(f"only-{name}", f"{name} alone beside the required fields", {name: value})
    for name in full:
        if name not in ("error", "http"):
            corpus.valid(
                f"null-{name}",
                f"{name} is optional; null is no value",
                {name: None},
                to={name: ABSENT},
            )
    corpus.valid(
        "empty-attributes",
        "an empty object of attributes is nothing",
        {"attributes": {}},
        to={"attributes": ABSENT},
    )
    # shapes
    for name, line, kind in (
        ("array", "[]", "an array"), ("array-of-events", f"[{REFERENCE}]", "an array of events"), ("string", '"INFO"', "a string"),
        ("number", "42", "a number"), ("true", "true", "true"), ("null", "null", "null"),
    ):  # fmt: skip
        corpus.raw(f"shape-{name}", line, f"{kind} is no event", "type")
