"""``obskit schema`` from the outside: what it prints, and its exit codes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from obskit.cli.schema import FORMATS, command


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), standalone_mode=False)


def piped(*arguments: str, given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "obskit", "schema", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


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
    result = piped("infer", "-o", str(target), given=given)
    assert result.returncode == 1
    assert "conflict: cart" in result.stderr
    assert "2 events read, 1 lines are no JSON object" in result.stderr
    assert "order_id" in target.read_text(encoding="utf-8")


def test_infer_without_conflicts_succeeds() -> None:
    assert piped("infer", given='{"cart":1}\n').returncode == 0


def test_infer_of_a_missing_file_says_so() -> None:
    assert "no such file or directory" in str(run("infer", "/no/such/file").exception)


def test_infer_reads_what_lint_reads(tmp_path: Path) -> None:
    inner = '{"service":"a","cart":1}\n'
    wrapped = {"log": inner, "stream": "stdout", "time": "2023-09-10T12:34:56Z"}
    (tmp_path / "docker.log").write_text(json.dumps(wrapped) + "\n", encoding="utf-8")
    (tmp_path / "old.gz").write_bytes(gzip.compress(b'{"service":"b","cart":"x"}\n'))
    result = run("infer", str(tmp_path))
    assert result.return_value == 1
    assert "conflict: cart: long in a (1×); string in b (1×)" in result.stderr
    assert "2 events read, 0 lines are no JSON object, 0 fields" in result.stderr


@pytest.mark.parametrize("arguments", [("export", "markdown"), ("infer", "events.json")])
def test_a_file_that_cannot_be_written_is_said_without_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "events.json").write_text('{"cart": 1}\n', encoding="utf-8")
    target = tmp_path / "nowhere" / "made"
    done = subprocess.run(
        [sys.executable, "-m", "obskit", "schema", *arguments, "-o", str(target)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"{target}: error: cannot be written: No such file" in done.stderr
    assert "Traceback" not in done.stderr
