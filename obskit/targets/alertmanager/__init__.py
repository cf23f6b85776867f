"""Alertmanager: our subtree of routes and receivers inside the configuration that is there."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from obskit import assets
from obskit.config import Auth, Duration, Secret, Section, Url
from obskit.config.receivers import Receiver
from obskit.deadline import Deadline
from obskit.delivery import checker
from obskit.delivery.files import Batch, Folder, Lock
from obskit.delivery.http import Http
from obskit.delivery.listener import listening_at
from obskit.delivery.reload import LogTail, Reload, reload
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Body, Live, Mark, Resource
from obskit.engine.verify import Check
from obskit.errors import ContentError, DeliveryError, ObskitError, Problem, Severity
from obskit.targets.alertmanager import doctor
from obskit.targets.alertmanager.document import Document, wrap_secrets
from obskit.targets.alertmanager.loose import check_config
from obskit.targets.alertmanager.proof import synthetic_alert
from obskit.targets.alertmanager.receivers import Version, integrations, version_of
from obskit.targets.alertmanager.routing import (
    Inhibition,
    Route,
    check_routing,
    subtree,
    template_name,
    template_words,
    whole_file,
)
from obskit.targets.base import Context, DataSource, Finding, Target
from obskit.targets.marks import split_mark, with_mark
from obskit.targets.official import top_keys
from obskit.targets.shipped import read_whole

__all__ = ["Alertmanager", "AlertmanagerSettings", "config_hash"]


class AlertmanagerSettings(Section):
    """``alertmanager:`` in obskit.yml.

    Args:
        url: Address of the server.
        auth: How to sign in.
        file: Its ``alertmanager.yml``; obskit writes only its own subtree into it.
        whole: Whether the whole file is obskit's; else only the project's subtree in it.
        reload: How the server is told to read its file again.
        receivers: Who is notified.
        routes: Who gets which alerts; the first receiver gets all when there are none.
        match: Which alerts enter the project's subtree; those with the project's label when absent.
        group_by: Labels by which alerts are grouped.
        group_wait: How long to wait for more alerts of a new group.
        group_interval: How long to wait before telling of new alerts of a group.
        repeat_interval: How long until an alert that still fires is told again.
        inhibit: What silences what; critical over warning and a dead node over its services when absent.
        mute_timings: Times of nobody being told, by name, in Alertmanager's own ``time_intervals``.
        relay: Address of ``obskit relay``, for receivers that Alertmanager does not have.
        relay_token: Bearer token that the relay wants and Alertmanager carries.
        version: Its version, where it cannot be asked (``check`` is offline).
        replicas: More instances of the cluster: what differs of each (``url``, ``file``).
        settle: How long it may take until it runs what was written.
    """

    url: Url
    auth: Auth = Auth()
    file: Path
    whole: bool = False
    reload: Reload = Reload()
    receivers: tuple[Receiver, ...] = ()
    routes: tuple[Route, ...] = ()
    match: tuple[str, ...] | None = None
    group_by: tuple[str, ...] = ("alertname", "service")
    group_wait: Duration = timedelta(seconds=30)
    group_interval: Duration = timedelta(minutes=5)
    repeat_interval: Duration = timedelta(hours=4)
    inhibit: tuple[Inhibition, ...] | None = None
    mute_timings: Mapping[str, tuple[Mapping[str, Any], ...]] = Field(default_factory=dict)
    relay: Url | None = None
    relay_token: Secret | None = None
    version: str = ""
    replicas: tuple[Mapping[str, Any], ...] = ()
    settle: Duration = timedelta(seconds=20)


def config_hash(data: bytes) -> float:
    """What ``alertmanager_config_hash`` shows for a file: 48 bits of its MD5, little-endian.

    Source: Alertmanager's ``cmd/alertmanager`` (``md5HashAsMetricValue``); seen on 0.25.
    """
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return float(int.from_bytes(digest[:6], "little"))


class Alertmanager(Target[AlertmanagerSettings]):
    """Routes and receivers of this project, and the proof that an alert arrives."""

    name: ClassVar[str] = "alertmanager"
    Settings: ClassVar[type[Section]] = AlertmanagerSettings
    kinds: ClassVar[tuple[str, ...]] = ("templates", "config", "subtree")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        folder = context.settings.folder
        self.http = Http(self.settings.url, auth=self.settings.auth, folder=folder)
        self.file = self.path(self.settings.file)
        self._folder = Folder(self.file.parent)
        self._batch = Batch(self._folder)
        self._lock = Lock(self._folder)

    @cached_property
    def version(self) -> Version:
        """The server's version: what was set, else what it says of itself."""
        if self.settings.version:
            return version_of(self.settings.version)
        return version_of(str(doctor.status(self.http)["versionInfo"].get("version", "")))

    def integrations(self, receiver: str) -> set[str]:
        """The ways in which a receiver of obskit.yml is told, as Alertmanager's metrics name them."""
        return {
            name
            for item in self.settings.receivers
            if item.name == receiver
            for name in integrations(item, self.version)
        }

    def _offline_version(self) -> Version:
        amtool = checker.find("amtool")
        if self.settings.version or amtool is None:
            return version_of(self.settings.version)
        found = re.search(r"version (\S+)", checker.run([amtool, "--version"]).words)
        return version_of(found[1] if found else "")

    def desired(self) -> Sequence[Resource]:
        """The project's subtree, as one resource: routes and receivers make no sense apart."""
        project = self.context.project
        body = subtree(self.context.settings, self.settings, self.version)
        found = []
        if body["templates"]:
            found.append(
                Resource(
                    address=self.address("templates", template_name(project)), body=self.templates
                )
            )
        whole = self.settings.whole
        found.append(
            Resource(
                address=self.address("config", self.file.name)
                if whole
                else self.address("subtree", project),
                body=whole_file(body) if whole else body,
                needs=frozenset(item.address for item in found),
                note="with the synthetic alert's own route, which reaches nobody but obskit",
            )
        )
        return found

    @cached_property
    def templates(self) -> str:
        """The project's templates."""
        text = assets.path("alertmanager/templates/obskit.tmpl").read_text(encoding="utf-8")
        return text.replace("[[ prefix ]]", template_words(self.context.project).prefix)

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        """The project's subtree as it stands in the file, and its templates."""
        project = self.context.project
        found: dict[Address, Live] = {}
        address = self.address("templates", template_name(project))
        text = read_whole(self._folder, address.name)
        if text is not None:
            mark, body = split_mark(text)
            if address in wanted or (mark and mark.project == project):
                found[address] = Live(address=address, body=body, mark=mark)
        if self.settings.whole:
            return {**found, **self._read_whole()}
        document = self._document()
        tree = document.subtree(project)
        if tree is not None:
            # The reserved names are the ownership: without a mark somebody edited the file by hand.
            mark = document.mark(project) or Mark(project=project, release="", digest="")
            address = self.address("subtree", project)
            found[address] = Live(address=address, body=wrap_secrets(tree), mark=mark)
        return found

    def _read_whole(self) -> Mapping[Address, Live]:
        """The file as one object: ours where it carries our mark, somebody else's otherwise."""
        text = read_whole(self._folder, self.file.name)
        if text is None:
            return {}
        document = Document.read(text, where=str(self.file))
        address = self.address("config", self.file.name)
        mark = document.mark(self.context.project)
        return {address: Live(address=address, body=wrap_secrets(document.plain()), mark=mark)}

    def normalise(self, address: Address, body: Body) -> Body:
        """Secrets wrapped, so that no diff shows them."""
        del address
        return wrap_secrets(body)

    def _document(self) -> Document:
        text = read_whole(self._folder, self.file.name)
        if text is None:
            raise DeliveryError(
                "no such file", where=str(self.file),
                hint="alertmanager.file names the server's own alertmanager.yml",
            )  # fmt: skip
        return Document.read(text, where=str(self.file))

    def write(self, change: Change) -> None:
        """Write the subtree into the file; only when amtool accepts the whole.

        From reading the file until Alertmanager runs the new one no other project writes into it: what it wrote
        meanwhile would be lost, now or when a refused file is put back.
        """
        if change.address.kind == "templates":
            if change.after is None:
                self._batch.delete(change.address.name)
            else:
                self._batch.write(
                    change.address.name, with_mark(change.after.body, self.mark(change))
                )
            return
        self._lock.take(Deadline.after(self.settings.settle.total_seconds()))
        try:
            self._write_file(change)
        except ObskitError:
            self._lock.give()
            raise

    def _write_file(self, change: Change) -> None:
        if change.address.kind == "config" and change.after is None:
            raise DeliveryError(
                "is not removed: an Alertmanager does not start without its file", where=str(self.file),
                hint="set alertmanager.whole to false to give the file back, or remove it by hand",
            )  # fmt: skip
        if change.address.kind == "config":
            document = Document.new(change.after.body if change.after else {}, self.mark(change))
        elif change.after is None:
            document = self._document()
            document.replace(self.context.project, None, None)
        else:
            document = self._document()
            document.replace(self.context.project, change.after.body, self.mark(change))
        text = document.render()
        problems = list(check_config(text, str(self.file), self.file.parent))
        if any(item.severity is Severity.ERROR for item in problems):
            raise ContentError(problems, hint="the file was not written")
        self._batch.write(self.file.name, text)

    def settle(self, changes: Sequence[Change]) -> None:
        """Reload, and see by its hash that the server runs these bytes; else put the old file back."""
        del changes
        try:
            self._settle()
        finally:
            self._lock.give()

    def _settle(self) -> None:
        path = self.settings.reload.log
        log = LogTail(self.path(path) if path else None)
        try:
            self.reload(Deadline.after(self.settings.settle.total_seconds()))
        except ObskitError as error:
            said = log.words()
            self._batch.restore()
            again = ""
            try:
                self.reload(Deadline.after(self.settings.settle.total_seconds()))
            except ObskitError as second:
                again = f"; reloading the old file failed too: {second.message}"
            raise DeliveryError(
                f"the new file was refused and the old one put back: {error.message}{said}{again}",
                where=error.where or self.http.base_url,
                hint=error.hint or ("" if said else "the server's log has the reason"),
            ) from None
        self._batch.keep()

    def reload(self, deadline: Deadline) -> None:
        """Tell the server to read its file, and wait until its hash is that of the file's bytes.

        Raises:
            DeliveryError: It refused, or runs something else.
        """
        reload(self.settings.reload, self.http, deadline)
        expected = config_hash(self.file.read_bytes())
        while True:
            metrics = self.metrics(deadline)
            if (
                metrics.get("alertmanager_config_hash") == expected
                and metrics.get("alertmanager_config_last_reload_successful") == 1
            ):
                return
            if not deadline.sleep(0.3):
                raise DeliveryError(
                    "the server does not run the file that was written: alertmanager_config_hash is "
                    f"{metrics.get('alertmanager_config_hash')}, the file's is {expected}",
                    where=self.http.base_url,
                    hint="is alertmanager.file the file that it was started with?",
                )

    def metrics(self, deadline: Deadline) -> Mapping[str, float]:
        """The server's own metrics, summed by name.

        Raises:
            ServerError: It does not answer, or not as an Alertmanager does.
        """
        from obskit.targets.prometheus.client import PrometheusApi

        found = PrometheusApi(self.http).metrics(deadline=deadline)
        if "alertmanager_config_hash" not in found:
            raise doctor.not_alertmanager(f"GET {self.http.base_url}/metrics")
        return found

    def check(self) -> Iterator[Problem]:
        """Names that routes use, and the subtree in a minimal file, by amtool where installed."""
        version = self._offline_version()
        found = list(check_routing(self.context.settings, self.settings, version))
        yield from found
        if found:
            return
        document = Document.read(
            "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n", where=""
        )
        document.replace(
            self.context.project, subtree(self.context.settings, self.settings, version), None
        )
        with tempfile.TemporaryDirectory(prefix="obskit-") as name:
            Folder(Path(name)).write(
                template_name(self.context.project), self.templates, mode=0o600
            )
            yield from check_config(document.render(), str(self.context.settings.path), Path(name))

    def examine(self, deadline: Deadline) -> Iterator[Finding]:
        """Version, cluster, file, clock."""
        yield from doctor.examine(self, deadline)

    @classmethod
    def check_file(cls, path: Path, text: str) -> Iterator[Problem] | None:
        """An alertmanager.yml."""
        keys = top_keys(path, text)
        if not keys & {"route", "receivers"}:
            return None
        return check_config(text, str(path), path.parent)

    @classmethod
    def recognise(cls, http: Http, deadline: Deadline) -> Mapping[str, Any] | None:
        """An Alertmanager answers its status; where its file is only its command line tells."""
        status = http.get("/api/v2/status", deadline=deadline).json()
        if not isinstance(status, dict) or "versionInfo" not in status:
            return None
        file = "/etc/alertmanager/alertmanager.yml"
        if process := listening_at(http.base_url, "alertmanager"):
            file = str(process.path(process.option("config.file") or "alertmanager.yml"))
        return {"url": http.base_url, "file": file}

    def checks(self) -> Sequence[Check]:
        """The loaded file, and the synthetic alert from end to end."""
        seconds = self.context.settings.verify.deadline.total_seconds()
        loaded = Check(
            id="loaded/alertmanager", title="the file is what runs", seconds=seconds,
            run=lambda deadline: doctor.loaded(self, deadline),
        )  # fmt: skip
        if self.replica:  # one alert goes through all instances at once
            return [loaded]
        return [
            Check(
                id="alert/synthetic", title="an alert arrives", seconds=seconds, exclusive=True,
                run=lambda deadline: synthetic_alert(self, deadline),
            ),
            loaded,
        ]  # fmt: skip

    def data_source(self) -> DataSource:
        """Grafana's data source."""
        return DataSource(
            uid="obskit-alertmanager", name="obskit Alertmanager", type="alertmanager",
            url=self.settings.url, auth=self.settings.auth, options={"implementation": "prometheus"},
        )  # fmt: skip
