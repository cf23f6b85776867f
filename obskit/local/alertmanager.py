"""Alertmanager on this machine, with a configuration that obskit may edit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from obskit.local import binaries
from obskit.local.server import Launch, free_port

__all__ = ["Alertmanager"]

_BASE = """\
# Written by obskit up. What a team would have here already: one receiver that notifies nobody.
route:
  receiver: nobody
  group_by: [alertname, service]
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 4h
receivers:
  - name: nobody
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alertmanager:
    """One Alertmanager; alone, or gossiping with others on the loopback.

    Args:
        config: Text of ``alertmanager.yml`` at the first start; a file that is there stays.
        cluster: Its own address for gossip, as ``127.0.0.1:port``; empty for none.
        peers: Addresses for gossip of the others.
        version: The version wanted, which only the cache has; empty for the one on the PATH.
        name: The server's name, which is also its folder's.
    """

    config: str = _BASE
    cluster: str = ""
    peers: tuple[str, ...] = ()
    version: str = ""
    name: str = "alertmanager"

    def prepare(self, folder: Path) -> Launch:
        """Write the base configuration where there is none, and choose a port.

        Raises:
            LocalError: There is no Alertmanager here.
        """
        program = binaries.find(
            "alertmanager",
            "alertmanager",
            "prometheus-alertmanager",
            cached="alertmanager",
            version=self.version,
        )
        file = folder / "alertmanager.yml"
        if not file.exists():
            file.write_text(self.config, encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        return Launch(
            argv=(
                str(program),
                f"--config.file={file}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={address}",
                # empty: no gossip, which would open a port on every interface
                f"--cluster.listen-address={self.cluster}",
                *(f"--cluster.peer={peer}" for peer in self.peers),
            ),
            url=f"http://{address}",
            ready="/-/ready",
            addresses={"address": address, "file": str(file)},
        )
