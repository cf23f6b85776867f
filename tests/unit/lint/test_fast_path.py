"""The fast path lets no line pass that the slow path finds something on, and finds nothing new."""

# ruff: noqa: E501 (cases stand in one line)
import base64
import io
import json
import random
import re
from pathlib import Path

import pytest

from obskit.lint.context import Context, Options
from obskit.lint.decoder import fast_path
from obskit.lint.linter import Linter
from obskit.lint.profile import Profile, select
from obskit.lint.scan import Scan
from obskit.lint.tally import Tally
from obskit.schema.fields import BUILTIN, REFERENCE_LINE
from obskit.schema.model import Field, FieldType, Requirement

CORPUS = Path(__file__).parents[2] / "conformance"
CASES = [
    json.loads(text)
    for path in sorted(CORPUS.glob("*.jsonl"))
    for text in path.read_text(encoding="utf-8").splitlines()
]


def raw(case):
    return case["line"].encode() if "line" in case else base64.b64decode(case["line_base64"])


def scan(*, fast, schema=BUILTIN, profile=Profile.DEFAULT, chosen=(), options=None, now=None):
    selection = select(profile, chosen=chosen)
    options = options or Options(attribute_types=profile is Profile.STRICT)
    context = Context(schema=schema, options=options, **({"now": now} if now else {}))
    linter = Linter(context=context, selection=selection)
    decoder = fast_path(schema, selection, options) if fast else None
    return Scan(linter=linter, tally=Tally(max_per_rule=0), decoder=decoder)


def found(data, **settings):
    """Every finding of both paths, as (rule, line, column); fails where they differ."""
    both = []
    for fast in (True, False):
        one = scan(fast=fast, **settings)
        one.block(data, "x")
        both.append(
            [(hit.problem.rule, hit.problem.line, hit.problem.column) for hit in one.tally.hits]
        )
        assert one.tally.lines == data.count(b"\n") + (not data.endswith(b"\n"))
    assert both[0] == both[1]
    return both[1]


def good_lines(count, seed=1):
    """Valid lines as services write them, all within one second."""
    some = random.Random(seed)
    lines = []
    for number in range(count):
        event = {
            "timestamp": f"2023-09-10T12:34:56.{min(999, number * 1000 // count):03d}Z",
            "level": some.choice(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]),
            "service": some.choice(["user-service", "shop", "größe"]),
            "trace_id": some.choice([None, f"{some.getrandbits(128):032x}"]),
            "message": some.choice(
                ["User login successful", 'said "hi"', "a\nb", "世界", "path C:\\x", ""]
            ),
        }
        if some.random() < 0.6:
            event["client_ip"] = some.choice(["10.0.0.1", "2001:db8::1", "192.168.1.1"])
        if some.random() < 0.3:
            event["http"] = {"method": "GET", "route": "/users/{id}", "status": 200}
        if some.random() < 0.3:
            event["duration_ms"] = some.choice([1, 2.5, 0.001, 1e-7])
        if some.random() < 0.3:
            event["attributes"] = some.choice(
                [{"a": 1}, {"b": {"c": [1, "x", None]}}, {}, {"d": 1.5, "e": True}]
            )
        separators = some.choice([(",", ":"), (", ", ": ")])
        lines.append(
            json.dumps(event, separators=separators, ensure_ascii=some.random() < 0.5).encode()
        )
    return lines


GOOD = good_lines(3000)


def test_a_block_of_good_lines_has_no_suspects():
    selection = select()
    decoder = fast_path(BUILTIN, selection, Options())
    data = b"\n".join(GOOD)
    assert list(decoder.suspects(data, Context())) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_both_paths_agree_on_the_corpus_alone_and_among_good_lines(case):
    line = raw(case)
    alone = found(line + b"\n")
    assert sorted({rule for rule, _, _ in alone}) == case["rules"]
    if not case["id"].startswith("ts-valid"):  # another time than the neighbours'
        among = found(b"\n".join([*GOOD[:40], line, *GOOD[2960:]]) + b"\n")
        assert {(rule, number) for rule, number, _ in among} == {
            (rule, 41) for rule in case["rules"]
        }


def test_every_defect_of_the_corpus_is_found_at_its_place_among_200_000_lines():
    some = random.Random(7)
    good = good_lines(2_000)
    lines = [good[number * 2_000 // 200_000] for number in range(200_000)]
    planted = {}
    # a defect in time shows against its neighbours, and is tested on its own
    for case in CASES:
        if case["rules"] and not case["id"].startswith("ts-valid"):
            place = some.randrange(len(lines))
            while place in planted:
                place = some.randrange(len(lines))
            planted[place] = case
            lines[place] = raw(case)
    one = scan(fast=True)
    one.read(io.BytesIO(b"\n".join(lines) + b"\n").read, "x")
    assert one.tally.lines == 200_000
    found = {}
    for hit in one.tally.hits:
        if hit.problem.rule == "inconsistent-type":  # the defects differ from each other in that
            continue
        found.setdefault(hit.problem.line - 1, set()).add(hit.problem.rule)
    assert found == {place: set(case["rules"]) for place, case in planted.items()}
    assert len(planted) > 450


TOKENS = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"\r", b"0", b"1e5", b"-", b"null", b"true", b"\xff", b"\xc2\x9b", b"\x00", b"\x7f", b"\\u0022",
    b"\\u001b", b"\\ud83d", b'","level":"INFO', b'"level":"INFO",', b'"x":1,', b'{"a":1}', b"}{", b"\\b", b"\xe2\x80\xa8", b"1", b"T", b"Z", b"+02:00", b"WARN",
    b'"attributes":{"a":1,"a":1},', b'"duration_ms":1e3,', b"99999999999999999999",
]  # fmt: skip


def mutated(some, line):
    """A line with one to three small changes anywhere."""
    for _ in range(some.choice((1, 1, 1, 2, 3))):
        at = some.randrange(len(line) + 1)
        what = some.randrange(6)
        if what == 0:
            line = line[:at] + line[at + some.randrange(1, 4) :]
        elif what == 1:
            line = line[:at] + some.choice(TOKENS) + line[at:]
        elif what == 2:
            line = line[:at] + some.choice(TOKENS) + line[at + 1 :]
        elif what == 3:
            line = line[:at] + bytes([some.randrange(256)]) + line[at + 1 :]
        elif what == 4:  # a piece stands twice, or elsewhere
            end = min(len(line), at + some.randrange(1, 40))
            line = line[:end] + line[at:end] + line[end:]
        else:  # a value is swapped for another
            line = re.sub(
                rb'"[^"]{1,20}"',
                lambda _: some.choice((b'""', b"1", b'"INFO"', b"null")),
                line,
                count=1,
            )
    return line.replace(b"\n", b" ")


#: 10,000 lines a seed: 100,000 always, a million in make soak.
SEEDS = [*range(10), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(10, 100))]


@pytest.mark.parametrize("seed", SEEDS)
def test_both_paths_agree_on_mutated_lines(seed):
    some = random.Random(seed)
    seeds = (
        [raw(case) for case in CASES if len(case.get("line", "")) < 600]
        + GOOD[:600]
        + [REFERENCE_LINE.encode()]
    )
    for _ in range(20):
        lines = [
            mutated(some, some.choice(seeds)) if some.random() < 0.7 else some.choice(GOOD)
            for _ in range(500)
        ]
        found(b"\n".join(lines) + b"\n", now=lambda: 2e9)


@pytest.mark.parametrize("profile", [Profile.STRICT, Profile.ADOPT])
def test_both_paths_agree_in_every_profile(profile):
    some = random.Random(99)
    lines = [
        mutated(some, some.choice(GOOD)) if some.random() < 0.2 else some.choice(GOOD)
        for _ in range(2000)
    ]
    found(b"\n".join(lines), profile=profile)


def test_both_paths_agree_with_opt_in_rules():
    lines = list(GOOD[:300])
    lines[7] = lines[7].replace(b'"message"', b'"severity_text":"mail ada@example.org","message"')
    lines[9] = json.dumps(
        {**json.loads(REFERENCE_LINE), "attributes": {"password": "hunter2"}}
    ).encode()
    assert [
        (rule, line)
        for rule, line, _ in found(b"\n".join(lines), chosen=("secret", "personal-data"))
    ] == [
        ("personal-data", 8),
        ("secret", 10),
    ]


def test_timestamps_out_of_order_are_found_at_their_lines_in_both_paths():
    def line(second):
        return REFERENCE_LINE.replace("12:34:56Z", f"12:34:{second:02d}Z").encode()

    data = b"\n".join(map(line, [1, 2, 5, 4, 3, 6, 50, 2, 49, 51, 10]))
    assert found(data, options=Options(order_seconds=1)) == [
        ("timestamp-order", number, 14) for number in (5, 8, 11)
    ]


def test_mixed_forms_of_timestamps_are_compared_as_instants():
    def line(text):
        return REFERENCE_LINE.replace("2023-09-10T12:34:56Z", text).encode()

    texts = [
        "2023-09-10T12:34:56Z",
        "2023-09-10T14:34:57+02:00",
        "2023-09-10T12:34:57.5Z",
        "2023-09-10T12:30:00Z",
    ]
    assert [number for _, number, _ in found(b"\n".join(map(line, texts)))] == [4]


def test_a_timestamp_in_the_future_is_found():
    assert [
        (rule, line) for rule, line, _ in found(REFERENCE_LINE.encode(), now=lambda: 1.6e9)
    ] == [("timestamp-future", 1)]


def test_two_objects_on_one_line_do_not_make_up_for_one_on_two_lines():
    good = REFERENCE_LINE.encode()
    split = good.replace(b',"level"', b',\n"level"')
    assert {line for _, line, _ in found(b"\n".join([good, good + good, split, good]) + b"\n")} == {
        2,
        3,
        4,
    }


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_blank_lines_are_skipped_and_counted(end):
    good = REFERENCE_LINE.encode()
    data = end.join([b"", good, b"", b"  ", good, good[:-1], b""])
    assert found(data) == [("json-syntax", 6, len(good))]


def test_a_projects_own_fields_go_the_same_two_ways():
    schema = BUILTIN.extended(
        [
            Field(
                name="tenant",
                type=FieldType.KEYWORD,
                requirement=Requirement.REQUIRED,
                pattern="^[a-z]+-[0-9]+$",
            ),
            Field(name="cart.items", type=FieldType.LONG, minimum=0),
            Field(name="paid", type=FieldType.BOOLEAN),
            Field(name="due", type=FieldType.DATE),
        ]
    )

    def line(**more):
        return json.dumps({**json.loads(REFERENCE_LINE), "tenant": "acme-1", **more}).encode()

    lines = [
        line(), line(tenant="ACME"), line(cart={"items": 3}), line(cart={"items": -3}), line(paid=True), line(paid="yes"),
        line(due="2023-02-29T00:00:00Z"), line(due="2023-02-28T00:00:00Z"), line(cart=None), line(cart=3), REFERENCE_LINE.encode(),
    ]  # fmt: skip
    assert [(rule, number) for rule, number, _ in found(b"\n".join(lines), schema=schema)] == [
        ("format", 2), ("range", 4), ("type", 6), ("format", 7), ("type", 10), ("required", 11),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "field",
    [
        Field(name="huge", type=FieldType.LONG, minimum=10**400),
        Field(name="long", type=FieldType.KEYWORD, max_length=10**30),
        Field(name="host.name", type=FieldType.KEYWORD),
    ],
    ids=lambda field: field.name,
)
def test_a_schema_that_the_scanner_does_not_read_goes_the_slow_way(field):
    schema = BUILTIN.extended([field])
    assert fast_path(schema, select(), Options()) is None
    assert found(REFERENCE_LINE.replace("INFO", "info").encode(), schema=schema) == [
        ("level-case", 1, 45)
    ]
