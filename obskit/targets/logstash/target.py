"""Logstash: pipelines delivered as files, taken up by its automatic reload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from obskit.config import Section
from obskit.deadline import Deadline
from obskit.delivery.files import Batch, Folder
from obskit.delivery.http import Http
from obskit.delivery.listener import listening_at
from obskit.engine.plan import Change
from obskit.engine.resource import Address, Live, Resource
from obskit.engine.verify import Check
from obskit.errors import DeliveryError, ObskitError, Problem, Severity
from obskit.targets.base import Canary, Context, Finding, Hop, Target
from obskit.targets.logstash import doctor, proof
from obskit.targets.logstash.check import check_grammar
from obskit.targets.logstash.client import NodeApi
from obskit.targets.logstash.content import pipeline_files, pipeline_ids, pipelines_file
from obskit.targets.logstash.settings import LogstashSettings
from obskit.targets.marks import split_mark, with_mark
from obskit.targets.shipped import name_problems, read_whole

__all__ = ["Logstash"]


class Logstash(Target[LogstashSettings]):
    """The pipeline of the log path, and pipelines.yml where obskit owns it."""

    name: ClassVar[str] = "logstash"
    Settings: ClassVar[type[Section]] = LogstashSettings
    kinds: ClassVar[tuple[str, ...]] = ("pipeline", "pipelines")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.http = Http(self.settings.url, auth=self.settings.auth, folder=context.settings.folder)
        self.api = NodeApi(self.http)
        self.folder = Folder(self.path(self.settings.files))
        listing = self.settings.pipelines
        self._listing = Folder(self.path(listing).parent) if listing else None
        self._batches = [Batch(self.folder)]
        if self._listing is not None:
            self._batches.append(Batch(self._listing))

    @cached_property
    def files(self) -> dict[str, str]:
        """The pipelines by the names of their files."""
        return pipeline_files(
            self.context.settings, self.settings, self.context.schema, self._elasticsearch()
        )

    def _elasticsearch(self) -> str:
        peer = self.context.peers.get("elasticsearch")
        return str(self.settings.elasticsearch_url or (peer.settings.url if peer else ""))

    def desired(self) -> Sequence[Resource]:
        """One resource a pipeline, and pipelines.yml where it is ours."""
        # An event that comes before the templates makes an index whose fields are guessed.
        elasticsearch = self.context.peers.get("elasticsearch")
        needs = frozenset(
            item.address for item in (elasticsearch.desired() if elasticsearch else ())
        )
        found = [
            Resource(address=self.address("pipeline", name), body=text, needs=needs)
            for name, text in self.files.items()
        ]
        if self.settings.pipelines is not None:
            found.append(
                Resource(
                    address=self.address("pipelines", self.settings.pipelines.name),
                    body=pipelines_file(self.context.settings, self.settings),
                )
            )
        return found

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        """The files with our mark, and those at wanted names."""
        self.folder.require()
        places = [("pipeline", self.folder, name) for name in self.folder.names("*.conf")]
        if self._listing is not None and self.settings.pipelines is not None:
            self._listing.require()
            places.append(("pipelines", self._listing, self.settings.pipelines.name))
        found: dict[Address, Live] = {}
        for kind, folder, name in places:
            text = read_whole(folder, name)
            if text is None:
                continue
            address = self.address(kind, name)
            mark, body = split_mark(text)
            if address in wanted or (mark and mark.project == self.context.project):
                found[address] = Live(address=address, body=body, mark=mark)
        return found

    def write(self, change: Change) -> None:
        """Write or remove one file."""
        is_listing = change.address.kind == "pipelines"
        if is_listing and self._listing is None:
            raise DeliveryError("logstash.pipelines is not set", where=str(change.address))
        batch = self._batches[-1] if is_listing else self._batches[0]
        if change.after is None:
            batch.delete(change.address.name)
        else:
            batch.write(
                change.address.name, with_mark(change.after.body, self.mark(change)), mode=0o644
            )

    def settle(self, changes: Sequence[Change]) -> None:
        """Wait until it runs exactly the files that were written."""
        ids = pipeline_ids(self.settings)
        expected: dict[str, str | None] = {}
        for change in changes:
            name = ids.get(change.address.name)
            if change.address.kind != "pipeline" or name is None:
                continue
            text = self.folder.read(change.address.name)
            expected[name] = proof.sha256(text) if text is not None else None
        try:
            if expected and self._known():
                deadline = Deadline.after(self.settings.settle.total_seconds())
                proof.wait_for_hashes(self.api, expected, deadline)
        except ObskitError as error:
            for batch in self._batches:
                batch.restore()
            raise DeliveryError(
                f"the new files do not run and the old ones were put back: {error.message}",
                where=error.where or self.http.base_url,
                hint=error.hint,
            ) from None
        for batch in self._batches:
            batch.keep()

    def _known(self) -> bool:
        """Whether the pipeline is in pipelines.yml already, or obskit puts it there.

        Else it cannot run yet: ``doctor`` prints the entry, and the proof ``loaded`` fails until it is there.
        """
        return self._listing is not None or self.settings.pipeline in self.api.pipelines()

    def notes(self) -> Sequence[str]:
        """What is left out, and why."""
        if self.settings.dead_letter_queue:
            return ()
        return (
            "logstash.dead_letter_queue is not set: what Elasticsearch refuses stays in Logstash's queue",
        )

    def check(self) -> Iterator[Problem]:
        """Names of streams, the grammar of the pipelines, and whether the output can sign in."""
        if "filebeat" not in self.context.peers:  # which tells it otherwise
            yield from name_problems(self.context.settings)
        yield from check_grammar(self.files)
        peer = self.context.peers.get("elasticsearch")
        auth = peer.settings.auth if peer else None
        known = {"user", "api_key", "cloud_auth", "ssl_keystore_path", "ssl_certificate"}
        if auth and (auth.username or auth.token) and not known & self.settings.output.keys():
            yield Problem(
                rule="logstash/sign-in",
                severity=Severity.WARNING,
                path=str(self.context.settings.path),
                message="elasticsearch asks for a sign-in, but logstash.output has neither user nor api_key: "
                "set them, with the secret as ${NAME} of Logstash's keystore",
            )

    def examine(self, deadline: Deadline) -> Iterator[Finding]:
        """Address, version, folder, pipelines."""
        yield from doctor.examine(self, deadline)

    @classmethod
    def check_file(cls, path: Path, text: str) -> Iterator[Problem] | None:
        """A pipeline."""
        return check_grammar({str(path): text}) if path.suffix == ".conf" else None

    @classmethod
    def recognise(cls, http: Http, deadline: Deadline) -> Mapping[str, Any] | None:
        """A Logstash answers its node API; where its files are only its command line tells."""
        about = http.get("/", deadline=deadline).json()
        if not isinstance(about, dict) or "pipeline" not in about or "http_address" not in about:
            return None
        files = "/etc/logstash/conf.d"
        if process := listening_at(http.base_url, "logstash"):
            if given := process.option("f", "path.config"):
                files = str(process.path(given).parent)
            elif given := process.option("path.settings"):
                files = str(process.path(given) / "conf.d")
        return {"url": http.base_url, "files": files}

    def checks(self) -> Sequence[Check]:
        """Each pipeline runs exactly what was written."""
        return proof.checks(self)

    def hop(self, canary: Canary, deadline: Deadline) -> Hop | None:
        """Whether it is able to pass the canary's line on; None where Filebeat ships past it."""
        filebeat = self.context.peers.get("filebeat")
        if filebeat is not None and getattr(filebeat.settings, "shipping", "") != "logstash":
            return None
        return proof.hop(self, canary, deadline)
