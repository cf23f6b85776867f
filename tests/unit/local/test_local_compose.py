"""`obskit up` by Docker Compose: what docker is asked to do. No engine is needed to see that."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner

from obskit import assets, local
from obskit.cli import cli
from obskit.cli.options import open_stack
from obskit.errors import LocalError
from obskit.local import compose

DOCKER = """\
#!/bin/sh
printf '%s\\n' "$*" >> "{log}"
printf '%s\\n' "$OBSKIT_LOCAL_DIR $OBSKIT_PROMETHEUS_PORT" >> "{log}.env"
case "$*" in
  info*) echo 28.2.2 ;;
  *fail*) echo "no such image" >&2; exit 17 ;;
  "compose version"*) echo "Docker Compose version v2.39" ;;
esac
exit {code}
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker that writes down what it is asked to do, and does none of it."""
    return _docker(tmp_path, monkeypatch, 0)


def _docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "docker"
    program.write_text(DOCKER.format(log=tmp_path / "asked", code=code))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return tmp_path / "asked"


def test_where_no_engine_answers_there_is_no_compose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "DOCKER_HOST", f"unix://{tmp_path}/no.sock"
    )  # the real client, where there is one
    assert compose.available() is False
    _docker(tmp_path, monkeypatch, 1)
    assert compose.available() is False
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert compose.available() is False


def test_up_starts_the_shipped_file_and_says_where_everything_is(
    docker: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "local"
    stack = local.up(folder, services=["prometheus", "node_exporter"])
    asked = docker.read_text().splitlines()
    assert asked[:2] == ["info --format {{.ServerVersion}}", "compose version"]
    assert asked[2].startswith(f"compose --project-name {stack.project} --file ")
    assert asked[2].endswith(
        "compose.yml --profile all up --detach --wait --quiet-pull node-exporter prometheus"
    )
    environment = stack.environment()
    port = environment["OBSKIT_PROMETHEUS_URL"].rpartition(":")[2]
    assert f"{folder} {port}" in (tmp_path / "asked.env").read_text()
    assert Path(environment["OBSKIT_PROMETHEUS_FILES"], "rules").is_dir()
    assert Path(environment["OBSKIT_ALERTMANAGER_FILE"]).is_file()
    assert Path(environment["OBSKIT_FILEBEAT_INPUTS"]).is_dir()
    assert Path(environment["OBSKIT_ELASTICSEARCH_PASSWORD_FILE"]).read_text()
    # another process knows the same
    assert local.current(folder).environment() == environment


def test_its_obskit_yml_fits_the_stack(
    docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`obskit init --compose` names every server by what obskit up says, each secret by its file."""
    monkeypatch.chdir(tmp_path)
    written = CliRunner().invoke(cli, ["init", "--compose", "--project", "shop"])
    assert written.exit_code == 0, written.output
    stack = local.up(tmp_path / ".obskit" / "local")
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    opened = open_stack(tmp_path / "obskit.yml", "", ())
    assert opened.settings.project == "shop"
    targets = opened.targets
    assert {
        "elasticsearch",
        "kibana",
        "logstash",
        "filebeat",
        "prometheus",
        "alertmanager",
        "grafana",
    } == set(targets)
    for name in targets.keys() - {"filebeat"}:  # whose statistics stay in its container
        assert targets[name].settings.url == stack.environment()[f"OBSKIT_{name.upper()}_URL"]
    kept = tmp_path / ".obskit" / "local" / "secrets"
    password = targets["elasticsearch"].settings.auth.password
    assert password.reveal() == (kept / "elastic_password").read_text()
    bodies = {
        item.address.name: item.body
        for item in targets["grafana"].desired()
        if item.address.kind == "data_source"
    }
    assert bodies["obskit-prometheus"]["url"] == "http://prometheus:9090"
    assert bodies["obskit-logs"]["url"] == "http://elasticsearch:9200"
    files = targets["logstash"].files
    assert 'hosts => ["http://elasticsearch:9200"]' in files["obskit.conf"]
    assert 'password => "${ELASTICSEARCH_PASSWORD}"' in files["obskit-dead-letters.conf"]
    containers = yaml.safe_load(assets.path("compose/compose.yml").read_text())["services"]
    reached = [source["url"] for source in bodies.values()]
    assert {urlsplit(url).hostname for url in reached} <= set(containers)


def test_up_without_names_starts_everything(docker: Path, tmp_path: Path) -> None:
    local.up(tmp_path / "local")
    assert docker.read_text().splitlines()[-1].endswith("up --detach --wait --quiet-pull")


def test_up_again_keeps_ports_and_passwords(docker: Path, tmp_path: Path) -> None:
    first = local.up(tmp_path / "local")
    password = Path(first.environment()["OBSKIT_GRAFANA_PASSWORD_FILE"]).read_text()
    second = local.up(tmp_path / "local")
    assert second.environment() == first.environment()
    assert Path(second.environment()["OBSKIT_GRAFANA_PASSWORD_FILE"]).read_text() == password


def test_down_removes_containers_volumes_and_files(docker: Path, tmp_path: Path) -> None:
    folder = tmp_path / "local"
    local.up(folder)
    assert local.down(folder) is True
    assert docker.read_text().splitlines()[-1].endswith("down --remove-orphans --volumes")
    assert not folder.exists()
    assert local.down(folder) is False


def test_down_that_keeps_leaves_volumes_and_files(docker: Path, tmp_path: Path) -> None:
    folder = tmp_path / "local"
    local.up(folder)
    local.down(folder, keep=True)
    assert docker.read_text().splitlines()[-1].endswith("down --remove-orphans")
    assert (folder / "secrets" / "elastic_password").is_file()


def test_no_secret_is_in_the_state(docker: Path, tmp_path: Path) -> None:
    local.up(tmp_path / "local")
    state = (tmp_path / "local" / "state.json").read_text()
    assert json.loads(state)["project"]
    for secret in (tmp_path / "local" / "secrets").iterdir():
        assert secret.read_text() not in state


def test_what_docker_says_is_in_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _docker(tmp_path, monkeypatch, 0)
    folder = tmp_path / "local"
    program = tmp_path / "bin" / "docker"
    program.write_text(program.read_text().replace("*fail*", '*" up "*'))
    with pytest.raises(LocalError, match=r"docker compose: up ended with 17:\n  \| no such image"):
        local.up(folder)
    # what was begun can be taken down
    assert local.down(folder) is True
    assert not folder.exists()


def test_native_and_compose_do_not_mix(docker: Path, tmp_path: Path) -> None:
    local.up(tmp_path / "local")
    with pytest.raises(LocalError, match="runs by Docker Compose as obskit-"):
        local.up(tmp_path / "local", services=["alertmanager"], engine="native")
