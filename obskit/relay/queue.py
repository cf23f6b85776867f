"""The queue on disk: what was acknowledged is here until it was told.

One SQLite file, write-ahead log, ``synchronous=FULL``: a commit is on the disk before it returns. No address
and no secret of a robot stands in it, only the name of the receiver.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from obskit.errors import LocalError
from obskit.relay.robots.base import Target

__all__ = ["LONGEST_WAIT", "Entry", "Queue", "State"]

_SCHEMA: Final = """
create table if not exists messages (
    id integer primary key autoincrement,
    key text not null,
    project text not null, receiver text not null, kind text not null,
    group_key text not null,
    body blob not null,
    state text not null check (state in ('queued', 'sent', 'dead')),
    attempts integer not null default 0,
    received_at real not null,
    next_at real not null,
    done_at real,
    reason text not null default ''
);
create index if not exists by_key on messages (key, received_at);
create index if not exists by_lane on messages (state, project, receiver, kind, id);
create table if not exists probe (id integer primary key check (id = 1), at real not null);
"""
#: Most seconds between two attempts, whatever a platform asks for.
LONGEST_WAIT: Final = 3600.0
#: Said once, what was sent is of no use but to tell duplicates and to count the rate.
_KEEP_SENT: Final = 3600.0
_KEEP_DEAD: Final = 30 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A notification in the queue.

    Args:
        id: Its number; a lower one came earlier.
        target: Who is told.
        body: What Alertmanager posted.
        attempts: How often it was tried.
        received_at: When it came, in seconds since 1970.
        reason: Why the last attempt failed.
    """

    id: int
    target: Target
    body: bytes
    attempts: int
    received_at: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How full the queue is, for one robot.

    Args:
        queued: Notifications that wait.
        dead: Notifications that were given up.
        oldest: When the oldest one that waits came; None where none waits.
    """

    queued: int
    dead: int
    oldest: float | None


class Queue:
    """A file of notifications.

    Args:
        path: The file; its folder has to be there.
        now: The time, in seconds since 1970.
        most: Notifications that may wait at once.
        shared: Only look, also while a relay runs on it.

    Raises:
        LocalError: It cannot be opened, is something else, or another relay has it.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float] = time.time,
        most: int = 10_000,
        shared: bool = False,
    ) -> None:
        self.path = path
        self._now = now
        self._most = most
        self._guard = threading.RLock()
        self._held = None if shared else _hold(path)
        try:
            # Readable by its owner only: what alerts say is nobody else's business.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(
                path, timeout=5.0, isolation_level=None, check_same_thread=False
            )
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = full")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            if self._held is not None:
                self._held.close()
            raise LocalError(
                f"is no queue that can be used: {error}", where=str(path),
                hint="is the disk full or read-only, or is this another program's file?",
            ) from None  # fmt: skip

    def put(
        self, target: Target, key: str, group_key: str, body: bytes, *, window: float
    ) -> int | None:
        """Add a notification; when this returns, it is on the disk.

        Args:
            target: Who is told.
            key: What duplicates have in common.
            group_key: Notifications of one group are told in their order.
            body: What Alertmanager posted.
            window: Seconds within which the same key is a duplicate.

        Returns:
            Its number; None where it is a duplicate, and nothing was added.

        Raises:
            LocalError: The queue is full.
            sqlite3.Error: It cannot be written.
        """
        now = self._now()
        with self._writing() as db:
            twin = db.execute(
                "select 1 from messages where key = ? and received_at > ? and state != 'dead'",
                (key, now - window),
            ).fetchone()
            if twin:
                return None
            (waiting,) = db.execute(
                "select count(*) from messages where state = 'queued'"
            ).fetchone()
            if waiting >= self._most:
                raise LocalError(f"{waiting} notifications wait already", where=str(self.path))
            return db.execute(
                "insert into messages (key, project, receiver, kind, group_key, body, state,"
                " received_at, next_at) values (?, ?, ?, ?, ?, ?, 'queued', ?, ?)",
                (key, *target, group_key, body, now, now),
            ).lastrowid

    def next(self, target: Target) -> tuple[Entry | None, float | None]:
        """What a robot has to be told now, and else when to look again.

        A notification waits for the earlier ones of its group: nobody is told that something ended
        before being told that it began.

        Returns:
            The notification, or the time at which one becomes due; neither where none waits.
        """
        with self._guard:
            row = self._db.execute(
                "select id, body, attempts, received_at, next_at from messages as m"
                " where state = 'queued' and project = ? and receiver = ? and kind = ?"
                " and not exists (select 1 from messages as e where e.state = 'queued'"
                "  and e.project = m.project and e.receiver = m.receiver and e.kind = m.kind"
                "  and e.group_key = m.group_key and e.id < m.id)"
                " order by max(next_at, ?), id limit 1",
                (*target, self._now()),
            ).fetchone()
        if row is None:
            return None, None
        number, body, attempts, received_at, next_at = row
        wait = next_at - self._now()
        if (
            0 < wait <= LONGEST_WAIT
        ):  # what lies further ahead was written before the clock was set back
            return None, next_at
        entry = Entry(
            id=number, target=target, body=body, attempts=attempts, received_at=received_at
        )
        return entry, None

    def sent(self, entry: Entry) -> None:
        """It was told: its body is of no use any more."""
        with self._writing() as db:
            db.execute(
                "update messages set state = 'sent', done_at = ?, attempts = attempts + 1,"
                " body = x'', reason = '' where id = ?",
                (self._now(), entry.id),
            )

    def later(self, entry: Entry, seconds: float, reason: str) -> None:
        """It was not told: try again after some seconds."""
        with self._writing() as db:
            db.execute(
                "update messages set next_at = ?, attempts = attempts + 1, reason = ? where id = ?",
                (self._now() + seconds, reason, entry.id),
            )

    def bury(self, entry: Entry, reason: str) -> None:
        """It cannot be told: keep it with the dead."""
        with self._writing() as db:
            db.execute(
                "update messages set state = 'dead', done_at = ?, attempts = attempts + 1,"
                " reason = ? where id = ?",
                (self._now(), reason, entry.id),
            )

    def revive(self) -> int:
        """Put the dead into the queue again, as if they had just come; how many there were."""
        with self._writing() as db:
            return db.execute(
                "update messages set state = 'queued', attempts = 0, next_at = ?, received_at = ?"
                " where state = 'dead'",
                (self._now(), self._now()),
            ).rowcount

    def dead(self) -> list[Entry]:
        """What was given up, oldest first."""
        with self._guard:
            rows = self._db.execute(
                "select id, project, receiver, kind, body, attempts, received_at, reason"
                " from messages where state = 'dead' order by id"
            ).fetchall()
        return [
            Entry(
                id=row[0], target=Target(*row[1:4]), body=row[4], attempts=row[5],
                received_at=row[6], reason=row[7],
            )
            for row in rows
        ]  # fmt: skip

    def waiting(self) -> dict[Target, State]:
        """How full it is, by robot."""
        with self._guard:
            rows = self._db.execute(
                "select project, receiver, kind, sum(state = 'queued'), sum(state = 'dead'),"
                " min(case when state = 'queued' then received_at end)"
                " from messages group by project, receiver, kind"
            ).fetchall()
        return {Target(*row[:3]): State(queued=row[3], dead=row[4], oldest=row[5]) for row in rows}

    def recent(self, target: Target, seconds: float) -> list[float]:
        """When a robot was told something within the last seconds, so that a restart forgets no limit."""
        with self._guard:
            return [
                row[0]
                for row in self._db.execute(
                    "select done_at from messages where state = 'sent' and project = ?"
                    " and receiver = ? and kind = ? and done_at > ? order by done_at",
                    (*target, self._now() - seconds),
                )
            ]

    def probe(self) -> None:
        """Write something, to see that it can be written.

        Raises:
            sqlite3.Error: It cannot.
        """
        with self._writing() as db:
            db.execute("insert or replace into probe (id, at) values (1, ?)", (self._now(),))

    def prune(self) -> None:
        """Forget what was told an hour ago, and what was given up a month ago."""
        with self._writing() as db:
            for state, age in (("sent", _KEEP_SENT), ("dead", _KEEP_DEAD)):
                db.execute(
                    "delete from messages where state = ? and done_at < ?",
                    (state, self._now() - age),
                )

    def close(self) -> None:
        """Close the file and let go of it."""
        with self._guard:
            self._db.close()
            if self._held is not None:
                self._held.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            self._db.execute("begin immediate")
            try:
                yield self._db
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")


def _hold(path: Path) -> IO[bytes]:
    """Lock the queue for this process; two relays on one queue would tell everything twice."""
    lock = path.with_name(path.name + ".lock")
    try:
        held = lock.open("ab")
    except OSError as error:
        raise LocalError(
            f"cannot be written: {error.strerror}", where=str(lock),
            hint="name another file with --queue",
        ) from None  # fmt: skip
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise LocalError(
            "another relay has this queue", where=str(path), hint="stop it, or name another file with --queue"
        ) from None  # fmt: skip
    return held
