"""What file-delivering targets share: rendering of shipped sources, and reading of what was delivered."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jinja2

from obskit import assets
from obskit.delivery.files import Folder
from obskit.errors import DeliveryError, ReadError

__all__ = ["read_whole", "render"]


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
