"""`obskit up` and `obskit down`: the servers of a local stack, started in order and stopped for good."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from obskit.errors import LocalError
from obskit.local import compose, process, server, state
from obskit.local.alertmanager import Alertmanager
from obskit.local.elasticsearch import Elasticsearch
from obskit.local.filebeat import Filebeat
from obskit.local.grafana import Grafana
from obskit.local.node_exporter import NodeExporter
from obskit.local.prometheus import Prometheus
from obskit.local.server import Running, Server

__all__ = ["SERVICES", "Progress", "Stack", "current", "down", "up"]

#: Called with one line for people whenever there is something to tell.
Progress = Callable[[str], None]
Started = Mapping[str, Running]


@dataclass(frozen=True, slots=True)
class _Service:
    """How to make a server from those that run already."""

    make: Callable[[Started], Server]
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    optional: bool = False


def _filebeat(started: Started) -> Server:
    return Filebeat(elasticsearch=started["elasticsearch"].url)


def _prometheus(started: Started) -> Server:
    scraped = (("alertmanager", "alertmanager"), ("node", "node_exporter"))
    return Prometheus(
        alertmanager=started["alertmanager"].addresses["address"]
        if "alertmanager" in started
        else "",
        scrape=tuple(
            (job, started[name].addresses["address"]) for job, name in scraped if name in started
        ),
        settled=True,
    )


#: Every server of the native stack, each after those that it needs (they are started, too) or uses (only
#: where they are asked for).
SERVICES: Mapping[str, _Service] = {
    "elasticsearch": _Service(lambda _: Elasticsearch()),
    "alertmanager": _Service(lambda _: Alertmanager()),
    "node_exporter": _Service(lambda _: NodeExporter()),
    "grafana": _Service(lambda _: Grafana(), optional=True),
    "prometheus": _Service(_prometheus, uses=("alertmanager", "node_exporter")),
    "filebeat": _Service(_filebeat, needs=("elasticsearch",)),
}

#: Folders that files are delivered to, also where the server that reads them is not on this machine.
_FOLDERS: Mapping[str, str] = {"grafana": "provisioning", "logstash": "pipeline"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A local stack that runs.

    Args:
        folder: Where its state, configuration and data are.
        servers: The servers that run, by name; empty for Docker Compose, whose engine has them.
        addresses: What each server offers by name, such as its ``url``.
        absent: Servers that were left out, with the reason.
        project: Name of the Docker Compose project; empty for native processes.
    """

    folder: Path
    servers: Mapping[str, Running] = field(default_factory=dict)
    addresses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    project: str = ""

    @property
    def logs(self) -> Path:
        """The folder that a local service writes its logs into; Filebeat can read it."""
        return self.folder / "logs"

    def environment(self) -> dict[str, str]:
        """The stack as variables such as ``OBSKIT_PROMETHEUS_URL``, for ``${env:…}`` in obskit.yml."""
        variables = {
            f"OBSKIT_{server_name}_{name}".upper(): value
            for server_name, addresses in self.addresses.items()
            for name, value in addresses.items()
        }
        return {**variables, "OBSKIT_LOGS_DIR": str(self.logs)}


def up(
    folder: Path,
    *,
    services: Iterable[str] | None = None,
    progress: Progress = lambda _: None,
    engine: str = "auto",
    deadline: float = 90.0,
) -> Stack:
    """Start a local stack; what runs already in this folder is left running.

    Args:
        folder: The stack's own folder, such as ``.obskit/local``.
        services: Names of the servers to start, with what they need; all by default, where those that no
            package registry has are left out if they are not on this machine.
        progress: Told in one line what happens.
        engine: ``compose``, ``native``, or ``auto`` for Docker Compose where an engine answers.
        deadline: Seconds that each server has to become ready.

    Raises:
        LocalError: A server is not on this machine or does not start. What this call started is stopped.
    """
    folder = folder.absolute()
    wanted = _with_needs(services)
    with state.locked(folder):
        if engine == "compose" or (engine == "auto" and compose.available()):
            # unless some were named, all of the file's, which has more than there are natively
            chosen = () if services is None else wanted
            stack = compose.up(folder, services=chosen, progress=progress)
            return Stack(folder=folder, addresses=stack.addresses or {}, project=stack.project)
        return _Starting(folder, progress, deadline).run(wanted, chosen=services is not None)


def down(folder: Path, *, keep: bool = False, progress: Progress = lambda _: None) -> bool:
    """Stop the stack of a folder, in whichever process it was started, and remove its data.

    Args:
        folder: The stack's own folder.
        keep: Leave configuration, data and logs.
        progress: Told in one line what happens.

    Returns:
        Whether there was one.

    Raises:
        LocalError: A process does not end, or the state file cannot be read.
    """
    folder = folder.absolute()
    if not folder.exists():
        return False
    with state.locked(folder):
        found = state.read(folder)
        if found is None:
            state.remove(folder)
            return False
        if found.project:
            compose.down(folder, found, keep=keep, progress=progress)
        else:
            # By token, which also finds what a start that was killed half-way left behind.
            ended = process.stop(found.token)
            progress(f"stopped {len(ended)} processes" if ended else "nothing was running any more")
        if not keep:
            for one in found.servers:
                _remove_inside(folder, one.folder)
            for name in ("logs", *_FOLDERS):
                _remove_inside(folder, folder / name)
        state.remove(folder)
        return True


def current(folder: Path) -> Stack | None:
    """The stack of a folder as it was started; ``None`` where there is none.

    Raises:
        LocalError: The state file cannot be read.
    """
    folder = folder.absolute()
    found = state.read(folder)
    if found is None:
        return None
    if found.project:
        return Stack(folder=folder, addresses=found.addresses or {}, project=found.project)
    return _stack(folder, {one.name: one for one in found.servers if one.alive}, {})


class _Starting:
    """One start: all servers at the same time, each as soon as those run that it needs or uses."""

    def __init__(self, folder: Path, progress: Progress, deadline: float) -> None:
        self.folder = folder
        self.progress = progress
        self.deadline = deadline
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._state = state.State(token="")

    def run(self, wanted: tuple[str, ...], *, chosen: bool) -> Stack:
        before = state.read(self.folder)
        if before is not None and before.project:
            raise LocalError(
                f"runs by Docker Compose as {before.project}",
                where=str(self.folder),
                hint="obskit down first",
            )
        self._state = state.State(
            token=before.token if before else secrets.token_hex(16),
            servers=tuple(one for one in before.servers if one.alive) if before else (),
        )
        started = {one.name: one for one in self._state.servers}
        absent: dict[str, str] = {}
        (self.folder / "logs").mkdir(exist_ok=True)
        # Written before the first process exists: whatever happens from here on, down() finds it.
        state.write(self.folder, self._state)
        missing = [name for name in wanted if name not in started]
        try:
            for name, task in self._start_all(missing, started).items():
                error = task.exception()
                if error is None:
                    started[name] = task.result()
                elif isinstance(error, LocalError) and SERVICES[name].optional and not chosen:
                    absent[name] = str(error)
                    self.progress(f"{name}: left out: {error.message}")
                else:
                    raise error
        except BaseException:
            self._stop(missing)
            if before is None:
                (self.folder / "state.json").unlink(missing_ok=True)
            else:
                state.write(self.folder, before)
            raise
        return _stack(self.folder, started, absent)

    def _start_all(self, names: list[str], before: Started) -> dict[str, Future[Running]]:
        """Start each server as soon as those are there that it needs or uses."""
        tasks: dict[str, Future[Running]] = {}

        def begin(name: str) -> Running:
            there = dict(before)
            for other in SERVICES[name].needs + SERVICES[name].uses:
                if other in tasks:  # submitted before this one, and each has a thread of its own
                    there[other] = tasks[other].result()
            return self._start(name, there)

        with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
            try:
                for name in names:
                    tasks[name] = pool.submit(begin, name)
                wait(tasks.values())
            except (
                BaseException
            ):  # Ctrl-C: leaving the block waits for the starts, so end them first
                self._stopping.set()
                self._stop(names)
                raise
        return tasks

    def _start(self, name: str, started: Started) -> Running:
        one = SERVICES[name].make(started)
        self.progress(f"{name}: starting")
        running = server.start(
            one,
            self.folder / name,
            token=self._state.token,
            deadline=self.deadline,
            spawned=self._note,
        )
        self.progress(f"{name}: ready at {running.url}")
        return running

    def _note(self, one: Running) -> None:
        if self._stopping.is_set():
            raise LocalError("the start was given up", where=one.name)
        with self._lock:
            others = tuple(other for other in self._state.servers if other.name != one.name)
            self._state = state.State(token=self._state.token, servers=(*others, one))
            state.write(self.folder, self._state)

    def _stop(self, names: Iterable[str]) -> None:
        """Stop what this start began; the folders stay, for the logs say what went wrong."""
        wanted = set(names)
        for one in reversed(self._state.servers):
            if one.name in wanted:
                server.stop(one, keep=True)


def _stack(folder: Path, started: Started, absent: Mapping[str, str]) -> Stack:
    addresses = {name: {"url": one.url, **one.addresses} for name, one in started.items()}
    for name, kind in _FOLDERS.items():
        (folder / name / kind).mkdir(parents=True, exist_ok=True)
        addresses.setdefault(name, {})[kind] = str(folder / name / kind)
    return Stack(
        folder=folder,
        servers=started,
        addresses=addresses,
        absent=absent,
    )


def _with_needs(services: Iterable[str] | None) -> tuple[str, ...]:
    """The names asked for and what they need, in the order to start them."""
    asked = set(SERVICES if services is None else services)
    if unknown := sorted(asked - set(SERVICES)):
        raise LocalError(
            f"no such server: {', '.join(unknown)}", hint=f"there are: {', '.join(SERVICES)}"
        )
    for name in tuple(asked):
        asked.update(SERVICES[name].needs)
    return tuple(name for name in SERVICES if name in asked)


def _remove_inside(folder: Path, path: Path) -> None:
    # a state file is only a file: never remove what it names outside of the stack's own folder
    inside = path.resolve()
    if inside.is_relative_to(folder.resolve()) and inside != folder.resolve() and inside.is_dir():
        shutil.rmtree(inside)
