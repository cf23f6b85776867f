"""A dashboard as the rules see it: panels, targets, variables and links, each with its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.positions import Located, Path

__all__ = ["Dashboard", "Part", "items", "mapping", "strings", "text_of"]


def mapping(value: Any) -> Mapping[str, Any]:
    """Give the value if it is an object, else an empty one.

    Args:
        value: Anything from a document that nobody checked.
    """
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Give the value if it is an array, else an empty one.

    Args:
        value: Anything from a document that nobody checked.
    """
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """Give the value if it is a string, else an empty one.

    Args:
        value: Anything from a document that nobody checked.
    """
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An object of the document.

    Args:
        path: Keys and indexes from the root.
        body: The object.
        panel: The panel that it belongs to, for a target.
    """

    path: Path
    body: Mapping[str, Any]
    panel: Mapping[str, Any] | None = None

    @property
    def kind(self) -> str:
        """Its ``type``, or an empty text."""
        return text_of(self.body.get("type"))

    @property
    def title(self) -> str:
        """How a message names it."""
        return text_of(self.body.get("title")) or f"id {self.body.get('id', '?')}"


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A dashboard and where everything in it stands.

    Args:
        path: File, as the user named it.
        located: The JSON document.
        root: Path of the dashboard in the document: below ``dashboard`` in an answer of Grafana's API.
        known_uids: Uids of the dashboards beside this one; None where they are not known.
    """

    path: str
    located: Located
    root: Path = ()
    known_uids: frozenset[str] | None = None

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """The dashboard's own object."""
        value = self.located.value
        for key in self.root:
            value = value[key]
        return mapping(value)

    @property
    def uid(self) -> str:
        """Its uid, or an empty text."""
        return text_of(self.body.get("uid"))

    @property
    def title(self) -> str:
        """Its title, or an empty text."""
        return text_of(self.body.get("title"))

    @cached_property
    def panels(self) -> tuple[Part, ...]:
        """Every panel with its rows' headings, those inside collapsed rows included."""
        found = list(self._panels(self.body, self.root))
        # Before Grafana 5 panels stood in rows.
        for number, row in enumerate(items(self.body.get("rows"))):
            found.extend(self._panels(mapping(row), (*self.root, "rows", number)))
        return tuple(found)

    def _panels(self, parent: Mapping[str, Any], path: Path) -> Iterator[Part]:
        for number, body in enumerate(items(parent.get("panels"))):
            if not isinstance(body, dict):
                continue
            here = (*path, "panels", number)
            yield Part(path=here, body=body)
            yield from self._panels(body, here)

    @property
    def charts(self) -> Iterator[Part]:
        """Every panel that is no row and no library panel (whose body stands elsewhere)."""
        return (
            panel
            for panel in self.panels
            if panel.kind != "row" and "libraryPanel" not in panel.body
        )

    @cached_property
    def targets(self) -> tuple[Part, ...]:
        """Every query of every panel."""
        return tuple(
            Part(path=(*panel.path, "targets", number), body=target, panel=panel.body)
            for panel in self.panels
            for number, target in enumerate(items(panel.body.get("targets")))
            if isinstance(target, dict)
        )

    @cached_property
    def variables(self) -> tuple[Part, ...]:
        """Every variable."""
        return self._list("templating")

    @cached_property
    def annotations(self) -> tuple[Part, ...]:
        """Every annotation query."""
        return self._list("annotations")

    def _list(self, name: str) -> tuple[Part, ...]:
        return tuple(
            Part(path=(*self.root, name, "list", number), body=body)
            for number, body in enumerate(items(mapping(self.body.get(name)).get("list")))
            if isinstance(body, dict)
        )

    @cached_property
    def variable_names(self) -> frozenset[str]:
        """Names of the variables."""
        return frozenset(text_of(variable.body.get("name")) for variable in self.variables)

    @cached_property
    def inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """What an import asks for (``__inputs``), by name."""
        return {
            text_of(mapping(entry).get("name")): mapping(entry)
            for entry in items(self.body.get("__inputs"))
        }

    def texts(self) -> Iterator[tuple[Path, str]]:
        """Every string of the dashboard with its path."""
        yield from strings(self.body, self.root)

    def problem(
        self, rule: str, message: str, path: Path, severity: Severity, *, inside: int = 0
    ) -> Problem:
        """Make a finding.

        Args:
            rule: Id of the rule.
            message: What is wrong and what to do.
            path: What it is about.
            severity: How much it matters.
            inside: Column further right, for a place inside a text.

        Returns:
            The finding, with line and column.
        """
        line, column = self.located.place(path)
        return Problem(
            rule=rule,
            message=message,
            path=self.path,
            line=line,
            column=column + inside,
            severity=severity,
        )


def strings(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Give every string in a value, with its path.

    Args:
        value: Any JSON value.
        path: Path of the value itself.
    """
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from strings(member, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from strings(item, (*path, number))
