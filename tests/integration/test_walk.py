"""The whole way on real servers, by the command line: provision, prove, and break each cause once."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from obskit import local
from obskit.errors import LocalError
from obskit.local import server
from tests.servers.recording_proxy import Recording, recording

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.xdist_group("walk"),
    pytest.mark.timeout(600),
]

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ("elasticsearch", "filebeat", "prometheus", "alertmanager", "node_exporter")


def _demo() -> Any:
    spec = importlib.util.spec_from_file_location("obskit_demo", ROOT / "examples" / "demo.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["obskit_demo"] = module
    spec.loader.exec_module(module)
    return module


class Walk:
    """A provisioned stack and the command line on it."""

    def __init__(
        self, folder: Path, stack: local.Stack, service: server.Running, config: dict
    ) -> None:
        self.folder, self.stack, self.service, self.config = folder, stack, service, config
        self.proxies: dict[str, Recording] = {}
        self.first: dict[str, Any] = {}

    def write(self, **changes: Any) -> None:
        data = json.loads(json.dumps(self.config))
        for path, value in changes.items():
            section, _, key = path.partition("__")
            data[section][key] = value
        (self.folder / "obskit.yml").write_text(yaml.safe_dump(data, sort_keys=False))

    def obskit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "obskit", *arguments],
            cwd=self.folder, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def facts(self, *arguments: str) -> dict[str, Any]:
        done = self.obskit(*arguments, "--json")
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads(done.stdout)

    def verdicts(self, only: str) -> dict[str, tuple[str, str]]:
        facts = self.facts("verify", "--explain", only)
        return {item["id"]: (item["verdict"], item["detail"]) for item in facts["proofs"]}


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    demo = _demo()
    folder = tmp_path_factory.mktemp("walk")
    with ExitStack() as exits:
        try:
            stack = local.up(folder / "local", services=NATIVE, engine="native")
        except LocalError as error:
            pytest.skip(f"a server is not on this machine: {error}")
        exits.callback(local.down, folder / "local")
        service = server.start(
            demo.SampleService(log=stack.logs / f"{demo.SERVICE}.log"), folder / demo.SERVICE
        )
        exits.callback(server.stop, service)
        provisioning = folder / "grafana"
        for name in ("datasources", "dashboards"):
            (provisioning / name).mkdir(parents=True)
        addresses = {**stack.addresses, "grafana": {"provisioning": str(provisioning)}}
        config = demo.configuration(
            local.Stack(folder=stack.folder, addresses=addresses), service,
            f"http://127.0.0.1:{server.free_port()}",
        )  # fmt: skip
        config["verify"]["deadline"] = "40s"
        made = Walk(folder, stack, service, config)
        for name in ("elasticsearch", "prometheus", "alertmanager"):
            made.proxies[name] = exits.enter_context(recording(config[name]["url"]))
            config[name]["url"] = made.proxies[name].url
        made.write()
        made.first = made.facts("provision", "--yes")
        yield made


def test_everything_is_proved(walk: Walk) -> None:
    proofs = {item["id"]: item for item in walk.first["proofs"]}
    failed = {
        key: (item["detail"], item["next"])
        for key, item in proofs.items()
        if item["verdict"] == "failed"
    }
    assert failed == {}
    for name in (
        "canary/user-service",
        "alert/synthetic",
        "targets/user-service",
        "rules/node",
        "rules/services",
    ):
        assert proofs[name]["verdict"] == "proved", proofs[name]
    panels = [item for key, item in proofs.items() if key.startswith("panel/")]
    assert len(panels) > 50
    assert sum(item["verdict"] == "proved" for item in panels) > 0.8 * len(panels)


def test_a_second_run_changes_nothing_and_makes_no_mutating_request(walk: Walk) -> None:
    for proxy in walk.proxies.values():
        proxy.requests.clear()
    before = {path: path.stat().st_mtime_ns for path in walk.folder.rglob("*.yml")}
    facts = walk.facts("provision", "--yes", "--no-verify")
    assert facts["plan"]["changes"] == []
    assert len(facts["plan"]["unchanged"]) > 15
    assert {name: proxy.mutating for name, proxy in walk.proxies.items()} == {
        name: [] for name in walk.proxies
    }
    assert all(proxy.requests for proxy in walk.proxies.values())
    assert {path: path.stat().st_mtime_ns for path in walk.folder.rglob("*.yml")} == before


def test_plan_exits_0_without_changes_and_3_with(walk: Walk) -> None:
    assert walk.obskit("plan").returncode == 0
    walk.write(elasticsearch__shards=2)
    assert walk.obskit("plan").returncode == 3
    walk.write()


def test_a_stopped_filebeat_is_named_as_the_hop_that_lost_the_line(walk: Walk) -> None:
    pid = _pid_of(walk, "filebeat")
    os.kill(pid, signal.SIGSTOP)
    try:
        walk.write(verify__deadline="10s")
        verdict, detail = walk.verdicts("canary")["canary/user-service"]
    finally:
        os.kill(pid, signal.SIGCONT)
        walk.write()
    assert verdict == "failed"
    assert "filebeat" in detail.lower()


def test_a_renamed_metric_shows_as_missing_in_its_panels(walk: Walk) -> None:
    """The services' panels ask for a metric that nobody exposes: the dashboard in a file of ours is edited."""
    source = json.loads((ROOT / "dashboards" / "services.json").read_text())
    text = json.dumps(source).replace("http_requests_total", "http_requests_renamed_total")
    (walk.folder / "renamed.json").write_text(text.replace(source["uid"], "renamed-services"))
    walk.write(grafana__dashboards=["node", "logs", "services", {"file": "renamed.json"}])
    try:
        assert walk.obskit("provision", "--yes", "--no-verify").returncode == 0
        proofs = walk.verdicts("panel/renamed-services")
    finally:
        walk.write()
        assert walk.obskit("provision", "--yes", "--no-verify").returncode == 0
    missing = [
        detail
        for verdict, detail in proofs.values()
        if verdict == "failed" and "metric missing" in detail
    ]
    assert missing, proofs
    assert any("http_requests_renamed_total" in detail for detail in missing)


def test_a_field_of_the_wrong_type_is_counted_as_rejected(walk: Walk) -> None:
    """A line that breaks the schema lands in the quarantine, and verify says so."""
    path = walk.stack.logs / "user-service.log"
    bad = {"timestamp": "2023-09-10T12:34:56Z", "level": "INFO", "service": "user-service",
           "trace_id": None, "message": {"not": "text"}, "pid": "no number"}  # fmt: skip
    with path.open("a") as stream:
        stream.write(json.dumps(bad) + "\n")
    end = time.monotonic() + 40
    while True:
        proofs = walk.verdicts("rejected")
        wrong = {key: detail for key, (verdict, detail) in proofs.items() if verdict == "failed"}
        if wrong or time.monotonic() > end:
            break
        time.sleep(2)
    assert wrong, proofs


def test_explain_tells_what_was_asked_of_whom(walk: Walk) -> None:
    done = walk.obskit("verify", "--explain", "rules/node")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "GET /api/v1/rules" in done.stdout
    assert "and answered:" in done.stdout
    assert walk.obskit("verify", "--explain", "nothing/of/the/kind").returncode == 2


def test_init_from_running_writes_what_answers(walk: Walk, tmp_path: Path) -> None:
    addresses = [
        walk.config[name]["url"] for name in ("elasticsearch", "prometheus", "alertmanager")
    ]
    dead = f"http://127.0.0.1:{server.free_port()}"
    done = walk.obskit(
        "init",
        "--from-running",
        *addresses,
        walk.stack.addresses["filebeat"]["url"],
        dead,
        "-f",
        "-",
    )
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)
    assert found["elasticsearch"]["url"] == addresses[0]
    assert found["prometheus"] == {"url": addresses[1], "files": walk.config["prometheus"]["files"]}
    assert found["alertmanager"]["url"] == addresses[2]
    assert found["filebeat"]["url"] == walk.stack.addresses["filebeat"]["url"]
    assert f"# {dead}: no connection" in done.stdout
    assert f"{dead}: no connection" in done.stderr, "it is told, not only written"
    nothing = walk.obskit("init", "--from-running", dead, "-f", str(tmp_path / "obskit.yml"))
    assert nothing.returncode == 1
    assert not (tmp_path / "obskit.yml").exists()


def test_what_init_from_running_writes_plans_as_it_stands(walk: Walk, tmp_path: Path) -> None:
    """Files that no server tells are found by the processes that listen here."""
    addresses = walk.stack.addresses
    names = ("prometheus", "alertmanager", "filebeat")
    bare = [addresses[name]["url"].removeprefix("http://") for name in names]
    file = str(tmp_path / "obskit.yml")
    done = walk.obskit("init", "--from-running", *bare, "-f", file, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["open"] == []
    found = yaml.safe_load(Path(file).read_text())
    assert found["alertmanager"]["file"] == addresses["alertmanager"]["file"]
    assert found["filebeat"]["inputs"] == addresses["filebeat"]["inputs"]
    plan = walk.obskit(
        "plan", "-f", file, "--json", "--target", "alertmanager", "--target", "prometheus"
    )
    assert plan.returncode == 3, plan.stderr
    assert json.loads(plan.stdout)["summary"]["create"] > 0


def test_watch_tells_only_what_changes(walk: Walk) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "obskit", "verify", "--watch", "5", "--explain", "loaded/alertmanager"],
        cwd=walk.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell starts what it runs in the background with Ctrl-C ignored, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )  # fmt: skip
    time.sleep(14)  # two rounds and more
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130, err
    assert out.count("loaded/alertmanager: proved") == 1
    assert "Traceback" not in err


def test_saved_plans_drift_and_status(walk: Walk) -> None:
    walk.write(elasticsearch__retention="8d")
    assert walk.obskit("plan", "--out", "plan.json").returncode in (0, 3)
    walk.write()
    assert walk.obskit("drift").returncode == 0
    rules = next(Path(walk.config["prometheus"]["files"]).rglob("obskit-demo-node.yml"))
    text = rules.read_text()
    rules.write_text(text.replace("for: 5m", "for: 6m", 1))
    drift = walk.obskit("drift")
    assert drift.returncode == 3
    assert "prometheus/rules/obskit-demo-node.yml" in drift.stdout
    plan = walk.obskit("plan", "--out", "mend.json")
    assert plan.returncode == 3
    rules.write_text(text.replace("for: 5m", "for: 7m", 1))
    stale = walk.obskit("provision", "--plan", "mend.json", "--no-verify")
    assert stale.returncode == 1
    assert "nothing was written" in stale.stderr
    rules.write_text(text.replace("for: 5m", "for: 6m", 1))
    mended = walk.obskit("provision", "--plan", "mend.json", "--no-verify")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert rules.read_text() == text
    status = walk.obskit("status", "--json")
    assert {row["pending"] for row in json.loads(status.stdout).values()} == {0}


def test_destroy_removes_what_is_ours_and_nothing_else(walk: Walk) -> None:
    """Last, since it takes the stack away."""
    folder = Path(walk.config["prometheus"]["files"]) / "rules"
    (folder / "theirs.yml").write_text("groups: []\n")
    done = walk.obskit("destroy", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in folder.iterdir()] == ["theirs.yml"]
    assert "obskit/demo" not in Path(walk.config["alertmanager"]["file"]).read_text()
    again = walk.facts("destroy", "--yes")
    assert again["plan"]["changes"] == []


def _pid_of(walk: Walk, name: str) -> int:
    state = json.loads((walk.stack.folder / "state.json").read_text())
    (pid,) = [item["pid"] for item in state["servers"] if item["name"] == name]
    return int(pid)
