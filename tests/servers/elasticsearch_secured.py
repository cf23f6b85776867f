"""Elasticsearch with security on: a superuser, and anonymous callers who may only see its health."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from obskit.local import binaries
from obskit.local.elasticsearch import Elasticsearch
from obskit.local.server import Launch

#: Of servers that live as long as a test.
USER, PASSWORD = "elastic", "of-a-test-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuredElasticsearch:
    """One node that asks who is there."""

    version: str
    name: str = "elasticsearch-secured"

    def prepare(self, folder: Path) -> Launch:
        """Write the configuration, the password's keystore and the role of the anonymous."""
        inner = Elasticsearch(
            version=self.version,
            settings={
                "xpack.security.enabled": True,
                # The start waits for a healthy answer, and signs in nowhere.
                "xpack.security.authc.anonymous": {"roles": "watcher", "username": "nobody"},
            },
        )
        launch = inner.prepare(folder)
        home = binaries.find(
            "elasticsearch", "elasticsearch", cached="bin/elasticsearch", version=self.version
        ).parent.parent
        config = folder / "config"
        (config / "roles.yml").write_text("watcher:\n  cluster: [monitor]\n")
        if not (config / "elasticsearch.keystore").exists():
            tool = home / "bin" / "elasticsearch-keystore"
            env = {**os.environ, **launch.env}
            subprocess.run([tool, "create"], env=env, check=True, capture_output=True)
            subprocess.run(
                [tool, "add", "-x", "bootstrap.password"],
                env=env, input=PASSWORD.encode(), check=True, capture_output=True,
            )  # fmt: skip
        return inner.prepare(folder)
