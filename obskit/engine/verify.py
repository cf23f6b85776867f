"""Proofs: what was tried, what came of it, and in which words it is told."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from obskit.deadline import Deadline
from obskit.errors import ObskitError

__all__ = ["Check", "Exchange", "Proof", "Verdict", "verify"]


class Verdict(StrEnum):
    """What a proof says; only the first is success."""

    PROVED = "proved"
    FAILED = "failed"
    EXPLAINED = "explained"
    NOT_CONFIGURED = "not configured"
    UNPROVED = "unproved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question and its answer, for ``verify --explain``.

    Args:
        of: Whom: a server's name and address, or a file.
        asked: What was asked: a request, a query, a command; secrets redacted.
        answer: What came back, shortened.
    """

    of: str
    asked: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The outcome of one trial.

    Args:
        id: Stable name, such as ``canary/user-service`` or ``panel/obskit-node/12``.
        title: What was tried, for people.
        verdict: What came of it.
        detail: The facts: a count, a duration, the reason of a failure with the hop that failed.
        next: What to do next; empty where nothing is to be done.
        seconds: How long it took.
        evidence: What was asked of whom and what came back.
    """

    id: str
    title: str
    verdict: Verdict
    detail: str = ""
    next: str = ""
    seconds: float = 0.0
    evidence: tuple[Exchange, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The proof for machines."""
        return {
            "id": self.id,
            "title": self.title,
            "verdict": self.verdict.value,
            "detail": self.detail,
            "next": self.next,
            "seconds": round(self.seconds, 3),
            "evidence": [
                {"of": item.of, "asked": item.asked, "answer": item.answer}
                for item in self.evidence
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that can be tried.

    Args:
        id: Stable name; the ids of its proofs begin with it.
        title: What is tried.
        run: Tries it before a deadline and yields a proof for each thing tried.
        seconds: Its deadline.
        exclusive: Whether it may not run beside another exclusive check (both reload one server).
    """

    id: str
    title: str
    run: Callable[[Deadline], Iterable[Proof]]
    seconds: float = 60.0
    exclusive: bool = False


def verify(
    checks: Sequence[Check],
    *,
    only: str = "",
    workers: int = 8,
    on_proof: Callable[[Proof], None] = lambda _: None,
) -> list[Proof]:
    """Run checks side by side, each within its deadline.

    Args:
        checks: What to try.
        only: Run the check whose proofs have this id or an id below it; keep only those proofs.
        workers: How many run at once.
        on_proof: Called with each proof as it comes, for progress.

    Returns:
        Proofs, in the order of the checks.
    """
    chosen = [check for check in checks if not only or _concerns(check.id, only)]
    together = [check for check in chosen if not check.exclusive]
    alone = [check for check in chosen if check.exclusive]
    found: dict[str, list[Proof]] = {}

    def run(check: Check) -> None:
        proofs = found[check.id] = []
        for proof in _run(check):
            if not only or _concerns(proof.id, only):
                proofs.append(proof)
                on_proof(proof)

    def run_alone() -> None:
        for check in alone:
            run(check)

    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="verify") as pool:
        jobs = [pool.submit(run_alone)] + [pool.submit(run, check) for check in together]
        for job in as_completed(jobs):
            job.result()
    return [proof for check in chosen for proof in found[check.id]]


def _concerns(this: str, only: str) -> bool:
    return this == only or this.startswith(only + "/") or only.startswith(this + "/")


def _run(check: Check) -> Iterator[Proof]:
    started = last = time.monotonic()
    count = 0
    try:
        for proof in check.run(Deadline.after(check.seconds)):
            now = time.monotonic()
            count += 1
            yield proof if proof.seconds else replace(proof, seconds=now - last)
            last = now
    except ObskitError as error:
        yield Proof(
            id=check.id, title=check.title, verdict=Verdict.FAILED,
            detail=f"{error.where}: {error.message}" if error.where else error.message,
            next=error.hint, seconds=time.monotonic() - started,
        )  # fmt: skip
        return
    except Exception as error:  # noqa: BLE001  (one check of ours that breaks must not hide the others)
        yield Proof(
            id=check.id, title=check.title, verdict=Verdict.FAILED,
            detail=f"obskit itself broke while trying: {type(error).__name__}: {error}",
            next="this is a bug of obskit: please report it with obskit verify --explain " + check.id,
            seconds=time.monotonic() - started,
            evidence=(Exchange(of="obskit", asked=check.title, answer=traceback.format_exc()),),
        )  # fmt: skip
        return
    if not count:  # a check that tries nothing must not look like one that found nothing wrong
        yield Proof(
            id=check.id, title=check.title, verdict=Verdict.UNPROVED, detail="there was nothing to try",
            seconds=time.monotonic() - started,
        )  # fmt: skip
