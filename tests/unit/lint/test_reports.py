"""Each format tells the same findings; hostile lines break none of them."""

# ruff: noqa: E501 (cases stand in one line)

import json
import xml.etree.ElementTree as ET

import pytest

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Line
from obskit.lint.linter import Linter
from obskit.lint.profile import select
from obskit.lint.report import FORMATS
from obskit.lint.report.text import hit_lines
from obskit.lint.scan import Scan
from obskit.lint.tally import Tally
from obskit.schema.fields import BUILTIN, REFERENCE_LINE

GOOD = REFERENCE_LINE
LINES = [
    GOOD, GOOD.replace('"INFO"', '"info"'), GOOD.replace('"level"', '"lvl"'), GOOD[:-1], GOOD.replace("User", "\\u001b[31m"), GOOD,
    "\x1b]0;pwned\x07 ::error::x%0A]]> <&\"' \u202e", GOOD.replace('"INFO"', '"debug"'),
]  # fmt: skip


def report(lines=LINES, name="logs/app, 1:2.json", **tally):
    scan = Scan(linter=Linter(context=Context(), selection=select()), tally=Tally(**tally))
    scan.tally.sources = 1
    scan.block("\n".join(lines).encode(), name)
    return scan.tally.report()


def told(style, **settings):
    return "\n".join(FORMATS[style](report(**settings)))


def test_text_shows_the_line_and_carets_below_the_place():
    found = report(lines=[LINES[1]])
    assert list(hit_lines(found.hits[0])) == [
        "logs/app, 1:2.json:1:45: error: level 'info' is written INFO [level-case]",
        f"  1 | {LINES[1]}",
        "    | " + " " * 44 + "^" * 6,
    ]


@pytest.mark.parametrize("width", [30, 60, 80, 110])
def test_carets_stay_below_the_place_on_a_narrow_terminal(width):
    """A terminal would break the source, and the carets would stand below something else."""
    (hit,) = report(lines=[LINES[1]]).hits
    _, source, carets = hit_lines(hit, width=width)
    assert len(source) == width
    assert source[carets.index("^") :].startswith('"info"')
    assert carets.count("^") == len('"info"')


def test_reports_do_not_repeat_a_secret():
    line = json.dumps(
        {**json.loads(GOOD), "attributes": {"password": "hunter2", "mail": "ada@example.org"}}
    )
    scan = Scan(linter=Linter(selection=select(chosen=["secret", "personal-data"])), tally=Tally())
    scan.block(line.encode(), "x")
    found = scan.tally.report()
    assert [hit.problem.rule for hit in found.hits] == ["secret", "personal-data"]
    assert [hit.excerpt for hit in found.hits] == ['"•••"', '"•••"']


def test_carets_stay_below_the_place_in_long_lines():
    line = json.dumps(
        {**json.loads(GOOD), "message": "x" * 5000, "level": "info", "attributes": {"a": "y" * 500}}
    )
    hit = report(lines=[line]).hits[0]
    assert hit.excerpt[hit.offset : hit.offset + hit.width] == '"info"'
    assert len(hit.excerpt) <= 162


def test_text_moves_no_cursor_whatever_the_line_says():
    text = told("text")
    assert not any(
        sign < " " or "\x7f" <= sign <= "\x9f" or "\u202a" <= sign <= "\u202e"
        for sign in text.replace("\n", "")
    )


def test_a_million_equal_findings_are_one_line_of_the_summary():
    found = report(lines=[LINES[1]] * 1000, max_per_rule=3)
    assert len(found.hits) == 3
    (rule,) = found.rules
    assert (rule.count, rule.first.line, rule.last.line) == (1000, 1, 1000)
    summary = "\n".join(FORMATS["text"](found)).splitlines()
    assert (
        "level-case  1,000  first logs/app, 1:2.json:1:45, last logs/app, 1:2.json:1000:45"
        in summary[-3]
    )
    assert summary[-2] == "1,000 lines in 1 source: 1,000 errors"
    assert "997 findings more" in summary[-1]


def test_json_has_every_fact():
    data = json.loads(told("json"))
    assert data["lines"] == len(LINES)
    assert data["counts"] == {"info": 0, "warning": 1, "error": 5}
    assert [(item["rule"], item["line"]) for item in data["findings"]] == [
        ("level-case", 2), ("alias", 3), ("json-syntax", 4), ("control-character", 5), ("json-syntax", 7), ("level-case", 8),
    ]  # fmt: skip
    assert {item["rule"]: item["count"] for item in data["rules"]}["level-case"] == 2


def test_sarif_names_rules_places_and_levels():
    run = json.loads(told("sarif"))["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert (
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            == "logs/app%2C%201%3A2.json"
        )
        assert result["locations"][0]["physicalLocation"]["region"]["startColumn"] >= 1
    assert {result["level"] for result in run["results"]} == {"error", "warning"}


def test_junit_is_xml_whatever_the_line_says():
    suite = ET.fromstring(told("junit").encode())
    assert suite.tag == "testsuite"
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) > 0
    clean = ET.fromstring("\n".join(FORMATS["junit"](report(lines=[GOOD]))).encode())
    assert (clean.get("tests"), clean.get("failures")) == ("1", "0")


def test_github_annotations_are_one_line_each_and_escaped():
    lines = told("github").splitlines()
    marked = [line for line in lines if line.startswith("::")]
    assert len(marked) == len(report().hits)
    assert marked[0] == (
        "::error file=logs/app%2C 1%3A2.json,line=2,col=45,title=obskit level-case::level 'info' is written INFO"
    )


def test_gitlab_issues_have_distinct_fingerprints():
    issues = json.loads(told("gitlab"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert {issue["severity"] for issue in issues} == {"major", "minor"}


@pytest.mark.parametrize("style", FORMATS)
def test_no_findings_is_a_whole_report_too(style):
    text = "\n".join(FORMATS[style](report(lines=[GOOD])))
    if style in ("json", "sarif", "gitlab"):
        json.loads(text)
    assert text


def test_tallies_of_parts_add_up_to_that_of_the_whole():
    whole = report(max_per_rule=4)
    parts = Tally(max_per_rule=4)
    for start in (0, 3, 6):
        scan = Scan(linter=Linter(), tally=Tally(max_per_rule=4))
        scan.block("\n".join(LINES[start : start + 3]).encode(), "logs/app, 1:2.json")
        parts.merge(scan.tally.finished(), lines_before=start)
    parts.sources = 1
    assert parts.report() == whole


def test_at_least_counts_the_more_severe_too():
    found = report()
    assert found.at_least(Severity.WARNING) == found.at_least(Severity.ERROR) + 1


def test_the_slow_path_alone_is_a_line():
    assert list(Linter().check(Line(GOOD.encode(), BUILTIN))) == []
