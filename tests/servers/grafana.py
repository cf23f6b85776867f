"""The Grafana of the tests: a real one where there is one, else a stateful stand-in.

Real ones come from ``OBSKIT_TEST_GRAFANA_URL`` (with ``OBSKIT_TEST_GRAFANA_USER`` and
``OBSKIT_TEST_GRAFANA_PASSWORD``, ``admin`` by default) or from ``grafana`` on the PATH.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from obskit.local import binaries, server
from obskit.local.grafana import Grafana

STANDIN = "tests.servers.grafana_standin"


@dataclass(frozen=True, kw_only=True)
class GrafanaServer:
    """A Grafana to test against."""

    url: str
    user: str
    password: str
    real: bool


@pytest.fixture(scope="session")
def grafana(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrafanaServer]:
    """A Grafana: named by the environment, else started from the PATH, else the stand-in.

    The stand-in is ``tests.servers.grafana_standin`` with a context manager ``running()`` that yields
    an object with ``url``, ``user`` and ``password``.
    """
    if url := os.environ.get("OBSKIT_TEST_GRAFANA_URL"):
        yield GrafanaServer(
            url=url.rstrip("/"),
            user=os.environ.get("OBSKIT_TEST_GRAFANA_USER", "admin"),
            password=os.environ.get("OBSKIT_TEST_GRAFANA_PASSWORD", "admin"),
            real=True,
        )
    elif binaries.look_for("grafana", "grafana"):
        wanted = Grafana()
        folder: Path = tmp_path_factory.mktemp("grafana")
        with server.running(wanted, folder) as one:
            yield GrafanaServer(
                url=one.url,
                user="admin",
                password=Path(one.addresses["password_file"]).read_text(),
                real=True,
            )
    else:
        if importlib.util.find_spec(STANDIN) is None:
            pytest.skip("no real Grafana here: and no stand-in at tests/servers/grafana_standin")
        with importlib.import_module(STANDIN).running() as one:
            yield GrafanaServer(url=one.url, user=one.user, password=one.password, real=False)


@pytest.fixture(scope="session")
def real_grafana(grafana: GrafanaServer) -> GrafanaServer:
    """A real Grafana; the test is skipped where there is only the stand-in."""
    if not grafana.real:
        pytest.skip("no real Grafana here: set OBSKIT_TEST_GRAFANA_URL, or put grafana on the PATH")
    return grafana
