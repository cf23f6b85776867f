"""compose/: pinned, watched, limited, without a default password, and right by the specification."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from obskit.config import Settings
from obskit.local import compose
from obskit.targets.logstash.content import pipelines_file
from obskit.targets.logstash.settings import LogstashSettings

FOLDER = Path(__file__).parents[3] / "compose"
FILE = FOLDER / "compose.yml"
PROFILES = ("all", "relay", "service", "exporter")


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    """The file as it is written."""
    return yaml.safe_load(FILE.read_text())


@pytest.fixture(scope="module")
def services(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Its services."""
    return stack["services"]


def _loaded(composecheck: Path, *profiles: str, folder: str = "/srv/obskit") -> dict[str, Any]:
    flags = [part for profile in profiles for part in ("-profile", profile)]
    result = subprocess.run(
        [composecheck, *flags, FILE],
        env={**os.environ, "OBSKIT_LOCAL_DIR": folder},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_the_compose_specification_accepts_it(composecheck: Path) -> None:
    loaded = _loaded(composecheck, *PROFILES)
    assert set(loaded["services"]) == {
        "elasticsearch", "elasticsearch-setup", "kibana", "logstash", "filebeat", "prometheus",
        "alertmanager", "grafana", "node-exporter", "elasticsearch-exporter", "blackbox-exporter",
        "relay", "service", "exporter",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "there", "absent"),
    [
        ("logs", {"elasticsearch", "kibana", "filebeat", "logstash", "grafana"}, {"prometheus"}),
        ("metrics", {"prometheus", "alertmanager", "node-exporter", "grafana"}, {"elasticsearch"}),
        ("all", {"elasticsearch", "prometheus", "elasticsearch-exporter"}, {"relay", "service"}),
    ],
)
def test_a_profile_is_complete_by_itself(
    profile: str, there: set[str], absent: set[str], composecheck: Path
) -> None:
    """Nothing of a profile depends on a service outside of it: the loader would refuse that."""
    loaded = _loaded(composecheck, profile)
    assert there <= set(loaded["services"])
    assert not absent & set(loaded["services"])


def test_a_mistake_is_refused(composecheck: Path, tmp_path: Path) -> None:
    """The checker does check: a key that does not exist is named."""
    wrong = tmp_path / "compose.yml"
    wrong.write_text("services:\n  a:\n    image: b:1\n    portz: []\n")
    result = subprocess.run([composecheck, wrong], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "portz" in result.stderr


def test_without_its_folder_it_says_what_to_set(composecheck: Path) -> None:
    environment = {name: v for name, v in os.environ.items() if name != "OBSKIT_LOCAL_DIR"}
    result = subprocess.run(
        [composecheck, "-profile", "all", FILE], env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert result.returncode == 1
    assert "run obskit up" in result.stderr


def test_every_image_is_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        version = service["image"].rpartition(":")[2].removesuffix("}").removeprefix("-")
        assert version not in {"", "latest", service["image"]}, name


def test_every_service_is_limited_and_those_that_stay_are_watched(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory"} <= set(limits), name
        if service["restart"] != "no":
            assert service["healthcheck"]["test"], name


def test_every_port_is_on_the_loopback(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_secrets_come_from_files_and_none_has_a_default(stack: dict[str, Any]) -> None:
    for name, secret in stack["secrets"].items():
        assert secret["file"].endswith(f"}}/secrets/{name}")
        assert not list(FOLDER.rglob(name)), "no secret is shipped"
    for name, service in stack["services"].items():
        for key, value in service.get("environment", {}).items():
            if "PASSWORD" in key or "KEY" in key:
                assert key.endswith("FILE"), (name, key)
                assert value.startswith("/run/secrets/"), (name, key)


def test_no_password_file_is_given_to_an_image_that_refuses_it(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Elasticsearch's own script ends where ELASTIC_PASSWORD_FILE has another mode than 400 or 600; ours is 644,
    for each container reads it as a user of its own."""
    compose._prepare(tmp_path)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()}
    assert modes == {0o644}
    elastic = services["elasticsearch"]
    assert not [name for name in elastic["environment"] if name.endswith("PASSWORD_FILE")]
    assert "$$(cat /run/secrets/elastic_password)" in elastic["command"][0]


def test_an_older_docker_engine_takes_it(services: dict[str, dict[str, Any]]) -> None:
    """Docker Compose refuses the whole file for ``start_interval`` where the engine is older than 25."""
    for name, service in services.items():
        assert "start_interval" not in service.get("healthcheck", {}), name


def test_what_a_container_runs_is_shell_that_parses(services: dict[str, dict[str, Any]]) -> None:
    """With its dollars as Compose hands them on."""
    shells = [
        name for name, service in services.items() if "-euc" in (service.get("entrypoint") or [])
    ]
    assert {"elasticsearch", "elasticsearch-setup", "kibana", "logstash", "filebeat"} <= set(shells)
    for name in shells:
        text = services[name]["command"][0].replace("$$", "$")
        subprocess.run(["bash", "-n", "-euc", text], check=True)


def test_its_pipelines_are_those_that_obskit_writes() -> None:
    """The entries are the shipped ones, for the folder that the container has."""
    own = LogstashSettings.model_validate(
        {
            "url": "http://a:9600", "files": "x", "path": "/usr/share/logstash/pipeline",
            "dead_letter_queue": "/usr/share/logstash/data/dead_letter_queue",
        }
    )  # fmt: skip
    wanted = pipelines_file(Settings.model_validate({"project": "p"}), own)
    assert yaml.safe_load((FOLDER / "pipelines.yml").read_text()) == yaml.safe_load(wanted)


def test_security_is_on(services: dict[str, dict[str, Any]]) -> None:
    assert services["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"
    assert services["grafana"]["environment"]["GF_AUTH_ANONYMOUS_ENABLED"] == "false"


def test_what_obskit_up_prepares_is_what_the_file_mounts(
    tmp_path: Path, composecheck: Path
) -> None:
    """Every folder and every secret that the containers mount from the stack's folder exists."""
    compose._prepare(tmp_path)
    loaded = _loaded(composecheck, "all", folder=str(tmp_path))
    sources = [
        Path(volume["source"])
        for service in loaded["services"].values()
        for volume in service.get("volumes") or []
        if volume["type"] == "bind"
    ]
    sources += [Path(secret["file"]) for secret in loaded["secrets"].values()]
    inside = [source for source in sources if source.is_relative_to(tmp_path)]
    assert len(inside) >= 8
    for source in sources:
        assert source.exists(), source
    secrets = [path.read_text() for path in (tmp_path / "secrets").iterdir()]
    assert all(len(secret) >= 32 for secret in secrets)
    assert len(set(secrets)) == len(secrets)
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0


def test_its_alertmanager_configuration_is_accepted(amtool: Path) -> None:
    subprocess.run(
        [amtool, "check-config", FOLDER / "alertmanager.yml"], check=True, capture_output=True
    )


def test_its_prometheus_configuration_is_accepted(promtool_newest: Path) -> None:
    result = subprocess.run(
        [promtool_newest, "check", "config", "--syntax-only", FOLDER / "prometheus.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def test_prometheus_finds_every_container_that_has_metrics(
    services: dict[str, dict[str, Any]],
) -> None:
    """Each name that it looks up is a container of the stack."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    names = {
        name
        for job in config["scrape_configs"]
        for lookup in job.get("dns_sd_configs", [])
        for name in lookup["names"]
    }
    assert names <= set(services)
    assert {"node-exporter", "elasticsearch-exporter", "exporter", "relay"} <= names


def test_its_filebeat_configuration_is_accepted(filebeat_binary: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [filebeat_binary, "test", "config", "-c", FOLDER / "filebeat.yml", "--strict.perms=false",
         "--path.data", tmp_path],
        env={**os.environ, "ELASTICSEARCH_URL": "http://a:9200", "ELASTICSEARCH_USER": "b",
             "ELASTICSEARCH_PASSWORD": "c"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def test_the_docker_client_accepts_it_where_there_is_one_with_compose() -> None:
    question = ["docker", "compose", "version"]
    if not shutil.which("docker") or subprocess.run(question, capture_output=True).returncode != 0:
        pytest.skip("no Docker engine here: docker compose is not installed")
    subprocess.run(
        ["docker", "compose", "--file", FILE, "--profile", "all", "config", "--quiet"],
        env={**os.environ, "OBSKIT_LOCAL_DIR": "/srv/obskit"},
        check=True,
    )
