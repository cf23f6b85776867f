"""Grafana on this machine, where one is installed; no package registry has it."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from obskit.errors import LocalError
from obskit.local import binaries
from obskit.local.server import Launch, free_port

__all__ = ["Grafana"]

_HOMES = ("/usr/share/grafana", "/usr/local/share/grafana", "/opt/grafana")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grafana:
    """One Grafana with its own database and a password made for it.

    Args:
        interval: Seconds between scrapes of the Prometheus that it will query.
        name: The server's name, which is also its folder's.
    """

    interval: int = 2
    name: str = "grafana"

    def prepare(self, folder: Path) -> Launch:
        """Make the folders and the password, and choose a port.

        Raises:
            LocalError: There is no Grafana here, or its home is not to be found.
        """
        program = binaries.find("grafana", "grafana", cached="bin/grafana")
        for name in ("data", "plugins", "provisioning"):
            (folder / name).mkdir(exist_ok=True)
        secret = folder / "admin-password"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(18), encoding="utf-8")
        port = free_port()
        return Launch(
            argv=(str(program), "server", "--homepath", str(_home(program))),
            url=f"http://127.0.0.1:{port}",
            ready="/api/health",
            env={
                "GF_SERVER_HTTP_ADDR": "127.0.0.1",
                "GF_SERVER_HTTP_PORT": str(port),
                "GF_PATHS_DATA": str(folder / "data"),
                "GF_PATHS_LOGS": str(folder / "logs"),
                "GF_PATHS_PLUGINS": str(folder / "plugins"),
                "GF_PATHS_PROVISIONING": str(folder / "provisioning"),
                "GF_SECURITY_ADMIN_PASSWORD__FILE": str(secret),
                "GF_ANALYTICS_REPORTING_ENABLED": "false",
                "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
                "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
                "GF_PLUGINS_PREINSTALL_DISABLED": "true",
            },
            addresses={
                "provisioning": str(folder / "provisioning"),
                "password_file": str(secret),
            },
        )


def _home(program: Path) -> Path:
    """The folder with Grafana's ``conf/defaults.ini`` and ``public/``."""
    inside = program.resolve().parent.parent  # where it was unpacked from its archive
    for home in (os.environ.get("GF_PATHS_HOME", ""), inside, *_HOMES):
        if home and Path(home, "conf", "defaults.ini").is_file():
            return Path(home)
    raise LocalError(
        f"{program} is here, but not the folder with its conf/defaults.ini",
        where="grafana",
        hint="set GF_PATHS_HOME to it",
    )
