"""Alertmanager's configuration file: our subtree inside what somebody else wrote.

Ours are the receivers and time intervals whose names begin with ``obskit/<project>/``, the routes to
those receivers, and the inhibition rules that name the project on both sides. Everything else, comments
among it, is carried over as it stands.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from obskit.config import Secret
from obskit.engine.resource import Body, Mark
from obskit.errors import BadAnswerError
from obskit.targets.marks import split_mark, with_mark

__all__ = ["Document", "prefix", "wrap_secrets"]

#: Keys of a receiver whose values are secrets, or addresses that carry one.
_SECRET_KEYS: Final = frozenset(
    [
        "url",
        "api_url",
        "webhook_url",
        "api_key",
        "routing_key",
        "service_key",
        "bot_token",
        "token",
        "password",
        "credentials",
        "auth_password",
        "auth_secret",
        "secret",
        "user_key",
        "api_secret",
        "client_secret",
        "secret_key",
    ]
)
_PARTS: Final = ("receivers", "routes", "inhibit_rules", "time_intervals", "templates")


def prefix(project: str) -> str:
    """What the names of a project's receivers and time intervals begin with."""
    return f"obskit/{project}/"


def wrap_secrets(value: Body, key: str = "") -> Body:
    """The same data with every secret of a receiver as a ``Secret``, so that no diff shows it."""
    if isinstance(value, Mapping):
        return {str(name): wrap_secrets(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [wrap_secrets(item, key) for item in value]
    if isinstance(value, str) and key in _SECRET_KEYS:
        return Secret(str(value))
    return value


def _revealed(value: Body) -> Body:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_revealed(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    """Ruamel's containers and scalars as ordinary ones."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return value


@dataclass(slots=True)
class Document:
    """A configuration file that is being edited.

    Args:
        marks: The marks of every project, in their order.
        data: The file as ruamel read it.
        text: Its text without the marks.
    """

    marks: list[Mark]
    data: CommentedMap
    text: str

    @classmethod
    def read(cls, text: str, *, where: str) -> Document:
        """Read a file.

        Args:
            text: Its text.
            where: Its name, for messages.

        Raises:
            BadAnswerError: It is no YAML, or no mapping.
        """
        marks = []
        rest = text
        while True:
            mark, rest = split_mark(rest)
            if mark is None:
                break
            marks.append(mark)
        try:
            data = _yaml(rest).load(rest)
        except YAMLError as error:
            raise BadAnswerError(
                f"is not YAML: {error}", where=where, hint="mend it by hand"
            ) from None
        if data is None:
            data = CommentedMap()
        if not isinstance(data, CommentedMap):
            raise BadAnswerError("is no configuration: not a mapping", where=where)
        return cls(marks, data, rest)

    @classmethod
    def new(cls, body: Mapping[str, Any], mark: Mark) -> Document:
        """A file that is all ours.

        Args:
            body: All of the configuration.
            mark: Its mark.
        """
        return cls([mark], CommentedMap(_revealed(body)), "")

    def plain(self) -> dict[str, Any]:
        """All of the configuration."""
        found: dict[str, Any] = _plain(self.data)
        return found

    def mark(self, project: str) -> Mark | None:
        """A project's mark."""
        return next((mark for mark in self.marks if mark.project == project), None)

    def subtree(self, project: str) -> dict[str, Any] | None:
        """What belongs to a project; None when nothing does."""
        found = {part: [_plain(item) for item in self._ours(part, project)] for part in _PARTS}
        return found if any(found.values()) else None

    def replace(self, project: str, body: Mapping[str, Any] | None, mark: Mark | None) -> None:
        """Put a project's subtree in place of the one that is there.

        Args:
            project: Name of the project.
            body: Lists by part; None removes everything of the project.
            mark: Its mark from now on; None when it is removed.
        """
        for part in _PARTS:
            container = self._container(part, create=bool(body and body.get(part)))
            if container is None:
                continue
            indexes = [i for i, item in enumerate(container) if _is_ours(part, item, project)]
            # Our routes match only our own labels, so in front of theirs they take nothing from
            # anybody, and nobody's catch-all takes ours.
            place = indexes[0] if indexes else (0 if part == "routes" else len(container))
            for index in reversed(indexes):
                del container[index]
            for offset, item in enumerate(_revealed((body or {}).get(part) or [])):
                container.insert(place + offset, item)
            if not container:
                self._drop(part)
        self.marks = [item for item in self.marks if item.project != project]
        if mark is not None:
            self.marks.append(mark)

    def render(self) -> str:
        """The file's text, marks first."""
        stream = io.StringIO()
        _yaml(self.text).dump(self.data, stream)
        text = stream.getvalue()
        for mark in reversed(self.marks):
            text = with_mark(text, mark)
        return text

    def _ours(self, part: str, project: str) -> Iterator[Any]:
        for item in self._container(part, create=False) or ():
            if _is_ours(part, item, project):
                yield item

    def _container(self, part: str, *, create: bool) -> Any:
        holder: Any = self.data
        if part == "routes":
            if not isinstance(self.data.get("route"), Mapping):
                if not create:
                    return None
                self.data["route"] = CommentedMap()
            holder = self.data["route"]
        found = holder.get(part)
        if found is None and create:
            found = holder[part] = CommentedSeq()
        return found

    def _drop(self, part: str) -> None:
        holder = self.data["route"] if part == "routes" else self.data
        del holder[part]


def _is_ours(part: str, item: Any, project: str) -> bool:
    if part == "templates":
        return str(item).rsplit("/", 1)[-1] == f"obskit-{project}.tmpl"
    if not isinstance(item, Mapping):
        return False
    mine = prefix(project)
    if part in ("receivers", "time_intervals"):
        return str(item.get("name", "")).startswith(mine)
    if part == "routes":
        return str(item.get("receiver", "")).startswith(mine)
    named = re.compile(rf'^\s*obskit_project\s*=\s*"?{re.escape(project)}"?\s*$')
    return all(
        any(named.match(str(matcher)) for matcher in item.get(side) or ())
        for side in ("source_matchers", "target_matchers")
    )


def _yaml(text: str) -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    # As the file has it: entries of a list below their key, or indented.
    if re.search(r"^(?:receivers|inhibit_rules|time_intervals|templates):[^\n]*\n- ", text, re.M):
        yaml.indent(mapping=2, sequence=2, offset=0)
    else:
        yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
