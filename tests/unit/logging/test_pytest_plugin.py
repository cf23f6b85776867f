"""The pytest plugin, in test sessions of its own."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

BAD = """
import logging

def test_bad():
    logging.getLogger("app").info("hello", extra={"client_ip": "nope"})

def test_good():
    logging.getLogger("app").info("hello", extra={"client_ip": "1.2.3.4"})
"""


@pytest.fixture
def session(pytester: pytest.Pytester) -> pytest.Pytester:
    return pytester


def test_a_broken_line_fails_its_test_on_request(session: pytest.Pytester) -> None:
    session.makepyfile(BAD)
    result = session.runpytest_subprocess("--obskit-logs", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*1 findings in the lines that this test logged*", "*client_ip*moved away*"]
    )


def test_nothing_is_judged_unasked(session: pytest.Pytester) -> None:
    session.makepyfile(BAD)
    session.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_structlog_is_judged_too(session: pytest.Pytester) -> None:
    session.makepyfile(
        """
import structlog
from obskit.logging import configure

def test_bad():
    configure(service="s", stream="stderr")
    structlog.get_logger("app").info("hello", trace_id="a b")
"""
    )
    session.runpytest_subprocess("--obskit-logs", "-p", "no:cacheprovider").assert_outcomes(
        failed=1
    )


def test_a_marker_allows_what_is_meant(session: pytest.Pytester) -> None:
    session.makepyfile(
        """
import logging, pytest

@pytest.mark.obskit_logs_allowed("format")
def test_bad():
    logging.getLogger("app").info("hello", extra={"client_ip": "nope"})
"""
    )
    result = session.runpytest_subprocess(
        "--obskit-logs", "--strict-markers", "-p", "no:cacheprovider"
    )
    result.assert_outcomes(passed=1)


def test_a_failing_test_keeps_its_own_failure(session: pytest.Pytester) -> None:
    session.makepyfile("def test_it():\n    raise ValueError('mine')")
    result = session.runpytest_subprocess("--obskit-logs", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*ValueError: mine*"])


def test_the_fixture_gives_the_events(session: pytest.Pytester) -> None:
    session.makepyfile(
        """
import logging

def test_it(obskit_logs):
    logging.getLogger("app").warning("hello", extra={"cart": 1})
    (event,) = obskit_logs.events
    assert (event["level"], event["attributes"]) == ("WARN", {"cart": 1})
    assert obskit_logs.violations() == []
"""
    )
    session.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


OWN = """
fields:
  order_id: {type: keyword, requirement: required, pattern: "^[0-9]+$"}
"""


@pytest.mark.parametrize("configured", [True, False])
def test_a_projects_own_fields_are_fields(session: pytest.Pytester, configured: bool) -> None:
    session.makefile(".yml", fields=OWN)
    session.makeini("" if configured else "[pytest]\nobskit_schema = fields.yml")
    session.makepyfile(
        f"""
import logging
from obskit.logging import configure
from obskit.schema.load import load_schema

def setup_module():
    if {configured}:
        configure(service="shop", stream="stderr", schema=load_schema("fields.yml"))

def test_good(obskit_logs):
    logging.getLogger("app").info("bought", extra={{"order_id": "7"}})
    assert obskit_logs.events[0]["order_id"] == "7"

def test_without():
    logging.getLogger("app").info("bought")

def test_wrong():
    logging.getLogger("app").info("bought", extra={{"order_id": "x"}})
"""
    )
    result = session.runpytest_subprocess("--obskit-logs", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*required: order_id is missing*"])


def test_a_wrong_schema_file_is_said(session: pytest.Pytester) -> None:
    session.makeini("[pytest]\nobskit_schema = none.yml")
    session.makepyfile("def test_it(obskit_logs): pass")
    result = session.runpytest_subprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*obskit_schema: *none.yml: no such file*"])
