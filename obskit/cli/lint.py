"""``obskit lint``: judges JSON logs by the schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from obskit.lint.config import LintSettings
    from obskit.lint.report.model import Hit, Report

__all__ = ["command"]

_FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab")


def _explain(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is None or ctx.resilient_parsing:
        return
    from obskit.lint.rules import RULES

    if value == "all":
        for rule in RULES.values():
            click.echo(
                f"{rule.id:<18} {rule.severity:<8} {'opt-in  ' if rule.opt_in else ''}{rule.summary}"
            )
        ctx.exit()
    if value not in RULES:
        known = ", ".join(RULES)
        raise click.UsageError(f"No rule {value!r}. Known: {known}.", ctx)
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
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report there; a summary stays here.",
)
@click.option(
    "--profile", type=click.Choice(["strict", "default", "adopt"]), help="Severities to start from."
)
@click.option(
    "--select",
    "chosen",
    multiple=True,
    metavar="RULE",
    help="Only these rules; opt-in rules are added instead. Comma-separated or repeated.",
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
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Excuse what this file lists.",
)
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what was found as a baseline, and succeed.",
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
    help="What the lines are wrapped in.",
)
@click.option(
    "-f",
    "--file",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration.  [default: obskit.yml or pyproject.toml here]",
)
@click.option(
    "--explain",
    metavar="RULE",
    callback=_explain,
    is_eager=True,
    expose_value=False,
    help="What a rule is about; 'all' lists them.",
)
@click.option("-q", "--quiet", is_flag=True, help="Only the summary.")
def command(
    names: tuple[str, ...], style: str, output: Path | None, profile: str | None, chosen: tuple[str, ...],
    ignored: tuple[str, ...], fail_on: str | None, max_per_rule: int | None, baseline: Path | None,
    write_baseline: Path | None, jobs: int, carrier: str, config: Path | None, quiet: bool,
) -> int:  # fmt: skip
    """Lint JSON logs against the schema.

    FILE may be compressed (.gz, .zst); - is standard input; a directory stands for its logs at any depth.

    Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 usage or configuration.
    """
    from obskit.lint.config import read_project

    project = read_project(config, folder=Path())
    changes = {
        "profile": profile, "select": _split(chosen), "ignore": _split(ignored), "fail_on": fail_on,
        "max_per_rule": max_per_rule, "baseline": baseline,
    }  # fmt: skip
    settings = _changed(
        project.lint, {key: value for key, value in changes.items() if value not in (None, ())}
    )
    from obskit.lint.session import Job, lint_sources

    if not names:
        raise click.UsageError("Name a file, a directory, a pattern, or - for standard input.")
    streamed = style == "text" and output is None and not quiet
    job = Job(
        settings=settings, schema=project.fields(), names=names, jobs=jobs, carrier=carrier,
        on_hit=_show_hit if streamed else None,
    )  # fmt: skip
    report, subjects = lint_sources(job)
    _tell(report, style, output, streamed=streamed, quiet=quiet)
    if write_baseline is not None:
        from obskit.lint.baseline import write_baseline as write

        write(write_baseline, subjects)
        click.echo(
            f"{write_baseline}: {len(subjects)} kinds of findings are excused from now on", err=True
        )
        return 0
    return 1 if report.at_least(settings.fail_on) else 0


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def _changed(settings: LintSettings, changes: dict[str, Any]) -> LintSettings:
    """The settings with what the command line says; values are validated again."""
    return type(settings).model_validate({**settings.model_dump(), **changes})


def _show_hit(hit: Hit) -> None:
    from obskit.lint.report.text import hit_lines

    for line in hit_lines(hit):
        click.echo(line)


def _tell(report: Report, style: str, output: Path | None, *, streamed: bool, quiet: bool) -> None:
    from obskit.lint.report import FORMATS, text

    summary = "\n".join(text.summary(report))
    if output is not None:
        output.write_text("\n".join(FORMATS[style](report)) + "\n", encoding="utf-8")
        click.echo(summary)
    elif streamed or quiet:
        click.echo(("\n" if report.hits and streamed else "") + summary)
    else:
        for line in FORMATS[style](report):
            click.echo(line)
