"""What each kind of server writes into its folder and how it would be started."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from obskit.errors import LocalError
from obskit.local import binaries
from obskit.local.alertmanager import Alertmanager
from obskit.local.elasticsearch import Elasticsearch
from obskit.local.filebeat import Filebeat
from obskit.local.grafana import Grafana
from obskit.local.prometheus import Prometheus


def _program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A server's folder."""
    made = tmp_path / "server"
    made.mkdir()
    return made


@pytest.fixture
def grafana(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a Grafana as its archive has it."""
    home = tmp_path / "grafana-home"
    monkeypatch.setenv("OBSKIT_GRAFANA", str(_program(home / "bin" / "grafana")))
    (home / "conf").mkdir()
    (home / "conf" / "defaults.ini").write_text("")
    return home


def test_grafana_gets_a_password_of_its_own_that_is_in_no_argument(
    grafana: Path, folder: Path
) -> None:
    launch = Grafana().prepare(folder)
    file = Path(launch.addresses["password_file"])
    password = file.read_text()
    assert len(password) >= 20
    assert file.stat().st_mode & 0o077 == 0
    assert launch.env["GF_SECURITY_ADMIN_PASSWORD__FILE"] == str(file)
    assert not [text for text in (*launch.argv, *launch.env.values()) if password in text]
    assert str(grafana) in launch.argv
    assert launch.env["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    # the database was made with it: a second start keeps it
    assert Path(Grafana().prepare(folder).addresses["password_file"]).read_text() == password


def test_a_grafana_without_its_home_says_what_to_set(
    grafana: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (grafana / "conf" / "defaults.ini").unlink()
    with pytest.raises(
        LocalError, match=r"not the folder with its conf/defaults.ini .set GF_PATHS_HOME"
    ):
        Grafana().prepare(folder)
    elsewhere = folder / "elsewhere" / "conf"
    elsewhere.mkdir(parents=True)
    (elsewhere / "defaults.ini").write_text("")
    monkeypatch.setenv("GF_PATHS_HOME", str(elsewhere.parent))
    assert str(elsewhere.parent) in Grafana().prepare(folder).argv


def test_an_incomplete_elasticsearch_is_named(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obskit.local.elasticsearch._INSTALLED", tmp_path / "nothing")
    program = _program(tmp_path / "es" / "bin" / "elasticsearch")
    monkeypatch.setenv("OBSKIT_ELASTICSEARCH", str(program))
    with pytest.raises(LocalError, match=r"no complete Elasticsearch: it has no config/log4j2"):
        Elasticsearch().prepare(folder)


def _elasticsearch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "es"
    monkeypatch.setenv("OBSKIT_ELASTICSEARCH", str(_program(home / "bin" / "elasticsearch")))
    (home / "config").mkdir()
    (home / "config" / "log4j2.properties").write_text("")


def test_elasticsearch_has_its_security_decided_before_the_first_start(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it writes certificates by itself, and a later `false` is refused."""
    _elasticsearch(tmp_path, monkeypatch)
    launch = Elasticsearch(settings={"node.name": "other", "a.b": 1}).prepare(folder)
    written = yaml.safe_load((folder / "config" / "elasticsearch.yml").read_text())
    for key in ("enabled", "transport.ssl.enabled", "http.ssl.enabled"):
        assert written[f"xpack.security.{key}"] is False
    assert (written["node.name"], written["a.b"]) == ("other", 1)
    assert written["network.host"] == "127.0.0.1"
    assert launch.url == f"http://127.0.0.1:{written['http.port']}"
    # a second start gets other ports: those of before may be taken by now
    Elasticsearch().prepare(folder)
    again = yaml.safe_load((folder / "config" / "elasticsearch.yml").read_text())
    assert again["http.port"] != written["http.port"]


def test_elasticsearch_without_java_says_what_to_install(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _elasticsearch(tmp_path, monkeypatch)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "_JAVAS", tmp_path)
    with pytest.raises(LocalError, match=r"no Java here, which Elasticsearch needs .17 or newer"):
        Elasticsearch().prepare(folder)


def test_a_newer_elasticsearch_gets_a_newer_java(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one on the PATH where it is new enough, else another that is installed."""
    _elasticsearch(tmp_path, monkeypatch)
    (tmp_path / "es" / "lib").mkdir()
    (tmp_path / "es" / "lib" / "elasticsearch-9.4.3.jar").write_text("")
    javas = tmp_path / "jvm"
    for version in (17, 25):
        _program(javas / str(version) / "bin" / "java")
        (javas / str(version) / "release").write_text(f'JAVA_VERSION="{version}.0.1"\n')
    monkeypatch.setattr(binaries, "_JAVAS", javas)
    monkeypatch.setenv("JAVA_HOME", str(javas / "17"))
    assert Elasticsearch().prepare(folder).env["ES_JAVA_HOME"] == str(javas / "25")
    (tmp_path / "es" / "lib" / "elasticsearch-9.4.3.jar").rename(
        tmp_path / "es" / "lib" / "elasticsearch-8.19.21.jar"
    )
    assert Elasticsearch().prepare(folder).env["ES_JAVA_HOME"] == str(javas / "17")


def test_prometheus_reads_what_obskit_delivers(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSKIT_PROMETHEUS", str(_program(tmp_path / "prometheus")))
    launch = Prometheus(alertmanager="127.0.0.1:1", scrape=(("node", "127.0.0.1:2"),)).prepare(
        folder
    )
    config = yaml.safe_load(Path(launch.addresses["config"]).read_text())
    files = Path(launch.addresses["files"])
    assert config["rule_files"] == [str(files / "rules" / "*.yml")]
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert list(jobs) == ["prometheus", "node", "obskit"]
    assert jobs["obskit"]["file_sd_configs"][0]["files"] == [
        str(files / "targets" / "*.yml"),
        str(files / "targets" / "*.json"),
    ]
    assert "--web.enable-lifecycle" in launch.argv
    assert launch.addresses["address"] in launch.url


def test_an_alertmanager_keeps_what_was_written_into_its_file(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSKIT_ALERTMANAGER", str(_program(tmp_path / "alertmanager")))
    file = Path(Alertmanager().prepare(folder).addresses["file"])
    file.write_text("route: {receiver: mine}\n")
    Alertmanager().prepare(folder)
    assert file.read_text() == "route: {receiver: mine}\n"


def test_filebeat_sends_what_is_refused_to_the_quarantine(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSKIT_FILEBEAT", str(_program(tmp_path / "filebeat")))
    launch = Filebeat(
        elasticsearch="http://127.0.0.1:3", quarantine="logs-obskit.invalid-x"
    ).prepare(folder)
    config = yaml.safe_load(Path(launch.addresses["config"]).read_text())
    output = config["output.elasticsearch"]
    assert output["hosts"] == ["http://127.0.0.1:3"]
    assert output["non_indexable_policy"] == {
        "dead_letter_index": {"index": "logs-obskit.invalid-x"}
    }
    assert config["setup.template.enabled"] is False
    assert Path(launch.addresses["config"]).stat().st_mode & 0o022 == 0
