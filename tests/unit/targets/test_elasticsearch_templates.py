"""What Elasticsearch is asked for, by what it can do; and one form for both sides of a comparison."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from obskit.deadline import Deadline
from obskit.engine.diff import same
from obskit.errors import BadAnswerError, ConfigError, RejectedError
from obskit.schema import BUILTIN
from obskit.targets.elasticsearch import normalise
from obskit.targets.elasticsearch.capabilities import Capabilities
from obskit.targets.elasticsearch.client import Client, Reply, _with_port
from obskit.targets.elasticsearch.settings import ElasticsearchSettings
from obskit.targets.elasticsearch.streams import roll_over
from obskit.targets.elasticsearch.templates import Names, es_time, read_file, resources
from tests.contract.rigs.base import make_target, plan_of
from tests.servers import bad_server as bad


def bodies(able: Capabilities, **section: Any) -> dict[str, Any]:
    settings = ElasticsearchSettings(url="http://e", **section)
    found = resources(settings, BUILTIN, Names(namespace="eu"), able, Path())
    return {f"{item.address.kind}/{item.address.name}": item for item in found}


FULL = Capabilities(lifecycle=True, ilm=True, nested_events=True)
OLD = Capabilities(lifecycle=False, ilm=True, nested_events=False)
BARE = Capabilities(lifecycle=False, ilm=False, nested_events=True)


def test_a_lifecycle_is_preferred_to_a_policy() -> None:
    made = bodies(FULL, retention="14d", quarantine_retention="3d")
    assert not any(name.startswith("ilm_policy") for name in made)
    logs, quarantine = (
        made["index_template/obskit-logs-eu"],
        made["index_template/obskit-quarantine-eu"],
    )
    assert logs.body["template"]["lifecycle"] == {"data_retention": "14d"}
    assert quarantine.body["template"]["lifecycle"] == {"data_retention": "3d"}


def test_a_server_that_has_only_ilm_gets_a_policy_before_its_template() -> None:
    made = bodies(OLD, retention="14d")
    policy = made["ilm_policy/obskit-logs-eu"]
    assert policy.body["phases"]["delete"]["min_age"] == "14d"
    assert policy.body["phases"]["hot"]["actions"]["rollover"]["max_age"] == "1d"
    template = made["index_template/obskit-logs-eu"]
    assert policy.address in template.needs
    assert "template" not in template.body
    settings = made["component_template/obskit-logs-eu"].body["template"]["settings"]
    assert settings["index.lifecycle.name"] == "obskit-logs-eu"


def test_a_short_retention_rolls_over_often_enough_to_be_kept() -> None:
    """Retention counts from the rollover, so an index spans a small part of it."""
    policy = bodies(OLD, retention="7h")["ilm_policy/obskit-logs-eu"].body
    assert policy["phases"]["hot"]["actions"]["rollover"]["max_age"] == "1h"


def test_a_server_with_neither_gets_no_retention() -> None:
    made = bodies(BARE)
    assert {name.split("/")[0] for name in made} == {"component_template", "index_template"}
    assert "lifecycle" not in json.dumps(made["index_template/obskit-logs-eu"].body)


def test_the_quarantine_wins_over_the_services_pattern() -> None:
    made = bodies(FULL, priority=700)
    logs = made["index_template/obskit-logs-eu"].body
    quarantine = made["index_template/obskit-quarantine-eu"].body
    assert logs["index_patterns"] == ["logs-obskit.*-eu"]
    assert quarantine["index_patterns"] == ["logs-obskit.invalid-eu"]
    assert quarantine["priority"] == logs["priority"] + 1 == 701


def test_the_stamp_changes_with_mapping_and_settings_and_with_nothing_else() -> None:
    def stamp(**section: Any) -> str:
        body = bodies(FULL, **section)["component_template/obskit-logs-eu"].body
        return str(body["template"]["mappings"]["_meta"]["obskit"]["template"])

    assert stamp() == stamp(retention="1d") == stamp(priority=7)
    assert len({stamp(), stamp(shards=2), stamp(settings={"index.codec": "best_compression"})}) == 3


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(days=30), "30d"), (timedelta(hours=36), "36h"), (timedelta(minutes=90), "90m"),
        (timedelta(seconds=61), "61s"), (timedelta(0), "0s"),
    ],
)  # fmt: skip
def test_durations_are_written_in_the_largest_exact_unit(length: timedelta, text: str) -> None:
    assert es_time(length) == text


ASKED = {
    "index_patterns": "a-*",
    "composed_of": ["c"],
    "priority": 0,
    "data_stream": {},
    "template": {
        "settings": {"number_of_shards": 1, "index": {"codec": "default"}, "index.hidden": True},
        "mappings": {"dynamic": False, "properties": {"a": {"type": "keyword"}}},
        "lifecycle": {"data_retention": "720h"},
    },
}
GOT = {
    "index_patterns": ["a-*"],
    "composed_of": ["c"],
    "ignore_missing_component_templates": [],
    "data_stream": {"hidden": False, "allow_custom_routing": False},
    "created_date_millis": 1,
    "modified_date": "2023",
    "_meta": {"obskit": {"project": "p"}},
    "template": {
        "settings": {"index": {"number_of_shards": "1", "codec": "default", "hidden": "true"}},
        "mappings": {"_doc": {"dynamic": "false", "properties": {"a": {"type": "keyword"}}}},
        "aliases": {},
        "lifecycle": {"enabled": True, "data_retention": "30d", "effective_retention": "30d"},
    },
}


def test_what_the_server_adds_to_an_index_template_does_not_show() -> None:
    once = normalise.index_template(ASKED)
    assert same(once, normalise.index_template(GOT))
    assert same(normalise.index_template(once), once)
    assert once["data_stream"] == {}, "an empty data_stream is what makes data streams"


def test_what_ilm_adds_to_a_policy_does_not_show() -> None:
    asked = {
        "phases": {"delete": {"min_age": "30d", "actions": {"delete": {}}}, "hot": {"actions": {}}}
    }
    got = {
        "phases": {
            "hot": {"min_age": "0ms", "actions": {}},
            "delete": {
                "min_age": "720h",
                "actions": {"delete": {"delete_searchable_snapshot": True}},
            },
        },
        "_meta": {"obskit": {}},
    }
    assert same(normalise.ilm_policy(asked), normalise.ilm_policy(got))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", '{"a": }', r"a\.json:1:7: is no JSON"),
        ("a.yml", "a: [", "is no YAML"),
        ("a.json", "[]", "is no template"),
        ("none.json", None, "cannot be read: No such file"),
    ],
)
def test_a_template_file_that_is_none_is_a_finding_with_its_place(
    tmp_path: Path, name: str, text: str | None, words: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_file(tmp_path / name)
    section = {"url": "http://127.0.0.1:9", "component_templates": {"own": name}}
    (problem,) = make_target("elasticsearch", section, folder=tmp_path).check()
    assert problem.path.endswith(name)


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("https://es.example", "https://es.example:443"),
        ("http://es.example/prefix", "http://es.example:80/prefix"),
        ("http://es.example:9200/prefix", "http://es.example:9200/prefix"),
        ("https://[::1]", "https://[::1]:443"),
        ("https://[::1]:9200", "https://[::1]:9200"),
    ],
)
def test_an_address_without_a_port_gets_its_schemes(url: str, full: str) -> None:
    assert _with_port(url) == full


def test_a_path_before_elasticsearch_is_kept() -> None:
    fine = bad.says(200, {}, x_elastic_product="Elasticsearch")
    with bad.serving(fine) as server:
        client = make_target("elasticsearch", {"url": f"{server.url}/behind"}, folder=Path()).client
        client.get("/_cluster/health", deadline=Deadline.after(5))
    assert server.methods() == ["GET /behind/_cluster/health"]


def test_a_list_without_its_key_is_no_empty_server() -> None:
    """An answer of 200 and JSON that is not Elasticsearch's list fails the read."""
    with bad.serving(bad.says(200, {}, x_elastic_product="Elasticsearch")) as server:
        target = make_target("elasticsearch", {"url": server.url}, folder=Path())
        with pytest.raises(BadAnswerError):
            target.read(frozenset())


class Rolling:
    """A client of a cluster whose streams answer a rollover as told."""

    def __init__(self, *, keeps_lazy: bool, knows_lazy: bool = True) -> None:
        self.keeps_lazy, self.knows_lazy = keeps_lazy, knows_lazy
        self.urls = ("http://e",)
        self.waiting = False
        self.stamp = "old"
        self.asked: list[str] = []

    def call(self, method: str, path: str, *, params: Any = None, allow: Any = ()) -> Reply:
        self.asked.append(f"{method} {path} {'lazy' if params else 'now'}")
        if params and not self.knows_lazy:
            assert 400 in allow
            return Reply(400, {})
        if params:
            self.waiting = self.keeps_lazy
        else:
            self.stamp = "new"
        return Reply(200, {"acknowledged": True})

    def get(self, path: str, **_: Any) -> Reply:
        if path.startswith("/_resolve"):
            return Reply(
                200,
                {"indices": [], "data_streams": [{"name": "s", "backing_indices": [".ds-s-1"]}]},
            )
        if path.endswith("_mapping"):
            return Reply(
                200, {".ds-s-1": {"mappings": {"_meta": {"obskit": {"template": self.stamp}}}}}
            )
        return Reply(200, {"data_streams": [{"name": "s", "rollover_on_write": self.waiting}]})


def rolled(client: Rolling, *, lazy: bool = True) -> list[str]:
    roll_over(client, "s", ["s"], "new", lazy=lazy)  # type: ignore[arg-type]
    return client.asked


def test_a_rollover_is_lazy_where_the_server_keeps_the_promise() -> None:
    assert rolled(Rolling(keeps_lazy=True)) == ["POST /s/_rollover lazy"]


def test_a_lazy_rollover_that_is_only_acknowledged_is_made_at_once() -> None:
    assert rolled(Rolling(keeps_lazy=False)) == ["POST /s/_rollover lazy", "POST /s/_rollover now"]


def test_a_server_that_knows_no_lazy_rollover_makes_an_ordinary_one() -> None:
    client = Rolling(keeps_lazy=False, knows_lazy=False)
    assert rolled(client)[-1] == "POST /s/_rollover now"


def test_a_rollover_that_changes_nothing_is_an_error() -> None:
    client = Rolling(keeps_lazy=False)
    with pytest.raises(RejectedError, match="not by our template"):
        roll_over(client, "s", ["s"], "other", lazy=False)  # type: ignore[arg-type]


def test_importing_the_target_loads_no_client() -> None:
    """`plan` of another server does not pay for this one's library."""
    import subprocess
    import sys

    code = "import sys, obskit.targets.elasticsearch as e; sys.exit('elasticsearch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (
        Client(["http://e"], auth=ElasticsearchSettings(url="http://e").auth, seconds=1).requests
        == 0
    )


def test_a_stream_with_another_retention_than_its_template_shows_as_drift(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a server that tells each stream's lifecycle: killed before it was set, or changed by hand."""
    from obskit.targets.elasticsearch import target as module
    from obskit.targets.elasticsearch.streams import Stream, Streams

    target = make_target("elasticsearch", {"url": "http://e"}, folder=Path(), namespace="eu")
    monkeypatch.setattr(target, "_able", FULL)
    wanted = {item.address: item for item in target.desired()}

    def listed(kind: str) -> dict[str, Any]:
        mark = {"project": "contract", "release": "1", "digest": "0"}
        return {
            address.name: {**item.body, "_meta": {"obskit": mark}}
            for address, item in wanted.items()
            if address.kind == kind
        }

    stamp = wanted[target.address("component_template", "obskit-logs-eu")].body["template"]
    stamp = stamp["mappings"]["_meta"]["obskit"]["template"]
    streams = [
        Stream(name=f"logs-obskit.{name}-eu", indices=(".ds-1",), stamp=stamp, retention=kept)
        for name, kept in (("right", "30d"), ("other", "7d"), ("none", None))
    ]
    monkeypatch.setattr(target, "_all", listed)
    monkeypatch.setattr(
        module, "read_streams", lambda *_: Streams(streams=tuple(streams), api=True)
    )
    plan = plan_of(target)
    (change,) = plan.changes
    assert str(change.address) == "elasticsearch/index_template/obskit-logs-eu"
    assert [(edit.path, edit.before) for edit in change.edits] == [
        ("streams_of_other_retention", ["logs-obskit.other-eu", "logs-obskit.none-eu"])
    ]
