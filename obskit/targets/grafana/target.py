"""Grafana: data sources, a folder, dashboards, and the proof that every panel shows data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import orjson

from obskit.deadline import Deadline
from obskit.delivery.files import Folder
from obskit.delivery.http import Http
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Body, Live, Resource
from obskit.engine.verify import Check, Proof
from obskit.errors import ContentError, ObskitError, Problem
from obskit.targets.base import DataSource, Finding, Target
from obskit.targets.grafana import dashboards, marks, normal, sources
from obskit.targets.grafana.api import ApiDelivery
from obskit.targets.grafana.client import Client
from obskit.targets.grafana.provisioning import FileDelivery
from obskit.targets.grafana.settings import GrafanaSettings

__all__ = ["Grafana"]


class Grafana(Target[GrafanaSettings]):
    """Grafana, through its API or by its provisioning files."""

    name: ClassVar[str] = "grafana"
    Settings = GrafanaSettings
    kinds: ClassVar[tuple[str, ...]] = ("data_source", "folder", "dashboard")
    named_by: ClassVar[str] = "grafana.uid_prefix"

    @cached_property
    def http(self) -> Http | None:
        """The seam to Grafana; None where obskit.yml gives no address."""
        if self.settings.url is None:
            return None
        return Http(self.settings.url, auth=self.settings.auth, folder=self.context.settings.folder)

    @cached_property
    def _delivery(self) -> ApiDelivery | FileDelivery:
        if self.settings.provisioning is not None:
            root = self.path(self.settings.provisioning)
            name = marks.uid("obskit", self.context.project)
            boards = (
                self.path(self.settings.dashboards_dir)
                if self.settings.dashboards_dir
                else root / "dashboards" / name
            )
            return FileDelivery(
                root=root,
                boards=boards,
                path=self.settings.dashboards_path or str(boards.resolve()),
                project=self.context.project,
                http=self.http,
            )
        assert self.http is not None  # noqa: S101 - the settings refuse a section with neither
        return ApiDelivery(
            Client(self.http), self.context.project, self._key, self._secrets, self.folder_uid
        )

    def _secrets(self, uid: str) -> Mapping[str, Any]:
        """The secrets of obskit.yml for a data source."""
        folder = self.context.settings.folder
        for source in self.sources:
            if source.uid == uid:
                found: Mapping[str, Any] = sources.body_of(source, folder).get("secureJsonData", {})
                return found
        return {}

    @property
    def _key(self) -> bytes | None:
        secret = self.settings.fingerprint_key
        return secret.reveal().encode() if secret else None

    @cached_property
    def sources(self) -> Sequence[DataSource]:
        """Our servers as data sources."""
        return sources.ours(self.context, self.settings.uid_prefix, self.settings.addresses)

    @cached_property
    def _loaded(self) -> tuple[list[dashboards.Loaded], list[str], list[Problem]]:
        return dashboards.load(self.settings, self.context.settings.folder, self.sources)

    @property
    def loaded(self) -> Sequence[dashboards.Loaded]:
        """The dashboards to provision.

        Raises:
            ContentError: Some cannot be; each is named.
        """
        found, _, problems = self._loaded
        if problems:
            raise ContentError(problems)
        return found

    @property
    def folder_uid(self) -> str:
        """Uid of our folder."""
        return self.settings.folder_uid or marks.uid("obskit", self.context.project)

    # What should be, what is, and how one becomes the other -------------------------------------

    def desired(self) -> Sequence[Resource]:
        """Data sources of the configured servers, the folder, the dashboards.

        Raises:
            ContentError: A dashboard cannot be provisioned.
        """
        folder = self.context.settings.folder
        by_files = self.settings.provisioning is not None
        found = [
            Resource(
                address=self.address("data_source", source.uid),
                body=sources.body_of(source, folder),
            )
            for source in self.sources
        ]
        needed = frozenset(resource.address for resource in found)
        boards = self.loaded
        if not boards:
            return found
        title = self.settings.folder or self.context.project
        place = self.address("folder", self.folder_uid)
        body = {"title": title}
        if isinstance(self._delivery, FileDelivery):
            body |= {"uid": self.folder_uid, "path": self._delivery.path}
        found.append(Resource(address=place, body=body))
        for board in boards:
            inside = "" if by_files else self.folder_uid
            found.append(
                Resource(
                    address=self.address("dashboard", board.uid),
                    body={"folder": inside, "dashboard": dict(board.body)},
                    needs=needed | {place},
                )
            )
        return found

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        """Every object of this project, and every object at a wanted address."""
        return self._delivery.read(wanted)

    def normalise(self, address: Address, body: Body) -> Body:
        """The body without what Grafana adds: ids, versions, the editor's defaults."""
        if address.kind == "dashboard":
            return normal.dashboard(body)
        if address.kind == "data_source":
            return normal.data_source(body, self._key)
        return {key: body[key] for key in sorted(body) if key != "uid"}

    def write(self, change: Change) -> None:
        """Make one change."""
        self._delivery.write(change, lambda: self.mark(change))

    def settle(self, changes: Sequence[Change]) -> None:
        """Annotate what was provisioned, or let Grafana read its files."""
        self._delivery.settle(changes)

    def write_back(self, live: Live) -> Path | None:
        """Keep an edit of a dashboard: in its own file, or beside obskit.yml for one that has none.

        Raises:
            DeliveryError: The file could not be written.
        """
        one = next((item for item in self.loaded if item.uid == live.address.name), None)
        if live.address.kind != "dashboard" or one is None:
            return None
        board = {
            key: value
            for key, value in live.body["dashboard"].items()
            if key not in ("id", "version")
        }
        one.file.parent.mkdir(parents=True, exist_ok=True)
        text = orjson.dumps(board, option=orjson.OPT_INDENT_2).decode() + "\n"
        Folder(one.file.parent).write(one.file.name, text)
        return one.file

    def impact(self, change: Change) -> Sequence[str]:
        """Which panels change, by title; what a deletion leaves behind."""
        if change.address.kind == "dashboard" and change.before is not None:
            known = normal.titles(change.before.body["dashboard"].get("panels"))
            if change.after is not None:
                known |= normal.titles(change.after.body["dashboard"].get("panels"))
            return normal.panel_words([edit.path for edit in change.edits], known)
        if change.address.kind == "data_source" and change.after is None and self.settings.provisioning:  # fmt: skip
            return [
                "older Grafanas, which know no prune, keep a data source whose file is gone: delete it there"
            ]
        return ()

    def notes(self) -> Sequence[str]:
        """What was left out, and what Grafana will not notice by itself."""
        words = list(self._loaded[1])
        words += [
            f"{source.name}: Grafana cannot check a fingerprint, so it will not verify the "
            "certificate; give auth.ca_file instead"
            for source in self.sources
            if source.auth.ca_fingerprint
        ]
        if self.settings.provisioning is not None and self.settings.url is None:
            words.append("data sources are read when Grafana starts: restart it once")
        return words

    # What is told before, and proved after ------------------------------------------------------

    def check(self) -> Iterator[Problem]:
        """Every dashboard loaded, its inputs filled, and linted."""
        from obskit.lint.dashboards import lint_texts

        found, _, problems = self._loaded
        yield from problems
        for name in sorted(self.settings.addresses.keys() - self.context.peers.keys()):
            message = (
                f"grafana.addresses: {name!r} is no section of this file that Grafana could reach"
            )
            yield Problem(
                rule="config/grafana", message=message, path=str(self.context.settings.path)
            )
        yield from lint_texts([(board.origin, board.text) for board in found])
        try:
            self.desired()
        except ContentError as error:
            yield from (item for item in error.problems if item not in problems)

    def examine(self, deadline: Deadline) -> Iterator[Finding]:
        """Address, version, organisation, privileges, clock; or the folder for its files."""
        from obskit.targets.grafana import examine

        if self.settings.provisioning is not None:
            yield examine.folder(self.path(self.settings.provisioning))
        if self.http is not None:
            yield from examine.server(self.http, deadline)

    @classmethod
    def check_file(cls, path: Path, text: str) -> Iterator[Problem] | None:
        """A dashboard: a JSON file with panels, rows, or one in its ``dashboard``."""
        if path.suffix != ".json" or not re.search(r'"(panels|rows|dashboard|elements)"\s*:', text):
            return None
        from obskit.lint.dashboards import lint_dashboard

        return iter(lint_dashboard(text, str(path)))

    @classmethod
    def recognise(cls, http: Http, deadline: Deadline) -> Mapping[str, Any] | None:
        """A Grafana answers the health of its database to everybody."""
        health = http.get("/api/health", deadline=deadline).json()
        if not isinstance(health, dict) or "database" not in health:
            return None
        return {"url": http.base_url, "auth": {"token": "${env:GRAFANA_TOKEN}"}}

    def checks(self) -> Sequence[Check]:
        """One proof for each panel of each dashboard."""
        from obskit.targets.grafana.panels import Prover

        seconds = self.context.settings.verify.deadline.total_seconds()
        try:
            boards = self.loaded
        except ObskitError as error:
            failure = error

            def refuse(_: Deadline) -> Iterator[Proof]:
                raise failure

            return [Check(id="panel", title="dashboards", run=refuse, seconds=seconds)]
        prover = Prover(
            sources=self.sources,
            grafana=self.http,
            folder=self.context.settings.folder,
            addresses=sources.addresses(self.context, self.settings.uid_prefix),
        )
        return [*self._loaded_check()] + [
            Check(
                id=f"panel/{board.uid}",
                title=f"panels of {board.body.get('title', board.uid)}",
                run=lambda deadline, board=board: prover.prove(board, deadline),  # type: ignore[misc]
                seconds=seconds,
            )
            for board in boards
        ]

    def _loaded_check(self) -> Iterator[Check]:
        """Whether Grafana reaches its data sources, by its own test of each."""
        from obskit.targets.grafana import health

        http = self.http
        if http is not None and self.sources:
            yield Check(
                id="loaded/grafana",
                title="data sources answer Grafana",
                run=lambda deadline: health.prove(http, self.sources, deadline),
            )
