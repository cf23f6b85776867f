"""The Filebeat target without a server: texts, registry, log, offline check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from obskit.errors import ConfigError, ReadError, Severity
from obskit.targets.filebeat import Filebeat, FilebeatSettings
from obskit.targets.filebeat.check import check_inputs, check_main
from obskit.targets.filebeat.client import acknowledged, error_lines
from tests.contract.rigs.base import make_target

_SERVICES = [
    {"name": "shop", "logs": ["logs/*.log"], "version": "2.1"},
    {"name": "till", "metrics": ["127.0.0.1:1"]},
]
_SOURCES = [
    {"service": "till", "paths": ["/var/log/nginx/access.log"], "format": "nginx"},
    {"service": "till", "paths": ["/var/log/till/*.err"], "format": "python"},
    {"service": "till", "type": "container", "paths": ["/var/log/containers/till-*.log"]},
    {"service": "till", "type": "container", "paths": ["/var/log/containers/cash-*.log"], "format": "go"},
    {"service": "till", "type": "journald", "units": ["till.service"], "format": "uvicorn"},
]  # fmt: skip


def _target(folder: Path, services: Any = _SERVICES, **section: Any) -> Filebeat:
    target = make_target(
        "filebeat", {"inputs": "inputs.d", "elasticsearch_url": "http://es:9200", **section},
        folder=folder, services=services, environment="test",
    )  # fmt: skip
    assert isinstance(target, Filebeat)
    return target


def test_each_service_has_a_file_with_its_inputs(tmp_path: Path) -> None:
    """Absolute paths, ids of their own, fingerprints, and the script; one file a service."""
    files = _target(tmp_path, sources=_SOURCES).files
    assert sorted(files) == ["obskit-shop.yml", "obskit-till.yml"]
    (shop,) = yaml.safe_load(files["obskit-shop.yml"])
    assert shop["paths"] == [str(tmp_path / "logs/*.log")]
    assert shop["prospector.scanner.fingerprint.length"] == 64
    assert shop["publisher_pipeline.disable_host"] is True
    assert '"version": "2.1"' in shop["processors"][-1]["script"]["source"]
    till = yaml.safe_load(files["obskit-till.yml"])
    assert [item["type"] for item in till] == ["filestream"] * 4 + ["journald"]
    ids = [item["id"] for item in till] + [shop["id"]]
    assert len(set(ids)) == len(ids)
    assert [("file_identity.fingerprint" in item, "file_identity.native" in item) for item in till[:4]] == [
        (True, False), (False, True), (True, False), (False, True),
    ]  # fmt: skip
    assert "parsers" not in till[0]
    assert "multiline" in till[1]["parsers"][0]
    assert [list(parser) for parser in till[3]["parsers"]] == [["container"], ["multiline"]]
    assert till[4]["include_matches.match"] == ["_SYSTEMD_UNIT=till.service"]


def test_an_id_stays_when_the_paths_change(tmp_path: Path) -> None:
    """Filebeat's memory hangs on it: with another id it would ship every file again."""
    first = yaml.safe_load(_target(tmp_path).files["obskit-shop.yml"])
    more = [{"name": "shop", "logs": ["logs/*.log", "more/*.log"], "version": "3"}]
    second = yaml.safe_load(_target(tmp_path, more).files["obskit-shop.yml"])
    assert first[0]["id"] == second[0]["id"] == "contract-shop"


def test_through_logstash_the_line_travels_as_it_is(tmp_path: Path) -> None:
    """No script; what obskit.yml says goes along, and the output is Logstash's."""
    target = _target(
        tmp_path, shipping="logstash", sources=_SOURCES, config="filebeat.yml", logstash_hosts=["ls:5044"]
    )  # fmt: skip
    inputs = [item for text in target.files.values() for item in yaml.safe_load(text)]
    for item in inputs:
        assert not any("script" in processor for processor in item["processors"])
    known = inputs[0]["processors"][-1]["add_fields"]
    assert known == {
        "target": "obskit",
        "fields": {"environment": "test", "version": "2.1", "service": "shop", "format": "json"},
    }
    (config,) = (item.body for item in target.desired() if item.address.kind == "config")
    main = yaml.safe_load(config)
    assert main["output.logstash"]["hosts"] == ["ls:5044"]
    assert "output.elasticsearch" not in main


def test_the_main_file_never_gives_an_event_up(tmp_path: Path) -> None:
    """Endless retries, a dead letter stream, and no templates of Filebeat's own."""
    target = _target(
        tmp_path, config="filebeat.yml", url="http://127.0.0.1:5066",
        output={"username": "u", "password": "${ES_PASSWORD}"},
    )  # fmt: skip
    (config,) = (item.body for item in target.desired() if item.address.kind == "config")
    main = yaml.safe_load(config)
    output = main["output.elasticsearch"]
    assert output["hosts"] == ["http://es:9200"]
    assert output["max_retries"] == -1
    assert output["password"] == "${ES_PASSWORD}"
    dead_letters = output["non_indexable_policy.dead_letter_index"]
    assert dead_letters == {"index": "logs-obskit.invalid-default"}
    assert main["setup.template.enabled"] is False
    assert main["http.port"] == 5066
    assert main["filebeat.config.inputs"]["path"] == str(tmp_path / "inputs.d/*.yml")


def test_metadata_of_containers_is_asked_for_where_it_runs(tmp_path: Path) -> None:
    for metadata in ("kubernetes", "docker"):
        text = _target(tmp_path, metadata=metadata).files["obskit-shop.yml"]
        (item,) = yaml.safe_load(text)
        assert any(f"add_{metadata}_metadata" in processor for processor in item["processors"])


def test_filebeat_accepts_every_input(
    tmp_path: Path, filebeat_binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``filebeat test config`` has nothing against any of them, on both paths."""
    monkeypatch.setenv("OBSKIT_FILEBEAT", str(filebeat_binary))
    for shipping in ("direct", "logstash"):
        for metadata in ("", "docker", "kubernetes"):
            target = _target(
                tmp_path, sources=_SOURCES, shipping=shipping, metadata=metadata, config="filebeat.yml"
            )  # fmt: skip
            assert list(target.check()) == []


def test_check_names_what_is_wrong_and_what_is_missing(
    tmp_path: Path, filebeat_binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Services that share a stream, a missing checker, and Filebeat's own words."""
    monkeypatch.delenv("OBSKIT_FILEBEAT", raising=False)
    monkeypatch.setenv("PATH", "")
    two = [{"name": "a-b", "logs": ["a"]}, {"name": "a_b", "logs": ["b"]}]
    mistyped = [{"service": "tyll", "paths": ["x"]}]
    found = {item.rule: item for item in _target(tmp_path, two, sources=mistyped).check()}
    assert found.keys() == {"config/stream", "config/service", "filebeat/not-installed"}
    assert "'tyll'" in found["config/service"].message
    assert "'a-b' and 'a_b'" in found["config/stream"].message
    assert found["filebeat/not-installed"].severity is Severity.INFO
    monkeypatch.setenv("OBSKIT_FILEBEAT", str(filebeat_binary))
    (problem,) = check_main("filebeat.inputs: 7\noutput.console.enabled: true\n", "filebeat.yml")
    assert problem.rule == "filebeat/test-config"
    assert "filebeat.inputs" in problem.message
    (problem,) = check_inputs({"obskit-a.yml": "- type: x\n  id: [\n"})
    assert (problem.rule, problem.path, problem.line) == ("filebeat/yaml", "obskit-a.yml", 3)


def test_a_source_has_the_place_that_its_type_needs() -> None:
    for bad in (
        {"service": "a"},
        {"service": "a", "type": "journald", "paths": ["x"]},
        {"service": "a", "paths": ["x"], "units": ["u"]},
        {"service": "a", "paths": ["x"], "format": "apache"},
    ):
        with pytest.raises(ValueError, match=r"source of|Input should be"):
            FilebeatSettings.model_validate({"inputs": "x", "sources": [bad]})


def test_no_elasticsearch_is_a_configuration_error(tmp_path: Path) -> None:
    target = _target(tmp_path, elasticsearch_url=None, config="filebeat.yml")
    with pytest.raises(ConfigError, match="no elasticsearch is configured"):
        target.desired()


def _registry(folder: Path, *lines: Any) -> Path:
    path = folder / "registry" / "filebeat"
    path.mkdir(parents=True)
    (path / "log.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _entry(key: str, source: str, offset: int) -> dict[str, Any]:
    return {"k": key, "v": {"cursor": {"offset": offset}, "meta": {"source": source}}}


def test_the_registry_tells_how_far_a_file_was_acknowledged(tmp_path: Path) -> None:
    """The last operation counts, a removed entry does not, and half a last line is being written."""
    path = _registry(
        tmp_path,
        {"op": "set", "id": 1}, _entry("a", "/logs/a.log", 10),
        {"op": "set", "id": 2}, _entry("a", "/logs/a.log", 25),
        {"op": "set", "id": 3}, _entry("b", "/logs/b.log", 7),
        {"op": "remove", "id": 4}, {"k": "b"},
    )  # fmt: skip
    with (path / "log.json").open("a") as stream:
        stream.write('{"op":"se')
    assert acknowledged(tmp_path, Path("/logs/a.log")) == 25
    assert acknowledged(tmp_path, Path("/logs/b.log")) is None
    assert acknowledged(tmp_path, Path("/logs/c.log")) is None


def test_the_registrys_snapshot_counts_where_the_log_is_silent(tmp_path: Path) -> None:
    path = _registry(tmp_path, {"op": "set", "id": 9}, _entry("b", "/logs/b.log", 8))
    snapshot = [{"_key": "a", "cursor": {"offset": 99}, "meta": {"source": "/logs/a.log"}}]
    (path / "8.json").write_text(json.dumps(snapshot))
    (path / "active.dat").write_text(str(path / "8.json"))
    assert acknowledged(tmp_path, Path("/logs/a.log")) == 99
    assert acknowledged(tmp_path, Path("/logs/b.log")) == 8


def test_a_registry_that_cannot_be_read_is_an_error_and_no_absence(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="registry"):
        acknowledged(tmp_path, Path("/logs/a.log"))


def test_only_new_error_lines_are_told(tmp_path: Path) -> None:
    """In the plain form of 7.17 and in the JSON form of 8; a line about modules is none."""
    log = tmp_path / "filebeat.log"
    log.write_text("2026\tERROR\t[old]\told\n")
    lines, end = error_lines(log)
    assert lines == ["2026\tERROR\t[old]\told"]
    with log.open("a") as stream:
        stream.write("2026\tINFO\t[x]\tfine\n2026\tERROR\t[modules]\tNot loading modules. x\n")
        stream.write('{"log.level":"error","message":"new"}\n')
    assert error_lines(log, since=end)[0] == ['{"log.level":"error","message":"new"}']
    assert error_lines(tmp_path / "absent.log") == ([], 0)
