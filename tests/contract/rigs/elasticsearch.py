"""The rig of the Elasticsearch target: a real server with security on."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from obskit.config.secret import Secret
from obskit.schema import BUILTIN
from obskit.schema.model import Field, FieldType
from obskit.targets.elasticsearch.normalise import STAMPS
from tests.contract.rigs.base import AnyTarget, Rig, Start, make_target
from tests.servers.bad_server import cutting, relay, serving
from tests.servers.elasticsearch_secured import (
    PASSWORD,
    PROVISIONER,
    USER,
    Certificate,
    SecuredElasticsearch,
    api_key,
    complete_elasticsearch,
)
from tests.servers.jvm import ELASTICSEARCH_NEWEST

_FOREIGN = "their-templates"


class ElasticsearchRig(Rig):
    """Signs in as it is told to; interferes with the server as its superuser.

    Args:
        url: Address of the server.
        login: Name and password of the superuser.
        folder: Its own folder.
        auth: How the target signs in and whom it trusts.
        trust: What vouches for the server.
    """

    def __init__(
        self,
        url: str,
        login: tuple[str, str],
        folder: Path,
        *,
        auth: Mapping[str, Any],
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.url, self.folder, self.auth, self.trust = url, folder, auth, trust
        self.http = httpx.Client(base_url=url, auth=login, timeout=30, verify=trust or True)
        (folder / "own.json").write_text(
            json.dumps({"template": {"settings": {"number_of_replicas": 0}}})
        )

    def target(self, *, changed: bool = False) -> AnyTarget:
        if not changed:
            return self._target()
        schema = BUILTIN.extended([Field(name="code", type=FieldType.LONG, description="A code.")])
        return self._target(schema=schema, component_templates={"one-more": "own.json"})

    def _target(
        self,
        *,
        url: str = "",
        auth: Mapping[str, Any] | None = None,
        schema: Any = BUILTIN,
        **more: Any,
    ) -> AnyTarget:
        section = {"url": url or self.url, "auth": {**self.auth, **(auth or {})}, **more}
        return make_target("elasticsearch", section, folder=self.folder, schema=schema)

    def foreign(self) -> object:
        path = f"/_component_template/{_FOREIGN}"
        if self.http.get(path).status_code == 404:
            # A mark of another project is no mark of ours.
            meta = {"obskit": {"project": "other", "release": "1", "digest": "0"}}
            body = {
                "template": {"mappings": {"properties": {"a": {"type": "long"}}}},
                "_meta": meta,
            }
            self.http.put(path, json=body).raise_for_status()
        return self.http.get(path).json()

    @contextmanager
    def occupy(self) -> Iterator[None]:
        path = "/_component_template/obskit-logs-default"
        self.http.put(path, json={"template": {}}).raise_for_status()
        yield
        self.http.delete(path).raise_for_status()

    def drift(self) -> None:
        path = "/_index_template/obskit-logs-default"
        body = self.http.get(path).json()["index_templates"][0]["index_template"]
        sent = {key: value for key, value in body.items() if key not in STAMPS}
        self.http.put(path, json={**sent, "priority": 9}).raise_for_status()

    @contextmanager
    def denied(self) -> Iterator[AnyTarget]:
        secret = "token" if "token" in self.auth else "password"
        yield self._target(auth={secret: Secret("d3Jvbmc6d3Jvbmc=")})

    @contextmanager
    def cut_short(self) -> Iterator[AnyTarget]:
        behave = relay(self.url, cutting("_component_template"), trust=self.trust)
        with serving(behave) as server:
            yield self._target(url=server.url)


def _by_key(version: str, start: Start, folder: Path) -> Rig:
    """By an API key that may do what doctor asks for, over TLS with a certificate of an authority's."""
    certificate = Certificate.issued()
    server = start(SecuredElasticsearch(version=version, certificate=certificate))
    (folder / "ca.pem").write_text(certificate.authority)
    login = (USER, PASSWORD)
    with httpx.Client(
        base_url=server.url, auth=login, verify=certificate.trust, timeout=30
    ) as http:
        token = Secret(api_key(http, "contract", PROVISIONER))
    auth = {"token": token, "ca_file": "ca.pem"}
    return ElasticsearchRig(server.url, login, folder, auth=auth, trust=certificate.trust)


def _by_password(version: str, start: Start, folder: Path) -> Rig:
    """By a user's password, over TLS with a self-signed certificate that is known by its fingerprint."""
    certificate = Certificate.self_signed()
    server = start(
        SecuredElasticsearch(
            version=version, certificate=certificate, roles={"provisioner": PROVISIONER}
        )
    )
    auth = {
        "username": "provisioner", "password": Secret(PASSWORD),
        "ca_fingerprint": certificate.fingerprints[0],
    }  # fmt: skip
    trust = certificate.trust
    return ElasticsearchRig(server.url, (USER, PASSWORD), folder, auth=auth, trust=trust)


def _complete(_: Start, folder: Path) -> Rig:
    url, (name, password) = complete_elasticsearch()
    auth = {"username": name, "password": Secret(password)}
    return ElasticsearchRig(url, (name, password), folder, auth=auth)


RIGS: dict[str, Callable[[Start, Path], Rig]] = {
    "8.7.1": partial(_by_key, "8.7.1"),
    "8.19.21": partial(_by_key, "8.19.21"),
    **{version: partial(_by_password, version) for version in ELASTICSEARCH_NEWEST},
    "complete": _complete,
}
