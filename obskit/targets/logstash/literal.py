"""Values as Logstash's configuration language writes them.

It is not JSON: a backslash is a plain character (``config.support_escapes`` is off), so a quote inside of a text
cannot be escaped, and a hash is written with ``=>``.
https://www.elastic.co/docs/reference/logstash/configuration-file-structure
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from obskit.errors import ConfigError, Problem

__all__ = ["literal", "literals"]


def literals(options: Mapping[str, Any]) -> dict[str, str]:
    """Each value as it is written behind the arrow.

    Args:
        options: Options of a plugin by name.

    Raises:
        ConfigError: A value cannot be written.
    """
    return {name: literal(value) for name, value in options.items()}


def literal(value: Any) -> str:
    """A value as it is written behind the arrow.

    Args:
        value: A text, number, truth value, list or mapping.

    Raises:
        ConfigError: A text has both kinds of quotes, or a backslash at its end; or it is no such value.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list() | tuple():
            return "[" + ", ".join(literal(item) for item in value) + "]"
        case Mapping():
            pairs = (f"{literal(str(key))} => {literal(item)}" for key, item in value.items())
            return "{ " + " ".join(pairs) + " }"
        case _:
            raise _refused(f"{value!r} is no value of an option")


def _text(value: str) -> str:
    if not value.endswith("\\"):
        for quote in "\"'":
            if quote not in value:
                return quote + value + quote
    raise _refused(
        "a text with both kinds of quotes, or a backslash at its end, cannot be written: keep it in Logstash's "
        "keystore and write ${NAME}"
    )


def _refused(why: str) -> ConfigError:
    return ConfigError([Problem(rule="config/logstash", message=f"logstash: {why}")])
