"""One side of a figure of scale, in a process of its own: ``python -m benchmarks.sides SIDE ESTATE``.

Prints seconds of the work alone, without imports, and the process's greatest memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.estate import DASHBOARDS, RULES, TEMPLATES, Estate

__all__ = ["measure"]

_ROOT = Path(__file__).resolve().parent.parent
PROJECT = "scale"


def measure(side: str, on: Estate) -> dict[str, float]:
    """Run one side in a fresh process.

    Args:
        side: Its name, a key of ``SIDES``.
        on: The servers.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sides", side, on.to_json()],
        cwd=_ROOT, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{side}: {done.stderr.strip()[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


# obskit -----------------------------------------------------------------------------------------


def _targets(on: Estate) -> Any:
    """The targets as obskit.yml makes them; nothing is connected to."""
    from obskit.config import Settings
    from obskit.schema import BUILTIN
    from obskit.targets import create, target_class

    folder = Path(on.folder)
    sections: dict[str, dict[str, Any]] = {
        # Also where its server is not asked: the dashboards need its data source.
        "prometheus": {
            "url": on.prometheus or "http://127.0.0.1:9",
            "files": on.files or str(folder),
        },
        "grafana": {
            "url": on.grafana,
            "auth": {"username": on.user, "password": on.password},
            "dashboards": [
                {"file": str(file)} for file in sorted((folder / "dashboards").glob("*.json"))
            ],
        },
    }
    if on.prometheus:
        sections["prometheus"]["packs"] = []
        sections["prometheus"]["rules"] = sorted((folder / "rules").glob("*.yml"))
        sections["prometheus"]["settle"] = "120s"
    if on.elasticsearch:
        sections["elasticsearch"] = {"url": on.elasticsearch} | {
            f"{kind}_templates": {
                f"scale-{file.stem.rpartition('-')[2]}": file
                for file in sorted((folder / "templates").glob(f"{kind}-*.json"))
            }
            for kind in ("component", "index")
        }
    read = {
        key: target_class(key).Settings.model_validate(value) for key, value in sections.items()
    }
    settings = Settings.model_validate({"project": PROJECT}).model_copy(
        update={"targets": read, "path": folder / "obskit.yml"}
    )
    only = [key for key in read if key != "prometheus" or on.prometheus]
    return create(settings, BUILTIN, only=only)


def _preload() -> None:
    """Clients are imported on first use; that is in another figure."""
    import elasticsearch  # noqa: F401
    import grafana_client.api  # noqa: F401


def ours_plan(on: Estate) -> Callable[[], None]:
    """``obskit plan`` of what is in place already."""
    from obskit.targets import stack

    _preload()
    targets = _targets(on)

    def work() -> None:
        plan = stack.plan(targets, PROJECT)
        assert not plan, [str(change.address) for change in plan.changes][:5]
        assert len(plan.unchanged) >= DASHBOARDS

    return work


def ours_apply(on: Estate) -> Callable[[], None]:
    """Applying the plan of a Grafana that has nothing; the plan is made before."""
    from obskit.engine import execute
    from obskit.targets import stack

    _preload()
    targets = _targets(on)
    plan = stack.plan(targets, PROJECT)
    assert len(plan.changes) >= DASHBOARDS

    def work() -> None:
        outcomes = execute.apply(plan, targets)
        failed = [outcome for outcome in outcomes if outcome.error]
        assert execute.succeeded(outcomes), str(failed[:1])

    return work


# The plain loop over the same clients --------------------------------------------------------------


def _grafana(on: Estate) -> Any:
    from grafana_client import GrafanaApi

    return GrafanaApi.from_url(on.grafana, credential=(on.user, on.password))


def _boards(on: Estate) -> dict[str, Any]:
    found = [
        json.loads(file.read_text()) for file in (Path(on.folder) / "dashboards").glob("*.json")
    ]
    return {board["uid"]: board for board in found}


def loop_plan(on: Estate) -> Callable[[], None]:
    """Ask for each object and compare it with its file."""
    import elasticsearch

    _preload()
    grafana = _grafana(on)
    elastic = elasticsearch.Elasticsearch(on.elasticsearch) if on.elasticsearch else None

    def work() -> None:
        seen = 0
        for uid, board in _boards(on).items():
            there = grafana.dashboard.get_dashboard(uid)["dashboard"]
            seen += there["panels"] == board["panels"]
        assert seen == DASHBOARDS
        if elastic is not None:
            _loop_templates(elastic, Path(on.folder) / "templates")
        if on.prometheus:
            _loop_rules(on)

    return work


def _loop_templates(elastic: Any, folder: Path) -> None:
    seen = 0
    for file in folder.glob("*.json"):
        kind, _, number = file.stem.partition("-")
        body, name = json.loads(file.read_text()), f"scale-{number}"
        if kind == "component":
            answer = elastic.cluster.get_component_template(name=name)
            there = answer["component_templates"][0]["component_template"]
            seen += there["template"]["mappings"] == body["template"]["mappings"]
        else:
            answer = elastic.indices.get_index_template(name=name)
            there = answer["index_templates"][0]["index_template"]
            seen += there["index_patterns"] == body["index_patterns"]
    assert seen == TEMPLATES


def _loop_rules(on: Estate) -> None:
    """Prometheus gives all rules at once, and no one singly."""
    import prometheus_api_client
    import yaml

    client = prometheus_api_client.PrometheusConnect(url=on.prometheus)
    answer = client._session.get(f"{client.url}/api/v1/rules", timeout=60).json()
    running = {rule["name"] for group in answer["data"]["groups"] for rule in group["rules"]}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    wanted = set()
    for file in (Path(on.folder) / "rules").glob("*.yml"):
        groups = yaml.load(file.read_text(), Loader=loader)["groups"]
        wanted |= {rule["alert"] for group in groups for rule in group["rules"]}
    assert len(wanted & running) == RULES


def loop_apply(on: Estate) -> Callable[[], None]:
    """Save each dashboard."""
    _preload()
    grafana = _grafana(on)
    boards = _boards(on)

    def work() -> None:
        for board in boards.values():
            grafana.dashboard.update_dashboard(
                {"dashboard": board | {"id": None}, "overwrite": True}
            )

    return work


SIDES: dict[str, Callable[[Estate], Callable[[], None]]] = {
    "ours_plan": ours_plan,
    "ours_apply": ours_apply,
    "loop_plan": loop_plan,
    "loop_apply": loop_apply,
}


def _main() -> None:
    work = SIDES[sys.argv[1]](Estate(**json.loads(sys.argv[2])))
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "mib": peak}))


if __name__ == "__main__":
    _main()
