"""Lines that no one of this project wrote: JSONTestSuite and the big list of naughty strings, on both shippers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from obskit.lint.normalise import Normaliser
from obskit.schema import BUILTIN
from obskit.schema.export import filebeat, logstash
from tests.servers import normalisers
from tests.unit.logpath.corpus import Case, differences

_EVENT = (
    '{"timestamp":"2023-09-10T12:34:56Z","level":"INFO","service":"u","trace_id":null,"message":"m"'
)


def _lines(corpora: Path) -> list[bytes]:
    found = []
    for path in sorted((corpora / "jsontestsuite").rglob("*.json")):
        text = path.read_bytes().strip(b"\n")
        # One line each: alone, and as a value that nobody declared.
        if b"\n" not in text and len(text) < 200_000:
            found += [text, f'{_EVENT},"x":'.encode() + text + b"}"]
    for naughty in json.loads((corpora / "blns" / "blns.json").read_text(encoding="utf-8")):
        event = {**json.loads(_EVENT + "}"), "message": naughty, "attributes": {naughty: naughty}}
        event[naughty] = naughty
        found += [json.dumps(event).encode(), json.dumps(event, ensure_ascii=False).encode()]
    # Blank lines, also behind a byte order mark, give no event; the input's codec takes a carriage return.
    return [
        line for line in found
        if line.removeprefix(b"\xef\xbb\xbf").strip() and b"\n" not in line and not line.endswith(b"\r")
    ]  # fmt: skip


@pytest.fixture(scope="module")
def cases(corpora: Path) -> list[Case]:
    """Over a thousand lines, judged by the linter's normaliser."""
    judge = Normaliser(BUILTIN)
    made = []
    for number, line in enumerate(_lines(corpora)):
        event = judge.line(line).event
        made.append(Case(f"line-{number}", line, None if event is None else dict(event)))
    assert len(made) > 1000
    return made


def test_filebeat_makes_the_same_events(
    cases: list[Case], filebeat_binary: Path, tmp_path: Path
) -> None:
    script = filebeat.export(BUILTIN, filebeat.ScriptSettings())
    lines = [case.line for case in cases]
    documents = normalisers.filebeat_documents(filebeat_binary, script, lines, tmp_path)
    assert not (found := differences(cases, documents)), "\n".join(found[:10])


def test_the_logstash_filter_makes_the_same_events(cases: list[Case], tmp_path: Path) -> None:
    """But for a byte that is no UTF-8 behind a backslash: to the filter it is the escape of a backslash."""
    command = normalisers.jruby()
    if command is None:
        pytest.skip("no JRuby on this machine: run make servers")
    told = [case for case in cases if b"\\\xe5" not in case.line]
    assert len(cases) - len(told) <= 2
    events = [{"message": case.line.decode(errors="backslashreplace")} for case in told]
    code = logstash.ruby(BUILTIN, logstash.FilterSettings())
    documents = normalisers.logstash_documents(command, code, events, tmp_path)
    assert not (found := differences(told, documents)), "\n".join(found[:10])
