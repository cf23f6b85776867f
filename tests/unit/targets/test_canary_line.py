"""The canary's lines keep or break the schema as they should, and stand where a shipper reads them."""

from __future__ import annotations

import fnmatch
import json
import os
import threading
from pathlib import Path

import pytest

from obskit.config import Service, Settings
from obskit.errors import ObskitError
from obskit.schema import BUILTIN
from obskit.schema.model import Field, FieldType, Schema
from obskit.schema.validate import NOTICES, validate
from obskit.targets.canary_judge import flat, judge, queries
from obskit.targets.canary_line import broken, event_of, place, writing

SETTINGS = Settings.model_validate({"project": "shop", "environment": "staging"})
SERVICE = Service(name="user-service", logs=("*.json",), version="1.2.3")
OWN = BUILTIN.extended(
    [
        Field(name="order.total", type=FieldType.DOUBLE, minimum=5, description="Sum."),
        Field(name="order.items", type=FieldType.LONG, maximum=0, description="Count."),
        Field(name="paid", type=FieldType.BOOLEAN, description="Paid."),
        Field(name="shop", type=FieldType.KEYWORD, min_length=9, max_length=9, description="Shop."),
        Field(name="plan", type=FieldType.KEYWORD, allowed=("free", "paid"), description="Plan."),
        Field(name="till", type=FieldType.DATE, description="Until."),
        Field(name="peer", type=FieldType.IP, description="Peer."),
        Field(name="more", type=FieldType.FLATTENED, description="More."),
        Field(
            name="odd", type=FieldType.KEYWORD, pattern="^x{3}$", description="Nobody can guess it."
        ),
    ]
)


def faults(event: object, schema: Schema) -> list[str]:
    return [item.field for item in validate(event, schema) if item.rule not in NOTICES]


@pytest.mark.parametrize("schema", [BUILTIN, OWN], ids=["built-in", "project's"])
def test_a_canary_keeps_the_schema_and_exercises_every_field(schema: Schema) -> None:
    event = event_of(schema, SERVICE, SETTINGS)
    assert faults(event, schema) == []
    left_out = {field.name for field in schema.fields} - flat(event, schema).keys()
    # From obskit.yml, or only where the source's level differs, or nobody can know a value.
    assert left_out == {"environment", "version", "severity_text"} | (
        {"odd"} & {f.name for f in schema.fields}
    )


def test_without_environment_and_version_in_obskit_yml_the_line_has_its_own() -> None:
    bare = Settings.model_validate({"project": "shop", "environment": ""})
    event = event_of(BUILTIN, Service(name="a"), bare)
    assert event["environment"] == "production"
    assert event["version"] == "1.4.2"


def test_two_canaries_differ_within_the_bytes_that_tell_files_apart() -> None:
    """Filebeat's fingerprint is 64 bytes: equal ones would be one file to it."""
    one, two = (json.dumps(event_of(BUILTIN, SERVICE, SETTINGS)) for _ in range(2))
    assert one[:64] != two[:64]
    assert len(one) > 64


def test_the_broken_line_breaks_the_schema_where_it_says() -> None:
    event = event_of(BUILTIN, SERVICE, SETTINGS)
    bad, fields = broken(event)
    assert faults(bad, BUILTIN) == list(fields) == ["level", "client_ip"]
    assert bad["trace_id"] != event["trace_id"]
    assert next(iter(bad)) == "trace_id"


@pytest.mark.parametrize(
    "pattern", ["*.json", "app-*.log", "app-?.log", "a[0-9]b.*", "*", "**/*.json", "deep*/x-*.json"]
)
def test_a_file_of_its_own_is_matched_by_the_pattern(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "deeper").mkdir()
    spot = place(Service(name="a", logs=(pattern,)), tmp_path)
    assert spot.own
    relative = str(spot.path.relative_to(tmp_path))
    assert fnmatch.fnmatchcase(relative, pattern.replace("**/", ""))
    assert not spot.path.exists()


def test_a_named_file_is_used_when_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "app.log").touch()
    spot = place(Service(name="a", logs=("no.log", "app.log")), tmp_path)
    assert spot.path == tmp_path / "app.log"
    assert not spot.own


def test_no_file_and_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ObskitError, match="on this machine") as caught:
        place(Service(name="a", logs=("none/no.log", "none/*.log")), tmp_path)
    assert "where the service writes" in caught.value.hint


def test_a_named_file_that_is_not_there_yet_is_made_as_the_service_would(tmp_path: Path) -> None:
    """It belongs to the folder's owner and stays, with the canaries at its beginning: the service may append."""
    (tmp_path / "app").mkdir()
    if os.geteuid() == 0:
        os.chown(tmp_path / "app", 12345, 12345)
    spot = place(Service(name="a", logs=("app/app.log",)), tmp_path)
    assert not spot.own
    assert not spot.path.exists(), "looking for a place makes nothing"
    with writing(spot, [event_of(BUILTIN, SERVICE, SETTINGS) for _ in range(2)]) as canaries:
        assert [canary.offset for canary in canaries] == [0, len(canaries[0].line.encode()) + 1]
    made, folder = spot.path.stat(), (tmp_path / "app").stat()
    assert (made.st_uid, made.st_gid) == (folder.st_uid, folder.st_gid)
    assert made.st_mode & 0o777 == 0o644
    assert len(spot.path.read_bytes().splitlines()) == 2


def test_nothing_is_made_in_a_folder_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service could not write to it."""
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(ObskitError, match="on this machine"):
        place(Service(name="a", logs=("app.log",)), tmp_path)


def test_a_link_that_leads_nowhere_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "app.log").symlink_to("elsewhere.log")
    with pytest.raises(ObskitError, match="on this machine"):
        place(Service(name="a", logs=("app.log",)), tmp_path)
    assert not (tmp_path / "elsewhere.log").exists()


def test_a_file_of_its_own_is_readable_and_removed_also_after_an_error(tmp_path: Path) -> None:
    spot = place(SERVICE, tmp_path)
    event = event_of(BUILTIN, SERVICE, SETTINGS)

    def interrupted() -> None:
        with writing(spot, [event, event]) as (first, second):
            assert spot.path.stat().st_mode & 0o777 == 0o644
            data = spot.path.read_bytes()
            assert data == f"{first.line}\n{second.line}\n".encode()
            assert data[second.offset :].decode() == second.line + "\n"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not spot.path.exists()


def test_a_line_appended_beside_a_busy_writer_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.touch()
    stop = threading.Event()

    def service() -> None:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND)
        while not stop.is_set():
            os.write(handle, b'{"message": "of the service"}\n')
        os.close(handle)

    thread = threading.Thread(target=service)
    thread.start()
    spot = place(Service(name="a", logs=("app.log",)), tmp_path)
    with writing(spot, [event_of(BUILTIN, SERVICE, SETTINGS) for _ in range(20)]) as canaries:
        stop.set()
        thread.join()
    data = path.read_bytes()
    assert all(json.loads(line) for line in data.splitlines())
    for canary in canaries:
        assert data[canary.offset :].startswith(canary.line.encode() + b"\n")


def test_half_a_line_of_the_service_is_never_broken(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text('{"message": "not yet wh')
    spot = place(Service(name="a", logs=("app.log",)), tmp_path)
    with pytest.raises(ObskitError, match="middle of a line"):
        with writing(spot, [event_of(BUILTIN, SERVICE, SETTINGS)]):
            pass
    assert path.read_text() == '{"message": "not yet wh'


def arrived() -> tuple[dict[str, object], dict[str, object]]:
    event = event_of(BUILTIN, SERVICE, SETTINGS)
    wanted = flat(event, BUILTIN)
    source = {**event, "@timestamp": event["timestamp"]}
    return wanted, {"_source": source}


def test_a_document_as_it_was_written_is_right() -> None:
    wanted, hit = arrived()
    assert judge(hit, wanted, BUILTIN) == []
    assert set(queries(BUILTIN, wanted)) == set(wanted)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_ip": "10.0.0.1"}, 'client_ip is "10.0.0.1", not "192.168.1.1"'),
        (
            {"http": {"method": "GET", "route": "/users/{id}", "status": "200"}},
            'http.status is "200", not 200',
        ),
        ({"thread": None}, "thread is null"),
        ({"@timestamp": "2001-01-01T00:00:00.000Z"}, "@timestamp is"),
        ({"agent": {"type": "filebeat"}}, "it has undeclared fields: agent"),
        ({"attributes": {"obskit": {"canary": True}}}, "attributes is"),
    ],
)
def test_each_difference_is_named_with_both_values(change: dict[str, object], words: str) -> None:
    wanted, hit = arrived()
    hit["_source"] = {**hit["_source"], **change}  # type: ignore[dict-item]
    (told,) = judge(hit, wanted, BUILTIN)
    assert told.startswith(words)


def test_a_missing_field_and_an_ignored_one_are_named() -> None:
    wanted, hit = arrived()
    del hit["_source"]["thread"]  # type: ignore[attr-defined]
    hit["_ignored"] = ["logger"]
    assert judge(hit, wanted, BUILTIN) == ["thread is missing", "not indexed: logger"]


def test_dotted_keys_and_additions_of_the_shipper_are_right() -> None:
    wanted, hit = arrived()
    source = hit["_source"]
    http = source.pop("http")  # type: ignore[attr-defined]
    source.update({f"http.{key}": value for key, value in http.items()})  # type: ignore[attr-defined]
    source["attributes"] = {**source["attributes"], "shipper": {"pod": "a"}}  # type: ignore[index]
    assert judge(hit, wanted, BUILTIN) == []
