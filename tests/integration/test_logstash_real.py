"""A real Logstash, where one is given: the corpus through the filter, and the whole way into Elasticsearch.

``OBSKIT_TEST_LOGSTASH`` names its program or its home, else ``logstash`` on the PATH.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.config import Settings
from obskit.deadline import Deadline
from obskit.engine.verify import Verdict, verify
from obskit.local.server import Running, free_port
from obskit.schema import BUILTIN, REFERENCE_LINE
from obskit.schema.export import logstash
from obskit.targets.logstash import Logstash
from obskit.targets.logstash.content import DEAD_LETTERS, MAIN, pipeline_files
from obskit.targets.logstash.settings import LogstashSettings
from tests.contract.rigs.base import apply, make_target, plan_of
from tests.unit.logpath.corpus import conformance, random_cases

pytestmark = [pytest.mark.servers, pytest.mark.slow]


@pytest.fixture
def program(logstash_binary: Path) -> Path:
    """Logstash's program."""
    return logstash_binary


def _settings(folder: Path, **more: Any) -> Path:
    """A settings folder: Logstash reads pipelines.yml there only when no configuration is given otherwise."""
    path = folder / "settings"
    path.mkdir(parents=True)
    settings = {
        "allow_superuser": True, "path.data": str(folder / "data"), "path.logs": str(folder / "logs"),
        "log.level": "warn", "api.http.port": free_port(), **more,
    }  # fmt: skip
    (folder / "data").mkdir()
    (path / "logstash.yml").write_text(
        "".join(f"{k}: {json.dumps(v)}\n" for k, v in settings.items())
    )
    return path


def _event(document: dict[str, Any]) -> dict[str, Any] | None:
    if document["data_stream"]["dataset"] == "obskit.invalid":
        assert document["reasons"]
        assert document["message"]
        return None
    shipped = ("@timestamp", "data_stream")
    return {key: value for key, value in document.items() if key not in shipped}


def test_the_filter_makes_the_events_of_the_corpus(program: Path, tmp_path: Path) -> None:
    """Every line of the corpus and 1,500 random ones: verdict and event as everywhere else, in order, none lost."""
    cases = conformance() + random_cases(1500, seed=11)
    config = tmp_path / "corpus.conf"
    config.write_text(
        'input { stdin { ecs_compatibility => "disabled" codec => line { } } }\n'
        + logstash.export(BUILTIN, logstash.FilterSettings())
        + "output { stdout { codec => json_lines { } } }\n"
    )
    done = subprocess.run(
        [
            str(program), "-f", str(config), "--path.settings", str(_settings(tmp_path)),
            "--pipeline.workers", "1", "--pipeline.ordered", "true",
        ],
        input=b"".join(case.line + b"\n" for case in cases),
        capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    said = (done.stdout[-2000:] + done.stderr[-2000:]).decode(errors="replace")
    assert done.returncode == 0, said
    documents = [json.loads(line) for line in done.stdout.split(b"\n") if line.startswith(b"{")]
    assert len(documents) == len(cases), said
    differences = [
        f"{case.id}: {case.line[:300]!r}\n  wanted {case.normalised}\n  got    {document}"
        for case, document in zip(cases, documents, strict=True)
        # The host that the input adds is no part of the event.
        if _without_host(_event(document)) != _without_host(case.normalised)
    ]
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:10])


def _without_host(event: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if event is None else {k: v for k, v in event.items() if k != "host"}


@contextlib.contextmanager
def _running(program: Path, settings: Path, url: str, log: Path) -> Iterator[None]:
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(program), "--path.settings", str(settings)], stdout=stream, stderr=stream
        )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/_node/pipelines").status_code == 200:
                    break
            time.sleep(0.5)
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        yield
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _count(elasticsearch: Running, pattern: str) -> int:
    httpx.post(f"{elasticsearch.url}/{pattern}/_refresh")
    answer = httpx.get(f"{elasticsearch.url}/{pattern}/_count")
    return int(answer.json()["count"]) if answer.status_code == 200 else 0


def test_the_whole_way_is_provisioned_and_proved(
    program: Path, elasticsearch: Running, tmp_path: Path
) -> None:
    """Provisioned into a running Logstash, proved by hash; lines over TCP arrive; a broken edit is told."""
    port, api = free_port(), free_port()
    settings = _settings(
        tmp_path, **{
            "api.http.port": api, "config.reload.automatic": True, "config.reload.interval": "2s",
            "path.dead_letter_queue": str(tmp_path / "dlq"),
        }
    )  # fmt: skip
    (tmp_path / "pipelines").mkdir()
    # Logstash ends where it has no pipeline at all: one of somebody else's keeps it up.
    other = tmp_path / "other.conf"
    other.write_text("input { heartbeat { interval => 60 } }\noutput { null { } }\n")
    section = {
        "url": f"http://127.0.0.1:{api}", "files": "pipelines", "listen": "127.0.0.1", "tcp_port": port,
        "beats_port": free_port(), "settle": "90s", "elasticsearch_url": elasticsearch.url,
    }  # fmt: skip
    namespace = "reallogstash"
    peers = {"elasticsearch": {"url": elasticsearch.url}}
    target = make_target(
        "logstash", section, folder=tmp_path, peers=peers, namespace=namespace, environment="test"
    )
    assert isinstance(target, Logstash)
    apply(target.context.peers["elasticsearch"], plan_of(target.context.peers["elasticsearch"]))
    entries = f"- pipeline.id: other\n  path.config: {other}\n"
    main = tmp_path / "pipelines" / "obskit.conf"
    listing = settings / "pipelines.yml"
    listing.write_text(entries)
    log = tmp_path / "logstash.log"
    with _running(program, settings, section["url"], log):
        apply(target, plan_of(target))
        findings = {item.subject: item for item in target.examine(Deadline.after(20))}
        listing.write_text(entries + _entry(findings["pipeline obskit"].next))
        (proof,) = verify([replace(check, seconds=90) for check in target.checks()])
        assert proof.verdict is Verdict.PROVED, (proof, log.read_text(errors="replace")[-3000:])
        good = [case for case in conformance() if case.normalised is not None]
        _send(port, [case.line for case in good] + [b"not JSON", REFERENCE_LINE.encode()])
        deadline = time.monotonic() + 120
        quarantine = f"logs-obskit.invalid-{namespace}"
        events = f"logs-obskit.*-{namespace},-{quarantine}"
        while time.monotonic() < deadline and _count(elasticsearch, events) < len(good) + 1:
            time.sleep(0.5)
        assert _count(elasticsearch, events) == len(good) + 1
        assert _count(elasticsearch, quarantine) == 1
        whole = main.read_text()
        main.write_text(whole + "filter { nonsense }\n")
        (broken,) = verify([replace(check, seconds=30) for check in target.checks()])
        assert broken.verdict is Verdict.FAILED
        apply(target, plan_of(target))
        assert not plan_of(target)
        (proof,) = verify([replace(check, seconds=60) for check in target.checks()])
        assert proof.verdict is Verdict.PROVED, proof


def _entry(advice: str) -> str:
    return advice.split("\n", 1)[1] + "\n"


def _send(port: int, lines: list[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(b"".join(line + b"\n" for line in lines))
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


# What it says of the pipelines before they run, and what the grammar checker says without it -------------------


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
    name: str, files: dict[str, str], program: Path, tmp_path: Path
) -> None:
    done = _verdict(program, files[name], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_logstash_does_refuse_a_wrong_one(
    files: dict[str, str], program: Path, tmp_path: Path
) -> None:
    wrong = files[MAIN].replace("data_stream_type =>", "data_stream_typ =>")
    assert _verdict(program, wrong, tmp_path).returncode != 0


@pytest.mark.parametrize("name", [MAIN, DEAD_LETTERS])
def test_the_grammar_accepts_the_pipeline(
    name: str, files: dict[str, str], mustache: Path, tmp_path: Path
) -> None:
    """What can be said without a Logstash."""
    file = tmp_path / "pipeline.conf"
    file.write_text(files[name], encoding="utf-8")
    done = subprocess.run([mustache, "check", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
