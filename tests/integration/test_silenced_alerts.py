"""What is not told: alerts of services on a dead node, warnings below a critical one, and times of quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from obskit.config import load
from obskit.engine.execute import State, apply
from obskit.local import server as local
from obskit.local.alertmanager import Alertmanager
from obskit.schema import BUILTIN
from obskit.targets import create, sections, stack
from tests.servers.robot import Platform, platform

pytestmark = [pytest.mark.servers]

CONFIG = """\
project: {project}
verify: {{receiver: "{url}/proof"}}
alertmanager:
  url: {alertmanager}
  file: {file}
  group_wait: 2s
  group_by: [alertname, service, host]
  receivers:
    - {{name: oncall, webhook: {{url: "{url}/{project}/oncall"}}}}
    - {{name: asleep, webhook: {{url: "{url}/{project}/asleep"}}}}
  mute_timings:
    always: [{{times: [{{start_time: "00:00", end_time: "24:00"}}]}}]
  routes:
    - {{match: {{team: night}}, receiver: asleep, mute: [always]}}
    - {{match: {{severity: "critical|warning|info"}}, receiver: oncall}}
"""


def send(alertmanager: local.Running, *alerts: dict[str, str]) -> None:
    bodies = [{"labels": {"obskit_project": "one", **labels}} for labels in alerts]
    answer = httpx.post(f"{alertmanager.url}/api/v2/alerts", json=bodies)
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def there(
    module_servers: Callable[..., local.Running], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[local.Running, Platform]]:
    """Two projects in one Alertmanager, with the inhibitions that obskit gives them by itself."""
    alertmanager = module_servers(Alertmanager())
    with platform() as robots:
        for project in ("one", "two"):
            path = tmp_path_factory.mktemp(project) / "obskit.yml"
            path.write_text(
                CONFIG.format(
                    project=project, url=robots.url, alertmanager=alertmanager.url,
                    file=alertmanager.addresses["file"],
                ).replace('severity: "critical|warning|info"', 'severity: "~critical|warning|info"')
            )  # fmt: skip
            targets = create(load(path, sections()), BUILTIN)
            outcomes = apply(stack.plan(targets, project), targets)
            assert [str(o.error) for o in outcomes if o.state is not State.DONE] == []
        yield alertmanager, robots


def told(robots: Platform) -> set[tuple[str, str]]:
    """Who was told of which alert so far."""
    with robots.changed:
        return {
            (one.path, f"{alert['labels']['alertname']} {alert['labels'].get('host', '')}".strip())
            for one in robots.received
            for alert in one.body["alerts"]
        }


def states(alertmanager: local.Running) -> dict[str, Any]:
    found = httpx.get(f"{alertmanager.url}/api/v2/alerts").json()
    return {
        f"{one['labels']['alertname']} {one['labels'].get('host', '')}".strip(): one["status"]
        for one in found
    }


def wait_for(robots: Platform, *expected: tuple[str, str]) -> set[tuple[str, str]]:
    end = time.monotonic() + 30
    while not set(expected) <= (found := told(robots)):
        assert time.monotonic() < end, (expected, found)
        time.sleep(0.2)
    time.sleep(3)  # longer than group_wait: what was to be told with these has been told
    return told(robots)


def test_a_dead_node_silences_its_services_and_nobody_elses(
    there: tuple[local.Running, Platform],
) -> None:
    alertmanager, robots = there
    down = {"alertname": "ServiceDown", "service": "shop", "severity": "critical"}
    send(
        alertmanager,
        {"alertname": "NodeDown", "host": "db1", "instance": "db1:9100", "severity": "critical"},
        {**down, "host": "db1"},
        {**down, "alertname": "ServiceInstanceDown", "host": "db1", "severity": "warning"},
        {**down, "host": "db2"},
        {**down, "alertname": "ServiceErrorRateHigh"},  # of more than one host: it names none
        {**down, "alertname": "OfTheOtherTeam", "host": "db1", "obskit_project": "two"},
    )
    found = wait_for(
        robots, ("/one/oncall", "NodeDown db1"), ("/one/oncall", "ServiceDown db2"),
        ("/one/oncall", "ServiceErrorRateHigh"), ("/two/oncall", "OfTheOtherTeam db1"),
    )  # fmt: skip
    assert ("/one/oncall", "ServiceDown db1") not in found
    assert ("/one/oncall", "ServiceInstanceDown db1") not in found
    inhibited = {name for name, status in states(alertmanager).items() if status["inhibitedBy"]}
    assert inhibited == {"ServiceDown db1", "ServiceInstanceDown db1"}


def test_a_critical_alert_silences_the_warning_of_the_same_name_only(
    there: tuple[local.Running, Platform],
) -> None:
    alertmanager, robots = there
    full = {"alertname": "DiskFull", "instance": "a:9100"}
    send(
        alertmanager,
        {**full, "severity": "critical", "host": "a"},
        {**full, "severity": "warning", "host": "a (warning)"},
        {**full, "severity": "warning", "instance": "b:9100", "host": "b"},
    )
    found = wait_for(robots, ("/one/oncall", "DiskFull a"), ("/one/oncall", "DiskFull b"))
    assert ("/one/oncall", "DiskFull a (warning)") not in found


def test_in_a_mute_timing_nobody_is_told(there: tuple[local.Running, Platform]) -> None:
    alertmanager, robots = there
    send(
        alertmanager,
        {"alertname": "Quiet", "team": "night", "severity": "critical"},
        {"alertname": "Loud", "team": "day", "severity": "critical"},
    )
    found = wait_for(robots, ("/one/oncall", "Loud"))
    assert not {path for path, name in found if name == "Quiet"}
    assert states(alertmanager)["Quiet"]["state"] == "active", "it is there, and not told"
