"""One run of the linter: from names to a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from obskit.lint.baseline import read_baseline
from obskit.lint.carrier import Carrier, detect
from obskit.lint.config import LintSettings
from obskit.lint.context import Context
from obskit.lint.decoder import fast_path
from obskit.lint.line import Line
from obskit.lint.linter import LONGEST, Linter
from obskit.lint.parallel import Part, Result, parts, processors, read_part, run_parts
from obskit.lint.report.model import Hit, Report
from obskit.lint.scan import Scan
from obskit.lint.source.documents import Document
from obskit.lint.source.files import Source, find_sources, told_as_finding
from obskit.lint.source.follow import Arrived
from obskit.lint.tally import Tally
from obskit.schema.fields import BUILTIN
from obskit.schema.model import Schema

__all__ = ["Job", "lint_arriving", "lint_documents", "lint_part", "lint_sources", "new_scan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to lint, and how.

    Args:
        settings: Rules and limits.
        schema: The log schema.
        names: Files, directories, patterns, ``-``.
        jobs: Processes; 0 for one a processor.
        carrier: What the lines are wrapped in; None to see by each source's first line.
        on_hit: Called with each finding that is shown, as soon as it is found.
    """

    settings: LintSettings
    schema: Schema = BUILTIN
    names: tuple[str, ...] = ()
    jobs: int = 1
    carrier: Carrier | None = None
    on_hit: Callable[[Hit], None] | None = None


def new_scan(job: Job, *, tally: Tally | None = None) -> Scan:
    """A scan with fresh state.

    Args:
        job: What to lint, and how.
        tally: Where to count; a new one when None.

    Raises:
        ConfigError: A rule or the baseline is wrong.
    """
    settings = job.settings
    options, selection = settings.options(), settings.selection()
    if tally is None:
        excused = read_baseline(settings.baseline) if settings.baseline else frozenset()
        tally = Tally(max_per_rule=settings.max_per_rule, baseline=excused)
    linter = Linter(context=Context(schema=job.schema, options=options), selection=selection)
    decoder = fast_path(job.schema, selection, options)
    return Scan(linter=linter, tally=tally, decoder=decoder, on_hit=job.on_hit, carrier=job.carrier)


def lint_sources(job: Job) -> tuple[Report, Counter[str]]:
    """Lints files, directories, patterns and standard input.

    Args:
        job: What to lint, and how.

    Returns:
        The report, and how often each subject was found, for a baseline.

    Raises:
        ConfigError: A name stands for nothing or cannot be read, or the configuration is wrong.
    """
    tally = new_scan(job).tally
    sources = find_sources(job.names)
    jobs = job.jobs or processors()
    work = [part for source in sources for part in _work(job, source)] if jobs > 1 else []
    if len(work) > 1:
        _in_processes(replace(job, on_hit=None), tally, work, jobs, job.on_hit)
    else:
        scan = new_scan(job, tally=tally)
        for source in sources:
            _lint_part(scan.renewed(), Part(source, 0, -1))
    return tally.report(), tally.subjects


def lint_arriving(job: Job, arriving: Iterable[Arrived]) -> tuple[Report, Counter[str]]:
    """Lints lines as they come; the time of arrival is the reference of their timestamps.

    Args:
        job: What to lint, and how; its names are not used.
        arriving: The lines.
    """
    first = new_scan(job)
    scans: dict[str, Scan] = {}
    for item in arriving:
        scan = scans.get(item.name)
        if scan is None:
            scan = scans[item.name] = first.renewed()
            first.tally.sources += 1
        full_size = item.size if item.size > LONGEST else 0
        line = Line(item.raw, job.schema, item.number, reference=item.when, full_size=full_size)
        scan.line(line, item.name)
    return first.tally.report(), first.tally.subjects


def lint_documents(job: Job, found: Iterable[Document]) -> tuple[Report, Counter[str]]:
    """Lints the events of data streams; each document is a source of its own, and order means nothing.

    Args:
        job: What to lint, and how; its names are not used.
        found: The documents.
    """
    settings = job.settings
    ignored = (*settings.ignore, "timestamp-order", "oversized-line")
    job = replace(job, settings=settings.model_copy(update={"ignore": ignored}))
    scan = new_scan(job)
    for document in found:
        scan.tally.sources += 1
        scan.line(Line(document.line, job.schema), document.name)
    return scan.tally.report(), scan.tally.subjects


#: The scan of a process that lints parts: what it learned of a source serves the next part too.
_own_scan: list[Scan] = []


def _begin(job: Job) -> None:
    _own_scan[:] = [new_scan(job)]


def lint_part(part: Part) -> Result:
    """Lints one part on its own, in a process that was begun for it.

    Args:
        part: The part.
    """
    (own,) = _own_scan
    tally = Tally(max_per_rule=own.tally.max_per_rule, baseline=own.tally.baseline)
    scan = own.renewed(tally=tally)
    _lint_part(scan, part)
    return Result(tally.finished(), scan.linter.context.state)


def _work(job: Job, source: Source) -> Iterator[Part]:
    """The parts of a source; only one of carriers' files, since a line's pieces may lie on both sides of a cut."""
    carrier = job.carrier
    if carrier is None and source.splittable:
        with source.open() as read:
            carrier = detect(read(65_536))
    yield from parts(source) if carrier is Carrier.PLAIN else [Part(source, 0, -1)]


def _in_processes(
    job: Job, tally: Tally, work: list[Part], jobs: int, on_hit: Callable[[Hit], None] | None
) -> None:
    lines = 0
    for part, found in run_parts(
        work, jobs, partial(new_scan, job), lint_part, partial(_begin, job)
    ):
        lines = lines if part.start else 0
        shown = len(tally.hits)
        tally.merge(found, lines_before=lines)
        lines += found.lines
        if on_hit is not None:
            for hit in tally.hits[shown:]:
                on_hit(hit)


def _lint_part(scan: Scan, part: Part) -> None:
    with told_as_finding(part.source):
        read_part(part, scan)
