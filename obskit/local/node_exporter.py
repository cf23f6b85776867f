"""The Node Exporter on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from obskit.local import binaries
from obskit.local.server import Launch, free_port

__all__ = ["NodeExporter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeExporter:
    """Metrics of this machine, with the exporter's own choice of collectors.

    Args:
        arguments: More arguments for its command line.
        name: The server's name, which is also its folder's.
    """

    arguments: tuple[str, ...] = ()
    name: str = "node_exporter"

    def prepare(self, folder: Path) -> Launch:
        """Choose a port; there is nothing to configure.

        Raises:
            LocalError: There is no Node Exporter here.
        """
        program = binaries.find(
            "node_exporter",
            "node_exporter",
            "prometheus-node-exporter",
            cached="node_exporter",
        )
        address = f"127.0.0.1:{free_port()}"
        return Launch(
            argv=(str(program), f"--web.listen-address={address}", *self.arguments),
            url=f"http://{address}",
            ready="/metrics",
            addresses={"address": address},
        )
