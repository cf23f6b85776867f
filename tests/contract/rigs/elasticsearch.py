"""The rig of the Elasticsearch target: a real server with security on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from obskit.config.secret import Secret
from obskit.schema import BUILTIN
from obskit.schema.model import Field, FieldType
from tests.contract.rigs.base import AnyTarget, Rig, Start, make_target
from tests.servers.bad_server import cutting, relay, serving
from tests.servers.elasticsearch_secured import (
    PASSWORD,
    USER,
    SecuredElasticsearch,
    complete_elasticsearch,
)

_FOREIGN = "their-templates"


class ElasticsearchRig(Rig):
    """Signs in with a password."""

    def __init__(self, url: str, login: tuple[str, str], folder: Path) -> None:
        self.url, self.login, self.folder = url, login, folder
        self.http = httpx.Client(base_url=url, auth=login, timeout=30)
        (folder / "own.json").write_text(
            json.dumps({"template": {"settings": {"number_of_replicas": 0}}})
        )

    def target(self, *, changed: bool = False) -> AnyTarget:
        if not changed:
            return self._target()
        schema = BUILTIN.extended([Field(name="code", type=FieldType.LONG, description="A code.")])
        return self._target(schema=schema, component_templates={"one-more": "own.json"})

    def _target(
        self, *, url: str = "", password: str = "", schema: Any = BUILTIN, **more: Any
    ) -> AnyTarget:
        auth = {"username": self.login[0], "password": Secret(password or self.login[1])}
        section = {"url": url or self.url, "auth": auth, **more}
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
        self.http.put(path, json={**body, "priority": 9}).raise_for_status()

    @contextmanager
    def denied(self) -> Iterator[AnyTarget]:
        yield self._target(password="wrong")

    @contextmanager
    def cut_short(self) -> Iterator[AnyTarget]:
        with serving(relay(self.url, cutting("_component_template"))) as server:
            yield self._target(url=server.url)


def _minimal(version: str, start: Start, folder: Path) -> Rig:
    server = start(SecuredElasticsearch(version=version))
    return ElasticsearchRig(server.url, (USER, PASSWORD), folder)


def _complete(_: Start, folder: Path) -> Rig:
    url, login = complete_elasticsearch()
    return ElasticsearchRig(url, login, folder)


RIGS: dict[str, Callable[[Start, Path], Rig]] = {
    "8.7.1": partial(_minimal, "8.7.1"),
    "8.19.21": partial(_minimal, "8.19.21"),
    "complete": _complete,
}
