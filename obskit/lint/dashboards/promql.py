"""PromQL of a dashboard: which targets hold it, and its syntax tree with the variables filled in."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import promql_parser

from obskit.lint.dashboards.document import Dashboard, Part, items, mapping, text_of
from obskit.lint.dashboards.variables import REFERENCE, is_builtin, name_of

__all__ = [
    "PLACEHOLDER",
    "Parsed",
    "Query",
    "fixed_values",
    "known_values",
    "nodes",
    "parse",
    "plugin_of",
    "queries",
]

#: Stands for a variable in a duration; nobody writes it by hand, so a rule can tell the two apart.
PLACEHOLDER: Final = timedelta(minutes=11, seconds=13)
_DURATION: Final = "11m13s"
#: Stands for a variable in a string.
VALUE: Final = "obskit_variable"

_NUMBERS: Final = {
    "__range_s": "3600",
    "__range_ms": "3600000",
    "__interval_ms": "30000",
    "__rate_interval_ms": "120000",
    "__from": "1700000000000",
    "__to": "1700003600000",
}
# What a variable outside strings and durations may stand for, likeliest first: a number, a label or
# metric name, an aggregation, a duration, nothing.
_STANDINS: Final = ("1", "obskit_v", "sum", "rate", _DURATION, "")
_MOST_TRIES: Final = 400
_POSITIVE: Final = (promql_parser.MatchOp.Equal, promql_parser.MatchOp.Re)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A PromQL text of a dashboard.

    Args:
        path: Where the text stands.
        text: The PromQL, with variables.
        sure: Whether the data source is known to be Prometheus.
        owner: How a message names the panel.
    """

    path: tuple[str | int, ...]
    text: str
    sure: bool
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What the parser said.

    Args:
        tree: Syntax tree with the variables filled in; None where there is none.
        error: The parser's words.
        open: Whether a variable stands where only its value could decide.
    """

    tree: Any = None
    error: str = ""
    open: bool = False


def queries(dashboard: Dashboard) -> Iterator[Query]:
    """Find every PromQL text of a dashboard's panels.

    Args:
        dashboard: The dashboard.

    Yields:
        The texts that go to Prometheus, or to a source of which nothing else is known.
    """
    for target in dashboard.targets:
        expr = text_of(target.body.get("expr"))
        plugin = plugin_of(dashboard, target)
        if expr.strip() and plugin in {"prometheus", ""}:
            owner = text_of(mapping(target.panel).get("title"))
            yield Query(path=(*target.path, "expr"), text=expr, sure=bool(plugin), owner=owner)


def plugin_of(dashboard: Dashboard, part: Part) -> str:
    """Tell which kind of data source answers a target or a panel.

    Args:
        dashboard: The dashboard.
        part: Target or panel.

    Returns:
        The plugin's id, such as ``prometheus``; an empty text where the document does not say.
    """
    for source in (part.body.get("datasource"), mapping(part.panel).get("datasource")):
        found = _plugin(dashboard, source)
        if found not in {"", "mixed", "datasource"}:
            return found
    return ""


def _plugin(dashboard: Dashboard, source: Any) -> str:
    if isinstance(source, dict):
        return text_of(source.get("type")) or _plugin(dashboard, source.get("uid"))
    name = text_of(source)
    match = REFERENCE.fullmatch(name)
    if not match:
        return "mixed" if name == "-- Mixed --" else ""
    for variable in dashboard.variables:
        if variable.body.get("name") == name_of(match) and variable.kind == "datasource":
            return text_of(variable.body.get("query"))
    return text_of(dashboard.inputs.get(name_of(match), {}).get("pluginId"))


def parse(text: str, variables: Mapping[str, tuple[str, ...]]) -> Parsed:
    """Parse PromQL with Grafana's variables in it.

    A variable in a string or in a duration has only one possible role. Elsewhere it may stand for a
    number, a name, a function: its known values are tried, and then one of each kind.

    Args:
        text: PromQL as it stands in a panel.
        variables: Known values of the variables, likeliest first.

    Returns:
        The first tree that comes out, or the parser's words on the first try.
    """
    return _parse(text, tuple(sorted(variables.items())))


@lru_cache(maxsize=4096)
def _parse(text: str, variables: tuple[tuple[str, tuple[str, ...]], ...]) -> Parsed:
    known = dict(variables)
    pieces, choices = _split(text, known)
    error = ""
    for standins in itertools.islice(itertools.product(*choices), _MOST_TRIES):
        filled = "".join(
            itertools.chain.from_iterable(itertools.zip_longest(pieces, standins, fillvalue=""))
        )
        try:
            return Parsed(tree=promql_parser.parse(filled), open=bool(choices))
        except ValueError as problem:
            error = error or str(problem)
    return Parsed(error=error, open=any(len(choice) > 1 for choice in choices))


def _split(
    text: str, known: Mapping[str, tuple[str, ...]]
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Cut a query at its variables, and give what may stand for each."""
    pieces: list[str] = []
    choices: list[tuple[str, ...]] = []
    last = 0
    for match in REFERENCE.finditer(text):
        pieces.append(text[last : match.start()])
        choices.append(_choice(text, match, known))
        last = match.end()
    pieces.append(text[last:])
    return pieces, choices


def _choice(
    text: str, match: re.Match[str], known: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    name, before = name_of(match), text[: match.start()]
    if name in _NUMBERS:
        return (_NUMBERS[name],)
    if _in_string(before):
        return (VALUE,)
    if re.search(r"(\[|\[[^\]\"]*:|\boffset\s+-?)\s*$", before):
        # `[${window}m]`: the unit stands outside.
        return ("5",) if re.match(r"[smhdwy]\b", text[match.end() :]) else (_DURATION,)
    if is_builtin(name):
        return (_DURATION,)
    return tuple(dict.fromkeys((*known.get(name, ()), *_STANDINS)))


def _in_string(before: str) -> bool:
    """Tell whether a PromQL text ends inside a string."""
    quote = ""
    skip = False
    comment = False
    for character in before:
        if skip:
            skip = False
        elif comment:
            comment = character != "\n"
        elif quote:
            if character == "\\" and quote != "`":
                skip = True
            elif character == quote:
                quote = ""
        elif character in "\"'`":
            quote = character
        elif character == "#":
            comment = True
    return bool(quote)


def known_values(dashboard: Dashboard) -> dict[str, tuple[str, ...]]:
    """Collect the values that a document itself gives for its variables.

    Args:
        dashboard: The dashboard.

    Returns:
        Values by name: the chosen one and the options, as far as they are texts.
    """
    values: dict[str, tuple[str, ...]] = {}
    for variable in dashboard.variables:
        body = variable.body
        found = [mapping(body.get("current")).get("value")]
        found += [mapping(option).get("value") for option in items(body.get("options"))[:5]]
        flat = [
            value for entry in found for value in (entry if isinstance(entry, list) else [entry])
        ]
        texts = [value for value in flat if isinstance(value, str) and value != "$__all"]
        values[text_of(body.get("name"))] = tuple(dict.fromkeys(texts))[:3]
    return values


def nodes(tree: Any) -> Iterator[Any]:
    """Give every node of a syntax tree.

    Args:
        tree: Tree of ``promql_parser``.

    Yields:
        The nodes, parents first. The selector inside a range selector is given too.
    """
    found: list[Any] = []
    promql_parser.walk(tree, found.append)
    for node in found:
        yield node
        if isinstance(node, promql_parser.MatrixSelector):
            yield node.vector_selector


def fixed_values(dashboard: Dashboard, query: Query, label: str) -> tuple[str, ...]:
    """Find the values that a query fixes for a label.

    Args:
        dashboard: The dashboard.
        query: One of its queries.
        label: Name of the label.

    Returns:
        The values of ``label="…"`` and ``label=~"…"`` that hold no variable; patterns that let
        everything through are none.
    """
    tree = parse(query.text, known_values(dashboard)).tree
    if tree is None:
        return ()
    found: list[str] = []
    for node in nodes(tree):
        if not isinstance(node, promql_parser.VectorSelector):
            continue
        for matcher in node.matchers.matchers:
            if matcher.name != label or matcher.op not in _POSITIVE:
                continue
            if VALUE not in matcher.value and matcher.value not in {"", ".*", ".+"}:
                found.append(matcher.value)
    return tuple(dict.fromkeys(found))
