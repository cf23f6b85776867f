"""What the targets of the log path share: rendering of sources, reading of what was delivered, names of streams."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import jinja2

from obskit import assets
from obskit.config import Settings
from obskit.delivery.files import Folder
from obskit.errors import DeliveryError, Problem, ReadError, Severity
from obskit.schema.streams import collisions

__all__ = ["name_problems", "read_whole", "render"]


def read_whole(folder: Folder, name: str) -> str | None:
    """The text of a delivered file; None when there is none.

    Args:
        folder: The folder.
        name: Name below it.

    Raises:
        ReadError: It is there and cannot be read whole: it never looks like "absent".
    """
    try:
        return folder.read(name)
    except DeliveryError as error:
        raise ReadError(error.message, where=error.where, hint=error.hint) from None


def render(name: str, **values: Any) -> str:
    """The text of a shipped source with its placeholders replaced; one that has no value is an error.

    Args:
        name: Path below the shipped content, such as ``filebeat/filebeat.yml.j2``.
        values: Values of the placeholders.
    """
    return _environment().get_template(name).render(values)


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(assets.root()),
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not HTML
    )
    made.filters["json"] = _json
    return made


def _json(value: Any) -> str:
    """JSON, which every YAML reader reads the same way, whatever stands in the text."""
    return json.dumps(value, ensure_ascii=False)


def name_problems(settings: Settings, more: Iterable[str] = ()) -> Iterator[Problem]:
    """Services whose events would share a data stream or take the quarantine's, and ones that nobody declares.

    Args:
        settings: All of obskit.yml.
        more: Services that a target's own section names.
    """
    declared, named = {item.name for item in settings.services}, set(more)
    path = str(settings.path)
    for dataset, names in collisions(declared | named).items():
        shown = " and ".join(repr(name) for name in names)
        what = "is reserved" if len(names) == 1 else "can hold one service only"
        message = f"services: {shown} lead to the dataset {dataset!r}, which {what}: rename"
        yield Problem(rule="config/stream", message=message, path=path)
    for name in sorted(named - declared):
        message = f"filebeat.sources: {name!r} is not among the services: a spelling mistake?"
        yield Problem(rule="config/service", message=message, path=path, severity=Severity.WARNING)
