"""``obskit lint``: judges JSON logs by the schema."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from obskit.lint.config import LintSettings
    from obskit.lint.report.model import Hit, Report
    from obskit.lint.session import Job

__all__ = ["command", "project_option", "writing"]

_FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab")
_FILE = click.Path(path_type=Path, dir_okay=False)

project_option = click.option(
    "-f",
    "--file",
    "config",
    type=_FILE,
    help="Configuration.  [default: obskit.yml or pyproject.toml here]",
)


def _explain(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is None or ctx.resilient_parsing:
        return
    from obskit.lint.rules import RULES

    if value == "all":
        for rule in RULES.values():
            mark = "opt-in  " if rule.opt_in else ""
            click.echo(f"{rule.id:<18} {rule.severity:<8} {mark}{rule.summary}")
        ctx.exit()
    if value not in RULES:
        raise click.UsageError(f"No rule {value!r}. Known: {', '.join(RULES)}.", ctx)
    rule = RULES[value]
    click.echo(
        f"{rule.id} ({rule.severity}{', opt-in' if rule.opt_in else ''})\n\n{rule.explanation}"
    )
    ctx.exit()


@click.command(short_help="Lint JSON logs against the schema.")
@click.argument("names", nargs=-1, metavar="[FILE|DIR|GLOB|-]...")
@click.option(
    "--format",
    "style",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="How to tell.",
)
@click.option("--json", "style", flag_value="json", help="The same as --format json.")
@click.option("-o", "--output", type=_FILE, help="Write the report there; the summary stays here.")
@click.option("-q", "--quiet", is_flag=True, help="Only the summary.")
@click.option(
    "--profile", type=click.Choice(["strict", "default", "adopt"]), help="Severities to start from."
)
@click.option(
    "--select",
    "chosen",
    multiple=True,
    metavar="RULE",
    help="Only these rules; opt-in rules are added instead. Repeated or with commas.",
)
@click.option("--ignore", "ignored", multiple=True, metavar="RULE", help="Not these rules.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    help="The least severity that fails.  [default: error]",
)
@click.option(
    "--max-per-rule",
    type=click.IntRange(min=0),
    help="Findings of a rule to show one by one; 0 for all.  [default: 10]",
)
@click.option("--baseline", type=_FILE, help="Excuse what this file lists.")
@click.option(
    "--write-baseline", type=_FILE, help="Write what was found as a baseline, and succeed."
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Processes; 0 for one a processor.",
)
@click.option(
    "--carrier",
    type=click.Choice(["auto", "plain", "docker", "cri"]),
    default="auto",
    show_default=True,
    help="What lines are wrapped in.",
)
@click.option("--follow", is_flag=True, help="Go on as files grow, as tail -F does.")
@click.option(
    "--run", is_flag=True, help="The arguments are a command: start it, lint what it prints."
)
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="End --follow or --run after that long.",
)
@click.option(
    "--elasticsearch",
    metavar="URL",
    help="Lint the documents of data streams; key in OBSKIT_ELASTICSEARCH_API_KEY.",
)
@click.option(
    "--index",
    default="logs-obskit.*,-logs-obskit.invalid-*",
    show_default=True,
    help="Data streams for --elasticsearch.",
)
@click.option(
    "--explain",
    metavar="RULE",
    callback=_explain,
    is_eager=True,
    expose_value=False,
    help="What a rule is about; 'all' lists them.",
)
@project_option
def command(
    *, names: tuple[str, ...], config: Path | None, style: str, output: Path | None, quiet: bool, fail_on: str | None,
    write_baseline: Path | None, jobs: int, carrier: str, follow: bool, run: bool, seconds: float | None,
    elasticsearch: str | None, index: str, chosen: tuple[str, ...], ignored: tuple[str, ...], **settings: Any,
) -> int:  # fmt: skip
    """Lint JSON logs against the schema.

    FILE may be compressed (.gz, .zst); - is standard input; a directory stands for its logs at any depth.
    After --run come a command and its arguments: obskit lint --run -- python -m app

    Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 usage or configuration.
    """
    if (follow + run + bool(elasticsearch)) > 1:
        raise click.UsageError("--follow, --run and --elasticsearch exclude each other.")
    if not names and not elasticsearch:
        raise click.UsageError("Name a file, a directory, a pattern, or - for standard input.")
    from obskit.lint.carrier import Carrier
    from obskit.lint.config import read_project
    from obskit.lint.session import Job

    project = read_project(config, folder=Path())
    settings |= {"fail_on": fail_on, "select": _split(chosen), "ignore": _split(ignored)}
    streamed = style == "text" and output is None and not quiet
    job = Job(
        settings=_changed(project.lint, settings), schema=project.fields(), names=names, jobs=jobs,
        carrier=None if carrier == "auto" else Carrier(carrier), on_hit=_show_hit if streamed else None,
    )  # fmt: skip
    status = 0
    if run:
        report, subjects, status = _run(job, seconds)
    elif follow:
        report, subjects = _follow(job, seconds)
    elif elasticsearch:
        report, subjects = _documents(job, elasticsearch, index)
    else:
        from obskit.lint.session import lint_sources

        report, subjects = lint_sources(job)
    _tell(report, style, output, streamed=streamed, quiet=quiet)
    if write_baseline is not None:
        from obskit.lint.baseline import write_baseline as write

        with writing(write_baseline):
            write(write_baseline, subjects)
        click.echo(
            f"{write_baseline}: {len(subjects)} kinds of findings are excused from now on", err=True
        )
        return 0
    return 1 if status or report.at_least(job.settings.fail_on) else 0


def _run(job: Job, seconds: float | None) -> tuple[Report, Counter[str], int]:
    from obskit.lint.session import lint_arriving
    from obskit.lint.source.follow import Command

    started = Command(job.names)
    until = _until(seconds)
    report, subjects = lint_arriving(job, started.lines(until=until))
    status = started.status or 0
    if status and not until():
        click.echo(f"{job.names[0]} ended with status {status}", err=True)
        return report, subjects, status
    return report, subjects, 0


def _follow(job: Job, seconds: float | None) -> tuple[Report, Counter[str]]:
    from obskit.lint.session import lint_arriving
    from obskit.lint.source.follow import follow

    return lint_arriving(job, follow(job.names, until=_until(seconds)))


def _documents(job: Job, url: str, index: str) -> tuple[Report, Counter[str]]:
    from obskit.lint.session import lint_documents
    from obskit.lint.source.documents import documents

    key = os.environ.get("OBSKIT_ELASTICSEARCH_API_KEY", "")
    return lint_documents(job, documents(url, index, job.schema, api_key=key))


def _until(seconds: float | None) -> Callable[[], bool]:
    """True once the time is over, or the user has had enough: the summary is still told then."""
    stopped = False
    end = None if seconds is None else monotonic() + seconds

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return lambda: stopped or (end is not None and monotonic() >= end)


@contextmanager
def writing(path: Path | None) -> Iterator[None]:
    """Makes a finding of an error while a file is written.

    Args:
        path: The file; None for standard output.
    """
    from obskit.errors import ConfigError, Problem

    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        where = str(error.filename or path or "standard output")
        raise ConfigError([Problem(rule="lint/output", path=where, message=message)]) from None


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def _changed(settings: LintSettings, changes: dict[str, Any]) -> LintSettings:
    """The settings with what the command line says; values are validated again."""
    given = {key: value for key, value in changes.items() if value not in (None, ())}
    return type(settings).model_validate({**settings.model_dump(), **given})


def _show_hit(hit: Hit) -> None:
    from obskit.lint.report.text import hit_lines

    colour = {"error": "red", "warning": "yellow", "info": "cyan"}[hit.problem.severity]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    head, *rest = hit_lines(hit, width=width)
    word = f" {hit.problem.severity}: "
    click.echo(head.replace(word, click.style(word, fg=colour), 1))
    for line in rest:
        click.echo(line)


def _tell(report: Report, style: str, output: Path | None, *, streamed: bool, quiet: bool) -> None:
    from obskit.lint.decoder import has_fast_path
    from obskit.lint.report import FORMATS, text

    summary = "\n".join(text.summary(report))
    if output is not None:
        with writing(output):
            output.write_text("\n".join(FORMATS[style](report)) + "\n", encoding="utf-8")
        click.echo(summary)
    elif streamed or quiet:
        click.echo(("\n" if report.hits and streamed else "") + summary)
    else:
        for line in FORMATS[style](report):
            click.echo(line)
    sys.stdout.flush()
    if not has_fast_path():
        note = "note: obskit was installed without its native part, so every line went the slow way"
        click.echo(f"{note}; install Rust and then obskit again", err=True)
