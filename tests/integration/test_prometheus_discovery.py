"""How the services become targets: scrape config files where the server has them, else file-based discovery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from obskit.config import load
from obskit.deadline import Deadline
from obskit.engine.execute import Outcome, State, apply
from obskit.engine.verify import Proof, Verdict, verify
from obskit.local import server as local
from obskit.local.prometheus import Prometheus
from obskit.schema import BUILTIN
from obskit.targets import create, sections, stack
from tests.conftest import Generation

pytestmark = pytest.mark.servers

BARE = "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"


class World:
    """A Prometheus whose prometheus.yml is the user's, and who scrapes itself as a service of obskit.yml."""

    def __init__(self, server: local.Running, folder: Path, *, newest: bool) -> None:
        self.server, self.folder, self.newest = server, folder, newest
        self.files, self.config = (Path(server.addresses[key]) for key in ("files", "config"))
        self.way = "scrape" if newest else "targets"

    def targets(self, more: str = "") -> Any:
        path = self.folder / "obskit.yml"
        path.write_text(
            f"project: demo\nenvironment: prod\nverify: {{deadline: 20s}}\n"
            "services:\n  - {name: shop, team: red, metrics_path: /federate, "
            f"metrics: ['{self.server.addresses['address']}']}}\n"
            f"prometheus: {{url: '{self.server.url}', files: '{self.files}', packs: [prometheus], "
            f"reload: {{log: '{self.server.log}'}}{more}}}\n"
        )
        return create(load(path, sections()), BUILTIN)

    def configure(self, text: str) -> None:
        """Let the server read another prometheus.yml."""
        self.config.write_text(text)
        self.targets()["prometheus"].reload(Deadline.after(20))

    def provision(self) -> list[Outcome]:
        targets = self.targets()
        return list(apply(stack.plan(targets, "demo"), targets))

    def proof(self) -> Proof:
        found = {p.id: p for p in verify(stack.checks(self.targets()), only="targets")}
        return found["targets/shop"]

    def delivered(self) -> dict[str, list[str]]:
        return {
            kind: [path.name for path in (self.files / kind).glob("obskit-*")]
            for kind in ("scrape", "targets")
        }


@pytest.fixture
def world(
    start_server: Callable[..., local.Running], tmp_path: Path, generation: Generation
) -> World:
    server = start_server(Prometheus(interval=1, version=generation.prometheus))
    return World(server, tmp_path, newest=bool(generation.prometheus))


def test_the_lines_that_doctor_prints_are_what_is_missing(world: World) -> None:
    """Pasted into a prometheus.yml that has none of them, all is delivered and proved."""
    world.configure(BARE)
    key = "scrape_config_files" if world.newest else "file_sd_configs"
    missing = [f for f in stack.examine(world.targets())["prometheus"] if f.ok is False]
    assert [finding.subject for finding in missing] == ["rule_files", key]
    text = BARE + "\n".join(f.next.removeprefix("add to prometheus.yml:\n") for f in missing) + "\n"
    world.configure(text)
    assert [f for f in stack.examine(world.targets())["prometheus"] if f.ok is False] == []
    assert {outcome.state for outcome in world.provision()} == {State.DONE}
    assert world.delivered()[world.way] == ["obskit-demo-services.yml"]
    assert not stack.plan(world.targets(), "demo")
    assert world.proof().verdict is Verdict.PROVED, world.proof()
    api = world.targets()["prometheus"].api
    active = api.data("/targets", state="active")["activeTargets"]
    assert [item["scrapeUrl"] for item in active if item["labels"]["job"] == "shop"] == [
        f"{world.server.url}/federate"
    ]
    (one,) = api.query('up{job="shop"}')
    labels = {key: one["metric"][key] for key in ("environment", "team", "host")}
    assert labels == {"environment": "prod", "team": "red", "host": "127.0.0.1"}


def test_without_these_lines_the_proof_fails_and_names_them(world: World) -> None:
    world.provision()
    assert world.proof().verdict is Verdict.PROVED
    world.configure(BARE + f"rule_files: ['{world.files}/rules/*.yml']\n")
    proof = world.proof()
    assert proof.verdict is Verdict.FAILED
    assert f"name the folder {world.way}/" in proof.next


def test_a_server_goes_over_to_scrape_config_files_when_its_configuration_does(
    world: World,
) -> None:
    """What reads targets keeps getting them; once it reads scrape configurations, one plan moves them."""
    if not world.newest:
        pytest.skip("an old Prometheus has no scrape config files")
    rules = f"rule_files: ['{world.files}/rules/*.yml']\n"
    world.configure(
        BARE + rules + "scrape_configs:\n  - job_name: old\n    file_sd_configs:\n"
        f"      - {{files: ['{world.files}/targets/*.yml'], refresh_interval: 1s}}\n"
    )
    assert {outcome.state for outcome in world.provision()} == {State.DONE}
    assert world.delivered() == {"scrape": [], "targets": ["obskit-demo-services.yml"]}
    assert world.proof().verdict is Verdict.PROVED
    world.configure(BARE + rules + f"scrape_config_files: ['{world.files}/scrape/*.yml']\n")
    assert world.proof().verdict is Verdict.FAILED, "the old file is read no more"
    assert {outcome.state for outcome in world.provision()} == {State.DONE}
    assert world.delivered() == {"scrape": ["obskit-demo-services.yml"], "targets": []}
    assert world.proof().verdict is Verdict.PROVED


def test_a_scrape_configuration_that_the_server_refuses_is_put_back(world: World) -> None:
    """Somebody's job of the same name: reply and log are shown, nothing of ours stays, the other still runs."""
    if not world.newest:
        pytest.skip("an old Prometheus has no scrape config files")
    theirs = {
        "scrape_configs": [{"job_name": "demo/shop", "static_configs": [{"targets": ["a:1"]}]}]
    }
    (world.files / "scrape" / "theirs.yml").write_text(yaml.safe_dump(theirs))
    world.targets()["prometheus"].reload(Deadline.after(20))
    (undone,) = [item for item in world.provision() if item.change.address.kind == "scrape"]
    assert undone.state is State.UNDONE
    assert "the old ones put back" in str(undone.error)
    assert 'multiple scrape configs with job name "demo/shop"' in str(undone.error).replace(
        "\\", ""
    )
    assert world.delivered()["scrape"] == []
    api = world.targets()["prometheus"].api
    assert api.metrics()["prometheus_config_last_reload_successful"] == 1
    (world.files / "scrape" / "theirs.yml").unlink()
    assert {outcome.state for outcome in world.provision()} == {State.DONE}


def test_where_prometheus_yml_is_obskits_it_reads_what_is_delivered(world: World) -> None:
    """One plan writes the file and what it names; a second one is empty, and the targets are up."""
    more = f", config: '{world.config}'"
    world.config.unlink()
    targets = world.targets(more)
    outcomes = apply(stack.plan(targets, "demo"), targets)
    assert [str(o.error) for o in outcomes if o.state is not State.DONE] == []
    written = yaml.safe_load(world.config.read_text())
    assert ("scrape_config_files" in written) is world.newest
    assert not stack.plan(world.targets(more), "demo")
    found = {p.id: p for p in verify(stack.checks(world.targets(more)), only="targets")}
    assert found["targets/shop"].verdict is Verdict.PROVED
