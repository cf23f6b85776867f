"""Links to neighbouring tools: where they lead, and what is said of profiles that everybody can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from obskit.config import load
from obskit.schema import BUILTIN
from obskit.targets import create, sections
from obskit.targets.prometheus.content import exposed_profiles


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("http://127.0.0.1:6060/debug/pprof", False),
        ("localhost:6060", False),
        ("http://[::1]:6060", False),
        ("http://10.0.0.5:6060/debug/pprof", True),
        ("0.0.0.0:6060", True),
        ("profiles.example:6060", True),
    ],
)
def test_a_pprof_address_beyond_loopback_is_warned_of(
    tmp_path: Path, address: str, *, warned: bool
) -> None:
    path = tmp_path / "obskit.yml"
    path.write_text(f"project: a\nservices: [{{name: s, links: {{pprof: '{address}'}}}}]\n")
    found = list(exposed_profiles(load(path, sections())))
    assert bool(found) is warned
    if warned:
        assert "services.s.links.pprof" in found[0].message
        assert found[0].severity == "warning"


def test_the_trace_of_a_line_is_a_link_of_the_logs_data_source(tmp_path: Path) -> None:
    path = tmp_path / "obskit.yml"
    path.write_text(
        "project: a\nlinks: {trace: 'https://tempo/trace/{trace_id}'}\nelasticsearch: {url: 'http://h:9200'}\n"
    )
    source = create(load(path, sections()), BUILTIN)["elasticsearch"].data_source()
    assert source is not None
    (link,) = source.options["dataLinks"]
    assert (link["field"], link["url"]) == ("trace_id", "https://tempo/trace/${__value.raw}")
