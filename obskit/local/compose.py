"""The local stack by Docker Compose, on a machine where a Docker engine answers."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from obskit import assets
from obskit.errors import LocalError
from obskit.local import state
from obskit.local.server import free_port

__all__ = ["available", "down", "up"]

# Ports inside of the containers; outside they are free ones of the loopback.
_PORTS = {
    "elasticsearch": 9200,
    "kibana": 5601,
    "logstash": 9600,
    "prometheus": 9090,
    "alertmanager": 9093,
    "grafana": 3000,
    "node_exporter": 9100,
}
_SECRETS = ("elastic_password", "kibana_password", "grafana_password", "kibana_encryption_key")


def available() -> bool:
    """Whether a Docker engine answers and has Compose."""
    if shutil.which("docker") is None:
        return False
    for question in (["info", "--format", "{{.ServerVersion}}"], ["compose", "version"]):
        try:
            answer = subprocess.run(
                ["docker", *question], capture_output=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        if answer.returncode != 0 or not answer.stdout.strip():
            return False
    return True


def up(folder: Path, *, services: Iterable[str], progress: Callable[[str], None]) -> state.State:
    """Start the containers of the shipped ``compose/compose.yml`` and wait until they are healthy.

    Args:
        folder: The stack's own folder; what servers read from it is mounted into their containers.
        services: Names of servers.
        progress: Told in one line what happens.

    Raises:
        LocalError: Docker Compose failed; its last words are in the message.
    """
    before = state.read(folder)
    if before is not None and not before.project:
        raise LocalError("native processes run here", where=str(folder), hint="obskit down first")
    if before is not None:
        started = before
    else:
        project = "obskit-" + hashlib.sha256(str(folder).encode()).hexdigest()[:10]
        _prepare(folder)
        started = state.State(
            token=secrets.token_hex(16), project=project, addresses=_addresses(folder)
        )
        state.write(folder, started)
    progress(f"docker compose: starting {started.project}")
    wanted = [name.replace("_", "-") for name in services]
    _compose(folder, started, "up", "--detach", "--wait", "--quiet-pull", *wanted)
    progress("docker compose: every container is healthy")
    return started


def down(
    folder: Path, started: state.State, *, keep: bool, progress: Callable[[str], None]
) -> None:
    """Stop and remove the containers, and their volumes unless they are to be kept.

    Args:
        folder: The stack's own folder.
        started: Its state.
        keep: Leave volumes and files.
        progress: Told in one line what happens.

    Raises:
        LocalError: Docker Compose failed; its last words are in the message.
    """
    _compose(folder, started, "down", "--remove-orphans", *([] if keep else ["--volumes"]))
    if not keep:
        for name in ("secrets", *_PORTS, "filebeat"):
            shutil.rmtree(folder / name, ignore_errors=True)
    progress(f"docker compose: {started.project} is gone")


def _prepare(folder: Path) -> None:
    """Passwords made here and now, and the folders that are mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "secrets"
    kept.mkdir(mode=0o700, exist_ok=True)
    for name in _SECRETS:
        file = kept / name
        if not file.exists():
            file.write_text(secrets.token_hex(24), encoding="utf-8")
            # the containers read it as users of their own; the folder above keeps others out
            file.chmod(0o644)
    for path in ("prometheus/rules", "prometheus/scrape", "filebeat/inputs", "logs",
                 "logstash/pipeline", "grafana/provisioning", "alertmanager"):  # fmt: skip
        (folder / path).mkdir(parents=True, exist_ok=True)
    config = folder / "alertmanager" / "alertmanager.yml"
    if not config.exists():
        shutil.copyfile(assets.path("compose/alertmanager.yml"), config)


def _addresses(folder: Path) -> dict[str, dict[str, str]]:
    addresses = {name: {"url": f"http://127.0.0.1:{free_port()}"} for name in _PORTS}
    kept = folder / "secrets"
    addresses["elasticsearch"] |= {
        "user": "elastic",
        "password_file": str(kept / "elastic_password"),
    }
    addresses["grafana"] |= {
        "user": "admin",
        "password_file": str(kept / "grafana_password"),
        "provisioning": str(folder / "grafana" / "provisioning"),
    }
    addresses["prometheus"]["files"] = str(folder / "prometheus")
    addresses["alertmanager"]["file"] = str(folder / "alertmanager" / "alertmanager.yml")
    addresses["filebeat"] = {"inputs": str(folder / "filebeat" / "inputs")}
    addresses["logstash"] |= {
        "pipeline": str(folder / "logstash" / "pipeline"),
        "tcp": f"127.0.0.1:{free_port()}",  # for services that send their lines by themselves
    }
    return addresses


def _compose(folder: Path, started: state.State, *arguments: str) -> None:
    addresses = started.addresses or {}
    ports = {
        f"OBSKIT_{name.upper()}_PORT": addresses[name]["url"].rpartition(":")[2] for name in _PORTS
    }
    ports["OBSKIT_LOGSTASH_TCP_PORT"] = addresses["logstash"]["tcp"].rpartition(":")[2]
    command = [
        "docker", "compose", "--project-name", started.project,
        "--file", str(assets.path("compose/compose.yml")), "--profile", "all", *arguments,
    ]  # fmt: skip
    answer = subprocess.run(
        command,
        env={**os.environ, **ports, "OBSKIT_LOCAL_DIR": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        tail = "\n".join("  | " + line for line in answer.stderr.strip().splitlines()[-15:])
        raise LocalError(
            f"{' '.join(arguments[:1])} ended with {answer.returncode}:\n{tail}",
            where="docker compose",
            hint=f"see docker compose --project-name {started.project} logs",
        )
