"""A YAML file as data that remembers where everything stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from obskit.config.reference import Resolver
from obskit.errors import ConfigError, Problem

__all__ = ["Document", "Place", "merged", "read_document"]

#: Keys and indexes from the root: ``("services", 0, "name")``.
Place = tuple[str | int, ...]

_MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Data and the positions of its keys and values.

    Args:
        data: Mappings, lists and scalars.
        keys: Line and column, from 1, of each key or list entry, with the file it is from.
    """

    data: dict[str, Any]
    keys: Mapping[Place, tuple[str, int, int]] = field(default_factory=dict)

    def problem(self, rule: str, place: Sequence[str | int], message: str) -> Problem:
        """A finding at a place, or at its nearest ancestor that has a position."""
        known = tuple(place)
        while known and known not in self.keys:
            known = known[:-1]
        path, line, column = self.keys.get(known, ("", 1, 1))
        return Problem(rule=rule, message=message, path=path, line=line, column=column)


def merged(base: Document, overlay: Document) -> Document:
    """The base with an overlay's values in their place: mappings merge, all else is replaced."""

    def merge(one: Any, other: Any) -> Any:
        if isinstance(one, dict) and isinstance(other, dict):
            return one | {
                key: merge(one[key], value) if key in one else value for key, value in other.items()
            }
        return other

    return Document(data=merge(base.data, overlay.data), keys={**base.keys, **overlay.keys})


def read_document(path: Path, *, resolver: Resolver, name: str = "") -> Document:
    """Read one YAML file safely, with its references resolved.

    Args:
        path: The file.
        resolver: Resolves ``${env:NAME}`` and ``${file:path}``.
        name: How to call the file in messages; the path as given when empty.

    Raises:
        ConfigError: The file is not there, is no YAML, has a key twice, or a reference leads nowhere.
    """
    shown = name or str(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _one("config/too-large", shown, f"is larger than {_MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _one(
            "config/missing", shown, "no such file: obskit init writes one, -f names another"
        ) from None
    except OSError as error:
        raise _one("config/unreadable", shown, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _one("config/encoding", shown, f"is not UTF-8 at byte {error.start}") from None
    return parse_document(text, shown, resolver)


def parse_document(text: str, path: str, resolver: Resolver) -> Document:
    """Parse YAML text; see :func:`read_document`."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(
            [
                Problem(
                    rule="config/syntax",
                    message=f"is not YAML: {error.problem or error.context}",
                    path=path,
                    line=mark.line + 1 if mark else None,
                    column=mark.column + 1 if mark else None,
                )
            ]
        ) from None
    except yaml.YAMLError as error:
        raise _one("config/syntax", path, f"is not YAML: {error}") from None
    if node is None:
        return Document(data={}, keys={(): (path, 1, 1)})
    reader = _Reader(path, resolver)
    data = reader.value(node, ())
    if not isinstance(data, dict):
        reader.problems.append(
            Problem(rule="config/syntax", message="must be a mapping of keys", path=path, line=1)
        )
    if reader.problems:
        raise ConfigError(reader.problems)
    return Document(data=data, keys=reader.keys)


def _one(rule: str, path: str, message: str) -> ConfigError:
    return ConfigError([Problem(rule=rule, message=message, path=path)])


class _Reader:
    """Walks the node tree once: values, positions and findings together."""

    def __init__(self, path: str, resolver: Resolver) -> None:
        self.path = path
        self.resolver = resolver
        self.keys: dict[Place, tuple[str, int, int]] = {}
        self.problems: list[Problem] = []
        self._loader = yaml.SafeLoader("")

    def value(self, node: yaml.Node, place: Place) -> Any:
        if place not in self.keys:
            self.keys[place] = self._position(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        try:
            scalar = self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self._found("config/syntax", node, f"is not a value: {error}")
            return None
        if isinstance(scalar, str) and "${" in scalar:
            resolved, wrong = self.resolver.resolve(scalar)
            for message in wrong:
                self._found("config/reference", node, message)
            return resolved
        return scalar

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        self._loader.flatten_mapping(node)
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._loader.construct_object(key_node, deep=True)
            # YAML 1.1 reads `on` and `yes` as true; a key is a name here, whatever it looks like.
            name = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key)
            if name in data:
                self._found("config/duplicate-key", key_node, f"{name}: is there twice")
                continue
            self.keys[(*place, name)] = self._position(key_node)
            data[name] = self.value(value_node, (*place, name))
        return data

    def _position(self, node: yaml.Node) -> tuple[str, int, int]:
        return (self.path, node.start_mark.line + 1, node.start_mark.column + 1)

    def _found(self, rule: str, node: yaml.Node, message: str) -> None:
        path, line, column = self._position(node)
        self.problems.append(
            Problem(rule=rule, message=message, path=path, line=line, column=column)
        )
