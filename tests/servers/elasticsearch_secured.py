"""Elasticsearch with security on: a superuser, users of given roles, API keys, and TLS where it is asked for."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from obskit.local import binaries
from obskit.local.elasticsearch import Elasticsearch
from obskit.local.server import Launch

#: Of servers that live as long as a test.
USER, PASSWORD = "elastic", "of-a-test-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a server shows, and what vouches for it.

    Args:
        key: Private key, PEM.
        chain: The server's certificate and, behind it, those between it and its authority, PEM.
        authority: Certificate of the authority, PEM; of a self-signed one it is the certificate itself.
    """

    key: str
    chain: str
    authority: str

    @classmethod
    def issued(cls) -> Certificate:
        """One of 127.0.0.1 that an authority issued, which comes behind it, as Elasticsearch's own tool lays them."""
        authority = trustme.CA()
        leaf = authority.issue_cert("127.0.0.1")
        pem = authority.cert_pem.bytes().decode()
        chain = "".join(part.bytes().decode() for part in leaf.cert_chain_pems)
        return cls(key=leaf.private_key_pem.bytes().decode(), chain=chain + pem, authority=pem)

    @classmethod
    def self_signed(cls) -> Certificate:
        """One of 127.0.0.1 that nobody but itself vouches for."""
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "-",
             "-subj", "/CN=self-signed", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        start = made.index("-----BEGIN CERTIFICATE-----")
        key, certificate = made[:start], made[start:]
        return cls(key=key, chain=certificate, authority=certificate)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """SHA-256 of each of the chain, the server's first, as Elasticsearch prints it."""
        ends = self.chain.split("-----END CERTIFICATE-----")[:-1]
        prints = (
            hashlib.sha256(ssl.PEM_cert_to_DER_cert(f"{part.strip()}\n-----END CERTIFICATE-----\n"))
            for part in ends
        )
        return tuple(item.hexdigest() for item in prints)

    @property
    def trust(self) -> ssl.SSLContext:
        """A client's trust in the authority and in nothing else."""
        return ssl.create_default_context(cadata=self.authority)


#: What doctor asks for, as a role or as what an API key may do: no more, no less.
PROVISIONER: Mapping[str, Any] = {
    "cluster": ["manage_index_templates", "monitor"],
    "indices": [
        {
            "names": ["logs-obskit.*"],
            "privileges": [
                "auto_configure", "create_doc", "manage", "monitor", "read", "view_index_metadata",
            ],
        }
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuredElasticsearch:
    """One node that asks who is there.

    It is the minimal distribution with the three pieces of analysis that its index of API keys needs
    (``tests/servers/apikeys``); all else of security is the server's own.

    Args:
        version: The version.
        roles: More users, each with a role of its own name: name → the role as ``roles.yml`` has it.
        certificate: With which it speaks TLS; it speaks HTTP without one.
    """

    version: str
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    certificate: Certificate | None = None
    name: str = "elasticsearch-secured"

    def prepare(self, folder: Path) -> Launch:
        """Write the configuration, the certificate, the roles and the users."""
        shown = self.certificate
        tls = {} if shown is None else {
            "xpack.security.http.ssl.enabled": True,
            "xpack.security.http.ssl.key": "http.key",
            "xpack.security.http.ssl.certificate": "http.crt",
        }  # fmt: skip
        inner = Elasticsearch(version=f"{self.version}-keys", password=PASSWORD, settings=tls)
        launch = inner.prepare(folder)
        config = folder / "config"
        if shown is not None:
            (config / "http.key").write_text(shown.key)
            (config / "http.crt").write_text(shown.chain)
            launch = dataclasses.replace(
                launch, url=launch.url.replace("http:", "https:"), trust=shown.trust
            )
        # One role a block, its value as JSON: the server reads block by block and follows no anchors.
        text = "".join(f"{name}: {json.dumps(role)}\n" for name, role in self.roles.items())
        (config / "roles.yml").write_text(text)
        home = binaries.find(
            "elasticsearch", cached="bin/elasticsearch", version=f"{self.version}-keys"
        ).parent.parent
        users = config / "users"
        known = users.read_text() if users.exists() else ""
        for name in self.roles:
            if f"{name}:" not in known:
                subprocess.run(
                    [home / "bin" / "elasticsearch-users", "useradd", name, "-p", PASSWORD, "-r", name],
                    env={**os.environ, **launch.env}, check=True, capture_output=True,
                )  # fmt: skip
        for path in config.iterdir():  # written as root, read by the user that the server runs as
            path.chmod(0o644 if path.is_file() else 0o755)
        return launch


def api_key(http: httpx.Client, name: str, may: Mapping[str, Any]) -> str:
    """A new API key, as it stands in the ``Authorization`` header.

    Args:
        http: The server, as its superuser.
        name: Name of the key.
        may: What it is allowed, as a role has it.
    """
    answer = http.post("/_security/api_key", json={"name": name, "role_descriptors": {name: may}})
    answer.raise_for_status()
    return str(answer.json()["encoded"])


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
