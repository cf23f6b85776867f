"""Values of the other fields: levels, names, ids, addresses, numbers."""

# One case a line: that is the point of this module.
# ruff: noqa: E501

from __future__ import annotations

from cases import ABSENT, Corpus

SYNONYMS = {
    "WARNING": "WARN", "CRITICAL": "ERROR", "FATAL": "ERROR", "SEVERE": "ERROR", "ERR": "ERROR", "EMERGENCY": "ERROR", "EMERG": "ERROR",
    "ALERT": "ERROR", "CRIT": "ERROR", "PANIC": "ERROR", "NOTICE": "INFO", "INFORMATION": "INFO", "INFORMATIONAL": "INFO",
    "VERBOSE": "DEBUG", "FINE": "DEBUG", "FINER": "DEBUG", "FINEST": "TRACE",
}  # fmt: skip

IPS_GOOD = (
    "0.0.0.0", "127.0.0.1", "10.0.0.255", "255.255.255.255", "::", "::1", "2001:db8::8a2e:370:7334", "2001:DB8::A", "fe80::1",
    "::ffff:192.0.2.128", "64:ff9b::192.0.2.33", "2001:0db8:0000:0000:0000:ff00:0042:8329", "1::", "ff02::2",
)  # fmt: skip
IPS_BAD = {
    "": "empty", " ": "white space", "192.168.1": "three numbers", "192.168.1.1.1": "five numbers", "192.168.1.256": "beyond a byte",
    "192.168.1.-1": "negative", "192.168.01.1": "a leading zero", "192.168.1.1 ": "space behind", "192.168.1.1:8080": "a port",
    "[::1]": "brackets", "[::1]:8080": "brackets and a port", "fe80::1%eth0": "a zone", "10.0.0.0/8": "a network",
    "2001:db8::1::2": "two gaps", "2001:db8": "two groups", "1:2:3:4:5:6:7:8:9": "nine groups", "12345::": "five digits", "g::1": "no digit",
    "localhost": "a name", "unknown": "what proxies write", "-": "what web servers write", "0x7f.0.0.1": "hexadecimal", "2130706433": "one number",
    "10.0.0.1, 10.0.0.2": "a list", "１.1.1.1": "a full-width digit", ":::": "three colons", "1.2.3.4::": "IPv4 in front",
}  # fmt: skip
IDS_GOOD = (
    "a", "0", "abc123xyz", "4bf92f3577b34da6a3ce929d0e0e4736", "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736", "463ac35c9f6413ad48485a3953bb6124",
    "ea.1.17", "a_b.c-d", "1-5759e988-bd862e3fe1be46a994272793", "x" * 128,
)  # fmt: skip
IDS_BAD = {
    "": "empty", " ": "white space", "x" * 129: "129 characters", "a b": "a space", "a/b": "a slash", "abc\n": "a line feed behind", "ä": "not ASCII",
    "a:b": "a colon", "a+b=": "base64", "{id}": "braces", "a,b": "a comma", '"a"': "quotes", "٣": "an Arabic digit",
}  # fmt: skip
KEYWORDS = {
    "service": 256, "severity_text": 64, "environment": 256, "version": 256, "host": 256, "logger": 1024, "thread": 1024, "user_id": 256, "event": 256,
}  # fmt: skip
NESTED = {("error", "type"): 1024, ("http", "method"): 64, ("http", "route"): 1024}


def add(corpus: Corpus) -> None:
    levels(corpus)
    ids(corpus)
    addresses(corpus)
    keywords(corpus)
    numbers(corpus)
    controls(corpus)


def levels(corpus: Corpus) -> None:
    for level in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR"):
        corpus.valid(f"level-{level}", "an allowed level", {"level": level})
        corpus.repaired(
            f"level-{level.lower()}",
            "lower case",
            {"level": level.lower()},
            {"level": level},
            "level-case",
        )
        title = level.capitalize()
        corpus.repaired(
            f"level-{title}-title", "title case", {"level": title}, {"level": level}, "level-case"
        )
    for synonym, level in SYNONYMS.items():
        corpus.repaired(
            f"level-{synonym}",
            f"another word for {level}",
            {"level": synonym},
            {"level": level, "severity_text": synonym},
            "allowed",
        )
    corpus.repaired(
        "level-warning-lower",
        "another word in lower case: the text is kept as written",
        {"level": "warning"},
        {"level": "WARN", "severity_text": "warning"},
        "allowed",
    )
    corpus.repaired(
        "level-with-severity-text",
        "the event's own severity_text wins",
        {"level": "FATAL", "severity_text": "panic"},
        {"level": "ERROR", "severity_text": "panic"},
        "allowed",
    )
    corpus.valid(
        "level-and-severity-text",
        "as the formatter writes CRITICAL",
        {"level": "ERROR", "severity_text": "CRITICAL"},
    )
    corpus.repaired(
        "level-spaces",
        "white space around is removed",
        {"level": " info "},
        {"level": "INFO"},
        "allowed",
    )
    for name, value in (("empty", ""), ("number-text", "30"), ("unknown", "LOUD"), ("letter", "E"), ("inner-space", "IN FO"),
                        ("two", "INFO,ERROR"), ("off", "OFF"), ("bracket", "[INFO]")):  # fmt: skip
        corpus.refused(f"level-bad-{name}", "no level that is known", {"level": value}, "allowed")
    for name, value in (
        ("number", 30),
        ("true", True),
        ("array", ["INFO"]),
        ("object", {"name": "INFO"}),
    ):
        corpus.refused(f"level-{name}", "a level is a string", {"level": value}, "type")


def ids(corpus: Corpus) -> None:
    for field in ("trace_id", "span_id"):
        for number, value in enumerate(IDS_GOOD):
            corpus.valid(f"{field}-good-{number:02d}", "an opaque id", {field: value})
        for number, (value, why) in enumerate(IDS_BAD.items()):
            corpus.refused(
                f"{field}-bad-{number:02d}", f"{why}: no opaque id", {field: value}, "format"
            )
        for name, value in (
            ("number", 12345),
            ("true", True),
            ("array", ["a"]),
            ("object", {"a": "b"}),
        ):
            corpus.refused(f"{field}-{name}", "an id is a string", {field: value}, "type")


def addresses(corpus: Corpus) -> None:
    for number, value in enumerate(IPS_GOOD):
        corpus.valid(f"ip-good-{number:02d}", f"{value} is an address", {"client_ip": value})
    for number, (value, why) in enumerate(IPS_BAD.items()):
        corpus.refused(f"ip-bad-{number:02d}", f"{why}: no address", {"client_ip": value}, "format")
    for name, value in (
        ("number", 2130706433),
        ("array", ["10.0.0.1"]),
        ("object", {"v4": "10.0.0.1"}),
    ):
        corpus.refused(f"ip-{name}", "an address is a string", {"client_ip": value}, "type")


def keywords(corpus: Corpus) -> None:
    corpus.refused("service-empty", "a service has a name", {"service": ""}, "format")
    for name in (
        "user_service",
        "Benutzer-Dienst",
        "a.b.c",
        "日本",
        "UPPER",
        "with space",
        "x/y",
        "42",
    ):
        corpus.valid(
            f"service-{name}", "any text that is not empty names a service", {"service": name}
        )
    for field, length in KEYWORDS.items():
        corpus.valid(f"{field}-longest", f"{length} characters are allowed", {field: "x" * length})
        corpus.valid(f"{field}-longest-wide", "characters count, not bytes", {field: "😀" * length})
        corpus.refused(
            f"{field}-too-long", f"{length + 1} characters", {field: "x" * (length + 1)}, "format"
        )
        corpus.refused(f"{field}-number", "a keyword is a string", {field: 42}, "type")
    for (parent, name), length in NESTED.items():
        corpus.valid(
            f"{parent}.{name}-longest",
            f"{length} characters are allowed",
            {parent: {name: "x" * length}},
        )
        corpus.refused(
            f"{parent}.{name}-too-long",
            f"{length + 1} characters",
            {parent: {name: "x" * (length + 1)}},
            "format",
        )
        corpus.refused(
            f"{parent}.{name}-number", "a keyword is a string", {parent: {name: 42}}, "type"
        )
    for name in ("message", "stack"):
        corpus.valid(
            f"error.{name}-long",
            "texts have no limit but the line's",
            {"error": {name: "x" * 20_000}},
        )
        corpus.refused(f"error.{name}-number", "a text is a string", {"error": {name: 1}}, "type")
    for field in (
        "severity_text",
        "environment",
        "version",
        "host",
        "logger",
        "thread",
        "user_id",
        "event",
    ):
        corpus.valid(f"{field}-empty", "an empty text is a text", {field: ""})
        corpus.refused(f"{field}-true", "a keyword is a string", {field: True}, "type")
        corpus.refused(f"{field}-array", "a keyword is one string", {field: ["a"]}, "type")


def numbers(corpus: Corpus) -> None:
    for value in (0, 1, 4711, 2**31, 2**53 - 1):
        corpus.valid(f"pid-{value}", "a whole number", {"pid": value})
    corpus.valid("pid-fraction-zero", "4711.0 is whole", {"pid": 4711.0})
    corpus.valid("pid-exponent", "1e3 is whole", {"pid": 1e3})
    corpus.refused("pid-negative", "below 0", {"pid": -1}, "range")
    corpus.refused("pid-huge", "beyond 64 bits", {"pid": 2**63}, "range")
    corpus.refused("pid-fraction", "not whole", {"pid": 1.5}, "type")
    for value in (100, 200, 404, 599):
        corpus.valid(f"status-{value}", "a status of HTTP", {"http": {"status": value}})
    for value in (0, 99, 600, -200, 1000):
        corpus.refused(f"status-{value}", "no status of HTTP", {"http": {"status": value}}, "range")
    corpus.refused("status-fraction", "not whole", {"http": {"status": 200.5}}, "type")
    for value in (0, 0.0, 12.5, 1e-9, 1e15, 12, 0.1):
        corpus.valid(f"duration-{value!r}", "not negative", {"duration_ms": value})
    for value in (-1, -0.001):
        corpus.refused(f"duration-{value!r}", "negative", {"duration_ms": value}, "range")
    for field in ("pid", "duration_ms"):
        for name, value in (
            ("text", "12"),
            ("empty", ""),
            ("true", True),
            ("array", [1]),
            ("object", {"ms": 1}),
        ):
            corpus.refused(f"{field}-{name}", "types are never guessed", {field: value}, "type")
    corpus.refused("status-text", "types are never guessed", {"http": {"status": "200"}}, "type")
    corpus.valid(
        "http-null-inside",
        "a null inside is no value",
        {"http": {"method": "GET", "status": None}},
        to={"http": {"method": "GET"}},
    )
    corpus.valid(
        "http-empty",
        "an empty object of fields is left over",
        {"http": {}},
        to={"http": ABSENT, "attributes": {"http": {}}},
    )
    corpus.valid(
        "http-null",
        "a null object of fields is left over",
        {"http": None},
        to={"http": ABSENT, "attributes": {"http": None}},
    )
    corpus.valid(
        "error-null",
        "a null object of fields is left over",
        {"error": None},
        to={"error": ABSENT, "attributes": {"error": None}},
    )


def controls(corpus: Corpus) -> None:
    for name, text in (("ansi", "\x1b[31mred\x1b[0m"), ("nul", "a\0b"), ("bell", "\x07"), ("backspace", "a\bb"), ("form-feed", "a\fb"),
                       ("vertical-tab", "a\x0bb"), ("delete", "a\x7fb"), ("c1", "a\x9bb"), ("nel", "a\x85b")):  # fmt: skip
        corpus.raw(
            f"control-{name}",
            _line(text),
            "shown, but no error",
            "control-character",
            to=_event(text),
            notice=True,
        )


def _line(text: str) -> str:
    from cases import BASE, dumped

    return dumped({**BASE, "message": text})


def _event(text: str) -> dict[str, object]:
    from cases import NORMALISED

    return {**NORMALISED, "message": text}
