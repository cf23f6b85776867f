"""The stand-in answers as a real Logstash 8.19 did: every recorded request, in order, through nine states."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.targets.logstash.client import NodeApi
from tests.servers.logstash_standin import Standin, running

_RECORDINGS = Path(
    os.environ.get("OBSKIT_RECORDINGS")
    or Path(__file__).resolve().parents[3] / "shared" / "recordings"
)
_GOOD = "input { tcp { port => 1 } }\nfilter { mutate { } }\noutput { file { } }\n"
_BETTER = _GOOD + "# a good edit\n"
_BROKEN = "input { tcp { port => 1 } }\nfilter { nonsense }\noutput { file { } }\n"
_UNKNOWN = (
    "input { tcp { port => 1 } }\nfilter { mutate { no_such_option => 1 } }\noutput { file { } }\n"
)

# Differ from run to run, or say what the plugins of the recorded pipeline measured.
_MASKED = {
    "id", "ephemeral_id", "http_address", "last_success_timestamp", "last_failure_timestamp", "backtrace",
    "flow", "plugins", "duration_in_millis", "queue_push_duration_in_millis",
}  # fmt: skip


def _told(value: Any, hashes: dict[str, str], key: str = "") -> Any:
    if value is not None and key in _MASKED:
        return f"<{key}>"
    if key == "hash":
        return hashes.setdefault(value, f"<text {len(hashes)}>")
    if key == "message" and isinstance(value, str) and value.startswith("Expected one of"):
        return value.split(" at line ")[0]
    if isinstance(value, dict):
        return {name: _told(item, hashes, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_told(item, hashes) for item in value]
    return value


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[Standin]:
    """A stand-in with one pipeline that looks at its files when it is told to."""
    _list(tmp_path, "obskit-main")
    (tmp_path / "obskit-main.conf").write_text(_GOOD)
    with running(tmp_path / "pipelines.yml", interval=0) as one:
        one.scan()
        yield one


def _list(folder: Path, *names: str) -> None:
    entries = [f"- pipeline.id: {name}\n  path.config: {folder / name}.conf\n" for name in names]
    (folder / "pipelines.yml").write_text("".join(entries))


def _enter(state: int, standin: Standin) -> None:
    """What was done before the requests of each state."""
    folder = standin.listing.parent
    main = folder / "obskit-main.conf"
    match state:
        case 1:
            standin.pass_events("obskit-main", 3)
        case 2:
            main.write_text(_BETTER)
            standin.scan()
        case 3 | 4:
            main.write_text(_BROKEN if state == 3 else _UNKNOWN)
            for _ in range(5):  # failures count up once per interval
                standin.scan()
        case 5:
            main.write_text(_GOOD)
            standin.scan()
        case 6:
            (folder / "obskit-second.conf").write_text(_GOOD + "# the second\n")
            _list(folder, "obskit-main", "obskit-second")
            standin.scan()
            standin.pass_events("obskit-second", 1)
        case 7:
            _list(folder, "obskit-main")
            standin.scan()
        case _:
            pass


def test_every_recorded_request_is_answered_as_it_was(standin: Standin) -> None:
    """Status and body of every request of the node API that obskit makes, and of unknown paths."""
    file = _RECORDINGS / "logstash-8.19.jsonl"
    if not file.is_file():
        pytest.skip("no corpora at recordings: set OBSKIT_RECORDINGS to the folder that holds them")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    recorded: dict[str, str] = {}
    answered: dict[str, str] = {}
    asked = 0
    for state, (name, group) in enumerate(groupby(lines, key=lambda line: line["state"])):
        _enter(state, standin)
        for line in group:
            path = line["request"]["path"]
            if "hot_threads" in path:  # obskit does not ask for it
                continue
            expected = line["response"]["body"]
            if isinstance(expected, str):
                expected = json.loads(expected)
            answer = httpx.get(standin.url + path)
            asked += 1
            assert answer.status_code == line["response"]["status"], (name, path)
            found = _told(answer.json(), answered)
            assert found == _told(expected, recorded), (name, path)
    assert asked == 42


def test_the_client_reads_every_recorded_state(standin: Standin) -> None:
    """A broken edit is seen for what it is: the old hash, and a failure newer than the last success."""
    api = NodeApi(Http(standin.url))
    seen = []
    for state in range(8):
        _enter(state, standin)
        found = api.pipelines(Deadline.after(5))
        main = found["obskit-main"]
        seen.append((sorted(found), main.failing, bool(main.last_error)))
    one, two = ["obskit-main"], ["obskit-main", "obskit-second"]
    assert seen == [
        (one, False, False),
        (one, False, False),
        (one, False, False),
        (one, True, True),
        (one, True, True),
        (one, False, True),  # the error of before the mend is still told
        (two, False, True),
        (one, False, True),  # the removed one is listed some seconds longer, and not counted
    ]
