"""A pytest plugin: ``--obskit-logs`` fails a test that logged a line which breaks the schema.

The fixture ``obskit_logs`` gives the events that a test logged through the standard library or structlog.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from obskit.logging.recorder import Recorder
    from obskit.schema.model import Schema

__all__ = ["obskit_logs", "pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--obskit-logs``.

    Args:
        parser: pytest's parser.
    """
    group = parser.getgroup("obskit", "obskit: logs of one shape")
    group.addoption(
        "--obskit-logs",
        action="store_true",
        default=False,
        help="fail a test that logged a line which breaks the log schema",
    )
    parser.addini(
        "obskit_schema",
        "file of the project's own log fields, for tests that call no configure()",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Names the marker that exempts a test.

    Args:
        config: pytest's configuration.
    """
    config.addinivalue_line(
        "markers", "obskit_logs_allowed(*rules): the test may log lines that break these rules"
    )


@pytest.fixture
def obskit_logs(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    """The events that this test logs, as they stand on the wire, in ``events``.

    Args:
        request: The test.
    """
    with _recorder(request.config) as recorder:
        yield recorder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Judges what a test logged, where that is asked for.

    Args:
        item: The test.
    """
    if not item.config.getoption("obskit_logs"):
        return (yield)
    marker = item.get_closest_marker("obskit_logs_allowed")
    allowed: tuple[Any, ...] = marker.args if marker else ()
    with _recorder(item.config) as recorder:
        result = yield
    broken = [line for line in recorder.violations() if line.rule not in allowed]
    if broken:
        shown = "\n".join(f"  {line.rule}: {line.message}" for line in broken[:20])
        pytest.fail(
            f"{len(broken)} findings in the lines that this test logged:\n{shown}", pytrace=False
        )
    return result


def _recorder(config: pytest.Config) -> Recorder:
    from obskit.logging.recorder import Recorder

    name = str(config.getini("obskit_schema"))
    return Recorder(_schema(config.rootpath / name)) if name else Recorder()


@lru_cache(maxsize=1)
def _schema(path: Path) -> Schema:
    from obskit.errors import ConfigError
    from obskit.schema.load import load_schema

    try:
        return load_schema(path)
    except ConfigError as error:
        raise pytest.UsageError(f"obskit_schema: {error}") from None
