"""Grafana's variables in texts, replaced as Grafana replaces them.

Sources: Grafana's documentation of `variable syntax
<https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/>`_, of `Prometheus template
variables <https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/>`_ and of
`Elasticsearch template variables
<https://grafana.com/docs/grafana/latest/datasources/elasticsearch/template-variables/>`_.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import orjson

__all__ = ["Scope", "Value", "constant", "interpolate", "names"]

ALL: Final = "$__all"
_REFERENCE: Final = re.compile(
    r"\$(?P<plain>\w+)"
    r"|\[\[(?P<square>\w+?)(?::(?P<square_format>\w+))?\]\]"
    r"|\$\{(?P<braced>\w+)(?:\.(?P<field>[^:}]+))?(?::(?P<format>[^}]+))?\}"
)
_REGEX_SIGNS: Final = re.compile(r"[\\^$*+?.()|\[\]{}/]")
_PROMETHEUS_SIGNS: Final = re.compile(r"[$^*{}\[\]'+?.()|]")
_LUCENE_SIGNS: Final = re.compile(r"([!*+\-=<>\s&|()\[\]{}^~?:\\/\"])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What a variable stands for now.

    Args:
        values: The chosen values.
        texts: What is shown for them.
        many: Whether several may be chosen (``multi`` or ``includeAll``).
        all_value: What stands in the query for All; empty when the values do.
        is_all: Whether All is chosen.
    """

    values: tuple[str, ...]
    texts: tuple[str, ...] = ()
    many: bool = False
    all_value: str = ""
    is_all: bool = False


def constant(text: str) -> Value:
    """A variable of one fixed value."""
    return Value(values=(text,), texts=(text,))


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The variables that a text may use.

    Args:
        values: By name.
        start: Start of the time range, in seconds since 1970.
        end: Its end.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    start: float = 0.0
    end: float = 0.0

    def having(self, **values: Value) -> Scope:
        """The scope with other values."""
        return Scope(values={**self.values, **values}, start=self.start, end=self.end)


def names(text: Any) -> set[str]:
    """Names that a text, or any text inside, refers to."""
    if isinstance(text, str):
        return {_name(found) for found in _REFERENCE.finditer(text)}
    if isinstance(text, Mapping):
        return set().union(*(names(item) for item in text.values())) if text else set()
    if isinstance(text, list | tuple):
        return set().union(*(names(item) for item in text)) if text else set()
    return set()


def _name(found: re.Match[str]) -> str:
    return found["plain"] or found["square"] or found["braced"]


def interpolate(text: str, scope: Scope, default: str = "glob") -> str:
    """Replace every variable that is known; others stay.

    Args:
        text: The text.
        scope: The variables.
        default: Format where the reference names none: ``prometheus``, ``lucene``, ``regex``, ``glob``.
    """

    def replace(found: re.Match[str]) -> str:
        value = scope.values.get(_name(found))
        if value is None:
            return found[0]
        wanted = found["format"] or found["square_format"] or ""
        if found["field"] == "text":
            wanted = "text"
        if value.is_all and value.all_value and wanted not in ("text", "percentencode"):
            return interpolate(value.all_value, scope, default)
        return _formatted(_name(found), value, wanted or default)

    return _REFERENCE.sub(replace, text)


def _formatted(name: str, value: Value, wanted: str) -> str:
    kind, _, argument = wanted.partition(":")
    if kind == "date":
        return _date(value.values[0] if value.values else "", argument)
    if kind == "text":
        return " + ".join(value.texts or value.values)
    if kind == "queryparam":
        return "&".join(f"var-{name}={quote(item, safe='')}" for item in value.values)
    if kind == "distributed":
        first, *rest = value.values or ("",)
        return ",".join([first, *(f"{name}={item}" for item in rest)])
    if not value.many:
        text = value.values[0] if value.values else ""
        return _ONE.get(kind, str)(text)
    return _MANY.get(kind, _glob)(value.values)


def _regex(text: str) -> str:
    return _REGEX_SIGNS.sub(r"\\\g<0>", text)


def _lucene(text: str) -> str:
    return _LUCENE_SIGNS.sub(r"\\\1", text)


def _plain_prometheus(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\\\'")


def _regex_prometheus(text: str) -> str:
    r"""Escaped for a regular expression inside a string: a dot is ``\\.``."""
    return _PROMETHEUS_SIGNS.sub(r"\\\\\g<0>", text.replace("\\", "\\\\\\\\"))


def _glob(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else "{" + ",".join(values) + "}"


def _alternatives(values: tuple[str, ...], escape: Callable[[str], str]) -> str:
    escaped = [escape(item) for item in values]
    return escaped[0] if len(escaped) == 1 else "(" + "|".join(escaped) + ")"


def _lucene_many(values: tuple[str, ...]) -> str:
    if not values:
        return "__empty__"
    return "(" + " OR ".join(f'"{_lucene(item)}"' for item in values) + ")"


def _quoted(mark: str) -> Callable[[tuple[str, ...]], str]:
    return lambda values: ",".join(mark + item.replace(mark, "\\" + mark) + mark for item in values)


def _sql(values: tuple[str, ...]) -> str:
    return ",".join("'" + item.replace("'", "''") + "'" for item in values)


_ONE: Final[Mapping[str, Callable[[str], str]]] = {
    "prometheus": _plain_prometheus,
    "regex": _regex,
    "lucene": _lucene,
    "json": lambda text: orjson.dumps(text).decode(),
    "singlequote": lambda text: _quoted("'")((text,)),
    "doublequote": lambda text: _quoted('"')((text,)),
    "sqlstring": lambda text: _sql((text,)),
    "percentencode": lambda text: quote(text, safe="-_.!~*"),
}
_MANY: Final[Mapping[str, Callable[[tuple[str, ...]], str]]] = {
    "prometheus": lambda values: _alternatives(values, _regex_prometheus),
    "regex": lambda values: _alternatives(values, _regex),
    "lucene": _lucene_many,
    "pipe": "|".join,
    "csv": ",".join,
    "raw": ",".join,
    "json": lambda values: orjson.dumps(list(values)).decode(),
    "singlequote": _quoted("'"),
    "doublequote": _quoted('"'),
    "sqlstring": _sql,
    "percentencode": lambda values: quote(_glob(values), safe="-_.!~*"),
}


_MOMENT_SIGNS: Final = (
    ("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"),
)  # fmt: skip


def _date(milliseconds: str, how: str) -> str:
    moment = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    if how == "seconds":
        return str(int(milliseconds) // 1000)
    if how in ("", "iso"):
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(milliseconds) % 1000:03d}Z"
    for sign, code in _MOMENT_SIGNS:
        how = how.replace(sign, moment.strftime(code))
    return how
