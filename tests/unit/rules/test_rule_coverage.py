"""The gate of the rule packs: an alert without its tests, runbook or annotations does not get in."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from obskit.targets.prometheus.packs import (
    ServiceObjective,
    fill_placeholders,
    load_packs,
    render_service_rules,
)

ROOT = Path(__file__).resolve().parents[3]
PROMETHEUS = ROOT / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
GENERATED = sorted((PROMETHEUS / "tests" / "generated").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*_test.yml"))

#: It fires always, and is to.
DEAD_MANS_SWITCH = "Watchdog"
CASES = frozenset({"firing", "quiet", "resolving"})

#: What prometheus/tests/generated is made from.
EXAMPLE = ServiceObjective(name="shop", slo=99.9, p95_ms=300, team="web")


def alerts_of(files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    assert rule["alert"] not in found, f"{rule['alert']} is there twice"
                    found[rule["alert"]] = {**rule, "file": file.name}
    return found


def minutes(text: str) -> float:
    units = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}
    return sum(int(n) * units[u] for n, u in re.findall(r"(\d+)([smhd])", text))


def cases_of(documents: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """What the tests show of each alert: firing; then quiet again; quiet in a case of its own."""
    shown: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        for group in document["tests"]:
            course: dict[str, list[tuple[float, bool]]] = defaultdict(list)
            for case in group.get("alert_rule_test", ()):
                course[case["alertname"]].append(
                    (minutes(case["eval_time"]), bool(case.get("exp_alerts")))
                )
            for alert, steps in course.items():
                fires = [fires for _, fires in sorted(steps)]
                if True not in fires:
                    shown[alert].add("quiet")
                    continue
                shown[alert].add("firing")
                if False in fires[fires.index(True) :]:
                    shown[alert].add("resolving")
    return shown


ALERTS = alerts_of([*RULES, *GENERATED])


def test_every_alert_is_tested_firing_quiet_and_resolving():
    shown = cases_of(yaml.safe_load(file.read_text()) for file in TESTS)
    missing = {
        alert: sorted(CASES - shown[alert])
        for alert in ALERTS
        if alert != DEAD_MANS_SWITCH and CASES - shown[alert]
    }
    assert missing == {}
    assert shown[DEAD_MANS_SWITCH] == {"firing"}
    assert set(shown) == set(ALERTS), "a test of an alert that does not exist passes for nothing"


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ([("5m", False)], {"quiet"}),
        ([("5m", True)], {"firing"}),
        ([("1m", False), ("5m", True)], {"firing"}),
        ([("1h", True), ("90m", False)], {"firing", "resolving"}),
        ([("90m", False), ("1h", True)], {"firing", "resolving"}),
    ],
)
def test_the_gate_sees_which_case_is_missing(steps, shown):
    cases = [
        {"eval_time": at, "alertname": "A", "exp_alerts": [{}] if fires else []}
        for at, fires in steps
    ]
    assert cases_of([{"tests": [{"alert_rule_test": cases}]}])["A"] == shown


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_says_how_bad_what_and_where_to_look(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    if alert != DEAD_MANS_SWITCH:
        assert "{{ $labels." in annotations["summary"] or "{{ $value" in annotations["summary"]
    assert not re.search(r"\{\{ \$value \}\}", annotations["summary"]), "a bare value has 15 digits"
    assert 20 <= len(annotations["description"]) <= 300
    assert annotations["summary"] == annotations["summary"].strip().rstrip(".")
    assert re.fullmatch(
        rf"\[\[ runbooks \]\]/[a-z]+\.md#{alert.lower()}", annotations["runbook_url"]
    )
    assert re.match(r"\[\[ grafana \]\]/d/obskit-[a-z-]+(\?|$)", annotations["dashboard_url"])


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_a_section_in_its_runbook(alert):
    page = re.search(r"/([a-z]+\.md)#", ALERTS[alert]["annotations"]["runbook_url"])
    assert page is not None
    text = (RUNBOOKS / page[1]).read_text()
    section = re.search(rf"^## {alert}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None, f"{page[1]} has no section {alert}"
    for part in ("**Meaning.**", "**Impact.**", "**Diagnosis.**", "**Mitigation.**"):
        assert part in section[1], f"{page[1]}: {alert} has no {part}"


def test_no_runbook_speaks_of_an_alert_that_does_not_exist():
    headings = {
        heading
        for page in RUNBOOKS.glob("*.md")
        if page.name != "README.md"
        for heading in re.findall(r"^## (\w+)$", page.read_text(), re.MULTILINE)
    }
    assert headings == set(ALERTS)


def test_no_rule_assumes_a_job_or_an_instance():
    for file in [*RULES, *GENERATED]:
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                assert not re.search(r"\b(job|instance)\s*(=~?|!=)\s*\"", rule["expr"]), rule


def test_alerts_lead_to_the_dashboards_of_their_pack():
    for pack in load_packs():
        linked = set(re.findall(r"\[\[ grafana \]\]/d/(obskit-[a-z-]+)", pack.text))
        assert linked <= set(pack.dashboards), pack.name


def test_the_generated_rules_are_current():
    """Remake them with ``python tests/unit/rules/test_rule_coverage.py``."""
    rendered = render_service_rules([EXAMPLE])
    assert {file.name: file.read_text() for file in GENERATED} == rendered


@pytest.fixture(params=["promtool", "promtool_newest"])
def any_promtool(request: pytest.FixtureRequest) -> Path:
    """The oldest promtool that is supported, and the newest; each skips where it is not here."""
    found: Path = request.getfixturevalue(request.param)
    return found


def test_promtool_accepts_every_rule_file_raw_and_filled(any_promtool, tmp_path):
    filled = []
    for file in [*RULES, *GENERATED]:
        target = tmp_path / file.name
        target.write_text(
            fill_placeholders(
                file.read_text(),
                runbooks="https://docs.example/runbooks",
                grafana="https://g.example",
            )
        )
        assert "[[" not in target.read_text()
        filled.append(target)
    checked = subprocess.run(
        [any_promtool, "check", "rules", *RULES, *GENERATED, *filled],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("SUCCESS") == 2 * len(filled)


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.stem)
def test_promtool_passes_the_rule_tests(any_promtool, test):
    ran = subprocess.run([any_promtool, "test", "rules", test], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "SUCCESS" in ran.stdout


if __name__ == "__main__":
    for name, text in render_service_rules([EXAMPLE]).items():
        (PROMETHEUS / "tests" / "generated" / name).write_text(text)
