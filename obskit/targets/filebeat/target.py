"""Filebeat: inputs delivered as files into the folder that it reloads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from obskit.config import Section
from obskit.deadline import Deadline
from obskit.delivery.files import Batch, Folder
from obskit.delivery.http import Http
from obskit.delivery.listener import listening_at
from obskit.engine.plan import Action, Change
from obskit.engine.resource import Address, Live, Resource
from obskit.engine.verify import Check
from obskit.errors import DeliveryError, ObskitError, Problem
from obskit.targets.base import Canary, Context, Finding, Hop, Target
from obskit.targets.filebeat import doctor, proof, running
from obskit.targets.filebeat.check import check_inputs, check_main
from obskit.targets.filebeat.client import FilebeatApi, Stats, error_lines
from obskit.targets.filebeat.content import (
    input_files,
    main_file,
)
from obskit.targets.filebeat.settings import FilebeatSettings
from obskit.targets.marks import split_mark, with_mark
from obskit.targets.official import top_keys
from obskit.targets.shipped import name_problems, read_whole

__all__ = ["Filebeat"]

# Filebeat refuses configuration that others than its owner may write.
_MODE = 0o644


class Filebeat(Target[FilebeatSettings]):
    """The inputs of the services, and filebeat.yml where obskit owns it."""

    name: ClassVar[str] = "filebeat"
    Settings: ClassVar[type[Section]] = FilebeatSettings
    kinds: ClassVar[tuple[str, ...]] = ("config", "inputs")
    after: ClassVar[tuple[str, ...]] = ("elasticsearch", "logstash")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        url = self.settings.url
        self.folder = Folder(self.path(self.settings.inputs))
        self.api = FilebeatApi(Http(url, folder=context.settings.folder)) if url else None
        #: Where its log ended before the first write, so that older errors are not told again.
        self.log_position = 0
        self._before: Stats | None = None
        self._lock = threading.Lock()
        self._batch = Batch(self.folder)
        config = self.settings.config
        self._main = Folder(self.path(config).parent) if config else None

    @cached_property
    def files(self) -> dict[str, str]:
        """The input files by name."""
        return input_files(self.context.settings, self.settings, self.context.schema)

    def desired(self) -> Sequence[Resource]:
        """One file a service, and filebeat.yml where it is ours."""
        # An event that comes before the templates makes an index whose fields are guessed.
        elasticsearch = self.context.peers.get("elasticsearch")
        needs = frozenset(
            item.address for item in (elasticsearch.desired() if elasticsearch else ())
        )
        found = [
            Resource(address=self.address("inputs", name), body=text, needs=needs)
            for name, text in self.files.items()
        ]
        if self.settings.config is not None:
            text = main_file(self.context.settings, self.settings, self._elasticsearch())
            found.append(
                Resource(address=self.address("config", self.settings.config.name), body=text)
            )
        return found

    def _elasticsearch(self) -> str:
        peer = self.context.peers.get("elasticsearch")
        return str(self.settings.elasticsearch_url or (peer.settings.url if peer else ""))

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        """The files with our mark, and those at wanted names."""
        self.folder.require()
        places = [("inputs", self.folder, name) for name in self.folder.names("*.yml")]
        if self._main is not None and self.settings.config is not None:
            self._main.require()
            places.append(("config", self._main, self.settings.config.name))
        found: dict[Address, Live] = {}
        for kind, folder, name in places:
            address = self.address(kind, name)
            text = read_whole(folder, name)
            if text is None:
                continue
            mark, body = split_mark(text)
            if address in wanted or (mark and mark.project == self.context.project):
                found[address] = Live(address=address, body=body, mark=mark)
        return found

    def impact(self, change: Change) -> Sequence[str]:
        """A restart for filebeat.yml; lines that are no longer shipped for an input that goes."""
        if change.address.kind == "config":
            return ("Filebeat has to be restarted to read it",)
        if change.action is Action.DELETE:
            return ("its log lines are no longer shipped",)
        return ()

    def write(self, change: Change) -> None:
        """Write or remove one file."""
        name = change.address.name
        if change.address.kind == "config":
            if self._main is None:
                raise DeliveryError("filebeat.config is not set", where=str(change.address))
            if change.after is None:
                self._main.delete(name)
            else:
                self._main.write(name, with_mark(change.after.body, self.mark(change)), mode=0o600)
            return
        self._remember()
        if change.after is None:
            self._batch.delete(name)
        else:
            self._batch.write(name, with_mark(change.after.body, self.mark(change)), mode=_MODE)

    def _remember(self) -> None:
        """Counters and the log's end from before the first write: what is new afterwards is ours."""
        with self._lock:  # files are written side by side
            if self._before is not None or self.api is None:
                return
            self._before = self.api.stats()
            if self.settings.log is not None:
                _, self.log_position = error_lines(self.path(self.settings.log))

    def settle(self, changes: Sequence[Change]) -> None:
        """Wait until Filebeat runs the inputs that were written."""
        written = [change for change in changes if change.address.kind == "inputs"]
        before, self._before = self._before, None
        if not written or before is None or self.api is None:
            self._batch.keep()
            return
        deadline = Deadline.after(self.settings.settle.total_seconds())
        try:
            proof.wait_for_inputs(self, self.api, before, deadline)
        except ObskitError as error:
            self._batch.restore()
            raise DeliveryError(
                f"the new inputs do not run and the old files were put back: {error.message}",
                where=error.where or str(self.folder.root),
                hint=error.hint,
            ) from None
        self._batch.keep()

    def notes(self) -> Sequence[str]:
        """Services without log files."""
        silent = [item.name for item in self.context.settings.services if not item.logs]
        named = {item.service for item in self.settings.sources}
        left = [name for name in silent if name not in named]
        return (f"no log files are known of {', '.join(left)}",) if left else ()

    def check(self) -> Iterator[Problem]:
        """Names of streams, and every file by ``filebeat test config`` where installed."""
        yield from name_problems(
            self.context.settings, (source.service for source in self.settings.sources)
        )
        if self.files:
            yield from check_inputs(self.files)
        if self.settings.config is not None:
            text = main_file(self.context.settings, self.settings, self._elasticsearch())
            yield from check_main(text, self.settings.config.name)

    def examine(self, deadline: Deadline) -> Iterator[Finding]:
        """Address, version, folder, filebeat.yml."""
        yield from doctor.examine(self, deadline)

    @classmethod
    def check_file(cls, path: Path, text: str) -> Iterator[Problem] | None:
        """A filebeat.yml."""
        named = any(key.partition(".")[0] == "filebeat" for key in top_keys(path, text))
        return check_main(text, str(path)) if named else None

    @classmethod
    def recognise(cls, http: Http, deadline: Deadline) -> Mapping[str, Any] | None:
        """A Filebeat says that it is one; where its folder is only its own configuration tells."""
        about = http.get("/", deadline=deadline).json()
        if not isinstance(about, dict) or about.get("beat") != "filebeat":
            return None
        found = running.section_of(listening_at(http.base_url, "filebeat"))
        return {"inputs": "/etc/filebeat/inputs.d", "url": http.base_url, **found}

    def checks(self) -> Sequence[Check]:
        """The inputs run, and the output gives nothing up."""
        return proof.checks(self)

    def hop(self, canary: Canary, deadline: Deadline) -> Hop | None:
        """Whether it read the canary's line, and whether its output acknowledged it."""
        return proof.hop(self, canary, deadline)
