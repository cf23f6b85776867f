"""Rules made from ``services[].slo`` and ``services[].p95_ms``: burn rates and latency objectives.

The arithmetic is that of the Google SRE Workbook, chapter 5, "Alerting on SLOs": a burn rate of 1
spends exactly the error budget of the window, and each alert watches two windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import jinja2

from obskit import assets

__all__ = ["ServiceObjective", "render_service_rules", "text_environment"]

SHORT_WINDOWS = ("5m", "30m", "1h", "2h", "6h")
DAY_WINDOWS = (1, 3)

# A failure or two of a service that is called rarely is no reason to wake somebody.
LEAST_ERRORS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceObjective:
    """What one service promises.

    Args:
        name: The service's name, as in the label ``service``.
        slo: Share of requests that must succeed, in per cent, such as 99.9; None: no objective.
        p95_ms: Objective of the 95th percentile of latency, in milliseconds; None: no objective.
        window_days: Days over which the error budget is counted.
        team: Label ``team`` of the generated alerts; empty: no such label.
        pprof: Where its profiles are taken, for the alert on latency; empty: no link.

    Raises:
        ValueError: A number is out of its range.
    """

    name: str
    slo: float | None = None
    p95_ms: float | None = None
    window_days: int = 30
    team: str = ""
    pprof: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a service needs a name")
        if self.slo is not None and not 0 < self.slo < 100:
            raise ValueError(
                f"{self.name}: slo must be above 0 and below 100 per cent, not {self.slo}"
            )
        if self.p95_ms is not None and not self.p95_ms > 0:
            raise ValueError(f"{self.name}: p95_ms must be above 0, not {self.p95_ms}")
        if self.window_days < 1:
            raise ValueError(f"{self.name}: window_days must be 1 or more, not {self.window_days}")


@dataclass(frozen=True, slots=True)
class _Window:
    name: str

    @property
    def range(self) -> str:
        return f"[{self.name}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _BurnAlert:
    """One row of the workbook's recommended alerts: both windows burn faster than ``factor``."""

    alert: str
    severity: str
    factor: float
    long: _Window
    short: _Window
    hold: str
    least_errors: int = 0


_BURN_ALERTS = (
    _BurnAlert(
        alert="SLOBurnRate1h",
        severity="critical",
        factor=14.4,
        long=_Window("1h"),
        short=_Window("5m"),
        hold="2m",
        least_errors=LEAST_ERRORS,
    ),
    _BurnAlert(
        alert="SLOBurnRate6h",
        severity="critical",
        factor=6,
        long=_Window("6h"),
        short=_Window("30m"),
        hold="5m",
        least_errors=LEAST_ERRORS,
    ),
    _BurnAlert(
        alert="SLOBurnRate1d",
        severity="warning",
        factor=3,
        long=_Window("1d"),
        short=_Window("2h"),
        hold="15m",
    ),
    _BurnAlert(
        alert="SLOBurnRate3d",
        severity="warning",
        factor=1,
        long=_Window("3d"),
        short=_Window("6h"),
        hold="1h",
    ),
)


def text_environment() -> jinja2.Environment:
    """Jinja2 with ``[[ … ]]`` and ``[% … %]``, which Prometheus' own ``{{ … }}`` does not meet.

    An unknown name is an error, never an empty text.
    """
    # The output is YAML for Prometheus, not HTML; values go through the filters `yaml` and `promql`.
    environment = jinja2.Environment(  # noqa: S701
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["yaml"] = _quoted
    environment.filters["promql"] = _quoted
    environment.filters["template"] = _literal
    return environment


def render_service_rules(services: Iterable[ServiceObjective]) -> dict[str, str]:
    """The rule files of these services' objectives; the result depends on nothing else.

    ``[[ runbooks ]]`` and ``[[ grafana ]]`` stay in the texts, as in the shipped packs.

    Args:
        services: The services; those without an objective are passed over.

    Returns:
        File name to text: ``slo.yml`` and ``latency.yml``, each only where a service needs it.
    """
    ordered = sorted(services, key=lambda service: service.name)
    files: dict[str, str] = {}
    if available := [_availability(service) for service in ordered if service.slo is not None]:
        files["slo.yml"] = _render("slo.yml.j2", available)
    if timed := [_latency(service) for service in ordered if service.p95_ms is not None]:
        files["latency.yml"] = _render("latency.yml.j2", timed)
    return files


def _render(template: str, services: list[Mapping[str, object]]) -> str:
    source = assets.path(f"prometheus/templates/{template}").read_text(encoding="utf-8")
    return (
        text_environment()
        .from_string(source)
        .render(services=services, runbooks="[[ runbooks ]]", grafana="[[ grafana ]]")
    )


def _availability(service: ServiceObjective) -> Mapping[str, object]:
    assert service.slo is not None  # noqa: S101  (the caller chose by it)
    # 100 - 99.9 is 0.0999…43 in binary; a budget has no more than nine digits that mean anything.
    budget = round(1 - service.slo / 100, 9)
    days = sorted({*DAY_WINDOWS, service.window_days})
    return {
        "name": service.name,
        "team": service.team,
        "objective": _number(round(service.slo / 100, 9)),
        "percent": _number(service.slo),
        "budget": _number(budget),
        "window_days": service.window_days,
        "short_windows": [_Window(name) for name in SHORT_WINDOWS],
        "long_windows": [_Window(f"{number}d") for number in days],
        "burns": [_burn(row, budget, service.window_days) for row in _BURN_ALERTS],
    }


def _burn(row: _BurnAlert, budget: float, window_days: int) -> Mapping[str, object]:
    # When every request fails the burn rate is 1/budget. With an objective of 90 % that is 10, and
    # the workbook's 14.4 could never be reached: nearly every request failing has to be enough.
    factor = min(row.factor, round(0.95 / budget, 3))
    return {
        "alert": row.alert,
        "severity": row.severity,
        "factor": _number(factor),
        "long": row.long,
        "short": row.short,
        "hold": row.hold,
        "least_errors": row.least_errors,
        "lasts": _duration(window_days / factor),
    }


def _latency(service: ServiceObjective) -> Mapping[str, object]:
    assert service.p95_ms is not None  # noqa: S101  (the caller chose by it)
    return {
        "name": service.name,
        "team": service.team,
        "pprof": service.pprof,
        "p95_seconds": _number(round(service.p95_ms / 1000, 9)),
        "p95_shown": f"{_number(service.p95_ms)} ms",
    }


def _duration(days: float) -> str:
    return f"{days:.3g} days" if days >= 2 else f"{days * 24:.3g} hours"


def _number(value: float) -> str:
    """A number without an exponent or a trailing ``.0``."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _quoted(value: str) -> str:
    """A double-quoted string that YAML, and PromQL, read back as ``value``."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'


def _literal(value: str) -> str:
    """A text that Prometheus' templates, which labels of alerts are, give out as it is."""
    return value.replace("{{", '{{ "{{" }}')
