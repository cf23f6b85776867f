"""How often an alert would have fired is counted as Prometheus would have done it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import promql_parser
import pytest

from obskit.errors import UnreachableError
from obskit.targets.prometheus.backtest import (
    MOST_POINTS,
    Backtest,
    backtest,
    inline_recordings,
    seconds,
)
from obskit.targets.prometheus.packs import (
    Rule,
    ServiceObjective,
    load_packs,
    parse_rules,
    render_service_rules,
)


def alert(expr: str = "x > 1", hold: str = "", name: str = "A") -> Rule:
    return Rule(name=name, expr=expr, alert=True, hold=hold, labels={})


def recording(name: str, expr: str, labels: Mapping[str, str] | None = None) -> Rule:
    return Rule(name=name, expr=expr, alert=False, labels=labels or {})


def history(*active: Sequence[int]) -> Any:
    """A Prometheus in which the expression is active at these minutes, one series an argument."""

    def query(expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        series = []
        for number, minutes in enumerate(active):
            values = [[m * 60, "1"] for m in minutes if start <= m * 60 <= end]
            if values:
                series.append({"metric": {"instance": str(number)}, "values": values})
        return series

    return query


def one(rule: Rule, query: Any, *, end: float = 3600, **more: Any) -> Backtest:
    (result,) = backtest([rule], query, start=0, end=end, **more)
    return result


def test_activity_as_long_as_for_fires_and_a_minute_less_does_not():
    assert one(alert(hold="5m"), history(range(10, 16))).firings == 1
    assert one(alert(hold="5m"), history(range(10, 15))).firings == 0


def test_a_gap_starts_the_wait_again():
    active = [*range(5), *range(6, 10)]
    assert one(alert(hold="5m"), history(active)).firings == 0


def test_each_burst_that_is_long_enough_counts():
    result = one(alert(hold="5m"), history([*range(11), *range(20, 23), *range(30, 41)]))
    assert result.firings == 2
    assert result.instances == 1
    assert result.first == 5 * 60
    assert result.firing_seconds == 2 * 6 * 60


def test_an_alert_without_for_fires_with_its_first_evaluation():
    result = one(alert(), history([7]))
    assert (result.firings, result.first, result.firing_seconds) == (1, 420, 60)


def test_label_sets_fire_on_their_own():
    result = one(alert(hold="2m"), history(range(10), range(5, 10), [3]))
    assert (result.firings, result.instances) == (2, 2)


def test_a_for_between_two_evaluations_fires_at_the_next():
    assert one(alert(hold="90s"), history(range(3))).first == 120


def test_activity_across_two_answers_is_one_firing():
    asked: list[tuple[float, float]] = []
    minutes = MOST_POINTS + 500
    answer = history(range(minutes))

    def query(expr: str, start: float, end: float, step: float) -> Any:
        asked.append((start, end))
        return answer(expr, start, end, step)

    assert one(alert(hold="1h"), query, end=minutes * 60).firings == 1
    assert len(asked) == 2
    assert asked[1][0] == asked[0][1] + 60
    assert all((end - start) / 60 < MOST_POINTS for start, end in asked)


def test_a_prometheus_that_does_not_answer_is_said_and_the_other_alerts_are_tried():
    def query(expr: str, start: float, end: float, step: float) -> Any:
        if expr == "bad":
            raise UnreachableError("connection refused", where="http://p:9090")
        return []

    results = backtest([alert("bad", name="B"), alert(name="C")], query, start=0, end=60)
    assert results[0].not_tried == "http://p:9090: connection refused"
    assert results[1] == Backtest(alert="C")


@pytest.mark.parametrize(("end", "step"), [(0, 60), (60, 0), (-1, 60)])
def test_an_empty_time_is_refused(end, step):
    with pytest.raises(ValueError, match="nothing to try"):
        backtest([alert()], history(), start=0, end=end, step=step)


def test_a_recording_that_is_not_there_yet_is_put_into_the_expression():
    asked: list[str] = []

    def query(expr: str, start: float, end: float, step: float) -> Any:
        asked.append(expr)
        return []

    rules = [recording("a:b:rate5m", "rate(b[5m])"), alert("a:b:rate5m > 1")]
    backtest(rules, query, start=0, end=60)
    backtest(rules, query, start=0, end=60, present_metrics=["a:b:rate5m"])
    assert asked == ["(rate(b[5m])) > 1", "a:b:rate5m > 1"]


@pytest.mark.parametrize(
    ("expr", "inlined"),
    [
        ("r:x > 1", "(sum(x)) > 1"),
        ("avg_over_time(r:x[10m]) > 1", "avg_over_time((sum(x))[10m:]) > 1"),
        ("r:xy + r:x", "r:xy + (sum(x))"),
        ("r:both > 1", "(2 * (sum(x))) > 1"),
        (
            'r:x{service="s"} > 1',
            '((sum(x)) and on (service) label_replace(vector(1), "service", "s", "", "")) > 1',
        ),
        ('l:x{service="s"} > 1', 'label_replace((vector(3)), "service", "s", "", "") > 1'),
        (
            "l:x > 1",
            (
                '(label_replace((vector(3)), "service", "s", "", "")'
                ' or label_replace((vector(4)), "service", "t", "", "")) > 1'
            ),
        ),
    ],
)
def test_inlined_expressions_read_what_the_recording_reads(expr, inlined):
    recordings = {
        "r:x": [recording("r:x", "sum(x)")],
        "r:both": [recording("r:both", "2 * r:x")],
        "l:x": [
            recording("l:x", "vector(3)", {"service": "s"}),
            recording("l:x", "vector(4)", {"service": "t"}),
        ],
    }
    assert inline_recordings(expr, recordings) == inlined
    promql_parser.parse(inlined)


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ('r:x{service=~"a|b"}', "matcher other than"),
        ("r:x offset 1d", "cannot be put in place"),
        ("circle:a", "in a circle"),
        ('l:x{service="nobody"}', "no recording rule records"),
    ],
)
def test_what_cannot_be_inlined_is_not_tried_and_says_why(expr, words):
    rules = [
        recording("r:x", "sum(x)"),
        recording("circle:a", "circle:b"),
        recording("circle:b", "circle:a"),
        recording("l:x", "vector(3)", {"service": "s"}),
        alert(expr),
    ]
    (result,) = backtest(rules, history(range(60)), start=0, end=3600)
    assert words in result.not_tried
    assert result.firings == 0


def test_every_shipped_alert_can_be_tried_before_it_is_provisioned():
    """Each expression that is asked is PromQL, and reads no metric of a recording rule."""
    texts = [pack.text for pack in load_packs()]
    texts += render_service_rules([ServiceObjective(name="shop", slo=99.9, p95_ms=300)]).values()
    rules = [rule for text in texts for rule in parse_rules(text)]
    recorded = {rule.name for rule in rules if not rule.alert}
    asked: list[str] = []

    def query(expr: str, start: float, end: float, step: float) -> Any:
        asked.append(expr)
        return []

    results = backtest(rules, query, start=0, end=60)
    assert [result for result in results if result.not_tried] == []
    assert len(asked) == len(results) > 90
    for expr in asked:
        promql_parser.parse(expr)
        assert not [name for name in recorded if name in expr]


@pytest.mark.parametrize(
    ("text", "value"), [("0s", 0), ("90s", 90), ("1h30m", 5400), ("250ms", 0.25), ("1w2d", 777600)]
)
def test_durations_are_those_of_prometheus(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1.5h", "-1m", "5min"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="no Prometheus duration"):
        seconds(text)
