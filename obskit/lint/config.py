"""The ``lint:`` section of obskit.yml, or ``[tool.obskit.lint]`` of pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from obskit.config.document import Document, read_document
from obskit.config.load import section_problems
from obskit.config.reference import Resolver
from obskit.config.settings import Section
from obskit.errors import ConfigError, Problem, Severity
from obskit.lint.context import Options
from obskit.lint.profile import Profile, Selection, select
from obskit.schema.fields import BUILTIN
from obskit.schema.model import Schema

__all__ = ["LintSettings", "Project", "read_project"]

_Seconds = Annotated[float, Field(ge=0)]


class LintSettings(Section):
    """What a project says of its lint.

    Args:
        profile: ``strict``, ``default`` or ``adopt``.
        select: Ids of rules to run; opt-in rules are added to the others.
        ignore: Ids of rules not to run.
        severity: Severities that differ from the profile's, by rule id.
        fail_on: The least severity that makes the exit code 1.
        baseline: File of findings that are excused.
        max_per_rule: Findings of a rule that are shown one by one; 0 for all.
        future_seconds: How far a timestamp may be ahead of the clock.
        order_seconds: How far a timestamp may be behind the latest one before it.
        skew_seconds: How far a timestamp may be from what its carrier says.
    """

    profile: Profile = Profile.DEFAULT
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = Field(default_factory=dict)
    fail_on: Severity = Severity.ERROR
    baseline: Path | None = None
    max_per_rule: Annotated[int, Field(ge=0)] = 10
    future_seconds: _Seconds = Options().future_seconds
    order_seconds: _Seconds = Options().order_seconds
    skew_seconds: _Seconds = Options().skew_seconds

    def options(self) -> Options:
        """The limits in force."""
        return Options(
            future_seconds=self.future_seconds,
            order_seconds=self.order_seconds,
            skew_seconds=self.skew_seconds,
            attribute_types=self.profile is Profile.STRICT,
        )

    def selection(self) -> Selection:
        """The rules that run.

        Raises:
            ConfigError: A rule is not known.
        """
        return select(
            self.profile, chosen=self.select, ignored=self.ignore, severities=self.severity
        )


class Project(Section):
    """What the linter needs to know of a project.

    Args:
        lint: Its lint settings.
        log_schema: File of its own log fields; None for the built-in fields only.
    """

    lint: LintSettings = LintSettings()
    log_schema: Path | None = None

    def fields(self) -> Schema:
        """The log schema of the project.

        Raises:
            ConfigError: The file of fields is wrong.
        """
        if self.log_schema is None:
            return BUILTIN
        from obskit.schema.load import load_schema

        return load_schema(self.log_schema)


class _Verbatim(Resolver):
    """Leaves references as they are: linting needs no secret, and CI has none."""

    def resolve(self, text: str) -> tuple[str, list[str]]:
        """The text itself, and nothing wrong with it."""
        return text, []


def read_project(file: Path | None, *, folder: Path) -> Project:
    """The project's settings: of the named file, else of obskit.yml and, what is not there, of pyproject.toml.

    Args:
        file: A file that the user named; None to look for one.
        folder: Where to look.

    Raises:
        ConfigError: The file is not there, or its lint section is wrong; all findings, with lines.
    """
    if file is None:
        files = [folder / name for name in ("obskit.yml", "pyproject.toml")]
        read = [(name, _read(name)) for name in files if name.is_file()]
    else:
        read = [(file, _read(file))]
    lint, baseline_of = LintSettings(), folder
    for path, document in read:
        if "lint" in document.data:
            lint, baseline_of = _lint(document), path.parent
            break
    if lint.baseline is not None:
        lint = lint.model_copy(update={"baseline": baseline_of / lint.baseline})
    schemas = [_schema(path, document) for path, document in read if "schema" in document.data]
    return Project(lint=lint, log_schema=next(iter(schemas), None))


def _read(file: Path) -> Document:
    if file.suffix != ".toml":
        return read_document(file, resolver=_Verbatim(environ={}, folder=file.parent))
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            [Problem(rule="config/syntax", path=str(file), message=str(error))]
        ) from None
    section = data.get("tool", {}).get("obskit", {})
    # tomllib tells no lines: all findings stand at the file
    return Document(data=section if isinstance(section, dict) else {}, keys={(): (str(file), 0, 0)})


def _lint(document: Document) -> LintSettings:
    try:
        return LintSettings.model_validate(document.data["lint"] or {})
    except ValidationError as error:
        found = section_problems(error, document, ("lint",), LintSettings, ())
        raise ConfigError(map(_without_line, found)) from None


def _schema(file: Path, document: Document) -> Path | None:
    given = document.data["schema"]
    if not isinstance(given, str | None):
        text = "schema: a file's name is needed, such as fields.yml"
        raise ConfigError([_without_line(document.problem("config/type", ("schema",), text))])
    return None if given is None else file.parent / given


def _without_line(problem: Problem) -> Problem:
    return problem if problem.line else replace(problem, line=None, column=None)
