"""In CI a skip that nobody listed is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skip_policy

ROOT = Path(__file__).parents[3]


def test_a_skip_is_allowed_by_node_and_reason() -> None:
    allowed = skip_policy.read("# why\n\ntests/a.py::* | no real Grafana here: *\n")
    assert not skip_policy.verdict("tests/a.py::b[x]", "no real Grafana here: set it", allowed)
    assert "list it in" in skip_policy.verdict("tests/c.py::b", "no real Grafana here: x", allowed)
    assert "list it in" in skip_policy.verdict("tests/a.py::b", "did not feel like it", allowed)


def test_brackets_of_parameters_are_taken_as_they_are() -> None:
    allowed = skip_policy.read("tests/a.py::b[x-1] | because")
    assert not skip_policy.verdict("tests/a.py::b[x-1]", "because", allowed)
    assert skip_policy.verdict("tests/a.py::bx", "because", allowed)


def test_a_line_without_a_reason_is_refused() -> None:
    with pytest.raises(pytest.UsageError, match=r"allowed-skips.txt:1: not of the form NODE"):
        skip_policy.read("tests/a.py::*")


@pytest.mark.parametrize(
    ("body", "ci", "code"),
    [
        ("import pytest\ndef test_a():\n    pytest.skip('lazy')\n", "true", 1),
        ("import pytest\ndef test_a():\n    pytest.skip('lazy')\n", "", 0),
        ("import pytest\npytest.skip('lazy', allow_module_level=True)\n", "true", 2),
        ("import pytest\ndef test_a():\n    pytest.skip('no Docker engine here: x')\n", "true", 0),
        ("import pytest\n@pytest.mark.xfail\ndef test_a():\n    assert False\n", "true", 0),
    ],
    ids=["unlisted", "no CI", "module", "listed", "expected failure"],
)
def test_an_unlisted_skip_fails_in_ci_only(body: str, ci: str, code: int, tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(body)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:obskit",
         "-p", "tests.skip_policy", "--rootdir", str(tmp_path), "-c", "/dev/null", str(file)],
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == code, result.stdout + result.stderr
    if code:
        assert "skipped in CI: lazy" in result.stdout
