"""obskit.yml: what is read, and how each mistake is told."""

from __future__ import annotations

import pickle
from datetime import timedelta
from pathlib import Path

import pytest

from obskit.config import Auth, Duration, Secret, Section, Url, load
from obskit.errors import ConfigError


class Server(Section):
    url: Url
    auth: Auth = Auth()
    keep: Duration = timedelta(days=1)
    boards: tuple[str | dict[str, int], ...] = ()


SECTIONS = {"server": Server}


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "obskit.yml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def problems(path: Path, **options: str) -> list[tuple[int | None, int | None, str]]:
    with pytest.raises(ConfigError) as caught:
        load(path, SECTIONS, **options)
    assert caught.value.exit_code == 2
    return [(item.line, item.column, item.message) for item in caught.value.problems]


def test_a_whole_file_becomes_frozen_settings(write) -> None:
    settings = load(
        write(
            "project: demo\nservices: [{name: a, slo: 99.9}]\nserver: {url: 'http://h:1/', keep: 1h30m}\n"
        ),
        SECTIONS,
    )
    assert settings.project == "demo"
    assert settings.services[0].slo == 99.9
    server = settings.targets["server"]
    assert isinstance(server, Server)
    assert (server.url, server.keep) == ("http://h:1", timedelta(minutes=90))
    with pytest.raises(ValueError, match="frozen"):
        server.url = "http://other"


def test_every_mistake_is_told_at_once_with_line_column_and_suggestion(write) -> None:
    found = problems(
        write(
            "project: demo\n"
            "enviroment: x\n"
            "services:\n"
            "  - name: a\n"
            "    metrcs: [a]\n"
            "  - name: a\n"
            "    slo: 100\n"
            "server:\n"
            "  ulr: http://x\n"
            "  keep: 3 weeks\n"
        )
    )
    assert [(line, column) for line, column, _ in found] == [
        (2, 1),
        (5, 5),
        (7, 5),
        (8, 1),
        (9, 3),
        (10, 3),
    ]
    text = "\n".join(message for _, _, message in found)
    assert "enviroment: unknown key (did you mean 'environment'?)" in text
    assert "services[0].metrcs: unknown key (did you mean 'metrics'?)" in text
    assert "server.ulr: unknown key (did you mean 'url'?)" in text
    assert "server.url: is required" in text
    assert "server.keep: '3 weeks' is no duration" in text


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("project: [\n", 2, "is not YAML"),
        ("- a\n", 1, "must be a mapping"),
        ("project: a\nproject: b\n", 2, "project: is there twice"),
        ("project: ${env:OBSKIT_TEST_NOWHERE}\n", 1, "OBSKIT_TEST_NOWHERE is not set"),
        ("project: ${file:none}\n", 1, "No such file"),
        ("project: ${vault:a#b}\n", 1, "no secret store is named 'vault'"),
        ("project: ' '\n", 1, "is no name"),
        ("{}\n", 1, "project: is required"),
        ("project: a\ntargets: {}\n", 2, "targets: unknown key"),
        ("project: a\nservices: [{name: x}, {name: x}]\n", 2, "'x' is there twice"),
        ("project: a\nserver: {url: ftp://x}\n", 2, "is no address"),
        ("project: a\nserver: {url: 'http://x', boards: [1]}\n", 2, "server.boards[0]"),
        ("project: !!python/object/apply:os.system [ls]\n", 1, ""),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line_and_words(write, text: str, line: int, words: str) -> None:
    found = problems(write(text))
    assert found[0][0] == line
    assert words in found[0][2]


def test_a_missing_file_says_what_next(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="obskit init writes one"):
        load(tmp_path / "none.yml", SECTIONS)


def test_yes_and_on_are_names_when_they_are_keys(write) -> None:
    assert "on: unknown key" in problems(write("project: a\non: 1\n"))[0][2]


def test_references_come_from_the_environment_files_and_defaults(
    write, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("OBSKIT_TEST_HOST", "h")
    (tmp_path / "password").write_text("s3cret\n")
    settings = load(
        write(
            "project: ${env:OBSKIT_TEST_NONE:-fallback}\n"
            "server:\n  url: http://${env:OBSKIT_TEST_HOST}:9\n"
            "  auth: {username: u, password: '${file:password}'}\n"
        ),
        SECTIONS,
    )
    server = settings.targets["server"]
    assert isinstance(server, Server)
    assert (settings.project, server.url) == ("fallback", "http://h:9")
    assert server.auth.password == Secret("s3cret")
    assert server.auth.password.reference == "${file:password}"


def test_a_value_that_came_from_a_reference_is_not_quoted(write, monkeypatch) -> None:
    monkeypatch.setenv("OBSKIT_TEST_SECRET", "hunter2")
    ((_, _, message),) = problems(write("project: a\nserver: {url: '${env:OBSKIT_TEST_SECRET}'}\n"))
    assert "hunter2" not in message
    assert "${env:OBSKIT_TEST_SECRET}" in message


def test_an_environment_lays_its_file_and_its_variables_over(write, tmp_path) -> None:
    write("server: {keep: 2d}\n", "obskit.prod.yml")
    (tmp_path / ".env.prod").write_text("# comment\nexport OBSKIT_TEST_URL='http://prod:1'\n")
    path = write("project: a\nserver: {url: '${env:OBSKIT_TEST_URL:-http://dev:1}', keep: 1d}\n")
    dev, prod = load(path, SECTIONS), load(path, SECTIONS, environment="prod")
    assert (dev.environment, prod.environment) == ("default", "prod")
    assert (dev.targets["server"].url, prod.targets["server"].url) == (
        "http://dev:1",
        "http://prod:1",
    )
    assert prod.targets["server"].keep == timedelta(days=2)


def test_a_finding_in_an_overlay_names_the_overlay(write) -> None:
    write("server: {kep: 2d}\n", "obskit.prod.yml")
    path = write("project: a\nserver: {url: 'http://dev:1'}\n")
    with pytest.raises(ConfigError) as caught:
        load(path, SECTIONS, environment="prod")
    assert Path(caught.value.problems[0].path).name == "obskit.prod.yml"


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("hunter2", "${env:X}")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {secret!s}"
    assert secret == Secret("hunter2")
    assert secret != Secret("other")
    assert (
        secret.fingerprint(b"k") == Secret("hunter2").fingerprint(b"k") != secret.fingerprint(b"l")
    )
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert "hunter2" not in Auth(password=secret).model_dump_json()
