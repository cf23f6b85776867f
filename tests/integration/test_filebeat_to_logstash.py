"""Both shipping paths make the same documents: real Filebeat, then the script, or the filter in Logstash's JRuby."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from obskit.schema import REFERENCE_LINE
from obskit.targets.filebeat import Filebeat
from obskit.targets.logstash import Logstash
from tests.contract.rigs.base import make_target
from tests.servers import normalisers
from tests.servers.lumberjack import receiving
from tests.unit.logpath.corpus import conformance

pytestmark = pytest.mark.servers

_SERVICES = [{"name": "shop", "logs": ["shop.log"], "version": "2.1"}, {"name": "web"}]
_SOURCES = [
    {"service": "web", "paths": ["access.txt"], "format": "nginx"},
    {"service": "web", "paths": ["stderr.txt"], "format": "python"},
    {"service": "web", "type": "container", "paths": ["containers/*.log"]},
]
_ACCESS = '10.0.0.1 - alice [10/Sep/2023:12:34:56 +0200] "GET /a HTTP/1.1" 500 123 "-" "curl" 0.1\nnonsense\n'
_STDERR = (
    "a first line that is long enough to know this file by, of sixty-four bytes\nERROR:app:query failed\n"
    'Traceback (most recent call last):\n  File "y.py", line 1, in <module>\nValueError: bad\nlast\n'
)
_IN_CONTAINER = json.dumps({**json.loads(REFERENCE_LINE), "service": "packed"})
_DOCKER = (
    json.dumps({"log": _IN_CONTAINER + "\n", "stream": "stdout", "time": "2023-09-10T12:34:57.5Z"})
    + "\n"
)
_CRI = (
    f"2023-09-10T12:34:57.500000000Z stdout P {_IN_CONTAINER[:40]}\n"
    f"2023-09-10T12:34:57.500000000Z stdout F {_IN_CONTAINER[40:]}\n"
)


def _target(folder: Path, shipping: str) -> Filebeat:
    section = {
        "inputs": "inputs", "shipping": shipping, "elasticsearch_url": "http://127.0.0.1:9", "sources": _SOURCES,
    }  # fmt: skip
    target = make_target("filebeat", section, folder=folder, services=_SERVICES, environment="test")
    assert isinstance(target, Filebeat)
    return target


def _ship(
    filebeat: Path, folder: Path, name: str, texts: dict[str, str], output: dict[str, Any]
) -> subprocess.Popen[bytes]:
    """Start a Filebeat with inputs as the target renders them, and an output of the test's."""
    home = folder / name
    (home / "inputs").mkdir(parents=True)
    for file, text in texts.items():
        (home / "inputs" / file).write_text(text)
    config = {
        "filebeat.config.inputs": {"enabled": True, "path": str(home / "inputs" / "*.yml")},
        # As the target writes it into filebeat.yml.
        "processors": [
            {
                "drop_fields": {
                    "when.contains": {"@metadata.raw_index": "logs-obskit."},
                    "fields": ["agent", "ecs", "input", "log"],
                    "ignore_missing": True,
                }
            }
        ],
        "queue.mem": {"flush": {"min_events": 1, "timeout": "0.1s"}},
        "path.home": str(home),
        "path.data": str(home / "data"),
        "logging.level": "error",
        "logging.to_files": False,
        **output,
    }
    path = home / "filebeat.yml"
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return _start(filebeat, home)


def _start(filebeat: Path, home: Path) -> subprocess.Popen[bytes]:
    with (home / "filebeat.log").open("ab") as log:
        return subprocess.Popen(
            [str(filebeat), "run", "-c", str(home / "filebeat.yml")], stdout=log, stderr=log
        )


def _documents(lines: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Documents by their text without what the moment of arrival decides."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        document = json.loads(line)
        document.pop("@metadata", None)
        moment = document.pop("@timestamp")
        if document.get("timestamp", "").startswith(moment[:13]) and document["service"] == "web":
            del document["timestamp"]  # a line of text without a time has that of its arrival
        key = json.dumps(_plain(document), sort_keys=True)
        found.setdefault(key, []).append(document)
    return found


def _plain(value: Any) -> Any:
    """Equal numbers in one form: 200.0 is 200."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def test_the_same_lines_become_the_same_documents(filebeat_binary: Path, tmp_path: Path) -> None:
    """The whole corpus and plain text: not one document differs between the two paths, and none is missing."""
    command = normalisers.jruby()
    if command is None:
        pytest.skip("no JRuby on this machine: run make servers")
    cases = conformance()
    (tmp_path / "shop.log").write_bytes(b"".join(case.line + b"\n" for case in cases))
    (tmp_path / "access.txt").write_text(_ACCESS)
    (tmp_path / "stderr.txt").write_text(_STDERR)
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers" / "docker.log").write_text(_DOCKER)
    (tmp_path / "containers" / "cri.log").write_text(_CRI)
    expected = len(cases) + 2 + 3 + 2

    direct_file = tmp_path / "direct" / "out" / "documents"
    output = {
        "path": str(direct_file.parent),
        "filename": direct_file.name,
        "rotate_every_kb": 1_000_000,
    }
    with receiving() as receiver:
        processes = [
            _ship(filebeat_binary, tmp_path, "direct", _target(tmp_path, "direct").files, {"output.file": output}),
            _ship(
                filebeat_binary, tmp_path, "beats", _target(tmp_path, "logstash").files,
                {"output.logstash": {"hosts": [receiver.address]}},
            ),
        ]  # fmt: skip
        try:
            arrived = receiver.wait_for(expected, 60)
            deadline = time.monotonic() + 60
            lines: list[str] = []
            while len(lines) < expected and time.monotonic() < deadline:
                files = sorted(direct_file.parent.glob("documents*"))
                lines = [x for f in files for x in f.read_text().split("\n") if x]
                time.sleep(0.3)
            events = list(receiver.events)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    assert arrived, f"{len(events)} of {expected} reached the beats input"
    assert len(lines) == expected
    section = {"url": "http://127.0.0.1:9", "files": ".", "elasticsearch_url": "http://127.0.0.1:9"}
    target = make_target("logstash", section, folder=tmp_path, environment="test")
    assert isinstance(target, Logstash)
    made = normalisers.logstash_documents(
        command, _ruby_of(target.files["obskit.conf"]), events, tmp_path / "ruby"
    )
    direct = _documents(lines)
    through = _documents([json.dumps(document) for document in made if document])
    differing = [
        f"{len(direct.get(key, ()))} direct, {len(through.get(key, ()))} through Logstash: {key[:600]}"
        for key in sorted(direct.keys() | through.keys())
        if len(direct.get(key, ())) != len(through.get(key, ()))
    ]
    assert not differing, "\n".join(differing)
    packed = [
        item for items in direct.values() for item in items if item.get("service") == "packed"
    ]
    assert [item["message"] for item in packed] == ["User login successful"] * 2


def test_nothing_is_lost_when_filebeat_is_killed(filebeat_binary: Path, tmp_path: Path) -> None:
    """Killed in the middle and started again: every line arrives at least once, while the file is still growing."""
    reference = json.loads(REFERENCE_LINE)
    lines = [json.dumps({**reference, "trace_id": f"t{number}"}) + "\n" for number in range(6000)]
    log = tmp_path / "shop.log"
    log.write_text("".join(lines[:3000]))
    files = _target(tmp_path, "logstash").files
    with receiving() as receiver:
        output = {"output.logstash": {"hosts": [receiver.address], "bulk_max_size": 64}}
        first = _ship(filebeat_binary, tmp_path, "killed", files, output)
        assert receiver.wait_for(500, 60)
        first.kill()
        first.wait()
        before = len(receiver.events)
        with log.open("a") as stream:
            stream.write("".join(lines[3000:]))
        second = _start(filebeat_binary, tmp_path / "killed")
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                arrived = {
                    json.loads(event["message"])["trace_id"] for event in list(receiver.events)
                }
                if len(arrived) == len(lines):
                    break
                time.sleep(0.3)
        finally:
            second.kill()
            second.wait()
    assert before < len(lines)
    assert arrived == {f"t{number}" for number in range(len(lines))}


def _ruby_of(pipeline: str) -> str:
    """The Ruby that the pipeline's file holds, as Logstash takes it out of its apostrophes."""
    return pipeline.split("init => '", 1)[1].split("'", 1)[0]
