"""One rule, three implementations: the linter's normaliser, the Filebeat script, the Logstash filter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from obskit.schema import BUILTIN
from obskit.schema.export import filebeat, logstash
from tests.servers import normalisers
from tests.unit.logpath.corpus import Case, conformance, differences, random_cases

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """The conformance corpus and 1,500 random lines."""
    return conformance() + random_cases(1500, seed=7)


def test_the_random_lines_are_of_both_kinds(cases: list[Case]) -> None:
    """A corpus of nothing but refused lines would prove little."""
    good = sum(case.normalised is not None for case in cases)
    assert 0.2 < good / len(cases) < 0.9


def test_filebeat_makes_the_same_events(
    cases: list[Case], filebeat_binary: Path, tmp_path: Path
) -> None:
    """The script, run by the real Filebeat, gives every line the verdict and the event of the corpus."""
    script = filebeat.export(BUILTIN, filebeat.ScriptSettings())
    lines = [case.line for case in cases]
    documents = normalisers.filebeat_documents(filebeat_binary, script, lines, tmp_path)
    assert not (found := differences(cases, documents)), "\n".join(found[:10])


def test_the_logstash_filter_makes_the_same_events(cases: list[Case], tmp_path: Path) -> None:
    """The filter's Ruby, run by the JRuby of Logstash, gives the verdict and the event of the corpus.

    Bytes that are no UTF-8 reach a Logstash filter as text such as ``\\xFF`` (recorded:
    input-codec-plain-ecs-disabled).
    """
    command = normalisers.jruby()
    if command is None:
        pytest.skip("no JRuby on this machine: run make servers")
    events = [{"message": case.line.decode(errors="backslashreplace")} for case in cases]
    code = logstash.ruby(BUILTIN, logstash.FilterSettings())
    documents = normalisers.logstash_documents(command, code, events, tmp_path)
    assert not (found := differences(cases, documents)), "\n".join(found[:10])


def test_an_event_whose_message_is_no_text_is_kept_whole(tmp_path: Path) -> None:
    """Such an event never came from a file, but it is a log all the same."""
    command = normalisers.jruby()
    if command is None:
        pytest.skip("no JRuby on this machine: run make servers")
    events = [
        {"message": 42},
        {"message": {"a": [1]}, "x": 1},
        {"x": 2},
        {"message": "{}", "[a[b": 1},
    ]
    code = logstash.ruby(BUILTIN, logstash.FilterSettings())
    documents = normalisers.logstash_documents(command, code, events, tmp_path)
    assert all(document is not None for document in documents)
    *odd, bracket = [document for document in documents if document is not None]
    kept = [json.loads(document["message"]) for document in odd]
    assert [{k: v for k, v in item.items() if k != "@timestamp"} for item in kept] == events[:3]
    assert [document["reasons"] for document in odd] == [["line: not text"]] * 2 + [
        ["line: missing"]
    ]
    # A key with a bracket cannot be removed (recorded: ruby-move-keys-with-brackets), and costs nothing else.
    assert bracket["message"] == "{}"
    assert bracket["data_stream"]["dataset"] == "obskit.invalid"


def test_blank_lines_give_no_event(tmp_path: Path) -> None:
    """Nor does a byte order mark alone, as editors leave it in an empty file."""
    command = normalisers.jruby()
    if command is None:
        pytest.skip("no JRuby on this machine: run make servers")
    events = [
        {"message": text}
        for text in ("plain", "", " \t\v\f\r", "\ufeff", "\ufeff \r", "\u00a0", "plain")
    ]
    code = logstash.ruby(BUILTIN, logstash.FilterSettings())
    documents = normalisers.logstash_documents(command, code, events, tmp_path)
    assert [item and item["message"] for item in documents] == [
        "plain", None, None, None, None, "\u00a0", "plain",
    ]  # fmt: skip


def test_white_space_without_end_costs_no_time(tmp_path: Path) -> None:
    """A level of a million blanks is a reason, and no worker that searches for ever (the harness gives up)."""
    command = normalisers.jruby()
    if command is None:
        pytest.skip("no JRuby on this machine: run make servers")
    line = {
        "timestamp": 1,
        "level": "a" + " " * 1_000_000 + "b",
        "service": "s",
        "trace_id": None,
        "message": "m",
    }
    code = logstash.ruby(BUILTIN, logstash.FilterSettings())
    (document,) = normalisers.logstash_documents(
        command, code, [{"message": json.dumps(line)}], tmp_path
    )
    assert document is not None
    assert document["reasons"][0].startswith("level: not one of")


def test_the_corpus_can_be_read() -> None:
    """Every case has an id of its own."""
    found = conformance()
    assert len({case.id for case in found}) == len(found) > 50
