"""The Logstash filter that makes an event of a schema out of a line: one ``ruby`` filter, generated.

The engine is the files of the folder ``filter`` beside this module; its tables are written from the schema.
Around it stand only constructs whose behaviour was recorded on a real Logstash (``logstash-filters.jsonl``).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from obskit.errors import ConfigError, Problem
from obskit.schema.export.filebeat import CUT, NESTING
from obskit.schema.fields import ATTRIBUTES, LIMITS
from obskit.schema.model import Field, Schema
from obskit.schema.streams import DATASET_PREFIX, QUARANTINE, SERVICE_LENGTH, namespace_name

__all__ = ["FilterSettings", "export", "ruby"]

# The engine, in the order in which it is written.
_PARTS: Final = ("head", "apply", "event", "reading", "taking", "values", "attributes")

# What Python's expressions have and Ruby's lack, or read otherwise.
_FOREIGN: Final = re.compile(r"\(\?(?:P|[aiLmsux-]+[:)])|\\[AZ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSettings:
    """What ``obskit.yml`` says of the lines that the pipeline reads.

    Args:
        namespace: Namespace of the data streams.
        environment: Written where neither the event nor its shipper names one; empty for none.
    """

    namespace: str = "default"
    environment: str = ""


def export(
    schema: Schema, settings: FilterSettings, *, formats: Mapping[str, str] | None = None
) -> str:
    """The text of the filter section of a pipeline.

    Args:
        schema: The log schema.
        settings: What is known of the lines.
        formats: Readers of lines of other formats than JSON, by name: Ruby lambdas of a line and its
            service, which return an event as a hash, or nil and a reason.

    Raises:
        ConfigError: A pattern of the schema is not one that Ruby reads the same way.
    """
    return "\n".join(_lines(ruby(schema, settings, formats=formats))) + "\n"


def ruby(
    schema: Schema, settings: FilterSettings, *, formats: Mapping[str, str] | None = None
) -> str:
    """The Ruby of the filter's ``init``: tables and engine.

    Args:
        schema: The log schema.
        settings: What is known of the lines.
        formats: As for `export`.

    Raises:
        ConfigError: A pattern of the schema is not one that Ruby reads the same way.
    """
    known: Mapping[str, Any] = {
        "namespace": namespace_name(settings.namespace),
        "environment": settings.environment,
        "prefix": DATASET_PREFIX,
        "quarantine": QUARANTINE,
        "attributes": ATTRIBUTES,
        "cut": CUT,
    }
    limits: Mapping[str, Any] = {
        "depth": LIMITS.ATTRIBUTE_DEPTH,
        "leaf_bytes": LIMITS.LEAF_BYTES,
        "key_bytes": LIMITS.KEY_BYTES,
        "nesting": NESTING,
        "service": SERVICE_LENGTH,
    }
    fields = ",\n".join("  " + _field(item) for item in schema.fields)
    readers = "".join(
        f"@obskit_formats[{_text(name)}] = {code.strip()}\n"
        for name, code in sorted((formats or {}).items())
    )
    code = (
        'require "json"\n'
        "# Fields in the order of the schema: names holds the canonical name, then the aliases, best first.\n"
        f"@obskit_fields = [\n{fields}\n]\n"
        f"@obskit_settings = {_rb(known)} # from obskit.yml\n"
        f"@obskit_limits = {_rb(limits)}\n"
        f"@obskit_formats = {{}}\n{readers}"
        "\n" + _engine()
    )
    if "'" in code or "${" in code:  # it would end the argument, or be replaced by Logstash
        raise ConfigError(
            [Problem(rule="logstash/ruby", message="the Ruby of a format has an apostrophe or ${")]
        )
    return code


def _lines(code: str) -> Iterator[str]:
    yield "filter {"
    yield "  # The line leaves `message` and is parsed beside the event, never onto its root: no key of a log line"
    yield "  # can touch @timestamp, @metadata, tags, data_stream or host, and one with brackets breaks nothing."
    yield '  mutate { rename => { "message" => "[@metadata][line]" } }'
    yield "  json {"
    yield '    source => "[@metadata][line]"'
    yield '    target => "[@metadata][doc]"'
    yield "    # A line that is no JSON is for the quarantine, not for the log of Logstash, in full."
    yield "    skip_on_invalid_json => true"
    yield "  }"
    yield "  # One filter makes every field: below a target no mutate can name a key that a line invents, and"
    yield "  # null cannot be told from missing in a condition. The tables are generated from the log schema."
    yield "  ruby {"
    yield "    init => '"
    for line in code.rstrip().splitlines():
        yield f"      {line}" if line else ""
    yield "    '"
    yield '    code => "@obskit.apply(event)"'
    yield "  }"
    yield "}"


def _field(field: Field) -> str:
    parts: dict[str, Any] = {
        "name": field.name,
        "path": list(field.path),
        "type": field.type.value,
        "required": field.required,
        "nullable": field.nullable,
        "names": [field.name, *field.aliases],
        "min_length": field.min_length,
        "max_length": field.max_length,
    }
    if field.allowed:
        parts["allowed"] = list(field.allowed)
    if field.minimum is not None:
        parts["minimum"] = field.minimum
    if field.maximum is not None:
        parts["maximum"] = field.maximum
    text = ", ".join(f"{key}: {_rb(value)}" for key, value in parts.items())
    if field.pattern:
        text += f", pattern: {_expression(field)}"
    if field.synonyms:
        pairs = ", ".join(f"{_rb(key)} => {_rb(value)}" for key, value in field.synonyms.items())
        text += f", synonyms: {{ {pairs} }}"
    return "{ " + text + " }"


def _expression(field: Field) -> str:
    if _FOREIGN.search(field.pattern):
        message = (
            f"the pattern of {field.name!r} has a construct that Ruby reads otherwise: "
            "use groups without names or flags, and ^ and $ as anchors"
        )
        raise ConfigError([Problem(rule="schema/pattern", message=message)])
    # In Ruby ^ and $ match at every line of a text; \A and \z are its ends.
    body = field.pattern.removeprefix("^").removesuffix("$")
    whole = rf"\A(?:{body})\z"
    return f"Regexp.new({_text(whole)})"


def _rb(value: Any) -> str:
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list():
            return "[" + ", ".join(_rb(item) for item in value) + "]"
        case _:
            return "{ " + ", ".join(f"{key}: {_rb(item)}" for key, item in value.items()) + " }"


def _text(value: str) -> str:
    """A Ruby string in double quotes that can stand in an argument in apostrophes.

    Everything but letters, digits and a few signs is written as an escape: neither the apostrophe that would
    end the argument, nor ``${`` that Logstash would replace, nor Ruby's ``#{`` can come out of a name.
    """
    return '"' + "".join(_character(item) for item in value) + '"'


def _character(item: str) -> str:
    if item == "\\":
        return "\\\\"
    if item.isascii() and (item.isalnum() or item in " @._-:;,/()[]?*+|^={}<>!%&~"):
        return item
    return f"\\u{{{ord(item):x}}}"


@cache
def _engine() -> str:
    folder = resources.files(__package__) / "filter"
    head, *parts = ((folder / f"{name}.rb").read_text(encoding="utf-8") for name in _PARTS)
    comments, methods = head.split("\n\n", 1)
    body = textwrap.indent("\n".join((methods, *parts)), "  ")
    return (
        f"{comments}\n@obskit = Class.new do\n{body}"
        "end.new(@obskit_fields, @obskit_settings, @obskit_limits, @obskit_formats)\n"
    )
