"""The built wheel, in an environment of its own: it carries the content and provisions with it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.local.alertmanager import Alertmanager
from obskit.local.node_exporter import NodeExporter
from obskit.local.prometheus import Prometheus
from obskit.local.server import Running
from obskit.targets.prometheus.client import PrometheusApi

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
CONTENT = ("dashboards", "logstash", "filebeat", "prometheus", "alertmanager", "compose")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)],
        check=True,
    )
    (found,) = folder.glob("obskit-*.whl")
    return found


def test_the_wheel_carries_the_content_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder in CONTENT:
        assert any(name.startswith(f"obskit/content/{folder}/") for name in names), folder
    assert "obskit/content/dashboards/node.json" in names
    assert "obskit/content/prometheus/rules/node.yml" in names
    assert "obskit/py.typed" in names
    cargo = subprocess.run("cargo --version", shell=True, capture_output=True).returncode == 0
    native = cargo and os.environ.get("OBSKIT_NATIVE") != "none"
    assert ("obskit/_native.abi3.so" in names) == native
    assert wheel.name.endswith("-py3-none-any.whl") != native
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]


def test_a_fresh_environment_provisions_from_the_wheel(
    wheel: Path, tmp_path: Path, module_servers: Callable[..., Running]
) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = str(venv / "bin" / "python")
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), str(wheel)],
        check=True,
    )
    alertmanager = module_servers(Alertmanager())
    exporter = module_servers(NodeExporter())
    prometheus = module_servers(
        Prometheus(
            alertmanager=alertmanager.addresses["address"],
            scrape=(("node", exporter.addresses["address"]),),
            interval=1,
        )
    )
    api, deadline = PrometheusApi(Http(prometheus.url)), Deadline.after(20)
    while "node_exporter_build_info" not in api.metric_names():
        assert deadline.sleep(0.2), "the first scrape did not come"
    provisioning = tmp_path / "grafana"
    for name in ("datasources", "dashboards"):
        (provisioning / name).mkdir(parents=True)
    (tmp_path / "obskit.yml").write_text(
        "project: wheel\n"
        f"prometheus: {{url: '{prometheus.url}', files: '{prometheus.addresses['files']}'}}\n"
        f"alertmanager: {{url: '{alertmanager.url}', file: '{alertmanager.addresses['file']}'}}\n"
        f"grafana: {{provisioning: '{provisioning}', dashboards: [node]}}\n"
    )

    def obskit(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        return subprocess.run(
            [python, "-m", "obskit", *arguments],
            cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    where = subprocess.run(
        [python, "-c", "from obskit import assets; print(assets.root())"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(venv)
    first = obskit("provision", "--yes", "--no-verify")
    assert first.returncode == 0, first.stdout + first.stderr
    assert (provisioning / "dashboards").rglob("*.json")
    assert list((Path(prometheus.addresses["files"]) / "rules").glob("obskit-wheel-*.yml"))
    second = obskit("plan")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "0 changes" in second.stdout
