"""Prometheus: rules and targets delivered as files, reloaded, read back, and proved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final

import yaml
from pydantic import Field

import obskit
from obskit.config import Auth, Duration, Section, Url
from obskit.deadline import Deadline
from obskit.delivery.files import Batch, Folder
from obskit.delivery.http import Http
from obskit.delivery.reload import LogTail, Reload, reload
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Live, Mark, Resource, digest
from obskit.engine.verify import Check
from obskit.errors import ContentError, DeliveryError, ObskitError, Problem, Severity
from obskit.targets.base import Context, DataSource, Finding, Target
from obskit.targets.marks import split_mark, with_mark
from obskit.targets.prometheus import checks as proofs
from obskit.targets.prometheus import doctor
from obskit.targets.prometheus.client import PrometheusApi
from obskit.targets.prometheus.config import check_config, main_config
from obskit.targets.prometheus.content import (
    check_rules,
    choose_packs,
    exposed_profiles,
    proof_rules,
    rule_files,
    service_files,
)
from obskit.targets.prometheus.discovery import Discovery
from obskit.targets.prometheus.kinds import check_any
from obskit.targets.prometheus.labels import PROJECT_LABEL, with_labels
from obskit.targets.prometheus.packs import Pack, load_packs
from obskit.targets.shipped import read_whole

__all__ = ["Prometheus", "PrometheusSettings"]

#: Kinds that are files, each in a folder of its name below ``files``.
_FOLDERS = ("rules", "scrape", "targets")
#: What stands in the proof's file while nothing is being proved.
NO_PROOF = "# obskit verify writes its synthetic alert here while it tries, and empties it again.\ngroups: []\n"


_LOG: Final = "the server's log has the reason; with prometheus.reload.log it is shown here"
#: Where the exemplar of a request leads: to every line that was logged for it.
_TO_LOGS: Final = {
    "name": "trace_id",
    "url": "/d/obskit-logs?var-trace_id=${__value.raw}",
    "urlDisplayLabel": "Logs of this request",
}


def _not_yaml(file: Path | str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    return Problem(
        rule="prometheus/yaml", message=f"is not YAML: {getattr(error, 'problem', error)}", path=str(file),
        line=mark.line + 1 if mark else None, column=mark.column + 1 if mark else None,
    )  # fmt: skip


class PrometheusSettings(Section):
    """``prometheus:`` in obskit.yml.

    Args:
        url: Address of the server.
        auth: How to sign in.
        files: Folder that obskit writes to: the server's ``rule_files`` read its ``rules/``, and
            ``scrape_config_files`` its ``scrape/``, or, before Prometheus 2.43, ``file_sd_configs`` its ``targets/``.
        config: The server's ``prometheus.yml``, where all of it is obskit's; else ``doctor`` prints what
            yours lacks.
        scrape: More jobs for that file: name of the job to its ``host:port`` addresses.
        scrape_interval: How often targets are scraped: written into that file, and told to Grafana, whose
            rates over a shorter time would be empty.
        packs: Shipped rule packs to choose from; each is on where its metrics exist. All when absent.
        rules: Rule files of your own.
        runbooks: Address of the folder of runbooks, for the links in alerts.
        reload: How the server is told to read its files again.
        replicas: More instances with the same rules: what differs of each (``url``, ``files``).
        settle: How long it may take until it runs what was written.
    """

    url: Url
    auth: Auth = Auth()
    files: Path
    config: Path | None = None
    scrape: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    scrape_interval: Duration = timedelta(seconds=15)
    packs: tuple[str, ...] | None = None
    rules: tuple[Path, ...] = ()
    runbooks: str = "docs/runbooks"
    reload: Reload = Reload()
    replicas: tuple[Mapping[str, Any], ...] = ()
    settle: Duration = timedelta(seconds=20)


class Prometheus(Target[PrometheusSettings]):
    """The rules that obskit.yml asks for, and the services as targets."""

    name: ClassVar[str] = "prometheus"
    Settings: ClassVar[type[Section]] = PrometheusSettings
    kinds: ClassVar[tuple[str, ...]] = ("config", "rules", "scrape", "targets")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        folder = context.settings.folder
        self.http = Http(self.settings.url, auth=self.settings.auth, folder=folder)
        self.api = PrometheusApi(self.http)
        self.folders = {kind: Folder(folder / self.settings.files / kind) for kind in _FOLDERS}
        if self.settings.config is not None:
            self.folders["config"] = Folder(self.path(self.settings.config).parent)
        self.discovery = Discovery(self.api, self.folders, owned=self.settings.config is not None)
        self._batches = {kind: Batch(folder) for kind, folder in self.folders.items()}

    @cached_property
    def _packs(self) -> tuple[tuple[Pack, ...], tuple[str, ...]]:
        return choose_packs(
            self.settings.packs,
            self.context.settings,
            present=self.api.metric_names(),
            delivered=self.folders["rules"].names("*.yml"),
        )

    @cached_property
    def rule_files(self) -> dict[str, tuple[str, Path | None]]:
        """Rule files by name, with the user's source of each; asks the server which packs fit."""
        return self._rule_files(self._packs[0])

    def _rule_files(self, packs: Sequence[Pack]) -> dict[str, tuple[str, Path | None]]:
        grafana = self.context.peers.get("grafana")
        return rule_files(
            self.context.settings,
            packs,
            [self.path(path) for path in self.settings.rules],
            runbooks=self.settings.runbooks.rstrip("/"),
            grafana=str(getattr(grafana.settings, "url", "") or "") if grafana else "",
        )

    def notes(self) -> Sequence[str]:
        """Packs that were left out, and why."""
        return self._packs[1]

    def desired(self) -> Sequence[Resource]:
        """One resource a file; every alert carries the project's label.

        Raises:
            ContentError: A file of the user's is not YAML; each is named.
        """
        found: list[Resource] = []
        problems: list[Problem] = []
        labels = {PROJECT_LABEL: self.context.project}
        teams = {one.name: one.team for one in self.context.settings.services if one.team}
        for name, (text, source) in self.rule_files.items():
            try:
                # The user's own rules get no label but the one that leads them here.
                body = with_labels(text, labels, teams={} if source else teams)
            except yaml.YAMLError as error:
                problems.append(_not_yaml(source or name, error))
            else:
                found.append(Resource(address=self.address("rules", name), body=body))
        if problems:
            raise ContentError(problems, hint="obskit check tells more")
        if "alertmanager" in self.context.peers:
            found.append(
                Resource(
                    address=self.address("rules", proof_rules(self.context.project)),
                    body=NO_PROOF,
                    note="for the proof: verify writes its synthetic alert here; it pages nobody",
                )
            )
        if self.settings.config is not None:
            found.append(
                Resource(
                    address=self.address("config", self.settings.config.name),
                    body=main_config(self),
                )
            )
        if any(service.metrics for service in self.context.settings.services):
            kind = self.discovery.kind
            found += [
                Resource(address=self.address(kind, name), body=text)
                for name, text in service_files(self.context.settings, kind).items()
            ]
        return found

    def used_folders(self) -> Mapping[str, Folder]:
        """The folders that have to be there: not that of the way by which no service is delivered."""
        unused = {"scrape", "targets"}
        if any(service.metrics for service in self.context.settings.services):
            unused -= {self.discovery.kind}
        return {kind: folder for kind, folder in self.folders.items() if kind not in unused}

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        """The files with our mark, and those at wanted names."""
        found: dict[Address, Live] = {}
        used = self.used_folders()
        for kind, folder in self.folders.items():
            if kind not in used and not folder.root.is_dir():
                continue  # nothing of ours is there from a time when that was the way
            folder.require()
            own = self.settings.config
            names = [own.name] if kind == "config" and own is not None else folder.names("*.yml")
            for name in names:
                address = self.address(kind, name)
                text = read_whole(folder, name)
                if text is None:  # removed between the listing and the reading
                    continue
                mark, body = split_mark(text)
                if address in wanted or (mark and mark.project == self.context.project):
                    found[address] = Live(address=address, body=body, mark=mark)
        return found

    def write(self, change: Change) -> None:
        """Write or remove one file; a rule file only when promtool accepts it."""
        kind, name = change.address.kind, change.address.name
        if change.after is None and kind == "config":
            raise DeliveryError(
                "is not removed: a Prometheus does not start without its file", where=name,
                hint="remove it by hand when the server is gone",
            )  # fmt: skip
        if change.after is None:
            self._batches[kind].delete(name)
            return
        text = change.after.body
        if kind != "targets":
            checked = check_rules if kind == "rules" else check_config
            problems = [item for item in checked(name, text, None) if item.severity == "error"]
            if problems:
                raise ContentError(problems, hint="this file was not written")
        self._batches[kind].write(name, with_mark(text, self.mark(change)))

    def settle(self, changes: Sequence[Change]) -> None:
        """Reload when rules changed, and wait until the server runs them."""
        deadline = Deadline.after(self.settings.settle.total_seconds())
        rules = [change for change in changes if change.address.kind == "rules"]
        log = self._log()
        try:
            # Files of targets alone are read anew by the server itself.
            if any(change.address.kind != "targets" for change in changes):
                self.reload(deadline)
            if rules:
                proofs.wait_for_rules(
                    self.api,
                    {c.address.name: c.after.body if c.after else None for c in rules},
                    deadline,
                )
        except ObskitError as error:
            said = log.words()
            for batch in self._batches.values():
                batch.restore()
            self._reload_again(error)
            raise DeliveryError(
                f"the new files were refused and the old ones put back: {error.message}{said}",
                where=error.where or self.http.base_url,
                hint=error.hint or ("" if said else _LOG),
            ) from None
        for batch in self._batches.values():
            batch.keep()

    def _log(self) -> LogTail:
        path = self.settings.reload.log
        return LogTail(self.path(path) if path else None)

    def reload(self, deadline: Deadline) -> None:
        """Tell the server to read its files, and see that it accepted them."""
        reload(self.settings.reload, self.http, deadline)
        proofs.wait_for_reload(self.api, deadline)

    @contextmanager
    def proving(self, rules: str, deadline: Deadline) -> Iterator[None]:
        """Run with rules of a proof in their own file, which is emptied again whatever happens.

        Args:
            rules: Text of the rule file.
            deadline: By when it has to be loaded.

        Raises:
            DeliveryError: The server did not take them.
        """
        folder, name = self.folders["rules"], proof_rules(self.context.project)
        before = folder.read(name)
        if before is None:
            raise DeliveryError(
                f"{name} is not there", where=str(folder.root),
                hint="the file is part of the plan: obskit provision writes it",
            )  # fmt: skip
        # The mark stays that of the empty file: what a killed verify leaves behind shows as drift.
        mark = Mark(
            project=self.context.project, release=obskit.__version__, digest=digest(NO_PROOF)
        )
        try:
            folder.write(name, with_mark(rules, mark))
            self.reload(deadline)
            proofs.wait_for_rules(self.api, {name: rules}, deadline)
            yield
        finally:
            folder.write(name, with_mark(NO_PROOF, mark))
            self.reload(Deadline.after(self.settings.settle.total_seconds()))

    def _reload_again(self, first: ObskitError) -> None:
        try:
            self.reload(Deadline.after(self.settings.settle.total_seconds()))
        except ObskitError as error:
            raise DeliveryError(
                f"the new files were refused ({first.message}); the old ones were put back, "
                f"but reloading them failed too: {error.message}",
                where=self.http.base_url,
                hint="look at the server's log",
            ) from None

    def check(self) -> Iterator[Problem]:
        """Every rule file, by promtool where installed; profiles that listen for everybody; dead links."""
        yield from exposed_profiles(self.context.settings)
        if not self.settings.runbooks.startswith(("http://", "https://")):
            yield Problem(
                rule="config/runbooks", severity=Severity.INFO, path=str(self.context.settings.path),
                message=f"prometheus.runbooks: an alert names {self.settings.runbooks}/…, which nobody can open "
                "from a message; put the pages where they are read, and their address here",
            )  # fmt: skip
        asked = self.settings.packs
        packs = [
            pack for pack in load_packs()
            if asked is None or pack.name in asked or pack.family in asked
        ]  # fmt: skip
        for name, (text, source) in self._rule_files(packs).items():
            yield from check_rules(name, text, source)

    def examine(self, deadline: Deadline) -> Iterator[Finding]:
        """Version, reload, folders, clock."""
        yield from doctor.examine(self, deadline)

    @classmethod
    def check_file(cls, path: Path, text: str) -> Iterator[Problem] | None:
        """Rules, their tests, lists of targets, or a prometheus.yml."""
        return check_any(path, text)

    @classmethod
    def recognise(cls, http: Http, deadline: Deadline) -> Mapping[str, Any] | None:
        """A Prometheus answers its build; its rule_files tell the folder."""
        return doctor.recognise(PrometheusApi(http), deadline)

    def checks(self) -> Sequence[Check]:
        """Rules loaded and healthy, targets up, alerts on their way to every Alertmanager."""
        return proofs.checks(self)

    def data_source(self) -> DataSource:
        """Grafana's data source."""
        return DataSource(
            uid="obskit-prometheus", name="obskit Prometheus", type="prometheus",
            url=self.settings.url, auth=self.settings.auth,
            options={"httpMethod": "POST", "exemplarTraceIdDestinations": [_TO_LOGS]},
        )  # fmt: skip
