"""The command line as a user meets it: help, exit codes, messages, speed of loading."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from obskit.cli import COMMANDS, cli

RUN = [sys.executable, "-m", "obskit"]


def obskit(*arguments: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
        env={**os.environ, **environ, "NO_COLOR": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded_and_has_help(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: cli {name}")
    help_text = result.output.split("Options:", maxsplit=1)[0]
    assert len(help_text.splitlines()) > 2, "says what it does"


def test_help_lists_every_command(tmp_path: Path) -> None:
    done = obskit("--help", folder=tmp_path)
    assert done.returncode == 0
    assert set(re.findall(r"^  (\w+) ", done.stdout, re.MULTILINE)) >= set(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["paln"], 2, "Did you mean 'plan'?"),
        (["plan", "--nope"], 2, "No such option"),
        (["plan"], 2, "obskit init writes one"),
        (["verify", "-f", "nowhere.yml"], 2, "no such file"),
    ],
)
def test_wrong_use_is_exit_code_2_with_a_hint(tmp_path: Path, arguments, code, words) -> None:
    done = obskit(*arguments, folder=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_init_writes_a_file_that_loads_and_touches_none_that_is_there(tmp_path: Path) -> None:
    assert obskit("init", folder=tmp_path).returncode == 0
    text = (tmp_path / "obskit.yml").read_text()
    assert len(text.splitlines()) <= 20
    again = obskit("init", folder=tmp_path)
    assert again.returncode == 1
    assert "was not touched" in again.stderr
    assert (tmp_path / "obskit.yml").read_text() == text
    checked = obskit("check", "--json", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["errors"] == 0


def test_init_full_shows_every_key_and_loads(tmp_path: Path) -> None:
    assert obskit("init", "--full", folder=tmp_path).returncode == 0
    text = (tmp_path / "obskit.yml").read_text()
    for key in (
        "retention",
        "receivers",
        "packs",
        "shipping",
        "dashboards",
        "environment",
        "verify",
    ):
        assert re.search(rf"^ *(# )? *{key}:", text, re.MULTILINE), key
    assert "Traceback" not in obskit("check", folder=tmp_path).stderr
    # every commented key can be uncommented: the same keys are known to the models
    assert "unknown key" not in obskit("check", folder=tmp_path).stderr


def test_every_finding_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "obskit.yml").write_text("project: a\ngrafana:\n  ulr: x\nprometheus:\n  url: 1\n")
    done = obskit("plan", folder=tmp_path)
    assert done.returncode == 2
    assert "obskit.yml:3:3: error: grafana.ulr: unknown key (did you mean 'url'?)" in done.stderr
    assert "obskit.yml:4:1: error: prometheus.files: is required" in done.stderr


def test_servers_that_do_not_answer_are_all_named_and_nothing_is_written(tmp_path: Path) -> None:
    for name in ("rules", "targets"):
        (tmp_path / "files" / name).mkdir(parents=True)
    (tmp_path / "obskit.yml").write_text(
        "project: a\n"
        "prometheus: {url: 'http://127.0.0.1:1', files: files}\n"
        "elasticsearch: {url: 'http://127.0.0.1:1'}\n"
    )
    done = obskit("provision", "--yes", folder=tmp_path)
    assert done.returncode == 1
    assert "prometheus" in done.stderr
    assert "elasticsearch" in done.stderr
    assert "nothing was written" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "files").rglob("*.yml")) == []
    doctor = obskit("doctor", "--json", folder=tmp_path)
    assert doctor.returncode == 1
    assert {item[0]["ok"] for item in json.loads(doctor.stdout).values()} == {False}


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import obskit.cli", {"rich", "pydantic", "yaml", "httpx", "httpcore", "structlog"}),
        (
            "import obskit.logging",
            {"elasticsearch", "grafana_client", "prometheus_api_client", "httpx", "pydantic", "yaml",
             "structlog", "logstash", "click", "rich", "msgspec", "requests"},
        ),
        (
            "from obskit.cli import plan; from obskit.targets import sections; dict(sections())",
            {"elasticsearch", "grafana_client", "prometheus_api_client", "requests", "niquests", "pandas"},
        ),
    ],
)  # fmt: skip
def test_what_is_not_used_is_not_imported(code: str, loaded: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert loaded & set(done.stdout.split()) == set()


def test_check_of_a_folder_without_a_file_it_knows_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "notes.yml").write_text("anything: else\n", encoding="utf-8")
    done = obskit("check", "moved", folder=tmp_path)
    assert done.returncode == 1
    assert (
        "moved: error: nothing below it is a file that obskit checks" in done.stdout + done.stderr
    )
    (tmp_path / "moved" / "targets.yml").write_text("- targets: [a:1]\n", encoding="utf-8")
    assert obskit("check", "moved", folder=tmp_path).returncode == 0
