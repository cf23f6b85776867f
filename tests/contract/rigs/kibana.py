"""The rig of the Kibana target: a stand-in from the public documentation, and a real one where there is one."""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.config.secret import Secret
from tests.contract.rigs.base import AnyTarget, Rig, Start, make_target
from tests.servers.bad_server import cutting, relay, serving
from tests.servers.kibana_standin import PASSWORD, USER, kibana

_XSRF = {"kbn-xsrf": "test"}


class KibanaRig(Rig):
    """Signs in with a password, or as the address says."""

    def __init__(self, url: str, login: tuple[str, str], folder: Path) -> None:
        self.url, self.login, self.folder = url, login, folder
        self.http = httpx.Client(base_url=url, auth=login, headers=_XSRF, timeout=30)

    def target(self, *, changed: bool = False) -> AnyTarget:
        return self._target(namespace="other") if changed else self._target()

    def _target(self, *, url: str = "", password: str = "", **more: Any) -> AnyTarget:
        auth = {"username": self.login[0], "password": Secret(password or self.login[1])}
        section = {"url": url or self.url, "auth": auth}
        return make_target("kibana", section, folder=self.folder, **more)

    def foreign(self) -> object:
        view, search = "/api/data_views/data_view/theirs", "/api/saved_objects/search/theirs"
        if self.http.get(view).status_code == 404:
            given = {"id": "theirs", "title": "theirs-*", "name": "theirs"}
            self.http.post(
                "/api/data_views/data_view", json={"data_view": given}
            ).raise_for_status()
            self.http.post(search, json={"attributes": {"title": "theirs"}}).raise_for_status()
        return self.http.get(view).json(), self.http.get(search).json()

    @contextlib.contextmanager
    def occupy(self) -> Iterator[None]:
        given = {"id": "obskit-contract-logs", "title": "mine-*", "name": "mine"}
        self.http.post("/api/data_views/data_view", json={"data_view": given}).raise_for_status()
        yield
        self.http.delete("/api/data_views/data_view/obskit-contract-logs").raise_for_status()

    def drift(self) -> None:
        change = {"data_view": {"title": "logs-*"}}
        self.http.post(
            "/api/data_views/data_view/obskit-contract-logs", json=change
        ).raise_for_status()

    @contextlib.contextmanager
    def denied(self) -> Iterator[AnyTarget]:
        yield self._target(password="wrong")

    @contextlib.contextmanager
    def cut_short(self) -> Iterator[AnyTarget]:
        with serving(relay(self.url, cutting("/api/saved_objects/tag"))) as server:
            yield self._target(url=server.url)


def _stand_in(_: Start, folder: Path) -> Rig:
    entered = contextlib.ExitStack()
    atexit.register(entered.close)
    server = entered.enter_context(kibana())
    return KibanaRig(server.url, (USER, PASSWORD), folder)


def _real(_: Start, folder: Path) -> Rig:
    address = httpx.URL(os.environ.get("OBSKIT_TEST_KIBANA_URL", ""))
    if not address.host:
        pytest.skip("no real Kibana here: set OBSKIT_TEST_KIBANA_URL, with user and password in it")
    bare = str(address.copy_with(username=None, password=None)).rstrip("/")
    return KibanaRig(bare, (address.username, address.password), folder)


RIGS: dict[str, Callable[[Start, Path], Rig]] = {
    "stand-in": partial(_stand_in),
    "real": partial(_real),
}
