"""``obskit schema`` from the outside: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from obskit.cli.schema import FORMATS, command


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(command, list(arguments), input=given, standalone_mode=False)


def test_show_lists_every_field() -> None:
    result = run("show")
    assert result.exit_code == 0
    assert "trace_id" in result.output
    assert "nullable" in result.output


def test_show_finds_a_field_by_its_alias() -> None:
    assert "name: level" in run("show", "lvl").output
    assert json.loads(run("show", "lvl", "--json").output)["name"] == "level"


def test_show_suggests_a_name() -> None:
    result = run("show", "levle")
    assert "level" in str(result.exception)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_is_exported(name: str, tmp_path: Path) -> None:
    result = run("export", name)
    assert result.exception is None
    target = tmp_path / "out"
    assert run("export", name, "-o", str(target)).output == ""
    assert target.read_text(encoding="utf-8") == result.output
    assert "severity_text" in result.output


def test_diff_names_what_breaks_and_who_uses_it(tmp_path: Path) -> None:
    path = tmp_path / "schema.yml"
    path.write_text(
        "fields:\n  level: {allowed: [INFO, ERROR]}\n  x: {type: long}\n", encoding="utf-8"
    )
    result = run("diff", str(path))
    assert result.return_value == 1
    assert "breaking: level.allowed" in result.output
    assert "panel: " in result.output
    assert "compatible: x.field" in result.output
    body = json.loads(run("diff", str(path), "--json").output)
    assert [item["breaking"] for item in body] == [True, False]
    assert body[0]["usages"]


def test_diff_of_nothing_is_quiet(tmp_path: Path) -> None:
    path = tmp_path / "schema.yml"
    path.write_text("", encoding="utf-8")
    result = run("diff", str(path))
    assert (result.return_value, result.output) == (0, "no field changed\n")


def test_infer_reads_standard_input(tmp_path: Path) -> None:
    given = '{"service":"a","cart":1}\n{"service":"b","cart":"x","orderId":"7"}\nnope\n'
    target = tmp_path / "schema.yml"
    result = run("infer", "-o", str(target), given=given)
    assert result.return_value == 1
    assert "conflict: cart" in result.stderr
    assert "2 events read, 1 lines are no JSON object" in result.stderr
    assert "order_id" in target.read_text(encoding="utf-8")


def test_infer_without_conflicts_succeeds() -> None:
    assert run("infer", given='{"cart":1}\n').return_value == 0


def test_infer_of_a_missing_file_says_so() -> None:
    assert "cannot be read" in str(run("infer", "/no/such/file").exception)
