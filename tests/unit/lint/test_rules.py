"""What each rule says, and where."""

# ruff: noqa: E501 (cases stand in one line)

import json
import re
from pathlib import Path

import pytest

from obskit.errors import ConfigError, Severity
from obskit.lint.context import Context, Options, State
from obskit.lint.line import Line
from obskit.lint.linter import Linter
from obskit.lint.profile import Profile, select
from obskit.lint.rules import RULES
from obskit.schema.fields import BUILTIN, REFERENCE_LINE
from obskit.schema.validate import Validator

CORPUS = Path(__file__).parents[2] / "conformance"
CASES = [
    json.loads(text)
    for path in sorted(CORPUS.glob("*.jsonl"))
    for text in path.read_text(encoding="utf-8").splitlines()
]
REFERENCE = json.loads(REFERENCE_LINE)


def problems(line, *, reference=None, **settings):
    if isinstance(line, dict):
        line = json.dumps({**REFERENCE, **line}, ensure_ascii=False, separators=(",", ":"))
    linter = Linter(
        context=Context(
            options=settings.pop("options", Options()), state=settings.pop("state", State())
        ),
        selection=select(settings.pop("profile", Profile.DEFAULT), **settings),
    )
    made = Line(line.encode(), BUILTIN, 7, reference=reference)
    return [item.problem("app.json") for item in linter.check(made)]


def places(line, **settings):
    """Rules with the text that each points at."""
    text = (
        json.dumps({**REFERENCE, **line}, ensure_ascii=False, separators=(",", ":"))
        if isinstance(line, dict)
        else line
    )
    linter = Linter(selection=select(**settings))
    found = []
    for item in linter.check(Line(text.encode(), BUILTIN)):
        column, width = item.span
        found.append((item.rule, text[column - 1 : column - 1 + width]))
    return found


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_explains_itself_in_a_sentence_and_a_paragraph(rule):
    assert re.fullmatch(r"[A-Z`].+\.", rule.summary)
    assert len(rule.explanation.splitlines()) >= 3
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)


def test_every_rule_is_in_the_corpus_or_tested_here():
    here = {
        "timestamp-future",
        "timestamp-order",
        "clock-skew",
        "inconsistent-type",
        "secret",
        "personal-data",
    }
    assert {rule for case in CASES for rule in case["rules"]} | here == set(RULES)


def test_findings_say_file_line_and_column():
    (problem,) = problems({"level": "info"})
    assert str(problem) == "app.json:7:45: level 'info' is written INFO"


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ({"level": "info"}, ("level-case", '"info"')),
        ({"http": {"method": "GET", "status": 99}}, ("range", "99")),
        ({"error": {"type": "A", "code": 5}}, ("unknown-field", '"code"')),
        ({"lvl": "x"}, ("alias", '"lvl"')),
        ({"log": {"level": "x"}}, ("alias", '"level"')),
        ({"client_ip": "größe"}, ("format", '"größe"')),
        ({"größe": 1}, ("unknown-field", '"größe"')),
        ({"a.b": 1}, ("unknown-field", '"a.b"')),
        ({"attributes": [1]}, ("type", "[1]")),
        (REFERENCE_LINE[:-1] + ',"level":"INFO"}', ("duplicate-key", '"level"')),
        (REFERENCE_LINE[:-1] + ",}", ("json-syntax", "}")),
        (REFERENCE_LINE[:-1] + ',"pid":NaN}', ("json-syntax", "N")),
    ],
)
def test_columns_point_at_the_key_or_value_concerned(line, place):
    found = places(line)
    assert place in found or (place[0] == "json-syntax" and found[0][0] == "json-syntax")


def test_the_column_counts_characters_not_bytes():
    (problem,) = problems(REFERENCE_LINE.replace("User", "Üser").replace("192.168.1.1", "x"))
    assert problem.column == REFERENCE_LINE.index('"192') + 1


def test_the_second_of_two_equal_keys_is_pointed_at():
    line = REFERENCE_LINE.replace('"level"', '"level":"INFO","level"')
    (problem,) = problems(line)
    assert problem.column == line.rindex('"level"') + 1


def test_a_near_miss_of_a_field_is_suggested():
    (problem,) = problems({"mesage": 1})
    assert "did you mean 'message'?" in problem.message


def test_clock_skew_is_told_where_a_carrier_says_the_time():
    at = 1694349296.0
    assert problems({}, reference=at + 4) == []
    (problem,) = problems({}, reference=at + 3600)
    assert problem.rule == "clock-skew"
    assert "3,600.0 s behind" in problem.message
    assert problem.severity is Severity.WARNING


def test_types_of_undeclared_fields_are_compared_between_lines():
    state = State()
    assert [p.rule for p in problems({"cart": 3}, state=state)] == ["unknown-field"]
    assert [p.rule for p in problems({"cart": None}, state=state)] == ["unknown-field"]
    found = problems({"cart": {"items": 3}}, state=state)
    assert [p.rule for p in found] == ["unknown-field", "inconsistent-type"]
    assert "an object here and was a number" in found[1].message


def test_types_below_attributes_are_compared_on_request_only():
    for wanted in (True, False):
        state, options = State(), Options(attribute_types=wanted)
        problems({"attributes": {"a": 1}}, state=state, options=options)
        found = problems({"attributes": {"a": "1"}}, state=state, options=options)
        assert [p.rule for p in found] == (["inconsistent-type"] if wanted else [])


SECRETS = [
    {"attributes": {"password": "hunter2"}}, {"attributes": {"db": {"api_key": "k"}}}, {"attributes": {"Authorization": "Basic abc"}},
    {"message": "key AKIAABCDEFGHIJKLMNOP used"}, {"message": "ghp_" + "a" * 36}, {"message": "token xoxb-123456789012-abc"},
    {"message": "-----BEGIN RSA PRIVATE KEY-----"}, {"message": "GET https://bob:hunter2@db.example/"}, {"message": "password=hunter2"},
    {"message": "Bearer abcdefghijklmnopqrstuvwxyz"}, {"message": "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4"},
]  # fmt: skip
NO_SECRETS = [
    {"attributes": {"password": "[redacted]"}}, {"attributes": {"password": "***"}}, {"attributes": {"password": ""}},
    {"attributes": {"tokens": 3}}, {"message": "password changed"}, {"message": "see https://example.org/a@b"},
    {"message": "basic auth is off"}, {"attributes": {"key": "user.login"}},
]  # fmt: skip
PERSONAL = [
    {"message": "mail to ada@example.org"}, {"attributes": {"card": "4111 1111 1111 1111"}}, {"message": "4111111111111111 declined"},
    {"message": "IBAN DE89 3704 0044 0532 0130 00"}, {"attributes": {"a": ["x", {"b": "GB82WEST12345698765432"}]}},
]  # fmt: skip
NOT_PERSONAL = [
    {"message": "4111111111111112 has a wrong check digit"}, {"message": "user@host"}, {"message": "at 1694349296123"}, {"trace_id": "4111111111111111a"},
    {"message": "GB82WEST12345698765433"}, {"message": "1111111111111111"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [("secret", SECRETS, NO_SECRETS), ("personal-data", PERSONAL, NOT_PERSONAL)],
)
def test_opt_in_rules_find_what_they_say_and_only_where_selected(rule, yes, no):
    for line in yes:
        assert [p.rule for p in problems(line, chosen=[rule])] == [rule], line
        assert problems(line) == []
    for line in no:
        assert problems(line, chosen=[rule]) == [], line


def test_findings_of_secrets_do_not_repeat_the_secret():
    for line in SECRETS:
        assert "hunter2" not in problems(line, chosen=["secret"])[0].message


def test_strict_makes_errors_of_warnings():
    (problem,) = problems({"message": "\x1b[31m"}, profile=Profile.STRICT)
    assert problem.severity is Severity.ERROR


def test_adopt_only_tells_of_what_normalize_repairs():
    legacy = '{"ts":1694349296.5,"lvl":"warning","svc":"shop","traceId":"a1","msg":"hi","cart":3}'
    assert {p.severity for p in problems(legacy, profile=Profile.ADOPT)} == {Severity.INFO}
    broken = '{"ts":"yesterday","lvl":"warning","svc":"shop","traceId":"a1","msg":"hi"}'
    assert {p.severity for p in problems(broken, profile=Profile.ADOPT)} == {Severity.ERROR}


def test_selecting_names_only_those_rules_and_adds_opt_in_ones():
    assert set(select(chosen=["alias", "type"]).severities) == {"alias", "type"}
    assert set(select().severities) == {rule.id for rule in RULES.values() if not rule.opt_in}
    assert set(select(chosen=["secret"]).severities) == {*select().severities, "secret"}
    assert set(select(chosen=["all"]).severities) == set(RULES)
    assert "alias" not in select(ignored=["alias"]).severities


def test_a_rule_that_is_not_known_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'level-case'"):
        select(chosen=["levelcase"])


@pytest.mark.parametrize(
    "case", [case for case in CASES if "line" in case], ids=lambda case: case["id"]
)
def test_the_schemas_own_validator_gives_the_same_verdict(case):
    """Rules that need the text of the line are the linter's alone."""
    line = Line(case["line"].encode(), BUILTIN)
    textual = {"encoding", "json-syntax", "duplicate-key", "oversized-line", "alias-collision"}
    if line.syntax is not None:
        return
    broken = {item.rule for item in Validator(BUILTIN).validate(line.event)} - {"control-character"}
    assert bool(broken) == bool(set(case["rules"]) - textual - {"control-character"})
