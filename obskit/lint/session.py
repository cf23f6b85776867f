"""One run of the linter: from names to a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from obskit.errors import ConfigError, Problem
from obskit.lint.baseline import read_baseline
from obskit.lint.config import LintSettings
from obskit.lint.context import Context
from obskit.lint.decoder import Decoder
from obskit.lint.linter import Linter
from obskit.lint.report.model import Hit, Report
from obskit.lint.scan import Scan
from obskit.lint.source.files import Source, find_sources
from obskit.lint.tally import Tally
from obskit.schema.fields import BUILTIN
from obskit.schema.model import Schema

__all__ = ["Job", "lint_sources", "new_scan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to lint, and how.

    Args:
        settings: Rules and limits.
        schema: The log schema.
        names: Files, directories, patterns, ``-``.
        jobs: Processes; 0 for one a processor.
        carrier: What the lines are wrapped in: ``auto``, ``plain``, ``docker`` or ``cri``.
        on_hit: Called with each finding that is shown, as soon as it is found.
    """

    settings: LintSettings
    schema: Schema = BUILTIN
    names: tuple[str, ...] = ()
    jobs: int = 1
    carrier: str = "auto"
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
    decoder = Decoder(job.schema, selection, options)
    return Scan(linter=linter, tally=tally, decoder=decoder, on_hit=job.on_hit)


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
    for source in find_sources(job.names):
        _one(job, tally, source)
    return tally.report(), tally.subjects


def _one(job: Job, tally: Tally, source: Source) -> None:
    scan = new_scan(job, tally=tally)
    try:
        with source.open() as read:
            scan.read(read, source.shown)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            [Problem(rule="lint/source", path=source.shown, message=f"cannot be read: {reason}")]
        ) from error
