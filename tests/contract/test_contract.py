"""The contract that every registered target keeps, on its real server where there is one."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from obskit.deadline import Deadline
from obskit.engine.diff import same
from obskit.engine.plan import Action, Cause
from obskit.engine.resource import Resource, digest
from obskit.errors import ForeignObjectError, ObskitError, ReadError, ServerError
from obskit.targets import REGISTRY
from tests.contract.rigs.base import Rig, Start, apply, owned, plan_of

pytestmark = pytest.mark.servers

NONE = "no rig"


def _rigs() -> list[tuple[str, str]]:
    """(target, rig) for each registered target; a target without a rig fails its tests."""
    found: list[tuple[str, str]] = []
    for name in REGISTRY:
        module = f"tests.contract.rigs.{name}"
        if importlib.util.find_spec(module) is None:
            found.append((name, NONE))
        else:
            found += [(name, rig) for rig in importlib.import_module(module).RIGS]
    return found


@pytest.fixture(
    scope="module", params=_rigs(), ids=lambda param: "-".join(part for part in param if part)
)
def rig(
    request: pytest.FixtureRequest, module_servers: Start, tmp_path_factory: pytest.TempPathFactory
) -> Rig:
    name, which = request.param
    if which == NONE:
        pytest.fail(f"{name} is registered, and tests/contract/rigs/{name}.py is not there")
    make = importlib.import_module(f"tests.contract.rigs.{name}").RIGS[which]
    made: Rig = make(module_servers, tmp_path_factory.mktemp(name))
    return made


@pytest.fixture(autouse=True)
def clean(rig: Rig) -> Iterator[None]:
    """Nothing of ours is there before, and nothing is left after."""
    yield
    target = rig.target()
    apply(target, plan_of(target, desired=[]))
    assert owned(target) == {}


def test_a_second_plan_is_empty(rig: Rig) -> None:
    target = rig.target()
    first = plan_of(target)
    assert first.changes
    assert {change.action for change in first.changes} == {Action.CREATE}
    apply(target, first)
    second = plan_of(rig.target())
    assert not second, second.to_dict()
    assert len(second.unchanged) == len(first.changes)


def test_normalise_is_idempotent_and_hides_what_the_server_adds(rig: Rig) -> None:
    target = rig.target()
    desired = {resource.address: resource.body for resource in target.desired()}
    apply(target, plan_of(target))
    live = target.read(frozenset(desired))
    assert live.keys() >= desired.keys()
    for address, body in desired.items():
        once = target.normalise(address, body)
        assert same(target.normalise(address, once), once), address
        there = target.normalise(address, live[address].body)
        assert same(target.normalise(address, there), there), address
        assert same(there, once), address


def test_every_owned_object_carries_the_project_and_the_digest_of_what_was_applied(
    rig: Rig,
) -> None:
    target = rig.target()
    apply(target, plan_of(target))
    for address, item in target.read(frozenset()).items():
        assert item.mark is not None, address
        assert item.mark.project == target.context.project
        assert item.mark.digest == digest(target.normalise(address, item.body)), address


def test_the_inverse_plan_restores_what_was_there(rig: Rig) -> None:
    """After a change of obskit.yml, its inverse brings back every body and removes what was new."""
    target = rig.target()
    apply(target, plan_of(target))
    before = owned(target)
    snapshot = [
        Resource(address=address, body=item.body)
        for address, item in target.read(frozenset()).items()
    ]
    changed = rig.target(changed=True)
    plan = plan_of(changed)
    assert plan.count(Action.UPDATE) + plan.count(Action.CREATE) > 0
    apply(changed, plan)
    assert owned(changed) != before
    needs = {resource.address: resource.needs for resource in target.desired()}
    inverse = [
        Resource(address=item.address, body=item.body, needs=needs.get(item.address, frozenset()))
        for item in snapshot
    ]
    apply(target, plan_of(target, desired=inverse))
    assert owned(target) == before
    assert not plan_of(rig.target())


def test_removing_everything_leaves_nothing_of_ours(rig: Rig) -> None:
    target = rig.target()
    apply(target, plan_of(target))
    gone = plan_of(target, desired=[])
    assert {change.action for change in gone.changes} == {Action.DELETE}
    apply(target, gone)
    assert owned(target) == {}


def test_objects_of_others_are_untouched(rig: Rig) -> None:
    before = rig.foreign()
    target = rig.target()
    apply(target, plan_of(target))
    changed = rig.target(changed=True)
    apply(changed, plan_of(changed))
    apply(changed, plan_of(changed, desired=[]))
    assert rig.foreign() == before


def test_an_address_that_others_hold_stops_the_plan(rig: Rig) -> None:
    with rig.occupy(), pytest.raises(ForeignObjectError):
        plan_of(rig.target())


def test_what_others_hold_is_taken_over_by_name_and_by_nothing_else(rig: Rig) -> None:
    rig.occupy().__enter__()  # and never left: the object is ours from here on, and ours to remove
    target = rig.target()
    desired = frozenset(item.address for item in target.desired())
    held = desired & target.read(desired).keys()
    assert held
    plan = plan_of(target, adopt=held)
    assert {c.address for c in plan.changes if c.action is Action.ADOPT} == held
    apply(target, plan)
    assert not plan_of(rig.target())
    assert owned(target).keys() >= {str(address) for address in held}


def test_a_change_by_hand_is_drift_and_is_put_right(rig: Rig) -> None:
    target = rig.target()
    apply(target, plan_of(target))
    before = owned(target)
    rig.drift()
    plan = plan_of(rig.target())
    assert {change.cause for change in plan.changes} <= {Cause.DRIFTED, Cause.NEW, Cause.MISSING}
    assert plan.changes
    apply(target, plan)
    assert owned(target) == before


def test_bad_credentials_are_an_error_that_says_where(rig: Rig) -> None:
    """No traceback: an error of obskit's own, with the place, from a plan and from doctor."""
    with rig.denied() as target:
        with pytest.raises(ObskitError) as caught:
            plan_of(target)
        assert caught.value.where or "/" in caught.value.message
        findings = list(target.examine(Deadline.after(20)))
    assert any(finding.ok is False for finding in findings), findings


def test_a_read_that_is_cut_short_fails_the_plan(rig: Rig) -> None:
    """Half an answer never looks like an empty server."""
    target = rig.target()
    apply(target, plan_of(target))
    with rig.cut_short() as hurt, pytest.raises((ReadError, ServerError)):
        plan_of(hurt)


def test_examine_writes_nothing_and_finds_no_fault(rig: Rig, tmp_path: Path) -> None:
    target = rig.target()
    apply(target, plan_of(target))
    before = owned(target)
    findings = list(target.examine(Deadline.after(30)))
    assert findings
    assert all(finding.detail for finding in findings)
    assert owned(target) == before
