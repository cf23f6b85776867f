"""JSON from every command, also of its errors; adopt and saved plans by the command line, on provisioning files."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from obskit.cli import cli, main
from tests.servers import grafana_standin as standin


def _leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from _leaves(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


COMMANDS = dict(_leaves(cli))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def facts(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_json(name: str) -> None:
    flags = {flag for option in COMMANDS[name].params for flag in option.opts}
    assert "--json" in flags


@pytest.mark.parametrize(
    "name", ["check", "doctor", "plan", "provision", "verify", "status", "drift", "destroy"]
)
def test_an_error_is_json_too_with_its_place_and_its_exit_code(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "obskit.yml").write_text("project: shop\ngrafana:\n  ulr: http://g\n")
    assert run(name, "--json") == 2
    error = facts(capsys)["error"]
    assert error["exit_code"] == 2
    assert {(item["path"], item["line"]) for item in error["problems"]} >= {("obskit.yml", 3)}
    assert "did you mean 'url'" in error["problems"][0]["message"]


def test_wrong_use_is_json_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("provision", "--json", "--plan", "not-there.json") == 2
    assert "not-there.json" in facts(capsys)["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["init", "-f", "-"], "text"),
        (["completion", "bash"], "script"),
        (["schema", "export", "markdown"], "schema"),
        (["down"], "stopped"),
    ],
)
def test_commands_without_servers_tell_their_facts(
    arguments: list[str], key: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, "--json") == 0
    assert key in facts(capsys)


def test_lint_has_json_by_either_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.log").write_text("{}\n")
    codes = [run("lint", "--json", "a.log")]
    one = facts(capsys)
    codes.append(run("lint", "--format", "json", "a.log"))
    assert codes == [1, 1]
    assert facts(capsys) == one


# Adopting -----------------------------------------------------------------------------------------


@pytest.fixture
def grafana(folder: Path) -> Iterator[standin.Standin]:
    """A Grafana with a team's obskit.yml, and two dashboards of somebody else's at its addresses."""
    with standin.running() as one:
        boards = []
        for uid in ("one", "two"):
            panel = {"id": 1, "type": "text", "title": "ours"}
            board = {"uid": uid, "title": f"Board {uid}", "panels": [panel]}
            (folder / f"{uid}.json").write_text(json.dumps(board))
            boards.append({"file": f"{uid}.json"})
            theirs = {**board, "panels": [], "title": f"Theirs {uid}"}
            one.state.save({"dashboard": theirs})
        (folder / "obskit.yml").write_text(
            f"project: shop\ngrafana:\n  url: {one.url}\n"
            f"  auth: {{username: {one.user}, password: {one.password}}}\n"
            f"  dashboards: {json.dumps(boards)}\n"
        )
        yield one


def test_one_of_several_foreign_objects_is_taken_over_with_what_it_needs(
    grafana: standin.Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its folder is not there yet, and the other foreign one is no obstacle and is not touched."""
    assert run("plan") == 1
    said = capsys.readouterr().err
    assert "grafana/dashboard/one, grafana/dashboard/two" in said
    assert "grafana.uid_prefix" in said, "where another name is chosen"
    assert run("adopt", "grafana/dashboard/one", "--yes", "--json") == 0
    assert facts(capsys) == {"address": "grafana/dashboard/one", "state": "done"}
    assert grafana.state.boards["one"]["folder"] == "obskit-shop"
    assert grafana.state.boards["two"]["data"]["title"] == "Theirs two"
    assert run("adopt", "grafana/dashboard/two", "--yes") == 0
    assert run("plan") == 0


def test_what_is_not_there_cannot_be_taken_over(
    grafana: standin.Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("adopt", "grafana/dashboard/three", "--yes", "--json") == 1
    assert "no such object" in facts(capsys)["error"]["message"]


def test_an_edit_is_not_kept_over_a_change_of_the_file_without_being_asked(
    grafana: standin.Standin, folder: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for uid in ("one", "two"):
        assert run("adopt", f"grafana/dashboard/{uid}", "--yes") == 0
    data = grafana.state.boards["one"]["data"]
    data["title"] = "Edited in the browser"
    data["version"] += 1
    mine = json.loads((folder / "one.json").read_text()) | {"title": "Edited in the file"}
    (folder / "one.json").write_text(json.dumps(mine))
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody answers
    assert run("adopt", "grafana/dashboard/one") == 130
    assert json.loads((folder / "one.json").read_text())["title"] == "Edited in the file"
    assert run("adopt", "grafana/dashboard/one", "--yes") == 0
    assert json.loads((folder / "one.json").read_text())["title"] == "Edited in the browser"
    capsys.readouterr()
    assert run("plan") == 0


def test_what_is_gone_from_a_provisioned_server_is_drift(
    grafana: standin.Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    grafana.state.boards.clear()
    assert run("drift") == 0, "nothing was provisioned yet: all of it is new"
    assert run("provision", "--yes", "--no-verify") == 0
    assert run("drift") == 0
    del grafana.state.boards["one"]
    capsys.readouterr()
    assert run("drift", "--json") == 3
    (change,) = facts(capsys)["changes"]
    assert (change["address"], change["cause"]) == (
        "grafana/dashboard/one",
        "missing on the server",
    )


# Saved plans ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reviewed", [True, False])
def test_a_saved_plan_is_applied_and_nothing_else(
    reviewed: bool, grafana: standin.Standin, folder: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """New targets can call for more (rule packs): of a plan that was reviewed that is only told, exit code 3."""
    grafana.state.boards.clear()
    whole = (folder / "obskit.yml").read_text()
    (folder / "obskit.yml").write_text(whole.replace(', {"file": "two.json"}', ""))

    def then_more_is_wanted(*_: object, **__: object) -> list[object]:
        (folder / "obskit.yml").write_text(whole)
        return []

    monkeypatch.setattr("obskit.cli.provision.verify", then_more_is_wanted)
    assert run("plan", "--out", "plan.json") == 3
    capsys.readouterr()
    how = ["--plan", "plan.json"] if reviewed else ["--yes"]
    assert run("provision", *how, "--no-verify", "--json") == (3 if reviewed else 0)
    told = facts(capsys)
    assert grafana.state.boards.keys() == ({"one"} if reviewed else {"one", "two"})
    more = told["pending"] if reviewed else told["second_pass"]["plan"]
    assert [change["address"] for change in more["changes"]] == ["grafana/dashboard/two"]


def test_a_plan_of_other_changes_is_refused(
    grafana: standin.Standin, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grafana.state.boards.clear()
    assert run("plan", "--out", "plan.json") == 3
    (folder / "two.json").write_text(json.dumps({"uid": "two", "title": "Another", "panels": []}))
    assert run("provision", "--plan", "plan.json", "--no-verify") == 1
    assert "these differ: grafana/dashboard/two" in capsys.readouterr().err
    assert not grafana.state.boards
