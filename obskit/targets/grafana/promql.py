"""Metric names, matchers and comparisons of a PromQL query, from its syntax tree."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

__all__ = ["divisors", "histograms", "metrics", "name_of", "selectors", "without_comparisons"]

_COMPARISONS: Final = frozenset({">", "<", ">=", "<=", "==", "!="})


@lru_cache(maxsize=4096)
def _tree(query: str) -> Any:
    import promql_parser

    try:
        return promql_parser.parse(query)
    except ValueError:
        return None  # the server says what is wrong with it


def _children(node: Any) -> Iterator[Any]:
    for name in ("lhs", "rhs", "expr", "vector_selector", "param"):
        child = getattr(node, name, None)
        if child is not None:
            yield child
    args = getattr(node, "args", None)
    if isinstance(args, list):
        yield from args


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for child in _children(node):
        yield from _walk(child)


def selectors(query: str) -> list[Any]:
    """The vector selectors of a query, as the parser gives them; none where it is not PromQL."""
    tree = _tree(query)
    if tree is None:
        return []
    return [node for node in _walk(tree) if type(node).__name__ == "VectorSelector"]


def name_of(selector: Any) -> str:
    """The metric's name; empty where it is matched by a regular expression or not at all."""
    if selector.name:
        return str(selector.name)
    for matcher in selector.matchers.matchers:
        if matcher.name == "__name__" and str(matcher.op) == "MatchOp.Equal":
            return str(matcher.value)
    return ""


def metrics(query: str) -> list[str]:
    """Names of the metrics that a query asks for, each once."""
    return list(dict.fromkeys(filter(None, map(name_of, selectors(query)))))


def divisors(query: str) -> list[str]:
    """What a query divides by: where that is 0, its values are no numbers."""
    tree = _tree(query)
    if tree is None:
        return []
    found = (
        node for node in _walk(tree) if type(node).__name__ == "BinaryExpr" and str(node.op) == "/"
    )
    return [_flat(_bare(node.rhs).prettify()) for node in found if not _is_number(node.rhs)]


def histograms(query: str) -> list[str]:
    """What a query takes quantiles of: where nothing was observed, they are no numbers."""
    tree = _tree(query)
    if tree is None:
        return []
    calls = [node for node in _walk(tree) if type(node).__name__ == "Call"]
    found = [node for node in calls if node.func.name == "histogram_quantile"]
    return [_flat(node.args[1].prettify()) for node in found if len(node.args) == 2]


def _bare(node: Any) -> Any:
    return _bare(node.expr) if type(node).__name__ == "ParenExpr" else node


def without_comparisons(query: str) -> tuple[str, str]:
    """The query without its filters against numbers (``… > 0``), and those filters in words.

    Args:
        query: The query.

    Returns:
        The same text where nothing is filtered.
    """
    tree = _tree(query)
    dropped: list[str] = []
    if tree is None or not any(_is_filter(node) for node in _walk(tree)):
        return query, ""
    text = _unfiltered(tree, dropped)
    return text, ", ".join(dict.fromkeys(dropped))


def _is_filter(node: Any) -> bool:
    return (
        type(node).__name__ == "BinaryExpr"
        and str(node.op) in _COMPARISONS
        and "bool" not in str(node.modifier or "")
        and (_is_number(node.rhs) or _is_number(node.lhs))
    )


def _is_number(node: Any) -> bool:
    kind = type(node).__name__
    if kind in ("ParenExpr", "UnaryExpr"):
        return _is_number(node.expr)
    return kind == "NumberLiteral"


def _unfiltered(tree: Any, dropped: list[str]) -> str:
    """Replace each filter in the printed text by its side that is not the number, innermost last."""
    text = str(tree.prettify())
    for node in _walk(tree):
        if not _is_filter(node):
            continue
        kept = node.lhs if _is_number(node.rhs) else node.rhs
        number = node.rhs if kept is node.lhs else node.lhs
        dropped.append(f"{node.op} {number.prettify()}")
        text = _flat(text).replace(_flat(node.prettify()), f"({_flat(kept.prettify())})", 1)
    return text


def _flat(text: str) -> str:
    """On one line with single spaces, and without the spaces that line breaks left inside brackets."""
    words = " ".join(str(text).split())
    for before, after in (("( ", "("), (" )", ")"), ("{ ", "{"), (" }", "}"), ("[ ", "["), (" ]", "]"), (", }", "}")):  # fmt: skip  # noqa: E501
        words = words.replace(before, after)
    return words.replace(",}", "}").replace(",)", ")")
