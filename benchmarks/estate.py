"""What is planned in the figures of scale: 1,000 dashboards, 5,000 rules, 200 templates, and their servers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from obskit.local import server
from obskit.local.elasticsearch import Elasticsearch
from obskit.local.prometheus import Prometheus

__all__ = ["DASHBOARDS", "RULES", "TEMPLATES", "Estate", "estate"]

DASHBOARDS = 1_000
RULES = 5_000
TEMPLATES = 200
_FILES = 50  # rule files
_ROOT = Path(__file__).resolve().parent.parent
_STANDIN = """
import sys
from tests.servers.grafana_standin import running
with running() as one:
    print(one.url, one.user, one.password, flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, kw_only=True)
class Estate:
    """Servers, and the files that obskit.yml takes its objects from.

    Args:
        folder: Where obskit.yml would stand.
        grafana: Address of Grafana.
        user: Its user.
        password: Its password.
        elasticsearch: Address of Elasticsearch; empty for none.
        prometheus: Address of Prometheus; empty for none.
        files: Its folder of rules.
    """

    folder: str
    grafana: str
    user: str
    password: str
    elasticsearch: str = ""
    prometheus: str = ""
    files: str = ""

    def to_json(self) -> str:
        """For a process that measures one side."""
        return json.dumps(asdict(self))


@contextmanager
def estate(folder: Path, *, whole: bool = True) -> Iterator[Estate]:
    """Start the servers and write the files; nothing is provisioned yet.

    Args:
        folder: An empty folder.
        whole: With Elasticsearch and Prometheus; else Grafana only.
    """
    write_files(folder)
    with ExitStack() as stack:
        url, user, password = stack.enter_context(_standin())
        more: dict[str, str] = {}
        if whole:
            elastic = stack.enter_context(
                server.running(Elasticsearch(version="8.19.21"), folder / "elasticsearch")
            )
            prometheus = stack.enter_context(
                server.running(Prometheus(settled=True, scrape=()), folder / "prometheus")
            )
            more = {
                "elasticsearch": elastic.url,
                "prometheus": prometheus.url,
                "files": prometheus.addresses["files"],
            }
        yield Estate(folder=str(folder), grafana=url, user=user, password=password, **more)


@contextmanager
def _standin() -> Iterator[tuple[str, str, str]]:
    """The stand-in for Grafana in a process of its own: it shares no lock with what is measured."""
    with subprocess.Popen(
        [sys.executable, "-c", _STANDIN], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url, user, password = process.stdout.readline().split()
            yield url, user, password
        finally:
            process.stdin.close()
            process.wait(10)


def write_files(
    folder: Path, *, dashboards: int = DASHBOARDS, rules: int = RULES, templates: int = TEMPLATES
) -> None:
    """Write the files of every object.

    Args:
        folder: Where obskit.yml would stand.
        dashboards: How many dashboards.
        rules: How many rules.
        templates: How many templates, half of them component templates.
    """
    for name in ("dashboards", "rules", "templates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(dashboards):
        text = json.dumps(_dashboard(number), indent=2)
        (folder / "dashboards" / f"board-{number:04}.json").write_text(text)
    for number in range(_FILES):
        text = _rule_file(number, rules // _FILES)
        (folder / "rules" / f"rules-{number:02}.yml").write_text(text)
    for number in range(templates // 2):
        for kind, body in (("component", _component(number)), ("index", _index(number))):
            (folder / "templates" / f"{kind}-{number:03}.json").write_text(
                json.dumps(body, indent=2)
            )


def _dashboard(number: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "obskit-prometheus"}
    panels = [
        {
            "id": panel, "type": "timeseries", "title": f"Requests {panel}", "datasource": source,
            "gridPos": {"x": panel % 2 * 12, "y": panel // 2 * 8, "w": 12, "h": 8},
            "fieldConfig": {"defaults": {"unit": "reqps", "custom": {"fillOpacity": 10}}, "overrides": []},
            "options": {"legend": {"displayMode": "table", "calcs": ["max"]}},
            "targets": [
                {
                    "refId": "A", "datasource": source, "legendFormat": "{{method}}",
                    "expr": f'sum by (method) (rate(http_{panel}_total{{service="s{number}"}}[5m]))',
                }
            ],
        }
        for panel in range(1, 11)
    ]  # fmt: skip
    return {
        "uid": f"scale-{number:04}", "title": f"Service {number:04}", "schemaVersion": 39,
        "tags": ["scale"], "panels": panels, "templating": {"list": []},
        "time": {"from": "now-1h", "to": "now"},
    }  # fmt: skip


def _rule_file(number: int, rules: int) -> str:
    lines = ["groups:"]
    for rule in range(rules):
        if rule % 10 == 0:
            lines += [f"  - name: scale-{number}-{rule // 10}", "    rules:"]
        lines += [
            f"      - alert: Scale{number}x{rule}",
            f'        expr: sum(rate(http_requests_total{{job="j{number}",code="5xx"}}[5m])) > {rule}',
            "        for: 5m",
            "        labels:",
            "          severity: warning",
            "        annotations:",
            f"          summary: Too many errors, {{{{ $value }}}} of service {number}.{rule}",
        ]
    return "\n".join(lines) + "\n"


def _component(number: int) -> dict[str, Any]:
    fields = {f"field_{index}": {"type": "keyword", "ignore_above": 1024} for index in range(20)}
    return {"template": {"mappings": {"properties": {**fields, "size": {"type": "long"}}}}}


def _index(number: int) -> dict[str, Any]:
    return {
        "index_patterns": [f"scale-{number:03}-*"],
        "composed_of": [f"scale-{number:03}"],
        "priority": 100,
        "template": {"settings": {"number_of_replicas": 0}},
    }
