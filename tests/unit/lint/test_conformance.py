"""The linter and the normaliser keep the conformance corpus, case by case."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from obskit.errors import Severity
from obskit.lint.line import Line
from obskit.lint.linter import Linter
from obskit.lint.normalise import Normaliser
from obskit.schema.fields import BUILTIN

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
