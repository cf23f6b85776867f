"""Every construct of the generated pipelines stands in a recorded case of a real Logstash."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from obskit.schema import BUILTIN
from obskit.targets.logstash.content import pipeline_files
from obskit.targets.logstash.settings import LogstashSettings
from tests.contract.rigs.base import make_target

_RECORDINGS = Path(
    os.environ.get("OBSKIT_RECORDINGS")
    or Path(__file__).resolve().parents[4] / "shared" / "recordings"
)

#: Construct of the generated text → the case that was recorded with it, and how it is written there.
RECORDED = {
    'mutate.rename "message" => "[@metadata][line]"': ("composite-normalise", r'"message" => "\[@metadata\]\[line\]"'),
    "json.source": ("composite-normalise", r'json \{ source => "\[@metadata\]\[line\]"'),
    "json.target": ("json-target-metadata", r"target => \"?\[@metadata\]"),
    "json.skip_on_invalid_json": ("json-skip-on-invalid", r"skip_on_invalid_json => true"),
    "ruby.init": ("composite-normalise", r"init => '"),
    "ruby.code": ("composite-normalise", r"code => '"),
    "event.get": ("composite-normalise", r"event\.get\("),
    "event.set": ("ruby-set-nil", r"event\.set\(%q\{trace_id\}, nil\)"),
    "event.remove": ("composite-normalise", r"event\.remove\("),
    "event.to_hash": ("ruby-to_hash-contents", r"event\.to_hash"),
    "event.to_json": ("event-size-ruby", r"event\.to_json"),
    "event.timestamp": ("composite-normalise", r"event\.timestamp = stamp"),
    "event.cancel": ("ruby-cancel-and-new-event", r"event\.cancel"),
    "LogStash::Timestamp.at": ("composite-normalise", r"LogStash::Timestamp\.at\("),
    "LogStash::Json.load": ("ruby-json-parse-and-merge", r"LogStash::Json\.load\("),
    "JSON.parse": ("composite-normalise", r"JSON\.parse\(line, max_nesting: false\)"),
    "elasticsearch.id": ("es-output-data_stream-settings", r"SETTINGS"),
    "elasticsearch.hosts": ("es-output-ds-routing-by-filter", r"hosts => \["),
    "elasticsearch.data_stream": ("es-output-ds-routing-by-filter", r"data_stream => true"),
    "elasticsearch.data_stream_dataset": ("es-output-ds-routing-by-filter", r"data_stream_dataset => "),
    "elasticsearch.data_stream_namespace": ("es-output-ds-routing-by-filter", r"data_stream_namespace => "),
    "elasticsearch.retry_max_interval": ("es-output-data_stream-settings", r"SETTINGS"),
}  # fmt: skip
# Inputs could not be recorded, nor the output's type of data stream and its v8 (only its refusal of `disabled`): each
# is documented, and nothing else is used.
# https://www.elastic.co/docs/reference/logstash/plugins/{inputs-beats,inputs-tcp,inputs-dead_letter_queue}
DOCUMENTED = {
    "elasticsearch.data_stream_type", "elasticsearch.ecs_compatibility",
    "beats.id", "beats.host", "beats.port", "beats.ecs_compatibility", "beats.client_inactivity_timeout",
    "tcp.id", "tcp.host", "tcp.port", "tcp.ecs_compatibility", "tcp.codec",
    "dead_letter_queue.id", "dead_letter_queue.path", "dead_letter_queue.pipeline_id",
    "dead_letter_queue.commit_offsets",
}  # fmt: skip


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Both pipelines, with every input that there is."""
    folder = tmp_path_factory.mktemp("logstash")
    section: dict[str, Any] = {
        "url": "http://127.0.0.1:9", "files": folder, "tcp_port": 5045, "dead_letter_queue": "/var/lib/dlq",
        "elasticsearch_url": "http://127.0.0.1:9",
    }  # fmt: skip
    target = make_target("logstash", section, folder=folder)
    own = target.settings
    assert isinstance(own, LogstashSettings)
    return pipeline_files(target.context.settings, own, BUILTIN, "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def cases() -> dict[str, dict[str, Any]]:
    """The recorded cases by name."""
    file = _RECORDINGS / "logstash-filters.jsonl"
    if not file.is_file():
        pytest.skip("no corpora at recordings: set OBSKIT_RECORDINGS to the folder that holds them")
    return {
        case["case"]: case for case in map(json.loads, filter(None, file.read_text().split("\n")))
    }


def _constructs(text: str) -> set[str]:
    """Plugins with their options, and calls into Logstash from Ruby."""
    ruby = "\n".join(
        re.findall(r"(?:init|code) => '(.*?)'", text, re.DOTALL)
        + re.findall(r'code => "(.*?)"', text)
    )
    code = re.sub(r"\"[^\"\n]*\"", "", re.sub(r"#[^\n]*", "", ruby))
    found = {f"event.{name}" for name in re.findall(r"\bevent\.(\w+)", code)}
    found |= set(re.findall(r"LogStash::\w+\.\w+", code))
    found |= {f"JSON.{name}" for name in re.findall(r"\bJSON\.(parse)\b", code)}
    plain = re.sub(r"'[^']*'", "''", text)
    plain = re.sub(r"#[^\n]*", "", plain)
    for plugin, body in re.findall(r"^  (\w+) \{((?:[^{}]|\{[^{}]*\})*)\}", plain, re.MULTILINE):
        if plugin == "mutate":
            found.add(f"mutate.rename {re.search(r'rename => { (.*?) }', body)[1]}")  # type: ignore[index]
            continue
        found |= {f"{plugin}.{name}" for name in re.findall(r"^\s*(\w+) =>", body, re.MULTILINE)}
    return found


def test_nothing_is_generated_that_was_neither_recorded_nor_named(texts: dict[str, str]) -> None:
    """A new plugin, option or call needs a recorded case first, or a place in the short list of documented ones."""
    found = set().union(*(_constructs(text) for text in texts.values()))
    assert found - RECORDED.keys() - DOCUMENTED == set()
    assert (RECORDED.keys() | DOCUMENTED) - found == set(), "the tables name what is not used"


@pytest.mark.parametrize("construct", RECORDED)
def test_a_recorded_case_has_the_construct(
    construct: str, cases: dict[str, dict[str, Any]]
) -> None:
    """The case is there, was taken by Logstash, and is written with the construct."""
    name, expression = RECORDED[construct]
    case = cases[name]
    assert re.search(expression, case["config"]), case["config"][:500]
    assert "refused" not in str(case.get("verdict") or "")
    if expression == "SETTINGS":
        option = construct.split(".")[1]
        settings = [
            (setting, outcome)
            for setting, outcome in zip(case["input"], case["output"], strict=True)
            if f"{option} =>" in setting
        ]
        assert settings
        assert all(outcome["start"] == "started" for _, outcome in settings), settings


def test_what_the_recordings_warn_of_is_not_generated(texts: dict[str, str]) -> None:
    """Options and operators that lose an event or a value, or stop a worker, as recorded."""
    for text in texts.values():
        bare = re.sub(r"'[^']*'", "''", text)
        assert "if " not in re.sub(r"#[^\n]*", "", bare), "a condition can drop the event"
        for unwanted in (
            "prune",
            "de_dot",
            "split {",
            "grok",
            "convert",
            "document_id",
            "add_field",
        ):
            assert unwanted not in bare
        assert "${" not in re.sub(r"#[^\n]*", "", text), "Logstash replaces it, in Ruby too"
        assert re.sub(r"(?m)^\s*#.*$", "", text).count("'") % 2 == 0
