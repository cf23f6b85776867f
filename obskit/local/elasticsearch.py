"""Elasticsearch on this machine, by a small heap and without what a machine of its own would need."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from obskit.errors import LocalError
from obskit.local import binaries, process
from obskit.local.server import Launch, free_port

__all__ = ["Elasticsearch"]

# Where packages of distributions have the configuration.
_INSTALLED = Path("/etc/elasticsearch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Elasticsearch:
    """One node on the loopback only, with security off unless there is a password.

    Args:
        version: The version wanted; empty for the one on the PATH, else the oldest in the cache, which
            Filebeat 7.17 can talk to (the newer minimal distribution answers 405 to ``GET /``).
        heap: Size of the server's heap, as Java writes it.
        password: Password of the superuser ``elastic``, with which security is on.
        settings: Settings of ``elasticsearch.yml`` beside or instead of ours.
        name: The server's name, which is also its folder's.
    """

    version: str = ""
    heap: str = "512m"
    password: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    name: str = "elasticsearch"

    def prepare(self, folder: Path) -> Launch:
        """Write the configuration and choose ports.

        Raises:
            LocalError: There is no Elasticsearch or no Java here.
        """
        program = self._program()
        home = program.resolve().parent.parent
        config = folder / "config"
        if not config.exists():
            # Its own copy: the server writes a keystore there, and a shared one would belong to two.
            shutil.copytree(_config(home), config)
        for name in ("data", "logs", "tmp"):
            (folder / name).mkdir(exist_ok=True)
        http, transport = free_port(), free_port()
        settings: dict[str, object] = {
            "cluster.name": "obskit-local",
            "node.name": "local",
            "path.data": str(folder / "data"),
            "path.logs": str(folder / "logs"),
            "network.host": "127.0.0.1",
            "http.port": http,
            "transport.port": transport,
            "discovery.type": "single-node",
            # Before the first start: later the server has written certificates and refuses a "false".
            "xpack.security.enabled": bool(self.password),
            "xpack.security.transport.ssl.enabled": False,
            "xpack.security.http.ssl.enabled": False,
            # A developer's disk is often fuller than 85 %, which would leave every index unassigned.
            "cluster.routing.allocation.disk.threshold_enabled": False,
            **self.settings,
        }
        (config / "elasticsearch.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        # The server's own options log garbage collection into its home, which is shared and read-only.
        (config / "jvm.options").write_text(
            f"-Xms{self.heap}\n-Xmx{self.heap}\n-XX:+UseSerialGC\n-XX:+ExitOnOutOfMemoryError\n"
            f"-Djava.io.tmpdir={folder / 'tmp'}\n",
            encoding="utf-8",
        )
        env = {
            "ES_JAVA_HOME": str(binaries.java_home(_java_needed(home))),
            "ES_PATH_CONF": str(config),
            "ES_TMPDIR": str(folder / "tmp"),
            "ES_JAVA_OPTS": "",
            # the launcher is a Java of its own, which needs next to nothing
            "CLI_JAVA_OPTS": "-Xmx48m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        }
        if self.password:
            self._keep_password(home, folder, env)
        return Launch(
            argv=tuple(process.unprivileged([program], reads=home, writes=folder)),
            url=f"http://127.0.0.1:{http}",
            ready="/_cluster/health?wait_for_status=yellow&timeout=1s",
            env=env,
            auth=("elastic", self.password) if self.password else None,
        )

    def _keep_password(self, home: Path, folder: Path, env: Mapping[str, str]) -> None:
        # The keystore is how a password is there before the first start, without being in a file of ours.
        tool = home / "bin" / "elasticsearch-keystore"
        command: list[str | Path] = [tool, "add", "--stdin", "--force", "bootstrap.password"]
        result = subprocess.run(
            process.unprivileged(command, reads=home, writes=folder),
            input=self.password,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise LocalError(
                f"refused the password: {(result.stderr or result.stdout).strip()}",
                where="elasticsearch-keystore",
            )

    def _program(self) -> Path:
        inside = "bin/elasticsearch"
        if not self.version:
            on_path = binaries.look_for(self.name, "elasticsearch")
            if on_path is not None:
                return on_path
        wanted = self.version or "8.7.1"
        return binaries.find("elasticsearch", "elasticsearch", cached=inside, version=wanted)


def _java_needed(home: Path) -> int:
    """The oldest Java that this version runs on; the name of its own archive tells the version."""
    versions = (
        re.search(r"elasticsearch-(\d+)\.", path.name)
        for path in home.glob("lib/elasticsearch-*.jar")
    )
    major = max((int(match[1]) for match in versions if match), default=8)
    return 21 if major >= 9 else 17


def _config(home: Path) -> Path:
    """The folder with the configuration that the server was installed with."""
    for folder in (home / "config", _INSTALLED):
        if (folder / "log4j2.properties").is_file():
            return folder
    raise LocalError(
        f"{home} is no complete Elasticsearch: it has no config/log4j2.properties",
        where="elasticsearch",
        hint="set OBSKIT_ELASTICSEARCH to bin/elasticsearch of a complete one",
    )
