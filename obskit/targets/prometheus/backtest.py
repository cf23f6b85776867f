"""How often alerts would have fired, told from the history that a Prometheus holds.

Prometheus evaluates an alert at every interval; an instance of it (one set of labels) that is active
without a gap for the whole of its ``for:`` fires. The same is counted here on a range query.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import promql_parser

from obskit.errors import ObskitError
from obskit.targets.prometheus.packs import Rule

__all__ = ["Backtest", "RangeQuery", "backtest", "inline_recordings", "seconds"]

RangeQuery = Callable[[str, float, float, float], Sequence[Mapping[str, Any]]]
"""``(expr, start, end, step)`` to the ``result`` of ``/api/v1/query_range``; times in seconds."""

# Prometheus refuses more than 11,000 points a series in one answer.
MOST_POINTS = 10_000

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
_MATCHER = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*")\s*')
_DEEPEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What one alert would have done.

    Args:
        alert: Its name.
        firings: How often an instance of it would have started to fire.
        instances: How many label sets would have fired.
        firing_seconds: How long they would have fired, in sum.
        first: When the first of them would have fired, as a Unix time; None if none.
        not_tried: Why the alert could not be tried; empty if it was.
    """

    alert: str
    firings: int = 0
    instances: int = 0
    firing_seconds: float = 0.0
    first: float | None = None
    not_tried: str = ""


def backtest(
    rules: Iterable[Rule],
    range_query: RangeQuery,
    *,
    start: float,
    end: float,
    step: float = 60.0,
    present_metrics: Iterable[str] = (),
) -> tuple[Backtest, ...]:
    """Count how often each alert would have fired.

    Args:
        rules: Alerts and recordings; a recording that Prometheus does not have yet is put into the
            expressions that read it, so that rules can be tried before they are provisioned.
        range_query: Asks the Prometheus; an ``ObskitError`` that it raises is the result's ``not_tried``.
        start: Begin, as a Unix time.
        end: End, as a Unix time.
        step: Seconds between evaluations: the ``evaluation_interval`` of the Prometheus.
        present_metrics: Metric names that the Prometheus has.

    Returns:
        One result an alert, in the order of the rules.

    Raises:
        ValueError: The end is not after the start, or the step is not above 0.
    """
    if end <= start or step <= 0:
        raise ValueError(f"nothing to try between {start} and {end} in steps of {step}")
    rules = tuple(rules)
    present = frozenset(present_metrics)
    missing: dict[str, list[Rule]] = {}
    for rule in rules:
        if not rule.alert and rule.name not in present:
            missing.setdefault(rule.name, []).append(rule)
    chunks = tuple(_chunks(start, end, step))
    return tuple(_try(rule, missing, range_query, chunks, step) for rule in rules if rule.alert)


def _try(
    rule: Rule,
    recordings: Mapping[str, Sequence[Rule]],
    range_query: RangeQuery,
    chunks: Sequence[tuple[float, float]],
    step: float,
) -> Backtest:
    try:
        expr = inline_recordings(rule.expr, recordings)
        active: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for since, until in chunks:
            for series in range_query(expr, since, until, step):
                labels = tuple(sorted(series["metric"].items()))
                active.setdefault(labels, []).extend(float(at) for at, _ in series["values"])
    except ObskitError as error:
        return Backtest(alert=rule.name, not_tried=str(error))
    hold = seconds(rule.hold) if rule.hold else 0.0
    firings = [
        (at, until)
        for times in active.values()
        for at, until in _firings(times, hold=hold, step=step)
    ]
    return Backtest(
        alert=rule.name,
        firings=len(firings),
        instances=sum(1 for times in active.values() if any(_firings(times, hold=hold, step=step))),
        firing_seconds=sum(until - at for at, until in firings),
        first=min((at for at, _ in firings), default=None),
    )


def _firings(times: Sequence[float], *, hold: float, step: float) -> Iterator[tuple[float, float]]:
    """When an instance that is active at these times starts to fire, and is no longer active."""
    begin = previous = None
    for at in [*times, None]:
        if at is not None and previous is not None and at - previous <= step * 1.5:
            previous = at
            continue
        if begin is not None and previous is not None and previous - begin >= hold:
            yield begin + math.ceil(hold / step) * step, previous + step
        begin = previous = at


def _chunks(start: float, end: float, step: float) -> Iterator[tuple[float, float]]:
    """Parts of the time that fit one answer; none shares an evaluation with the next."""
    since = start
    while since <= end:
        until = min(end, since + (MOST_POINTS - 1) * step)
        yield since, until
        since = until + step


def inline_recordings(expr: str, recordings: Mapping[str, Sequence[Rule]]) -> str:
    """An expression with recorded metrics replaced by what records them.

    Args:
        expr: PromQL.
        recordings: Recording rules by name.

    Raises:
        ObskitError: A recorded metric is read in a way that cannot be written without the recording.
    """
    if not recordings:
        return expr
    names = "|".join(re.escape(name) for name in sorted(recordings, key=len, reverse=True))
    selector = re.compile(
        rf"(?<![\w:])(?P<name>{names})(?![\w:])(?:\{{(?P<matchers>[^}}]*)\}})?(?:\[(?P<range>\w+)\])?"
    )
    for _ in range(_DEEPEST):
        replaced = selector.sub(lambda match: _inlined(match, recordings), expr)
        if replaced == expr:
            return _checked(expr)
        expr = replaced
    raise ObskitError("its recording rules read each other in a circle", where=expr[:80])


def _checked(expr: str) -> str:
    try:
        promql_parser.parse(expr)
    except ValueError as error:
        raise ObskitError(
            f"its recording rules cannot be put in place of what they record: {error}",
            where=expr[:80],
            hint="try again when the rules have run for a while",
        ) from error
    return expr


def _inlined(match: re.Match[str], recordings: Mapping[str, Sequence[Rule]]) -> str:
    name = match["name"]
    wanted = _equalities(match["matchers"] or "", name)
    parts = []
    for rule in recordings[name]:
        if any(rule.labels.get(label, value) != value for label, value in wanted.items()):
            continue
        inner = f"({rule.expr.strip()})"
        for label, value in rule.labels.items():
            inner = f'label_replace({inner}, "{label}", "{value}", "", "")'
        for label, value in wanted.items():
            if label not in rule.labels:
                one = f'label_replace(vector(1), "{label}", "{value}", "", "")'
                inner = f"({inner} and on ({label}) {one})"
        parts.append(inner)
    if not parts:
        raise ObskitError(f"no recording rule records {match[0]}", where=name)
    joined = parts[0] if len(parts) == 1 else "(" + " or ".join(parts) + ")"
    return f"{joined}[{match['range']}:]" if match["range"] else joined


def _equalities(matchers: str, name: str) -> dict[str, str]:
    wanted: dict[str, str] = {}
    rest = matchers.strip()
    while rest:
        found = _MATCHER.match(rest)
        if found is None:
            raise ObskitError(
                f'{name} is not recorded yet, and read with a matcher other than label="value"',
                hint="try again when the rules have run for a while",
            )
        wanted[found[1]] = found[2][1:-1]
        rest = rest[found.end() :].removeprefix(",").strip()
    return wanted


def seconds(duration: str) -> float:
    """A Prometheus duration such as ``1h30m``, in seconds.

    Raises:
        ValueError: It is none.
    """
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"{duration!r} is no Prometheus duration such as 90s or 1h30m")
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))
