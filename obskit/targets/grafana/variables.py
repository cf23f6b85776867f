"""The variables of a dashboard, resolved as Grafana resolves them when it is opened.

Sources: `query variables of Prometheus
<https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/>`_, `of Elasticsearch
<https://grafana.com/docs/grafana/latest/datasources/elasticsearch/template-variables/>`_, and the `types of
variables <https://grafana.com/docs/grafana/latest/dashboards/variables/add-template-variables/>`_.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import orjson

from obskit.errors import BadAnswerError, ObskitError
from obskit.targets.grafana.doors import Door, Elastic, Metrics
from obskit.targets.grafana.interpolate import ALL, Scope, Value, constant, interpolate, names

__all__ = ["Asker", "Resolver", "filtered"]

_LABEL_NAMES: Final = re.compile(r"^label_names\((.*)\)\s*$")
_LABEL_VALUES: Final = re.compile(r"^label_values\((?:(.+),\s*)?([a-zA-Z_$][a-zA-Z0-9_:$]*)\)\s*$")
_METRICS: Final = re.compile(r"^metrics\((.+)\)\s*$")
_QUERY_RESULT: Final = re.compile(r"^query_result\((.+)\)\s*$", re.DOTALL)


class Asker(Protocol):
    """What the resolver asks of whoever knows the data sources."""

    @property
    def doors(self) -> Sequence[Door]:
        """Every data source that is known, by name."""

    def metrics(self, door: Door) -> Metrics:
        """A Prometheus."""

    def elastic(self, door: Door) -> Elastic:
        """An Elasticsearch."""

    def find(self, reference: Any, scope: Scope) -> Door | None:
        """The data source that a dashboard refers to."""


class Resolver:
    """The variables of one dashboard.

    Args:
        dashboard: The dashboard.
        asker: Whom to ask.
        scope: What Grafana itself sets.
    """

    def __init__(self, dashboard: Mapping[str, Any], asker: Asker, scope: Scope) -> None:
        listed = (dashboard.get("templating") or {}).get("list") or ()
        self._variables = {str(item.get("name")): item for item in listed}
        self._asker = asker
        self._base = scope
        self._values: dict[str, Value] = {}
        self._failed: dict[str, str] = {}
        self._waiting: set[str] = set()

    def resolve(self) -> tuple[Scope, dict[str, str]]:
        """Resolve all.

        Returns:
            The scope with every variable, and why some could not be asked for, by name.
        """
        for name in self._variables:
            self._resolve(name)
        return self._base.having(**self._values), self._failed

    def _resolve(self, name: str) -> None:
        if name in self._values or name in self._failed or name in self._waiting:
            return
        variable = self._variables[name]
        self._waiting.add(name)
        leaning = (variable.get("query"), variable.get("regex"), variable.get("datasource"))
        for other in sorted(names(leaning) & self._variables.keys()):
            self._resolve(other)
        try:
            self._values[name] = self._value(variable)
        except ObskitError as error:
            where = f"{error.where}: " if error.where else ""
            self._failed[name] = f"{where}{error.message}"
        self._waiting.discard(name)

    def _value(self, variable: Mapping[str, Any]) -> Value:
        kind = variable.get("type")
        if kind == "query":
            return chosen(variable, self._asked(variable))
        if kind == "datasource":
            return chosen(variable, self._sources(variable))
        if kind in ("custom", "interval"):
            return chosen(variable, _listed(variable))
        if kind == "adhoc":
            return constant("")
        # constant, textbox and what later releases bring: its query is its value
        current = (variable.get("current") or {}).get("value")
        fixed = variable.get("query") if kind == "constant" or current in (None, "", []) else current  # fmt: skip
        if isinstance(fixed, list):
            return Value(values=tuple(map(str, fixed)), texts=tuple(map(str, fixed)), many=True)
        return constant("" if fixed is None else str(fixed))

    # Options --------------------------------------------------------------------------------------

    def _sources(self, variable: Mapping[str, Any]) -> list[tuple[str, str]]:
        plugin = str(variable.get("query", ""))
        pattern = _pattern(interpolate(str(variable.get("regex") or ""), self._scope, "regex"))
        return [
            (door.name, door.uid)
            for door in sorted(self._asker.doors, key=lambda item: item.name.lower())
            if door.type == plugin and (pattern is None or pattern.search(door.name))
        ]

    @property
    def _scope(self) -> Scope:
        return self._base.having(**self._values)

    def _asked(self, variable: Mapping[str, Any]) -> list[tuple[str, str]]:
        door = self._asker.find(variable.get("datasource"), self._scope)
        if door is None:
            raise BadAnswerError("its data source is not known")
        raw = variable.get("query")
        text = str(raw.get("query", "") if isinstance(raw, Mapping) else raw or "")
        text = text or str(variable.get("definition") or "")
        if door.type == "elasticsearch":
            found = self._of_elastic(door, text)
        elif door.type == "prometheus":
            found = self._of_prometheus(door, text)
        else:
            raise BadAnswerError(f"queries of {door.type} variables are not understood")
        pattern = interpolate(str(variable.get("regex") or ""), self._scope, "regex")
        return filtered(found, pattern, int(variable.get("sort") or 0))

    def _of_prometheus(self, door: Door, text: str) -> list[str]:
        if door.http is None:
            raise BadAnswerError("cannot be asked here")
        asked = self._asker.metrics(door)
        query = interpolate(text, self._scope, "prometheus")
        if found := _LABEL_NAMES.match(query):
            return asked.label_names(found[1] or "")
        if found := _LABEL_VALUES.match(query):
            return asked.label_values(found[2], (found[1] or "").strip())
        if found := _METRICS.match(query):
            pattern = re.compile(found[1])
            return [name for name in asked.label_values("__name__") if pattern.search(name)]
        if found := _QUERY_RESULT.match(query):
            return _shown(asked.instant(found[1]))
        if not query.strip():
            return []
        return [_series(labels) for labels in asked.series(query)]

    def _of_elastic(self, door: Door, text: str) -> list[str]:
        if door.http is None:
            raise BadAnswerError("cannot be asked here")
        asked = self._asker.elastic(door)
        try:
            query = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise BadAnswerError(f"{text!r} is no JSON: {error}") from None
        if query.get("find") == "fields":
            kinds = query.get("type")
            return sorted(
                name for name, types in asked.fields.items() if kinds is None or kinds in types
            )
        # Grafana replaces variables inside the parsed query: a value's quotes do not break the JSON.
        field = interpolate(str(query.get("field", "")), self._scope, "lucene")
        text = interpolate(str(query.get("query") or ""), self._scope, "lucene")
        order = {"_key": "asc"} if query.get("orderBy", "key") != "doc_count" else {"_count": "desc"}  # fmt: skip
        must: list[Any] = [
            {
                "range": {
                    str(door.options.get("timeField", "@timestamp")): {
                        "gte": int(self._base.start * 1000),
                        "lte": int(self._base.end * 1000),
                        "format": "epoch_millis",
                    }
                }
            }
        ]
        if text:
            must.append({"query_string": {"query": text}})
        answer = asked.search(
            {
                "size": 0,
                "query": {"bool": {"filter": must}},
                "aggs": {
                    "1": {
                        "terms": {
                            "field": field, "size": int(query.get("size") or 500), "order": order,
                        }
                    }
                },
            }
        )  # fmt: skip
        buckets = ((answer.get("aggregations") or {}).get("1") or {}).get("buckets") or ()
        return [str(item.get("key_as_string", item["key"])) for item in buckets]


def _series(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{key}="{value}"' for key, value in labels.items() if key != "__name__")
    return f"{labels.get('__name__', '')}{{{inner}}}"


def _shown(result: Sequence[Any]) -> list[str]:
    """``query_result``: ``metric{label="value"} 3 1700000000000``."""
    if result and not isinstance(result[0], Mapping):
        return [str(result[1])]
    return [
        f"{_series(item['metric'])} {item['value'][1]} {float(item['value'][0]) * 1000:.0f}"
        for item in result
    ]


def _pattern(text: str) -> re.Pattern[str] | None:
    """JavaScript's regular expression ``/…/flags``, or a text that must match as a whole."""
    if not text:
        return None
    found = re.fullmatch(r"/(.*?)/([gimy]*)", text, re.DOTALL)
    body, signs = (found[1], found[2]) if found else (f"^{text}$", "")
    flags = (re.IGNORECASE if "i" in signs else 0) | (re.MULTILINE if "m" in signs else 0)
    try:
        return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", body), flags)
    except re.error as error:
        raise BadAnswerError(f"its regex {text!r} is none: {error}") from None


def filtered(found: Sequence[str], regex: str, sort: int) -> list[tuple[str, str]]:
    """Options as ``(text, value)``: filtered and cut out by the variable's regex, then sorted.

    Args:
        found: What the query gave.
        regex: The variable's ``regex``; empty for none.
        sort: Its ``sort``, as Grafana numbers it.
    """
    pattern = _pattern(regex)
    every = regex.startswith("/") and "g" in regex.rpartition("/")[2]
    options: dict[str, str] = {}
    for item in found:
        matches = list(pattern.finditer(item)) if pattern else []
        matches = matches if every else matches[:1]
        if pattern is None:
            options.setdefault(item, item)
            continue
        if not matches:
            continue
        groups = [match.groupdict() for match in matches]
        value = next((group["value"] for group in groups if group.get("value")), None)
        text = next((group["text"] for group in groups if group.get("text")), None)
        if value or text:
            options.setdefault(str(value or text), str(text or value))
        elif pattern.groups:
            for match in matches:
                options.setdefault(str(match[1] or ""), str(match[1] or ""))
        else:
            options.setdefault(item, item)
    pairs = [(text, value) for value, text in options.items()]
    key = _SORTS.get((sort + 1) // 2)
    return sorted(pairs, key=key, reverse=sort % 2 == 0) if key and sort else pairs


def _number(pair: tuple[str, str]) -> tuple[float, str]:
    found = re.search(r"\d+", pair[0])
    return (float(found[0]) if found else -1.0, "")


def _natural(pair: tuple[str, str]) -> tuple[Any, ...]:
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part.lower())
        for part in re.split(r"(\d+)", pair[0])
        if part
    )


#: 1/2 alphabetical up/down, 3/4 numerical, 5/6 without case, 7/8 natural.
_SORTS: Final[Mapping[int, Callable[[tuple[str, str]], Any]]] = {
    1: lambda pair: pair[0],
    2: _number,
    3: lambda pair: pair[0].lower(),
    4: _natural,
}


def _listed(variable: Mapping[str, Any]) -> list[tuple[str, str]]:
    r"""``a, b : 1, c`` of a custom variable; ``\,`` is a comma. Intervals likewise."""
    parts = re.split(r"(?<!\\),", str(variable.get("query") or ""))
    found = []
    for part in parts:
        text = part.replace("\\,", ",").strip()
        label, mark, value = text.partition(" : ")
        found.append((label.strip(), value.strip() if mark else text))
    return [pair for pair in found if pair[1]]


def chosen(variable: Mapping[str, Any], options: Sequence[tuple[str, str]]) -> Value:
    """What is chosen when the dashboard is opened: what was saved while it is there, else the first.

    Args:
        variable: The variable.
        options: Its options as ``(text, value)``, without All.
    """
    include_all = bool(variable.get("includeAll"))
    many = bool(variable.get("multi")) or include_all
    saved = (variable.get("current") or {}).get("value")
    wanted = [str(item) for item in (saved if isinstance(saved, list) else [saved]) if item is not None]  # fmt: skip
    known = {value: text for text, value in options} | {text: text for text, _ in options}
    by_text = {text: value for text, value in options}  # noqa: C416 - the last of equal texts
    kept = [value for value in wanted if value in known]
    if include_all and (ALL in wanted or not kept):
        return Value(
            values=tuple(value for _, value in options),
            texts=("All",),
            many=True,
            all_value=str(variable.get("allValue") or ""),
            is_all=True,
        )
    if not kept:
        kept = [value for _, value in options[:1]]
    values = tuple(by_text.get(value, value) for value in kept)
    texts = tuple(known.get(value, value) for value in values)
    return Value(values=values, texts=texts, many=many)
