"""The ``lint:`` section of obskit.yml, or ``[tool.obskit.lint]`` of pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from obskit.config.document import Document, read_document
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
        path: The file that says so; empty where there is none.
    """

    lint: LintSettings = LintSettings()
    log_schema: Path | None = None
    path: str = ""

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
    """The project's settings: the named file, else obskit.yml, else pyproject.toml, else defaults.

    Args:
        file: A file that the user named; None to look for one.
        folder: Where to look.

    Raises:
        ConfigError: The file is not there, or its lint section is wrong; all findings, with lines.
    """
    if file is None:
        for name in ("obskit.yml", "pyproject.toml"):
            if (folder / name).is_file():
                file = folder / name
                break
        else:
            return Project()
    if file.suffix == ".toml":
        return _project(file, *_from_toml(file))
    document = read_document(file, resolver=_Verbatim(environ={}, folder=file.parent))
    return _project(file, document.data, document)


def _from_toml(file: Path) -> tuple[dict[str, Any], None]:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            [Problem(rule="config/syntax", path=str(file), message=str(error))]
        ) from None
    section = data.get("tool", {}).get("obskit", {})
    return (section if isinstance(section, dict) else {}), None


def _project(file: Path, data: Mapping[str, Any], document: Document | None) -> Project:
    name = str(file)
    try:
        lint = LintSettings.model_validate(data.get("lint") or {})
    except ValidationError as error:
        problems = []
        for item in error.errors():
            place = ("lint", *item["loc"])
            message = f"{'.'.join(map(str, place))}: {item['msg'][0].lower()}{item['msg'][1:]}"
            if document is not None:
                problems.append(document.problem("config/lint", place, message))
            else:
                problems.append(Problem(rule="config/lint", path=name, message=message))
        raise ConfigError(problems) from None
    schema = data.get("schema")
    log_schema = file.parent / schema if isinstance(schema, str) else None
    if lint.baseline is not None:
        lint = lint.model_copy(update={"baseline": file.parent / lint.baseline})
    return Project(lint=lint, log_schema=log_schema, path=name)
