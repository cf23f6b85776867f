"""The shipped dashboards: current, sound, linked to each other, and about metrics that exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from dashboards.builder import __main__ as builder
from dashboards.builder.boards import BOARDS
from dashboards.builder.boards.services import P95_PANEL
from dashboards.builder.render import document, text
from obskit.lint.dashboards import lint_dashboards
from obskit.lint.dashboards.document import Dashboard
from obskit.lint.dashboards.positions import locate
from obskit.lint.dashboards.promql import known_values, nodes, parse, queries
from obskit.targets.grafana.settings import BUNDLED

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
METRICS = json.loads((Path(__file__).parent / "exporter_metrics.json").read_text())


def load(path: Path) -> Dashboard:
    return Dashboard(path=path.name, located=locate(path.read_text()))


def links_of_alerts() -> Iterator[tuple[str, str]]:
    """Every address of a dashboard in a shipped rule, with the file it stands in."""
    rules = ROOT / "prometheus"
    for path in (*sorted(rules.glob("rules/*.yml")), *sorted(rules.glob("templates/*"))):
        for address in re.findall(r"\]\]/d/([^\"\s]+)", path.read_text()):
            yield path.name, address


def test_the_committed_files_are_what_the_builder_writes() -> None:
    assert {path.name for path in FILES} == {board.file_name for board in BOARDS}
    for board in BOARDS:
        assert (FOLDER / board.file_name).read_text() == text(board), (
            f"{board.file_name} is not current: run python -m dashboards.builder --write"
        )


def test_the_check_passes_on_the_committed_files() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dashboards.builder", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_check_names_a_file_that_was_edited_missing_or_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(builder, "FOLDER", tmp_path)
    assert builder.main(["--write"]) == 0
    assert builder.main(["--check"]) == 0
    capsys.readouterr()
    (tmp_path / "node.json").write_text("{}")
    (tmp_path / "logs.json").unlink()
    (tmp_path / "old.json").write_text("{}")
    assert builder.main(["--check"]) == 1
    named = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert sorted(named) == ["dashboards/logs.json", "dashboards/node.json", "dashboards/old.json"]


def test_our_linter_finds_nothing() -> None:
    assert [str(problem) for problem in lint_dashboards([FOLDER])] == []


def test_uids_and_titles_are_unique_and_short_enough_for_grafana() -> None:
    uids = [load(path).uid for path in FILES]
    titles = [load(path).title for path in FILES]
    assert len(set(uids)) == len(uids)
    assert len(set(titles)) == len(titles)
    for uid, path in zip(uids, FILES, strict=True):
        assert uid == f"obskit-{path.stem}"
        assert len(uid) <= 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_panel_says_what_it_shows_and_in_what_unit(path: Path) -> None:
    for panel in load(path).charts:
        description = panel.body["description"]
        assert len(description) > 20, panel.title
        assert description.rstrip().endswith((".", ")")), panel.title
        assert panel.body["datasource"]["uid"] in {"${datasource}", "${logs}"}
        if panel.kind not in {"logs", "table"}:
            assert panel.body["fieldConfig"]["defaults"]["unit"], panel.title
        for target in panel.body["targets"]:
            assert target["datasource"] == panel.body["datasource"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_query_parses_and_names_no_job_or_instance(path: Path) -> None:
    dashboard = load(path)
    found = list(queries(dashboard))
    assert found or path.stem == "logs"
    for query in found:
        assert query.sure
        tree = parse(query.text, known_values(dashboard)).tree
        assert tree is not None, query.text
        for node in nodes(tree):
            if isinstance(node, promql_parser.VectorSelector):
                for matcher in node.matchers.matchers:
                    if matcher.name in {"job", "instance"}:
                        assert "variable" in matcher.value, query.text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_provisionings_and_deployments_are_drawn_over_every_board(path: Path) -> None:
    targets = [part.body.get("target", {}) for part in load(path).annotations]
    tags = [target.get("tags") for target in targets]
    assert ["obskit", "provisioning"] in tags
    assert ["obskit", "deployment"] in tags


def test_every_board_leads_to_every_other_by_the_menu() -> None:
    for path in FILES:
        body = load(path).body
        assert "obskit" in body["tags"]
        menu = [link for link in body["links"] if link["type"] == "dashboards"]
        assert [link["tags"] for link in menu] == [["obskit"]]


def test_every_dashboard_that_an_alert_names_is_here_with_the_variables_it_sets() -> None:
    boards = {load(path).uid: load(path) for path in FILES}
    seen = set()
    for file, address in links_of_alerts():
        uid = address.split("?")[0]
        assert uid in boards, f"{file}: {uid} is no shipped dashboard"
        for name in re.findall(r"var-(\w+)=", address):
            assert name in boards[uid].variable_names, f"{file}: {uid} has no variable {name}"
        seen.add(uid)
    assert {"obskit-node", "obskit-services", "obskit-stack"} <= seen


def test_every_dashboard_that_a_rule_pack_names_is_here() -> None:
    packs = yaml.safe_load((ROOT / "prometheus" / "packs.yml").read_text())
    named = {uid for pack in packs.values() for uid in pack.get("dashboards", ())}
    assert named <= {load(path).uid for path in FILES}


def recorded_names() -> set[str]:
    names: set[str] = set()
    for path in (ROOT / "prometheus").rglob("*.y*ml*"):
        for name in re.findall(r"record: (\S+)", path.read_text()):
            names.add(name)
    return names


def test_every_metric_was_seen_on_its_exporter_or_is_recorded_by_a_rule() -> None:
    """A name that nothing exposes is a panel that stays empty for ever."""
    seen = {name for entry in METRICS["seen"].values() for name in entry["metrics"]}
    recorded = recorded_names()
    unknown = set()
    for path in FILES:
        dashboard = load(path)
        for query in queries(dashboard):
            for node in nodes(parse(query.text, known_values(dashboard)).tree):
                if isinstance(node, promql_parser.VectorSelector) and node.name:
                    unknown.add(node.name)
    unknown -= seen | recorded | set(METRICS["documented"])
    # What obskit's own exporter counts; the alerts use the same names.
    assert {name for name in unknown if not name.startswith("obskit_")} == {
        name for name in unknown if name.startswith("slo:burn_rate:")
    }
    rules = "".join(path.read_text() for path in (ROOT / "prometheus" / "rules").glob("*.yml"))
    for name in unknown:
        if name.startswith("obskit_"):
            assert name in rules, f"{name} is used by no rule"


def test_a_panel_keeps_its_id_when_another_one_is_added_before_it() -> None:
    """Links from alerts and chats name a panel's id; they have to survive an update."""
    board = BOARDS[0]
    first = board.rows[0]
    added = replace(first, panels=(replace(first.panels[0], title="New"), *first.panels))
    before = {p["title"]: p["id"] for p in document(board)["panels"] if p["type"] != "row"}
    changed = document(replace(board, rows=(added, *board.rows[1:])))
    after = {p["title"]: p["id"] for p in changed["panels"] if p["type"] != "row"}
    assert before.items() <= after.items()


def test_two_panels_with_one_title_are_refused() -> None:
    board = BOARDS[0]
    row = board.rows[0]
    with pytest.raises(ValueError, match="same panel id"):
        document(replace(board, rows=(replace(row, panels=(*row.panels, row.panels[0])),)))


def test_a_uid_that_grafana_refuses_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 40"):
        document(replace(BOARDS[0], uid="obskit-" + "x" * 34))


def test_the_p95_panel_draws_the_same_number_that_the_alert_uses() -> None:
    (panel,) = (
        part for part in load(FOLDER / "services.json").panels if part.body["id"] == P95_PANEL
    )
    assert panel.title == "P95 latency"
    drawn = panel.body["targets"][1]
    assert drawn["expr"] == 'service:p95_objective:seconds{service=~"$service"}'
    (override,) = panel.body["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byFrameRefID", "options": drawn["refId"]}
    template = (ROOT / "prometheus" / "templates" / "latency.yml.j2").read_text()
    assert "record: service:p95_objective:seconds" in template
    assert "service:p95_objective:seconds" in template.split("alert:")[1]


def test_panels_that_may_rightly_be_empty_say_when() -> None:
    """`obskit verify` reads the sentence; it has one shape."""
    sentences = [
        part.body["description"].split("\n\n")[-1]
        for path in FILES
        for part in load(path).charts
        if "No data when " in part.body["description"]
    ]
    assert len(sentences) > 50
    for sentence in sentences:
        assert re.fullmatch(r"No data when [^\n]+\.", sentence)


def test_the_log_board_keeps_quarantined_events_out_of_every_count_of_lines() -> None:
    """An event of the quarantine has a message too: counted as a line it would hide a fault."""
    board: dict[str, Any] = json.loads((FOLDER / "logs.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            if "query" not in target:
                continue
            assert "_index:logs-obskit.invalid-*" in target["query"], panel["title"]
            quarantine = "uarantine" in panel["title"] or "Refused" in panel["title"]
            assert target["query"].startswith("NOT ") != quarantine, panel["title"]


def test_no_link_is_dead_where_only_the_default_boards_are_provisioned() -> None:
    """The menu offers what is there; a written link leads only to boards that every stack has."""
    boards = [load(FOLDER / f"{name}.json") for name in BUNDLED]
    here = {board.uid for board in boards}
    for path in FILES:
        for _, found in load(path).texts():
            for uid in re.findall(r"^/d/([\w-]+)", found):
                assert uid in here | {load(path).uid}, f"{path.name} leads to {uid}"


def test_the_documentation_names_every_board() -> None:
    page = (ROOT / "docs" / "dashboards.md").read_text()
    for one in BOARDS:
        assert f"| {one.title} | `{one.uid}` | {one.description} |" in page
