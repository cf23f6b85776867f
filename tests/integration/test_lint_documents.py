"""`obskit lint --elasticsearch` on a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from obskit.local.server import Running
from obskit.schema.fields import REFERENCE_LINE
from tests.conftest import ELASTIC_PASSWORD

pytestmark = pytest.mark.servers

GOOD = {**json.loads(REFERENCE_LINE), "@timestamp": "2023-09-10T12:34:56Z"}


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "obskit", "lint", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def indexed(
    url: str, index: str, *events: dict[str, object], auth: tuple[str, str] | None = None
) -> None:
    with httpx.Client(base_url=url, auth=auth, timeout=60) as client:
        for number, event in enumerate(events):
            client.put(f"/{index}/_doc/{number}", json=event).raise_for_status()
        client.post(f"/{index}/_refresh").raise_for_status()


def test_documents_are_linted_as_the_events_they_are(
    elasticsearch_new: Running, tmp_path: Path
) -> None:
    index = "lint-documents"
    bad = {**GOOD, "level": "info", "message": "a\u001b[31m"}
    indexed(elasticsearch_new.url, index, *[GOOD] * 1_500, bad)
    done = lint(tmp_path, "--elasticsearch", elasticsearch_new.url, "--index", index)
    assert done.returncode == 1, done.stderr
    assert f"{index}/1500:1:" in done.stdout
    assert "1,501 lines in 1,501 sources: 1 error, 1 warning" in done.stdout
    done = lint(
        tmp_path,
        "--elasticsearch",
        elasticsearch_new.url,
        "--index",
        index,
        "--ignore",
        "level-case",
    )
    assert done.returncode == 0


def test_an_index_that_is_not_there_is_told(elasticsearch_new: Running, tmp_path: Path) -> None:
    done = lint(tmp_path, "--elasticsearch", elasticsearch_new.url, "--index", "lint-nowhere")
    assert done.returncode == 1
    assert "no such index" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_password_is_told_without_it(
    elasticsearch_secured: Running, tmp_path: Path
) -> None:
    index = "lint-secured"
    indexed(elasticsearch_secured.url, index, GOOD, auth=("elastic", ELASTIC_PASSWORD))
    for word, status in (("wrong-word", 1), (ELASTIC_PASSWORD, 0)):
        url = elasticsearch_secured.url.replace("://", f"://elastic:{word}@")
        done = lint(tmp_path, "--elasticsearch", url, "--index", index)
        assert done.returncode == status, done.stderr
        assert word not in done.stdout + done.stderr
        assert ("give a user in the URL" in done.stderr) is bool(status)
