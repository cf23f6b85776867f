"""A write of obskit's own that breaks fails alone, and is told; a read that breaks fails the plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from obskit.engine.execute import State, apply
from obskit.engine.plan import Change, make_plan
from obskit.engine.resource import Address, Body, Live, Resource
from obskit.errors import ReadError
from obskit.targets import stack
from tests.contract.rigs.base import make_target

ADDRESSES = [Address("shelf", "book", name) for name in ("good", "broken")]


class Shelf:
    """Breaks over one of its books."""

    name = "shelf"
    kinds = ("book",)

    def __init__(self) -> None:
        self.held: list[str] = []

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        return {}

    def normalise(self, address: Address, body: Body) -> Body:
        return body

    def write(self, change: Change) -> None:
        if change.address.name == "broken":
            raise KeyError("shelf-mark")
        self.held.append(change.address.name)

    def settle(self, changes: Any) -> None:
        """Nothing has to be reloaded."""


def test_the_others_are_written_and_the_broken_one_is_told_with_its_cause() -> None:
    shelf = Shelf()
    desired = [Resource(address=address, body={}) for address in ADDRESSES]
    plan = make_plan("p", desired, {}, normalise=shelf.normalise)
    outcomes = {item.change.address.name: item for item in apply(plan, {"shelf": shelf})}
    assert shelf.held == ["good"]
    assert outcomes["good"].state is State.DONE
    assert outcomes["broken"].state is State.FAILED
    error = outcomes["broken"].error
    assert "obskit itself broke while writing: KeyError: 'shelf-mark'" in str(error)
    assert isinstance(error.__cause__, KeyError)


def test_an_answer_of_an_unknown_shape_fails_the_plan_and_is_a_finding_of_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = make_target("kibana", {"url": "http://127.0.0.1:9"}, folder=tmp_path)

    def broken(*_: object) -> Any:
        raise KeyError("yaml")

    monkeypatch.setattr(target, "read", broken)
    monkeypatch.setattr(target, "examine", broken)
    with pytest.raises(
        ReadError, match="cannot make sense of what it answered: KeyError: 'yaml'"
    ) as caught:
        stack.plan({"kibana": target}, "p")
    assert isinstance(caught.value.__cause__, KeyError)
    (finding,) = stack.examine({"kibana": target})["kibana"]
    assert finding.ok is False
    assert "cannot make sense" in finding.detail
