"""Prometheus and Alertmanager, real ones: plan, apply, plan again, and the proofs seen failing."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from obskit.cli import main
from obskit.config import load
from obskit.deadline import Deadline
from obskit.delivery.files import Folder
from obskit.delivery.http import Http
from obskit.engine.execute import State, apply
from obskit.engine.plan import Action, Cause
from obskit.engine.verify import Proof, Verdict, verify
from obskit.errors import ContentError, ForeignObjectError, ObskitError, StalePlanError
from obskit.local import server as local
from obskit.local.alertmanager import Alertmanager
from obskit.local.node_exporter import NodeExporter
from obskit.local.prometheus import Prometheus
from obskit.schema import BUILTIN
from obskit.targets import create, sections, stack
from obskit.targets.prometheus.client import PrometheusApi
from tests.conftest import Generation

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("alert-path")]

THEIRS = """\
# The other team's, with a comment that has to stay.
global:
  resolve_timeout: 5m
route:
  receiver: others   # everybody's default
  group_by: [alertname]
  routes:
    - receiver: others
      matchers: [team="others"]
receivers:
  - name: others
    webhook_configs:
      - url: http://127.0.0.1:9/others
"""


class World:
    """The servers of this module, and stacks on them."""

    def __init__(
        self, folder: Path, prometheus: local.Running, alertmanager: local.Running
    ) -> None:
        self.folder, self.prometheus, self.alertmanager = folder, prometheus, alertmanager
        self.receiver = f"http://127.0.0.1:{local.free_port()}"

    def targets(
        self, *, project: str = "demo", metrics: str = "", more: str = "", receiver: str = ""
    ):
        text = (
            textwrap.dedent(f"""\
            project: {project}
            services:
              - name: exporter
                metrics: [{metrics}]
                slo: 99.9
                p95_ms: 250
            verify: {{deadline: 20s, receiver: "{receiver or self.receiver}"}}
            prometheus:
              url: {self.prometheus.url}
              packs: [node, services, redis]
              files: {self.prometheus.addresses["files"]}
              reload: {{log: "{self.prometheus.log}"}}
            alertmanager:
              url: {self.alertmanager.url}
              file: {self.alertmanager.addresses["file"]}
              receivers:
                - name: oncall
                  webhook: {{url: "http://127.0.0.1:9/secret-token"}}
            """)
            + more
        )
        path = self.folder / f"{project}.yml"
        path.write_text(text)
        return create(load(path, sections()), BUILTIN)

    def provision(self, targets, project: str = "demo") -> None:
        plan = stack.plan(targets, project)
        outcomes = apply(plan, targets)
        assert [str(o.error) for o in outcomes if o.state is not State.DONE] == []

    def proofs(self, targets, only: str = "") -> dict[str, Proof]:
        return {proof.id: proof for proof in verify(stack.checks(targets), only=only)}


@pytest.fixture(scope="module")
def world(
    module_servers: Callable[..., local.Running],
    tmp_path_factory: pytest.TempPathFactory,
    generation: Generation,
) -> World:
    alertmanager = module_servers(Alertmanager(config=THEIRS, version=generation.alertmanager))
    exporter = module_servers(NodeExporter())
    prometheus = module_servers(
        Prometheus(
            alertmanager=alertmanager.addresses["address"],
            scrape=(("node", exporter.addresses["address"]),),
            interval=1,
            version=generation.prometheus,
        )
    )
    api = PrometheusApi(Http(prometheus.url))
    deadline = Deadline.after(20)
    while "node_exporter_build_info" not in api.metric_names():
        assert deadline.sleep(0.2)
    made = World(tmp_path_factory.mktemp("obskit"), prometheus, alertmanager)
    made.exporter = exporter
    return made


@pytest.fixture
def targets(world: World):
    return world.targets(metrics=world.exporter.addresses["address"])


def test_a_second_plan_is_empty_and_all_proofs_hold(world: World, targets) -> None:
    first = stack.plan(targets, "demo")
    assert first.count(Action.CREATE) == len(first.changes) > 0
    assert [note for note in first.notes if "redis" in note], "what is left out is told"
    world.provision(targets)
    again = stack.plan(targets, "demo")
    assert again.changes == ()
    assert len(again.unchanged) == len(first.changes)
    proofs = world.proofs(targets)
    assert {
        p.id: (p.verdict, p.detail) for p in proofs.values() if p.verdict is not Verdict.PROVED
    } == {}
    assert {"alert/synthetic", "targets/exporter", "rules/node", "rules/services", "rules/slo",
            "loaded/prometheus", "loaded/alertmanager"} <= proofs.keys()  # fmt: skip
    assert stack.plan(targets, "demo").changes == (), "verify left nothing behind"


def test_the_other_team_loses_no_route_and_no_comment(world: World, targets) -> None:
    world.provision(targets)
    other = world.targets(project="second", metrics=world.exporter.addresses["address"], more="")
    # A folder of its own for the rules of the second team: one subtree file is what they share.
    text = Path(world.alertmanager.addresses["file"])
    plan = stack.plan({"alertmanager": other["alertmanager"]}, "second")
    outcomes = apply(plan, {"alertmanager": other["alertmanager"]})
    assert [o.state for o in outcomes] == [State.DONE]
    assert stack.plan(targets, "demo").of("alertmanager") == ()
    data = yaml.safe_load(text.read_text())
    names = [receiver["name"] for receiver in data["receivers"]]
    assert "others" in names
    assert {"obskit/demo/oncall", "obskit/second/oncall"} <= set(names)
    assert {"receiver": "others", "matchers": ['team="others"']} in data["route"]["routes"]
    assert "# The other team's, with a comment that has to stay." in text.read_text()
    assert "# everybody's default" in text.read_text()
    # destroying the second leaves the first as it was
    from obskit.engine.plan import make_plan

    live = other["alertmanager"].read(frozenset())
    gone = make_plan("second", [], live, normalise=other["alertmanager"].normalise)
    assert [o.state for o in apply(gone, {"alertmanager": other["alertmanager"]})] == [State.DONE]
    assert "second" not in text.read_text()
    assert stack.plan(targets, "demo").of("alertmanager") == ()


def test_no_secret_stands_in_a_plan(world: World, targets) -> None:
    shown = str(stack.plan(world.targets(project="third"), "third").to_dict())
    assert "secret-token" not in shown
    assert "(secret)" in shown


def test_a_hand_edit_is_drift_and_is_put_right(world: World, targets) -> None:
    world.provision(targets)
    rules = Path(world.prometheus.addresses["files"]) / "rules" / "obskit-demo-node.yml"
    rules.write_text(rules.read_text().replace("severity: critical", "severity: info", 1))
    (change,) = stack.plan(targets, "demo").changes
    assert (change.action, change.cause) == (Action.UPDATE, Cause.DRIFTED)
    assert any("severity: info" in str(edit.before) for edit in change.edits)
    world.provision(targets)
    assert stack.plan(targets, "demo").changes == ()


def test_what_changed_since_the_plan_stops_the_apply(world: World, targets) -> None:
    world.provision(targets)
    rules = Path(world.prometheus.addresses["files"]) / "rules" / "obskit-demo-node.yml"
    rules.write_text(rules.read_text() + "# one\n")
    plan = stack.plan(targets, "demo")
    rules.write_text(rules.read_text() + "# two\n")
    with pytest.raises(StalePlanError, match="nothing was written"):
        apply(plan, targets)
    assert rules.read_text().endswith("# two\n")
    world.provision(targets)


def test_a_rule_that_promtool_refuses_never_leaves_the_machine(world: World, targets) -> None:
    bad = world.folder / "bad.yml"
    bad.write_text(
        "groups:\n  - name: bad\n    rules:\n      - alert: Bad\n        expr: rate(up)[\n"
    )
    broken = world.targets(metrics=world.exporter.addresses["address"])
    object.__setattr__(
        broken["prometheus"], "settings",
        broken["prometheus"].settings.model_copy(update={"rules": (bad,)}),
    )  # fmt: skip
    problems = [p for p in stack.problems(broken) if p.severity == "error"]
    assert [(Path(p.path).name, p.line) for p in problems] == [("bad.yml", 5)]
    assert "promtool" in problems[0].message
    world.provision(targets)
    (outcome,) = apply(stack.plan(broken, "demo"), broken)
    assert isinstance(outcome.error, ContentError)
    assert not (
        Path(world.prometheus.addresses["files"]) / "rules" / "obskit-demo-own-bad.yml"
    ).exists()


def test_a_refused_reload_puts_the_old_file_back(world: World, targets, monkeypatch) -> None:
    """Valid for promtool, refused by the server: the same group name twice over two files is not; a
    template that fails to parse at load is. Here the checker is taken away, as on a machine without it."""
    world.provision(targets)
    monkeypatch.setattr("obskit.targets.prometheus.check_rules", lambda *_: iter(()))
    rules = Path(world.prometheus.addresses["files"]) / "rules" / "obskit-demo-node.yml"
    before = rules.read_text()
    target = targets["prometheus"]
    text, source = target.rule_files["obskit-demo-node.yml"]
    target.rule_files["obskit-demo-node.yml"] = (
        text.replace("expr: up == 0", "expr: up == )", 1),
        source,
    )
    outcomes = apply(stack.plan(targets, "demo"), targets)
    assert [o.state for o in outcomes] == [State.UNDONE]
    assert "500" in str(outcomes[0].error)
    assert "its log: " in str(outcomes[0].error), "the answer has no reason, the log has"
    assert "unexpected right parenthesis" in str(outcomes[0].error)
    assert rules.read_text() == before
    assert (
        stack.plan(world.targets(metrics=world.exporter.addresses["address"]), "demo").changes == ()
    )


def test_a_target_that_is_down_is_named(world: World) -> None:
    dead = f"127.0.0.1:{local.free_port()}"
    broken = world.targets(metrics=dead)
    world.provision(broken)
    proof = world.proofs(broken, "targets")["targets/exporter"]
    assert proof.verdict is Verdict.FAILED
    assert dead in proof.detail
    assert "refused" in proof.detail


def test_a_receiver_at_a_wrong_address_fails_and_the_hop_is_named(world: World, targets) -> None:
    """Alertmanager is told one address, obskit listens at another: the last hop is named."""
    world.provision(targets)
    elsewhere = world.targets(
        metrics=world.exporter.addresses["address"],
        receiver=f"http://127.0.0.1:{local.free_port()}",
    )
    proof = world.proofs(elsewhere, "alert")["alert/synthetic"]
    assert proof.verdict is Verdict.FAILED
    assert "lost at Alertmanager → receiver" in proof.detail
    assert any("/api/v2/alerts" in item.asked for item in proof.evidence)
    assert stack.plan(targets, "demo").of("prometheus") == (), "the synthetic rule is gone again"


def test_a_route_that_was_removed_by_hand_fails_the_proof(world: World, targets) -> None:
    world.provision(targets)
    file = Path(world.alertmanager.addresses["file"])
    before = file.read_text()
    data = yaml.safe_load(before)
    data["route"]["routes"] = [r for r in data["route"]["routes"] if "proof" not in r["receiver"]]
    file.write_text(yaml.safe_dump(data))
    targets["alertmanager"].http.post("/-/reload")
    proof = world.proofs(targets, "alert")["alert/synthetic"]
    assert proof.verdict is Verdict.FAILED
    assert "Alertmanager's routes" in proof.detail
    file.write_text(before)
    targets["alertmanager"].http.post("/-/reload")


def test_a_file_that_was_not_loaded_fails_the_hash(world: World, targets) -> None:
    world.provision(targets)
    file = Path(world.alertmanager.addresses["file"])
    file.write_text(file.read_text() + "# edited, not reloaded\n")
    proof = world.proofs(targets, "loaded/alertmanager")["loaded/alertmanager"]
    assert proof.verdict is Verdict.FAILED
    world.provision(targets)
    targets["alertmanager"].http.post("/-/reload")


def test_doctor_names_the_missing_lines(world: World, targets) -> None:
    found = stack.examine(targets)
    assert [f.subject for items in found.values() for f in items if f.ok is False] == []
    moved = world.targets()
    other = world.folder / "elsewhere"
    for name in ("rules", "scrape", "targets"):
        (other / name / "deep").mkdir(parents=True, exist_ok=True)
        moved["prometheus"].folders[name] = Folder(other / name / "deep")
    (finding,) = [f for f in stack.examine(moved)["prometheus"] if f.subject == "rule_files"]
    assert finding.ok is False
    assert "rule_files:\n  - " in finding.next


def test_an_unreachable_server_fails_the_plan_only_where_it_is_asked(world: World) -> None:
    path = world.folder / "gone.yml"
    path.write_text(
        f"project: gone\nprometheus: {{url: 'http://127.0.0.1:{local.free_port()}', files: '{world.folder}'}}\n"
    )
    targets = create(load(path, sections()), BUILTIN)
    found = stack.examine(targets)["prometheus"]
    assert found[0].ok is False
    assert "is it running" in found[0].next
    proofs = verify(stack.checks(targets))
    assert {p.verdict for p in proofs if p.id.startswith("loaded")} == {Verdict.FAILED}
    with pytest.raises(ObskitError):
        stack.plan(targets, "gone")  # the folders rules/ and targets/ are not there


def test_alerts_test_tells_whether_a_receiver_was_reached(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The receiver at port 9 refuses: seen failing. The same with a listener behind it: delivered."""
    from obskit.targets.alertmanager.listener import listen
    from obskit.targets.alertmanager.trial import send

    made = world.targets(metrics=world.exporter.addresses["address"])
    world.provision(made)
    alertmanager = made["alertmanager"]
    ways = alertmanager.integrations("oncall")
    refused = send(alertmanager, "oncall", ways, Deadline.after(16))
    assert [item.ok(ways) for item in refused] == [False, False]
    assert refused[0].body["alerts"][0]["labels"]["obskit_receiver"] == "oncall"
    assert refused[0].requests["webhook"][1] > 0
    with pytest.raises(ObskitError, match="no receiver is named 'nobody'"):
        send(alertmanager, "nobody", set(), Deadline.after(1))
    address = f"http://127.0.0.1:{local.free_port()}"
    path = world.folder / "demo.yml"
    path.write_text(path.read_text().replace("http://127.0.0.1:9/secret-token", address))
    made = create(load(path, sections()), BUILTIN)
    world.provision(made)
    with listen(address) as listener:
        delivered = send(made["alertmanager"], "oncall", ways, Deadline.after(30))
        body = listener.next(Deadline.after(5), at_most=5)
    assert [item.ok(ways) for item in delivered] == [True, True]
    assert body["receiver"] == "obskit/demo/oncall"
    assert [item.body["status"] for item in delivered] == ["firing", "resolved"]
    with listen(address), pytest.raises(SystemExit) as ended:
        main(["alerts", "test", "--receiver", "oncall", "--file", str(path)])
    printed = capsys.readouterr().out
    assert not ended.value.code, printed
    assert "✔ firing: webhook: 1 sent, 0 failed" in printed
    assert '"summary": "A test of the receiver oncall, sent by obskit alerts test"' in printed


def test_files_that_are_all_ours_need_adoption_and_then_work(world: World, tmp_path: Path) -> None:
    """prometheus.yml and alertmanager.yml as whole files: never taken without being told to."""
    prometheus, alertmanager = world.prometheus.addresses, world.alertmanager.addresses
    before = {name: Path(name).read_text() for name in (prometheus["config"], alertmanager["file"])}
    path = tmp_path / "whole.yml"
    path.write_text(
        "project: whole\n"
        f"verify: {{deadline: 20s, receiver: '{world.receiver}'}}\n"
        f"prometheus: {{url: '{world.prometheus.url}', files: '{prometheus['files']}', packs: [node],\n"
        f"  config: '{prometheus['config']}', scrape_interval: 1s,\n"
        f"  scrape: {{node: ['{world.exporter.addresses['address']}']}}}}\n"
        f"alertmanager: {{url: '{world.alertmanager.url}', file: '{alertmanager['file']}', whole: true}}\n"
    )
    made = create(load(path, sections()), BUILTIN)
    with pytest.raises(ForeignObjectError, match=r"config/prometheus\.yml"):
        stack.plan({"prometheus": made["prometheus"]}, "whole")
    with pytest.raises(ForeignObjectError, match=r"config/alertmanager\.yml"):
        stack.plan({"alertmanager": made["alertmanager"]}, "whole")
    wanted = [made["prometheus"].address("config", "prometheus.yml"),
              made["alertmanager"].address("config", "alertmanager.yml")]  # fmt: skip
    try:
        outcomes = apply(stack.plan(made, "whole", adopt=wanted), made)
        assert [str(o.error) for o in outcomes if o.state is not State.DONE] == []
        assert stack.plan(made, "whole").changes == ()
        proofs = world.proofs(made)
        wrong = {key: p.detail for key, p in proofs.items() if p.verdict is Verdict.FAILED}
        assert wrong == {}
    finally:
        for name, text in before.items():
            Path(name).write_text(text)
        for path in (Path(prometheus["files"]) / "rules").glob("obskit-whole-*"):
            path.unlink()
        made["prometheus"].http.post("/-/reload")
        made["alertmanager"].http.post("/-/reload")
