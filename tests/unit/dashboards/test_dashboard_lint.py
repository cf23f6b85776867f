"""The dashboard linter: every rule finds its fault, at its place, and nothing else."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obskit.errors import Severity
from obskit.lint.dashboards import lint_dashboard, lint_dashboards, rule_ids
from obskit.lint.dashboards.positions import JsonError, locate
from obskit.lint.dashboards.rules import CROSS_RULES, RULES

ROOT = Path(__file__).resolve().parents[3]
CORPUS = Path(os.environ.get("OBSKIT_CORPORA", ROOT.parent / "shared" / "corpora")) / "grafana"

METRICS = {"type": "prometheus", "uid": "${datasource}"}


def panel(number: int, **changes: Any) -> dict[str, Any]:
    """A panel that breaks no rule."""
    return {
        "id": number,
        "type": "timeseries",
        "title": f"Panel {number}",
        "description": "What is normal.",
        "datasource": METRICS,
        "gridPos": {"x": 0, "y": 8 * number, "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": "reqps"}, "overrides": []},
        "targets": [
            {
                "refId": "A",
                "datasource": METRICS,
                "expr": 'rate(http_requests_total{job=~"$job"}[$__rate_interval])',
            }
        ],
    } | changes


GOOD: dict[str, Any] = {
    "uid": "good",
    "title": "Good",
    "schemaVersion": 38,
    "refresh": "30s",
    "links": [{"type": "link", "title": "Itself", "url": "/d/good"}],
    "templating": {
        "list": [
            {"type": "datasource", "name": "datasource", "query": "prometheus"},
            {
                "type": "query",
                "name": "job",
                "datasource": METRICS,
                "query": "label_values(up, job)",
                "regex": "/(.*)/",
            },
        ]
    },
    "annotations": {"list": []},
    "panels": [panel(1), panel(2)],
}


def first_target(board: dict[str, Any]) -> dict[str, Any]:
    target: dict[str, Any] = board["panels"][0]["targets"][0]
    return target


def variables(board: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = board["templating"]["list"]
    return found


def with_expr(text: str) -> Any:
    return lambda board: first_target(board).update(expr=text)


def add_cycle(board: dict[str, Any]) -> None:
    variables(board)[1]["query"] = "label_values(up{b='$other'}, job)"
    other = {"type": "query", "name": "other", "datasource": METRICS, "query": "label_values($job)"}
    variables(board).append(other)


def ask_elasticsearch(board: dict[str, Any]) -> None:
    logs = {"type": "elasticsearch", "uid": "${logs}"}
    variables(board).append({"type": "datasource", "name": "logs", "query": "elasticsearch"})
    variables(board).append({"type": "textbox", "name": "search", "query": "*"})
    target = {"refId": "A", "datasource": logs, "query": "service:pay AND ($search)"}
    board["panels"][0].update(datasource=logs, targets=[target])


# Rule id → what is done to a good dashboard, and the JSON text at which the finding has to point.
FAULTS: dict[str, tuple[Any, str]] = {
    "dashboard/title-missing": (lambda b: b.update(title=" "), '" "'),
    "dashboard/uid-missing": (lambda b: b.update(uid=""), '""'),
    "dashboard/uid-invalid": (lambda b: b.update(uid="x" * 41, links=[]), '"xxxxx'),
    "dashboard/database-id": (lambda b: b.update(id=417), "417"),
    "dashboard/datasource-hardcoded": (
        lambda b: b["panels"][0].update(datasource={"type": "prometheus", "uid": "PBFA97CFB"}),
        '{"type": "prometheus", "uid": "PBFA97CFB"}',
    ),
    "dashboard/datasource-input-left": (
        lambda b: b["panels"][0].update(datasource={"type": "prometheus", "uid": "${DS_PROM}"}),
        '"${DS_PROM}"',
    ),
    "dashboard/panel-title": (lambda b: b["panels"][0].update(title=""), '{"id": 1'),
    "dashboard/panel-description": (lambda b: b["panels"][0].update(description=""), '{"id": 1'),
    "dashboard/panel-unit": (lambda b: b["panels"][0].update(fieldConfig={}), '{"id": 1'),
    "dashboard/panel-overlap": (
        lambda b: b["panels"][1].update(gridPos={"x": 11, "y": 15, "w": 12, "h": 8}),
        '{"x": 11',
    ),
    "dashboard/panel-without-query": (lambda b: b["panels"][0].update(targets=[]), '{"id": 1'),
    "dashboard/hardcoded-instance": (
        with_expr('up{job=~"$job",instance="web-1:9100"}'),
        '"up{job=~',
    ),
    "dashboard/hardcoded-job": (with_expr('up{job="node"}'), '"up{job='),
    "dashboard/duplicate-panel-id": (lambda b: b["panels"][1].update(id=1), "1, "),
    "dashboard/duplicate-ref-id": (
        lambda b: b["panels"][0]["targets"].append({"refId": "A", "expr": "up"}),
        '"A", "expr": "up"',
    ),
    "dashboard/promql-syntax": (with_expr("sum(rate(up[5m])"), '"sum(rate(up[5m])"'),
    "dashboard/empty-query": (with_expr(""), '""'),
    "dashboard/undefined-variable": (with_expr('up{job=~"$jbo"}'), '"up{job=~'),
    "dashboard/escaped-wildcard": (ask_elasticsearch, "$search)"),
    "dashboard/unused-variable": (
        lambda b: variables(b).append({"type": "custom", "name": "spare", "query": "a,b"}),
        '"spare"',
    ),
    "dashboard/variable-cycle": (add_cycle, '"label_values(up{b='),
    "dashboard/rate-interval": (with_expr('rate(up{job=~"$job"}[1m])'), '"rate(up{'),
    "dashboard/unreachable-link": (
        lambda b: b["links"].append(
            {"type": "link", "title": "x", "url": "http://localhost:3000/"}
        ),
        '"http://localhost',
    ),
    "dashboard/template-regex-invalid": (lambda b: variables(b)[1].update(regex="/(a/"), '"/(a/"'),
    "dashboard/legacy-panel": (lambda b: b["panels"][0].update(type="graph"), '"graph"'),
    "dashboard/threshold-order": (
        lambda b: b["panels"][0]["fieldConfig"]["defaults"].update(
            thresholds={"steps": [{"value": None}, {"value": 9}, {"value": 5}]}
        ),
        '[{"value": null}',
    ),
    "dashboard/refresh-too-fast": (lambda b: b.update(refresh="1s"), '"1s"'),
}


def broken(rule: str) -> str:
    board = copy.deepcopy(GOOD)
    FAULTS[rule][0](board)
    return json.dumps(board)


def test_a_good_dashboard_has_no_finding() -> None:
    assert lint_dashboard(json.dumps(GOOD), "good.json") == []


@pytest.mark.parametrize("rule", sorted(FAULTS))
def test_each_rule_finds_its_fault_where_it_is(rule: str) -> None:
    text = broken(rule)
    found = [p for p in lint_dashboard(text, "b.json") if p.rule == rule]
    assert found, f"{rule} found nothing"
    assert found[0].path == "b.json"
    assert found[0].line == 1
    assert found[0].column is not None
    assert text[found[0].column - 1 :].startswith(FAULTS[rule][1])


@pytest.mark.parametrize("rule", sorted(FAULTS))
def test_a_fault_is_reported_once_and_by_its_own_rule_only(rule: str) -> None:
    found = [p.rule for p in lint_dashboard(broken(rule), "b.json")]
    assert found == [rule]


def test_every_rule_has_a_failing_fixture_and_a_documentation() -> None:
    tested = {
        *FAULTS,
        "dashboard/duplicate-key",
        "dashboard/duplicate-uid",
        "dashboard/duplicate-title",
    }
    assert {rule.ID for rule in (*RULES, *CROSS_RULES)} == tested
    page = (ROOT / "docs" / "dashboards.md").read_text()
    for rule in (*RULES, *CROSS_RULES):
        assert len((rule.__doc__ or "").strip()) > 40, rule.ID
    for rule_id in rule_ids():
        assert f"`{rule_id}`" in page, f"{rule_id} is missing in docs/dashboards.md"


def test_line_and_column_point_into_an_indented_file() -> None:
    board = copy.deepcopy(GOOD)
    first_target(board)["expr"] = "sum("
    text = json.dumps(board, indent=2)
    (problem,) = [p for p in lint_dashboard(text, "b.json") if p.rule == "dashboard/promql-syntax"]
    assert problem.line is not None
    assert problem.column is not None
    assert text.splitlines()[problem.line - 1][problem.column - 1 :].startswith('"sum("')


def test_a_key_that_stands_twice_is_found() -> None:
    text = json.dumps(GOOD).replace('"title": "Good"', '"title": "Bad", "title": "Good"')
    assert [p.rule for p in lint_dashboard(text, "b.json")] == ["dashboard/duplicate-key"]


def test_two_dashboards_with_one_uid_or_title_are_found(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(GOOD))
    found = lint_dashboards([tmp_path])
    assert sorted(p.rule for p in found) == ["dashboard/duplicate-title", "dashboard/duplicate-uid"]
    assert {Path(p.path).name for p in found} == {"b.json"}


def test_a_link_to_a_dashboard_that_is_not_here_is_found_only_when_checked_together(
    tmp_path: Path,
) -> None:
    board = copy.deepcopy(GOOD)
    board["links"][0]["url"] = "/d/other?var-job=$job"
    path = tmp_path / "a.json"
    path.write_text(json.dumps(board))
    assert lint_dashboard(path.read_text(), "a.json") == []
    assert [p.rule for p in lint_dashboards([path])] == ["dashboard/unreachable-link"]
    assert lint_dashboards([path], known_uids=["other"]) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", (1, 1)),
        ("{", (1, 2)),
        ('{"panels": [1,]}', (1, 15)),
        ('{\n  "panels": [\n    {"id": 01}\n  ]\n}', (3, 13)),
        ('{"a": NaN}', (1, 7)),
        ('{"a": "\n"}', (1, 8)),
        ('{"a": 1} x', (1, 10)),
        ("{'a': 1}", (1, 2)),
        ("[" * 10_000, (1, 202)),
        ('{"a" 1}', (1, 6)),
        ('{"a": 1 "b": 2}', (1, 9)),
    ],
)
def test_what_is_no_json_is_one_finding_with_its_place(text: str, place: tuple[int, int]) -> None:
    (problem,) = lint_dashboard(text, "b.json")
    assert problem.rule == "dashboard/json-syntax"
    assert (problem.line, problem.column) == place


@pytest.mark.parametrize("text", ["[]", "null", "3", '{"apiVersion": "dashboard.grafana.app/v2"}'])
def test_json_that_is_no_classic_dashboard_is_named(text: str) -> None:
    (problem,) = lint_dashboard(text, "b.json")
    assert problem.rule == "dashboard/unknown-model"
    assert problem.severity is Severity.WARNING


def test_an_answer_of_the_api_is_checked_below_its_dashboard_key() -> None:
    board = copy.deepcopy(GOOD)
    first_target(board)["expr"] = "sum("
    text = json.dumps({"meta": {"slug": "good"}, "dashboard": board})
    (problem,) = lint_dashboard(text, "b.json")
    assert problem.column is not None
    assert text[problem.column - 1 :].startswith('"sum("')


def test_a_file_that_cannot_be_read_is_a_finding_and_the_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes(b'{"title": "\xe9"}')
    (tmp_path / "good.json").write_text(json.dumps(GOOD))
    found = lint_dashboards([tmp_path / "good.json", tmp_path / "latin.json", tmp_path / "none"])
    assert [p.rule for p in found] == ["dashboard/unreadable", "dashboard/unreadable"]


@pytest.mark.parametrize(
    "expr",
    [
        'topk($n, rate(a{job=~"$job"}[$__rate_interval]))',
        "sum by ($by) (${metric}_total)",
        "$fn(a[$window])",
        "a offset $window",
        "rate(a[${window}m])",
        "a > $limit and b < ${limit:raw}",
        'label_replace(a, "x", "$1", "y", "(.*)")',
        "increase(a[$__range]) / $__range_s",
        'a{b=~"[[job]]"} # $unclosed "',
        "a * $__interval_ms",
        'histogram_quantile(0.$q, sum by (le) (rate(a_bucket{x="\\"$job"}[$__interval:$step])))',
    ],
)
def test_promql_with_variables_in_any_place_parses(expr: str) -> None:
    board = copy.deepcopy(GOOD)
    for name in ("n", "by", "metric", "fn", "window", "limit", "q", "step", "unclosed"):
        variables(board).append({"type": "textbox", "name": name, "query": ""})
    first_target(board)["expr"] = expr
    rules = {p.rule for p in lint_dashboard(json.dumps(board), "b.json")}
    assert rules <= {"dashboard/unused-variable", "dashboard/rate-interval"}


def test_an_input_of_an_export_is_no_fault() -> None:
    text = json.dumps(
        GOOD
        | {"__inputs": [{"name": "DS_PROM", "type": "datasource", "pluginId": "prometheus"}]}
        | {"panels": [panel(1, datasource="${DS_PROM}"), panel(2)]}
    )
    assert lint_dashboard(text, "b.json") == []


def test_a_named_group_of_label_replace_is_no_variable() -> None:
    expr = 'label_replace(up, "host", "$host", "instance", "(?P<host>.+):.*")'
    assert errors_of(expr) == []
    assert errors_of(expr.replace("?P<host>", "")) == ["dashboard/undefined-variable"]


def errors_of(expr: str) -> list[str]:
    text = json.dumps(GOOD | {"panels": [panel(1, targets=[{"refId": "A", "expr": expr}])]})
    return [one.rule for one in lint_dashboard(text, "b.json") if one.severity == "error"]


def test_the_public_corpus_has_no_false_error() -> None:
    """Real dashboards that people use: warnings are fine, an error has to be one."""
    if not CORPUS.is_dir():
        pytest.skip("the public corpora are not here (OBSKIT_CORPORA)")
    errors = [p for p in lint_dashboards([CORPUS]) if p.severity is Severity.ERROR]
    # The mixin asks for hostname=~"$hostname" and has no such variable: that panel is empty.
    assert [(Path(p.path).name, p.rule) for p in errors] == [
        ("nodejs-overview.json", "dashboard/undefined-variable")
    ]


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_JSON, st.sampled_from([None, 2]))
def test_the_reader_gives_what_the_standard_library_gives_and_the_right_places(
    value: Any, indent: int | None
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        located = locate(text)
    except JsonError as error:
        pytest.fail(f"{text!r}: {error}")
    assert located.value == json.loads(text)
    for path, offset in located.offsets.items():
        here = located.value
        for key in path:
            here = here[key]
        assert json.JSONDecoder().raw_decode(text, offset)[0] == here


_WORDS = st.sampled_from(
    ["panels", "targets", "templating", "list", "expr", "title", "uid", "links"]
)
_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("$a[[b]]${c"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=6),
    max_leaves=25,
)


@given(_ODD)
def test_no_document_makes_the_linter_fail(value: Any) -> None:
    """Whatever types stand where a dashboard has others, findings come out and no exception."""
    for document in (value, {"panels": [value], "templating": value, "schemaVersion": value}):
        for problem in lint_dashboard(json.dumps(document), "b.json"):
            assert problem.rule in rule_ids()
