"""obskit.yml to frozen settings; every finding with its line, all of them at once."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from obskit.config.document import Document, merged, read_document
from obskit.config.reference import Reference, Resolver
from obskit.config.secret import Secret
from obskit.config.settings import Section, Settings
from obskit.errors import ConfigError, Problem

__all__ = ["load", "section_problems"]

#: Set by the loader, not by people.
_INTERNAL = {"targets", "path"}


def load(path: Path, sections: Mapping[str, type[Section]], *, environment: str = "") -> Settings:
    """Read obskit.yml and, for an environment, ``obskit.<environment>.yml`` beside it.

    Args:
        path: The file.
        sections: Each target's own settings, by its key.
        environment: Name of an environment; empty for none.

    Raises:
        ConfigError: Anything is wrong; all findings, with lines.
    """
    resolver = Resolver.for_file(path, environment)
    document = read_document(path, resolver=resolver)
    if environment:
        overlay = path.with_name(f"{path.stem}.{environment}{path.suffix}")
        if overlay.exists():
            document = merged(document, read_document(overlay, resolver=resolver))
        document = Document(data={"environment": environment} | document.data, keys=document.keys)
    problems: list[Problem] = []
    common = {key: value for key, value in document.data.items() if key not in sections}
    for key in _INTERNAL & common.keys():
        problems.append(document.problem("config/unknown-key", (key,), f"{key}: unknown key"))
        del common[key]
    targets: dict[str, Section] = {}
    for key in sections:  # a lazy mapping: a model is imported only when its key is there
        if key in document.data:
            model = sections[key]
            value = document.data[key]
            try:
                targets[key] = model.model_validate({} if value is None else value)
            except ValidationError as error:
                problems += section_problems(error, document, (key,), model, ())
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(common)
    except ValidationError as error:
        problems += section_problems(error, document, (), Settings, tuple(sections))
    if settings is not None:
        problems += _twice(settings, document)
    if problems or settings is None:
        raise ConfigError(
            sorted(problems, key=lambda item: (item.path, item.line or 0, item.column or 0))
        )
    return settings.model_copy(update={"targets": targets, "path": path})


def _twice(settings: Settings, document: Document) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, service in enumerate(settings.services):
        if service.name in seen:
            yield document.problem(
                "config/duplicate-service", ("services", index, "name"),
                f"services: {service.name!r} is there twice",
            )  # fmt: skip
        seen.add(service.name)


def section_problems(
    error: ValidationError,
    document: Document,
    prefix: tuple[str | int, ...],
    model: type[BaseModel],
    more_keys: Sequence[str],
) -> Iterator[Problem]:
    """What is wrong with a section, at its places in the file and with the nearest known keys.

    Args:
        error: What pydantic says.
        document: The file.
        prefix: Where the section stands.
        model: The section's model.
        more_keys: Keys that are known beside the model's.
    """
    told: set[tuple[tuple[str | int, ...], str]] = set()
    for detail in error.errors(include_url=False):
        place = _real_place(document.data, prefix, detail["loc"])
        rule, message = _words(detail, place, model, prefix, more_keys)
        if (place, message) not in told:
            told.add((place, message))
            yield document.problem(rule, place, message)


def _real_place(
    data: Any, prefix: tuple[str | int, ...], loc: tuple[int | str, ...]
) -> tuple[str | int, ...]:
    """The keys of ``loc`` that are keys of the data: pydantic adds names of union members."""
    place: list[str | int] = []
    here: Any = data
    parts = [*prefix, *loc]
    for index, part in enumerate(parts):
        if isinstance(here, Mapping) and (part in here or index == len(parts) - 1):
            place.append(part)
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            place.append(part)
            here = here[part]
    return tuple(place)


def _dotted(place: Sequence[str | int]) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _words(
    detail: ErrorDetails,
    place: tuple[str | int, ...],
    model: type[BaseModel],
    prefix: tuple[str | int, ...],
    more_keys: Sequence[str],
) -> tuple[str, str]:
    name = _dotted(place)
    match detail["type"]:
        case "extra_forbidden":
            key = str(detail["loc"][-1])
            known = [
                *_keys_at(model, place[len(prefix) : -1]),
                *(more_keys if len(place) == 1 else ()),
            ]
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
            return "config/unknown-key", f"{name}: unknown key ({hint})"
        case "missing":
            return "config/missing-key", f"{name}: is required"
        case "value_error":
            return "config/value", f"{name}: {_shown(detail['input'])}{detail['ctx']['error']}"
        case _:
            message = detail["msg"][:1].lower() + detail["msg"][1:]
            return "config/type", f"{name}: {_shown(detail['input'])}{message}"


def _shown(value: object) -> str:
    """A value for a message; what came from a reference may be a secret."""
    if isinstance(value, Reference):
        return f"{value.written} "
    if isinstance(value, Secret) or not isinstance(value, str | int | float | bool):
        return ""
    return f"{value!r} "


def _keys_at(model: Any, place: Sequence[str | int]) -> list[str]:
    """The keys that a model has at a place below it."""
    current: list[Any] = [model]
    for part in place:
        following: list[Any] = []
        for item in current:
            if isinstance(part, str) and _is_model(item):
                for name, field in item.model_fields.items():
                    if part in (name, field.alias):
                        following.append(field.annotation)
            elif get_origin(item) is not None:
                following += [arg for arg in get_args(item) if arg is not type(None)]
        current = [option for item in following for option in _flat(item)]
    keys: list[str] = []
    for item in (option for entry in current for option in _flat(entry)):
        if _is_model(item):
            keys += [field.alias or name for name, field in item.model_fields.items()]
    return [key for key in keys if key not in _INTERNAL]


def _flat(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        for arg in get_args(annotation):
            yield from _flat(arg)
    else:
        yield annotation


def _is_model(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, BaseModel)
