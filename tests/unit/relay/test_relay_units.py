"""The units that run the relay call it with options that it has, and give it time and a place for its queue."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from obskit.cli.relay import command
from obskit.relay.lane import Patience

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "examples" / "systemd" / "obskit-relay.service"


def _unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT)
    return parser["Service"]


def _compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose" / "compose.yml").read_text())["services"]["relay"]


def _pod() -> dict[str, Any]:
    documents = yaml.safe_load_all((ROOT / "examples" / "kubernetes" / "relay.yaml").read_text())
    return next(item for item in documents if item["kind"] == "StatefulSet")


def _commands() -> dict[str, list[str]]:
    container = _pod()["spec"]["template"]["spec"]["containers"][0]
    return {
        "systemd": shlex.split(_unit()["ExecStart"]),
        "compose": _compose()["command"],
        "kubernetes": container["args"],
    }


@pytest.mark.parametrize("unit", ["systemd", "compose", "kubernetes"])
def test_every_option_is_one_that_the_command_has(unit: str) -> None:
    _, name, *args = _commands()[unit]
    assert name == "relay"
    context = command.make_context("relay", list(args), resilient_parsing=False)
    assert context.params["files"] == (Path("/etc/obskit/obskit.yml"),)
    assert context.params["queue"] == Path("/var/lib/obskit/relay.sqlite")
    assert context.params["listen"].endswith(":9465")


def test_each_waits_for_the_request_that_is_under_way() -> None:
    longest = Patience().request
    pod = _pod()["spec"]
    assert float(_unit()["TimeoutStopSec"]) > longest
    assert float(re.sub(r"s$", "", _compose()["stop_grace_period"])) > longest
    assert pod["template"]["spec"]["terminationGracePeriodSeconds"] > longest
    assert pod["replicas"] == 1, "a queue has one relay"


def test_the_queue_outlives_the_container() -> None:
    assert "relay:/var/lib/obskit" in _compose()["volumes"]
    assert _unit()["StateDirectory"] == "obskit"
    (mount,) = [
        item
        for item in _pod()["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        if item["mountPath"] == "/var/lib/obskit"
    ]
    claims = [item["metadata"]["name"] for item in _pod()["spec"]["volumeClaimTemplates"]]
    assert mount["name"] in claims


def test_systemd_accepts_its_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/obskit", "/bin/true"))
    ran = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert UNIT.name not in ran.stderr, ran.stderr
