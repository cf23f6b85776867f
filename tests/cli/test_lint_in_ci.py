"""The GitHub Action, the GitLab snippet and the pre-commit hooks do what they say."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from obskit.cli import cli
from obskit.schema.fields import REFERENCE_LINE

ROOT = Path(__file__).parents[2]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def run_action(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The action's last step, as the runner would run it."""
    step = ACTION["runs"]["steps"][-1]
    defaults = {name: str(body.get("default", "")) for name, body in ACTION["inputs"].items()}
    values = {**defaults, **inputs}
    environ = dict(os.environ, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for name, expression in step["env"].items():
        environ[name] = values[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
    return subprocess.run(
        ["bash", "-c", step["run"]],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def logs(folder: Path, *lines: str) -> None:
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "logs" / "a b.json").write_text("".join(f"{line}\n" for line in lines))


def test_the_action_passes_good_logs(tmp_path: Path) -> None:
    logs(tmp_path, REFERENCE_LINE)
    done = run_action(tmp_path, paths="logs/*.json")
    assert (done.returncode, done.stdout) == (0, "1 line in 1 source: no findings\n"), done.stderr


def test_the_action_annotates_bad_logs_fails_and_writes_sarif(tmp_path: Path) -> None:
    logs(tmp_path, REFERENCE_LINE, REFERENCE_LINE.replace("INFO", "info"))
    done = run_action(tmp_path, paths="logs", sarif="out.sarif")
    assert done.returncode == 1
    assert "::error file=logs/a b.json,line=2,col=45,title=obskit level-case::" in done.stdout
    assert "level-case" in (tmp_path / "out.sarif").read_text()


def test_no_input_of_the_action_is_read_as_shell(tmp_path: Path) -> None:
    logs(tmp_path, REFERENCE_LINE)
    done = run_action(tmp_path, paths="logs $(touch made) ; touch made", profile="default")
    assert done.returncode == 2
    assert not (tmp_path / "made").exists()
    assert "${{" not in ACTION["runs"]["steps"][-1]["run"]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_the_hooks_call_commands_that_there_are(hook: dict[str, object]) -> None:
    program, command = shlex.split(str(hook["entry"]))
    assert program == "obskit"
    assert CliRunner().invoke(cli, [command, "--help"]).exit_code == 0


def test_the_gitlab_snippet_runs_as_it_stands(tmp_path: Path) -> None:
    job = yaml.safe_load((ROOT / "examples/ci/gitlab.yml").read_text(encoding="utf-8"))["lint-logs"]
    logs(tmp_path, REFERENCE_LINE.replace("INFO", "info"))
    *_, command = job["script"]
    arguments = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert (
        '"check_name": "obskit/level-case"'
        in (tmp_path / job["artifacts"]["reports"]["codequality"]).read_text()
    )
