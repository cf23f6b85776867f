"""The one rule from a service to its data stream."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obskit.schema.streams import collisions, dataset_name, quarantine_stream, stream_name


@pytest.mark.parametrize(
    ("service", "dataset"),
    [
        ("user-service", "user_service"),
        ("User Service", "user_service"),
        ("a.b/c", "a_b_c"),
        ("Größe", "gr__e"),
        ("invalid", "invalid_"),
        ("INVALID", "invalid_"),
        ("invalid_", "invalid_"),
        ("x" * 200, "x" * 93),
    ],
)
def test_a_service_leads_to_a_dataset(service: str, dataset: str) -> None:
    assert dataset_name(service) == dataset


@given(st.text(min_size=1))
def test_any_service_leads_to_a_name_that_a_data_stream_may_have(service: str) -> None:
    """Lower case, no hyphen but the two that part it, at most 100 bytes of dataset; never the quarantine."""
    name = stream_name(service, "default")
    assert re.fullmatch(r"logs-obskit\.[a-z0-9_]{1,93}-default", name)
    assert name != quarantine_stream("default")


def test_services_that_would_share_a_stream_are_told() -> None:
    """Also a service that would take the place of another's reserved name."""
    found = collisions(["user-service", "user_service", "cart", "invalid"])
    assert found == {"user_service": ("user-service", "user_service"), "invalid_": ("invalid",)}
    assert collisions(["a", "b"]) == {}
