"""A project's own schema file: fields it adds, and fields of ours that it tightens.

::

    name: shop
    version: "2"
    fields:
      order_id: {type: keyword, requirement: required, pattern: "^[0-9]{8}$", example: "20230910"}
      level: {allowed: [INFO, WARN, ERROR]}

A field of ours can only be tightened: what a project's events are allowed must stay allowed by the
schema that shippers and dashboards know.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import yaml

from obskit.errors import ConfigError, Problem
from obskit.schema.fields import ATTRIBUTES, BUILTIN
from obskit.schema.model import Field, FieldType, Requirement, Schema
from obskit.schema.tighten import consistent, field_problems, tightened

__all__ = ["load_schema", "parse_schema"]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_KNOWN: Final = frozenset(item.name for item in fields(Field)) - {"name", "record"}
_TOP: Final = ("name", "version", "fields")
_MOST: Final = 1_000_000
# Elasticsearch counts UTF-16 units and cuts above 8,191: half as many characters are never cut.
_KEYWORD_CHARACTERS: Final = 4_095

Marks = dict[tuple[str, ...], yaml.Mark]


def load_schema(path: str | Path) -> Schema:
    """The built-in schema with a project's file of fields over it.

    Args:
        path: A YAML or JSON file.

    Raises:
        ConfigError: The file cannot be read or is wrong; every finding carries its line.
    """
    file = Path(path)
    try:
        if file.stat().st_size > _MOST:
            raise _one(str(path), f"has more than {_MOST:,} bytes: that is no list of fields")
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _one(str(path), "no such file; obskit schema infer proposes one from logs") from None
    except UnicodeDecodeError as error:
        raise _one(str(path), f"is not UTF-8 at byte {error.start}") from None
    except OSError as error:
        raise _one(str(path), f"cannot be read: {error.strerror}") from None
    return parse_schema(text, str(path))


def parse_schema(text: str, path: str = "schema.yml") -> Schema:
    """The built-in schema with the fields of a text over it.

    Args:
        text: YAML or JSON.
        path: Name of the file, for messages.

    Raises:
        ConfigError: The text is wrong; every finding carries its line.
    """
    reader = _Reader(path)
    data = reader.read(text)
    given: list[Field] = []
    for key in data:
        if key not in _TOP:
            reader.add((key,), f"{key}: unknown key; a schema file has {', '.join(_TOP)}")
    section = data.get("fields") or {}
    if not isinstance(section, dict):
        reader.add(("fields",), "fields must be a mapping of names to fields")
        section = {}
    for name, body in section.items():
        made = _field(reader, str(name), body)
        if made is not None:
            given.append(made)
    name, version = str(data.get("name", BUILTIN.name)), str(data.get("version", BUILTIN.version))
    schema = replace(BUILTIN.extended(given, name=name), version=version)
    for about, message in consistent(schema):
        reader.add(("fields", about), message)
    if reader.problems:
        raise ConfigError(sorted(reader.problems, key=lambda item: item.line or 0))
    return schema


def _field(reader: _Reader, name: str, body: Any) -> Field | None:
    at = ("fields", name)
    before = len(reader.problems)
    if not _NAME.fullmatch(name) or name == ATTRIBUTES or name.startswith(f"{ATTRIBUTES}."):
        reader.add(at, f"{name}: a name is lower case, with _ inside a word and . between objects")
    if not isinstance(body, dict):
        reader.add(at, f"{name}: must be a mapping such as {{type: keyword}}")
        return None
    for key in body:
        if key not in _KNOWN:
            reader.add(
                (*at, str(key)), f"{name}.{key}: unknown key; there are {', '.join(sorted(_KNOWN))}"
            )
    base = BUILTIN.by_name.get(name)
    values = _values(reader, name, {key: body[key] for key in body if key in _KNOWN})
    if base is None and "type" not in body:
        reader.add(at, f"{name}: needs a type: {', '.join(_types())}")
    if len(reader.problems) > before:
        return None
    if base is None:
        made = Field(name=name, **values)
        if made.type is FieldType.KEYWORD and not made.max_length and not made.allowed:
            made = replace(made, max_length=_KEYWORD_CHARACTERS)
    else:
        more = [item for item in values.pop("aliases", ()) if item not in base.aliases]
        made = _inherited(replace(base, **values, aliases=(*base.aliases, *more)), body)
        for key, message in tightened(base, made):
            reader.add((*at, key), f"{name}.{key}: {message}")
    for key, message in field_problems(made):
        reader.add((*at, key), f"{name}.{key}: {message}")
    return made if len(reader.problems) == before else None


def _inherited(made: Field, body: dict[str, Any]) -> Field:
    """The field without what it inherits and what its own values contradict."""
    if "synonyms" not in body:
        kept = {key: value for key, value in made.synonyms.items() if value in made.allowed}
        made = replace(made, synonyms=kept)
    if "example" not in body and any(key == "example" for key, _ in field_problems(made)):
        made = replace(made, example=None)
    return made


def _values(reader: _Reader, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The values of a field in the model's types."""
    made: dict[str, Any] = {}
    for key, value in body.items():
        try:
            made[key] = _value(key, value)
        except (TypeError, ValueError) as error:
            reader.add(("fields", name, key), f"{name}.{key}: {error}")
    return made


def _value(key: str, value: Any) -> Any:
    match key:
        case "type":
            if value not in _types():
                raise ValueError(f"no type {value!r}; there are {', '.join(_types())}")
            return FieldType(value)
        case "requirement":
            if value not in tuple(Requirement):
                raise ValueError(f"no requirement {value!r}; there are {', '.join(Requirement)}")
            return Requirement(value)
        case "aliases" | "allowed":
            if not isinstance(value, list) or not all(
                isinstance(item, str) and item for item in value
            ):
                raise TypeError("must be a list of texts (quote numbers and yes/no)")
            return tuple(dict.fromkeys(value))
        case "synonyms":
            if not isinstance(value, dict) or not all(
                isinstance(item, str) for pair in value.items() for item in pair
            ):
                raise TypeError("must be a mapping of spellings to allowed values")
            return {spelling.upper(): canonical for spelling, canonical in value.items()}
        case "min_length" | "max_length":
            if type(value) is not int or value < 0:
                raise TypeError("must be a whole number, 0 or more")
        case "minimum" | "maximum":
            if type(value) not in (int, float):
                raise TypeError("must be a number")
        case "redact":
            if type(value) is not bool:
                raise TypeError("must be true or false")
        case "example":
            return value
        case _:
            if not isinstance(value, str):
                raise TypeError("must be a text")
    return value


def _types() -> tuple[str, ...]:
    return tuple(item.value for item in FieldType if item is not FieldType.FLATTENED)


class _Reader:
    """Keeps the place of every key beside the values."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self._marks: Marks = {}

    def read(self, text: str) -> dict[str, Any]:
        """The mapping in a text."""
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._at(mark, f"is not YAML: {error.problem or error.context}")
            raise ConfigError(self.problems) from None
        except (yaml.YAMLError, RecursionError) as error:
            raise _one(self.path, f"is not YAML: {error}") from None
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._at(node.start_mark, f"must be a mapping with {', '.join(_TOP)}")
            raise ConfigError(self.problems)
        self._mark(node, (), set())
        return dict(yaml.SafeLoader("").construct_document(node))

    def add(self, at: tuple[str, ...], message: str) -> None:
        """A finding at a key, or at the nearest one above it that the file has."""
        while at and at not in self._marks:
            at = at[:-1]
        self._at(self._marks.get(at), message)

    def _at(self, mark: yaml.Mark | None, message: str) -> None:
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        self.problems.append(
            Problem(rule="schema/field", message=message, path=self.path, line=line, column=column)
        )

    def _mark(self, node: yaml.Node, at: tuple[str, ...], above: set[int]) -> None:
        if not isinstance(node, yaml.MappingNode) or id(node) in above or len(at) > 3:
            return
        for key, value in node.value:
            here = (*at, str(key.value))
            if here in self._marks:
                self._at(key.start_mark, f"{key.value}: stands here a second time")
            self._marks[here] = key.start_mark
            self._mark(value, here, above | {id(node)})


def _one(path: str, message: str) -> ConfigError:
    return ConfigError([Problem(rule="schema/file", message=message, path=path)])
