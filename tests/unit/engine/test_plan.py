"""The engine on targets that are dictionaries: what changes, in which order, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import pytest

from obskit.config import Secret
from obskit.engine.diff import diff, same
from obskit.engine.execute import Outcome, State, apply, levels, succeeded
from obskit.engine.plan import Action, Cause, Change, make_plan
from obskit.engine.resource import Address, Live, Mark, Resource, digest
from obskit.errors import (
    ForeignObjectError,
    ObskitError,
    RejectedError,
    StalePlanError,
    UnsafePlanError,
)


def address(name: str, kind: str = "thing") -> Address:
    return Address("memory", kind, name)


class Memory:
    """A server in memory: bodies and marks by address."""

    name = "memory"
    kinds = ("folder", "thing")

    def __init__(self) -> None:
        self.objects: dict[Address, Live] = {}
        self.refuse: set[str] = set()
        self.settled: list[list[str]] = []
        self.refuse_settle = False
        self.order: list[str] = []
        self.lock = threading.Lock()

    def put(self, name: str, body: object, *, project: str = "p", applied: object = None) -> None:
        mark = Mark(
            project=project, release="1", digest=digest(body if applied is None else applied)
        )
        self.objects[address(name)] = Live(address=address(name), body=body, mark=mark)

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        return dict(self.objects)

    def normalise(self, address: Address, body: object) -> object:
        return (
            {k: v for k, v in body.items() if k != "server_id"} if isinstance(body, dict) else body
        )

    def write(self, change: Change) -> None:
        with self.lock:
            self.order.append(change.address.name)
        if change.address.name in self.refuse:
            raise RejectedError("no", where=str(change.address))
        if change.after is None:
            del self.objects[change.address]
        else:
            mark = Mark(
                project="p",
                release="1",
                digest=digest(self.normalise(change.address, change.after.body)),
            )
            self.objects[change.address] = Live(
                address=change.address, body=change.after.body, mark=mark
            )

    def settle(self, changes: Sequence[Change]) -> None:
        self.settled.append([change.address.name for change in changes])
        if self.refuse_settle:
            raise RejectedError("reload refused")


def resource(
    name: str, body: object = None, *, needs: Sequence[str] = (), kind: str = "thing"
) -> Resource:
    return Resource(
        address=address(name, kind), body={"v": 1} if body is None else body,
        needs=frozenset(address(n) for n in needs),
    )  # fmt: skip


def plan_of(memory: Memory, *resources: Resource, **options):
    return make_plan(
        "p", resources, memory.read(frozenset()), normalise=memory.normalise, **options
    )


def test_a_second_plan_is_empty_and_apply_writes_each_once() -> None:
    memory = Memory()
    wanted = [resource("a"), resource("b", {"v": 2, "server_id": 9})]
    plan = plan_of(memory, *wanted)
    assert [(c.address.name, c.action, c.cause) for c in plan.changes] == [
        ("a", Action.CREATE, Cause.NEW), ("b", Action.CREATE, Cause.NEW),
    ]  # fmt: skip
    assert succeeded(apply(plan, {"memory": memory}))
    assert sorted(memory.order) == ["a", "b"]
    again = plan_of(memory, *wanted)
    assert not again
    assert len(again.unchanged) == 2


@pytest.mark.parametrize(
    ("applied", "live", "wanted", "cause"),
    [
        ({"v": 1}, {"v": 1}, {"v": 2}, Cause.CHANGED),
        ({"v": 1}, {"v": 3}, {"v": 1}, Cause.DRIFTED),
        ({"v": 1}, {"v": 3}, {"v": 2}, Cause.BOTH),
    ],
)
def test_a_difference_is_told_apart_three_ways(applied, live, wanted, cause) -> None:
    memory = Memory()
    memory.put("a", live, applied=applied)
    (change,) = plan_of(memory, resource("a", wanted)).changes
    assert (change.action, change.cause) == (Action.UPDATE, cause)
    (edit,) = change.edits
    assert (edit.path, edit.before, edit.after) == ("v", live["v"], wanted["v"])


def test_a_new_release_alone_changes_nothing() -> None:
    memory = Memory()
    memory.put("a", {"v": 1})
    memory.objects[address("a")] = Live(
        address=address("a"), body={"v": 1}, mark=Mark(project="p", release="0", digest="x")
    )
    assert not plan_of(memory, resource("a"))


def test_what_is_ours_and_no_longer_wanted_is_deleted_and_foreign_things_never() -> None:
    memory = Memory()
    memory.put("old", {"v": 1})
    memory.put("theirs", {"v": 1}, project="q")
    memory.objects[address("bare")] = Live(address=address("bare"), body={"v": 1})
    (change,) = plan_of(memory).changes
    assert (change.address.name, change.action, change.cause) == ("old", Action.DELETE, Cause.GONE)


def test_a_foreign_object_at_a_wanted_address_stops_the_plan_until_it_is_adopted() -> None:
    memory = Memory()
    memory.put("a", {"v": 1}, project="q")
    with pytest.raises(ForeignObjectError, match=r"memory/thing/a.*adopt"):
        plan_of(memory, resource("a"))
    (change,) = plan_of(memory, resource("a"), adopt=frozenset({address("a")})).changes
    assert change.action is Action.ADOPT


def test_rewriting_most_of_what_is_owned_needs_force() -> None:
    memory = Memory()
    for number in range(10):
        memory.put(str(number), {"v": 0})
    plan = plan_of(memory, *[resource(str(n), {"v": 1 if n < 4 else 0}) for n in range(10)])
    with pytest.raises(UnsafePlanError, match="4 of 10"):
        plan.raise_if_unsafe()
    plan_of(
        memory, *[resource(str(n), {"v": 1 if n < 3 else 0}) for n in range(10)]
    ).raise_if_unsafe()


def test_what_is_needed_is_written_first_and_deletions_go_the_other_way() -> None:
    memory = Memory()
    plan = plan_of(memory, resource("c", needs=["b"]), resource("b", needs=["a"]), resource("a"))
    apply(plan, {"memory": memory})
    assert memory.order == ["a", "b", "c"]
    memory.put("thing", {})
    memory.objects[address("folder", "folder")] = Live(
        address=address("folder", "folder"), body={}, mark=Mark(project="p", release="1", digest="")
    )
    memory.order.clear()
    apply(plan_of(memory), {"memory": memory})
    assert memory.order[-1] == "folder"


def test_a_circle_of_needs_is_named() -> None:
    memory = Memory()
    with pytest.raises(ObskitError, match="circle: memory/thing/a, memory/thing/b"):
        levels(plan_of(memory, resource("a", needs=["b"]), resource("b", needs=["a"])).changes)


def test_after_a_failure_later_levels_are_not_attempted_and_each_outcome_is_told() -> None:
    memory = Memory()
    memory.refuse = {"a"}
    seen: list[Outcome] = []
    outcomes = apply(
        plan_of(memory, resource("a"), resource("b"), resource("c", needs=["a"])),
        {"memory": memory},
        observe=seen.append,
    )
    assert {o.change.address.name: o.state for o in outcomes} == {
        "a": State.FAILED, "b": State.DONE, "c": State.SKIPPED,
    }  # fmt: skip
    assert "no" in str(outcomes[0].error)
    assert not succeeded(outcomes)
    assert [o.state for o in seen].count(State.STARTED) == 2


def test_a_refused_reload_undoes_the_level() -> None:
    memory = Memory()
    memory.refuse_settle = True
    outcomes = apply(plan_of(memory, resource("a")), {"memory": memory})
    assert [o.state for o in outcomes] == [State.UNDONE]


def test_live_state_that_changed_since_the_plan_stops_the_apply_before_the_first_write() -> None:
    memory = Memory()
    memory.put("a", {"v": 0})
    plan = plan_of(memory, resource("a"), resource("b"))
    memory.put("a", {"v": 5})
    with pytest.raises(StalePlanError, match="memory/thing/a"):
        apply(plan, {"memory": memory})
    assert memory.order == []
    memory.put("a", {"v": 0})
    memory.put("b", {"v": 0})
    with pytest.raises(StalePlanError, match="memory/thing/b"):
        apply(plan, {"memory": memory})


def test_impact_and_notes_stand_in_the_plan() -> None:
    memory = Memory()
    plan = plan_of(memory, resource("a"), impact=lambda c: ["needs a rollover"], notes=["left out"])
    assert plan.changes[0].impact == ("needs a rollover",)
    data = plan.to_dict()
    assert data["notes"] == ["left out"]
    assert data["summary"]["create"] == 1


def test_secrets_are_compared_but_never_shown() -> None:
    memory = Memory()
    memory.put("a", {"password": "old-secret"})
    (change,) = plan_of(memory, resource("a", {"password": Secret("new-secret")})).changes
    shown = str(change.to_dict()["edits"][0]["after"])
    assert shown == "(secret)"
    assert "new-secret" not in str(change.to_dict()) + repr(change)
    assert same({"p": Secret("x")}, {"p": "x"})
    assert not same({"p": Secret("x")}, {"p": "y"})


@pytest.mark.parametrize(
    ("one", "other", "paths"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, ["a[1]", "a[2]"]),
        ({"a": {"b": None}}, {"a": {}}, ["a.b"]),
        ("x\ny\n", "x\nz\n", ["line 2"]),
        ("x\n", "x", ["end of file"]),
        ({"t": "l1\nl2"}, {"t": "l1\nl3"}, ["t: line 2"]),
        ([1], (1,), []),
    ],
)  # fmt: skip
def test_differences_have_paths(one, other, paths) -> None:
    assert [edit.path for edit in diff(one, other)] == paths


def test_an_address_reads_and_is_read() -> None:
    assert str(Address.parse("grafana/dashboard/a/b")) == "grafana/dashboard/a/b"
    with pytest.raises(ObskitError, match="is no address"):
        Address.parse("grafana")
