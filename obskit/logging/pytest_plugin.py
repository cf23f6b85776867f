"""A pytest plugin: ``--obskit-logs`` fails a test that logged a line which breaks the schema.

The fixture ``obskit_logs`` gives the events that a test logged through the standard library or structlog.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from obskit.logging.recorder import Recorder

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


def pytest_configure(config: pytest.Config) -> None:
    """Names the marker that exempts a test.

    Args:
        config: pytest's configuration.
    """
    config.addinivalue_line(
        "markers", "obskit_logs_allowed(*rules): the test may log lines that break these rules"
    )


@pytest.fixture
def obskit_logs() -> Iterator[Recorder]:
    """The events that this test logs, as they stand on the wire, in ``events``."""
    from obskit.logging.recorder import Recorder

    with Recorder() as recorder:
        yield recorder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Judges what a test logged, where that is asked for.

    Args:
        item: The test.
    """
    if not item.config.getoption("obskit_logs"):
        return (yield)
    from obskit.logging.recorder import Recorder

    marker = item.get_closest_marker("obskit_logs_allowed")
    allowed: tuple[Any, ...] = marker.args if marker else ()
    with Recorder() as recorder:
        result = yield
    broken = [line for line in recorder.violations() if line.rule not in allowed]
    if broken:
        shown = "\n".join(f"  {line.rule}: {line.message}" for line in broken[:20])
        pytest.fail(
            f"{len(broken)} findings in the lines that this test logged:\n{shown}", pytrace=False
        )
    return result
