"""What a real Logstash says of the rendered pipelines, where there is one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from obskit.config import Settings
from obskit.schema import BUILTIN
from obskit.targets.logstash.content import DEAD_LETTERS, MAIN, pipeline_files
from obskit.targets.logstash.settings import LogstashSettings

pytestmark = [pytest.mark.servers, pytest.mark.slow]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """The pipelines with all their parts."""
    own = LogstashSettings.model_validate(
        {
            "url": "http://127.0.0.1:9600",
            "files": "pipelines",
            "tcp_port": 5045,
            "dead_letter_queue": "/var/lib/logstash/dead_letter_queue",
        }
    )
    settings = Settings.model_validate({"project": "real"})
    return pipeline_files(settings, own, BUILTIN, "http://127.0.0.1:9200")


def _verdict(program: Path, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "pipeline.conf"
    file.write_text(text, encoding="utf-8")
    return subprocess.run(
        [program, "--config.test_and_exit", "--path.config", file, "--path.data", folder / "data",
         "--path.logs", folder / "logs", "--log.level", "error"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", [MAIN, DEAD_LETTERS])
def test_logstash_accepts_the_pipeline(
    name: str, files: dict[str, str], logstash_binary: Path, tmp_path: Path
) -> None:
    done = _verdict(logstash_binary, files[name], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_logstash_does_refuse_a_wrong_one(
    files: dict[str, str], logstash_binary: Path, tmp_path: Path
) -> None:
    wrong = files[MAIN].replace("data_stream_type =>", "data_stream_typ =>")
    assert _verdict(logstash_binary, wrong, tmp_path).returncode != 0


@pytest.mark.parametrize("name", [MAIN, DEAD_LETTERS])
def test_the_grammar_accepts_the_pipeline(
    name: str, files: dict[str, str], mustache: Path, tmp_path: Path
) -> None:
    """What can be said without a Logstash."""
    file = tmp_path / "pipeline.conf"
    file.write_text(files[name], encoding="utf-8")
    done = subprocess.run([mustache, "check", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
