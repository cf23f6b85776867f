"""Elasticsearch with security on: a superuser, and anonymous callers who may only see its health."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.local import binaries
from obskit.local.elasticsearch import Elasticsearch
from obskit.local.server import Launch

#: Of servers that live as long as a test.
USER, PASSWORD = "elastic", "of-a-test-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuredElasticsearch:
    """One node that asks who is there.

    Users beside the superuser come from files: this distribution lacks the analysis module that the index of
    users and API keys needs (``pattern_capture``), so it has neither.

    Args:
        version: The version.
        roles: More users, each with a role of its own name: name → the role as ``roles.yml`` has it.
    """

    version: str
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
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
        roles = {"watcher": {"cluster": ["monitor"]}, **self.roles}
        # One role a block, its value as JSON: the server reads block by block and follows no anchors.
        text = "".join(f"{name}: {json.dumps(role)}\n" for name, role in roles.items())
        (config / "roles.yml").write_text(text)
        if not (config / "elasticsearch.keystore").exists():
            tool = home / "bin" / "elasticsearch-keystore"
            env = {**os.environ, **launch.env}
            subprocess.run([tool, "create"], env=env, check=True, capture_output=True)
            subprocess.run(
                [tool, "add", "-x", "bootstrap.password"],
                env=env, input=PASSWORD.encode(), check=True, capture_output=True,
            )  # fmt: skip
            for name in self.roles:
                subprocess.run(
                    [home / "bin" / "elasticsearch-users", "useradd", name, "-p", PASSWORD, "-r", name],
                    env=env, check=True, capture_output=True,
                )  # fmt: skip
        return inner.prepare(folder)


def complete_elasticsearch() -> tuple[str, tuple[str, str]]:
    """Address and login of the complete distribution that a machine names; skips where it names none.

    ``OBSKIT_TEST_ELASTICSEARCH_URL`` is ``https://user:password@host:9200`` of a server that tests may write to.
    """
    address = httpx.URL(os.environ.get("OBSKIT_TEST_ELASTICSEARCH_URL", ""))
    if not address.host:
        pytest.skip(
            "no complete Elasticsearch here: set OBSKIT_TEST_ELASTICSEARCH_URL, with user and password"
        )
    bare = str(address.copy_with(username=None, password=None)).rstrip("/")
    return bare, (address.username, address.password)
