"""``obskit check --backtest``: how often each alert would have fired."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from obskit.cli.options import Stack
from obskit.cli.output import console
from obskit.errors import ConfigError, Problem

if TYPE_CHECKING:
    from obskit.targets.prometheus.backtest import Backtest

__all__ = ["DURATION", "Tried", "as_json", "run", "show"]

#: Seconds between evaluations: that of a Prometheus that was told nothing else.
STEP = 60.0

#: One query reads up to a week.
PATIENCE = 130.0


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds of a duration such as ``7d``."""
        from obskit.targets.prometheus.backtest import seconds

        try:
            found = seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if found < STEP:
            self.fail(f"{value} is less than one evaluation ({STEP:g} s)", param, ctx)
        return found


DURATION = _Duration()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a backtest brought.

    Args:
        results: One an alert.
        silent: Alerts that cannot fire here at all, to the metrics that Prometheus does not have.
    """

    results: tuple[Backtest, ...]
    silent: Mapping[str, frozenset[str]]


def run(stack: Stack, span: float) -> Tried:
    """Try every alert that would be provisioned on the history of the Prometheus.

    Args:
        stack: What obskit.yml names.
        span: Seconds to look back.

    Raises:
        ConfigError: obskit.yml names no Prometheus, or it was left out by ``--target``.
        ServerError: The Prometheus does not answer.
    """
    from obskit.deadline import Deadline
    from obskit.targets.prometheus import Prometheus
    from obskit.targets.prometheus.backtest import backtest
    from obskit.targets.prometheus.inputs import silent_alerts
    from obskit.targets.prometheus.packs import parse_rules

    target = next((one for one in stack.targets.values() if isinstance(one, Prometheus)), None)
    if target is None:
        raise ConfigError(
            [Problem(rule="config/backtest", message="a backtest needs a Prometheus with history")],
            hint="add a section prometheus to obskit.yml",
        )
    end = time.time()
    start = end - span
    # A recording that is younger than the time looked at is worked out anew from what it records.
    present = target.api.metric_names(start=start, end=start + STEP)
    rules = [rule for text, _ in target.rule_files.values() for rule in parse_rules(text)]
    results = backtest(
        rules,
        lambda expr, since, until, step: target.api.query_range(
            expr, start=since, end=until, step=step, deadline=Deadline.after(PATIENCE)
        ),
        start=start,
        end=end,
        step=STEP,
        present_metrics=present,
    )
    known = target.api.metric_names()
    return Tried(results=results, silent=silent_alerts(rules, known))


def as_json(tried: Tried) -> list[dict[str, Any]]:
    """The results for machines."""
    return [
        {**asdict(result), "missing": sorted(tried.silent.get(result.alert, ()))}
        for result in tried.results
    ]


def show(tried: Tried, *, quiet: bool) -> None:
    """A line an alert that would have fired, or could not be tried; the others are counted."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("alert")
    for title in ("fired", "label sets", "for"):
        table.add_column(title, justify="right")
    table.add_column("first", overflow="fold")
    quiet_ones = 0
    for result in sorted(tried.results, key=lambda item: (-item.firings, item.alert)):
        if result.not_tried:
            table.add_row(
                escape(result.alert), "?", "", "", f"not tried: {escape(result.not_tried)}"
            )
        elif result.first is not None:
            first = datetime.fromtimestamp(result.first, UTC).strftime("%Y-%m-%d %H:%M UTC")
            lasted = str(timedelta(seconds=round(result.firing_seconds)))
            table.add_row(
                escape(result.alert), f"{result.firings} ×", str(result.instances), lasted, first
            )
        elif result.alert not in tried.silent:
            quiet_ones += 1
    out = console()
    if table.row_count:
        out.print(table)
    if not quiet:
        out.print(f"{quiet_ones} alerts would not have fired.")
        for alert, missing in sorted(tried.silent.items()):
            names = ", ".join(sorted(missing))
            out.print(
                f"[dim]{escape(alert)} cannot fire here: Prometheus has no {escape(names)}.[/]"
            )
