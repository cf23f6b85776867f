"""Running proofs: deadlines, failures, and nothing that looks like success without being it."""

from __future__ import annotations

import time

from obskit.deadline import Deadline
from obskit.engine.verify import Check, Proof, Verdict, verify
from obskit.errors import UnreachableError


def proof(name: str, verdict: Verdict = Verdict.PROVED) -> Proof:
    return Proof(id=name, title=name, verdict=verdict)


def check(name: str, run, **options) -> Check:
    return Check(id=name, title=name, run=run, **options)


def test_proofs_come_in_the_order_of_their_checks_and_are_timed() -> None:
    def slow(deadline: Deadline):
        time.sleep(0.05)
        yield proof("slow/1")
        yield proof("slow/2")

    found = verify([check("slow", slow), check("quick", lambda _: [proof("quick")])])
    assert [item.id for item in found] == ["slow/1", "slow/2", "quick"]
    assert found[0].seconds >= 0.05 > found[1].seconds


def test_a_foreseeable_error_is_a_failed_proof_with_its_next_step() -> None:
    def run(deadline: Deadline):
        yield proof("a/1")
        raise UnreachableError("no connection", where="http://x", hint="start it")

    first, second = verify([check("a", run)])
    assert (first.verdict, second.verdict) == (Verdict.PROVED, Verdict.FAILED)
    assert (second.detail, second.next) == ("http://x: no connection", "start it")


def test_an_unforeseen_error_is_not_hidden() -> None:
    def run(deadline: Deadline):
        raise ZeroDivisionError

    broken, other = verify([check("a", run), check("b", lambda _: [proof("b")])])
    assert broken.verdict is Verdict.FAILED
    assert "bug of obskit" in broken.next
    assert "Traceback" in broken.evidence[0].answer
    assert other.verdict is Verdict.PROVED


def test_a_check_that_tries_nothing_is_unproved() -> None:
    (found,) = verify([check("a", lambda _: [])])
    assert found.verdict is Verdict.UNPROVED


def test_only_runs_what_is_asked_for() -> None:
    ran: list[str] = []

    def run(name: str):
        def inner(deadline: Deadline):
            ran.append(name)
            yield proof(f"{name}/x")
            yield proof(f"{name}/y")

        return inner

    checks = [check("one", run("one")), check("two", run("two"))]
    assert [item.id for item in verify(checks, only="one/x")] == ["one/x"]
    assert ran == ["one"]
    assert verify(checks, only="none") == []


def test_exclusive_checks_never_run_side_by_side() -> None:
    inside: list[str] = []
    together: list[int] = []

    def run(name: str):
        def inner(deadline: Deadline):
            inside.append(name)
            together.append(len(inside))
            time.sleep(0.05)
            inside.remove(name)
            yield proof(name)

        return inner

    verify([check(n, run(n), exclusive=True) for n in "abc"])
    assert together == [1, 1, 1]
