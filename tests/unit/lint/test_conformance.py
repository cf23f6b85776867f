"""The linter and the normaliser keep the conformance corpus, case by case."""

import base64
import json
import random
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest

from obskit.errors import Severity
from obskit.lint.line import Line
from obskit.lint.linter import Linter
from obskit.lint.normalise import Normaliser
from obskit.lint.rules import RULES
from obskit.schema.export import json_schema
from obskit.schema.fields import BUILTIN, REFERENCE_LINE
from obskit.schema.validate import validate

CORPUS = Path(__file__).parents[2] / "conformance"
CASES = [
    json.loads(text)
    for path in sorted(CORPUS.glob("*.jsonl"))
    for text in path.read_text(encoding="utf-8").splitlines()
]


def raw(case: dict) -> bytes:
    return case["line"].encode() if "line" in case else base64.b64decode(case["line_base64"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_linter_gives_verdict_and_rules_of_the_case(case):
    found = list(Linter().check(Line(raw(case), BUILTIN)))
    assert sorted({item.rule for item in found}) == case["rules"], [item.finding for item in found]
    invalid = any(item.severity is Severity.ERROR for item in found)
    assert ("invalid" if invalid else "valid") == case["verdict"]


#: Rules about more than one decoded event: its text, its time, its neighbours. The other rules are the schema's.
LINTERS_OWN = {
    "alias-collision", "clock-skew", "control-character", "duplicate-key", "encoding", "inconsistent-type",
    "json-syntax", "timestamp-future", "timestamp-order",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_schemas_validator_names_the_same_faults(case):
    if {"json-syntax", "encoding", "duplicate-key"} & set(case["rules"]):
        return
    found = validate(json.loads(raw(case)), line_bytes=len(raw(case)) + 1)
    assert {item.rule for item in found} - LINTERS_OWN == set(case["rules"]) - LINTERS_OWN


#: What a decoder no longer sees, or JSON Schema has no words for.
NOT_IN_JSON_SCHEMA = {
    "alias-collision", "duplicate-key", "encoding", "json-syntax", "oversized-line",
}  # fmt: skip
#: Bounds in bytes, which JSON Schema counts in characters.
IN_CHARACTERS = {"leaf-wide", "leaf-emoji"}
JSON_SCHEMA = jsonschema_rs.Draft202012Validator(json_schema.export(BUILTIN), validate_formats=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_json_schema_gives_the_verdict_of_the_case(case):
    if {"json-syntax", "encoding", "duplicate-key"} & set(case["rules"]):
        return
    errors = {rule for rule in case["rules"] if RULES[rule].severity is Severity.ERROR}
    errors -= NOT_IN_JSON_SCHEMA
    valid = JSON_SCHEMA.is_valid(json.loads(raw(case)))
    assert valid == (not errors or case["id"] in IN_CHARACTERS)


def test_validator_and_linter_agree_on_generated_events():
    seed = random.Random(5)
    names = [*BUILTIN.by_name, *BUILTIN.by_alias, "zzz", "http", "error", "service", "log", "x.y"]
    leaves = [
        None,
        True,
        1,
        -1,
        1.5,
        "x",
        "",
        "INFO",
        "info",
        "1.2.3.4",
        "2023-09-10T12:34:56",
        [1],
        {},
    ]
    differences = []
    for _ in range(5_000):
        event = json.loads(REFERENCE_LINE)
        for _ in range(seed.randint(1, 3)):
            name, value = seed.choice(names), seed.choice(leaves)
            if seed.random() < 0.3:
                value = {seed.choice(names).split(".")[-1]: value}
            *above, key = name.split(".") if seed.random() < 0.5 else (name,)
            node = event
            for part in above:
                node[part] = node[part] if isinstance(node.get(part), dict) else {}
                node = node[part]
            node[key] = value
        line = json.dumps(event).encode()
        found = {item.rule for item in Linter().check(Line(line, BUILTIN))} - LINTERS_OWN
        if found != {item.rule for item in validate(event)} - LINTERS_OWN:
            differences.append(line)
    assert differences == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_normaliser_gives_the_event_of_the_case(case):
    outcome = Normaliser().line(raw(case))
    assert outcome.event == case["normalised"], outcome.reasons
    assert bool(outcome.reasons) == (case["normalised"] is None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_what_the_normaliser_writes_is_valid_and_stays_as_it_is(case):
    if case["normalised"] is None:
        return
    line = json.dumps(case["normalised"], separators=(",", ":")).encode()
    errors = [
        item for item in Linter().check(Line(line, BUILTIN)) if item.severity is Severity.ERROR
    ]
    allowed = {"oversized-line"} & set(case["rules"])  # nothing makes a huge line small
    assert {item.rule for item in errors} <= allowed
    assert Normaliser().line(line).event == case["normalised"]


def test_the_committed_corpus_is_the_generated_one():
    done = subprocess.run(
        [sys.executable, CORPUS / "generate.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_corpus_has_at_least_400_cases_with_unique_ids():
    assert len(CASES) >= 400
    assert len({case["id"] for case in CASES}) == len(CASES)
