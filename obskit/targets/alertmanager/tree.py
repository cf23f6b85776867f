"""Alertmanager's routing tree, followed as Alertmanager follows it.

Source: Alertmanager's ``dispatch/route.go`` (``Route.Match``) and ``pkg/labels/parse.go``; held against the
real ``amtool config routes test``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from obskit.errors import ObskitError

__all__ = ["Matched", "Matcher", "parse_matchers", "receivers_of"]

_MATCHER: Final = re.compile(
    r"^\s*(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?P<sign>=~|!~|!=|=)\s*(?P<value>.*?)\s*$", re.DOTALL
)
_ESCAPES: Final = {"n": "\n", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label.

    Args:
        name: Name of the label; one that is missing counts as empty.
        sign: ``=``, ``!=``, ``=~`` or ``!~``.
        value: A text, or a regular expression that the whole value has to match.
    """

    name: str
    sign: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet the condition."""
        have = labels.get(self.name, "")
        if self.sign in ("=", "!="):
            return (have == self.value) == (self.sign == "=")
        return (re.fullmatch(self.value, have) is not None) == (self.sign == "=~")


@dataclass(frozen=True, slots=True)
class Matched:
    """A receiver that is told, and the way to it.

    Args:
        receiver: Its name on the server.
        path: The matchers of each route on the way, from the root on.
    """

    receiver: str
    path: tuple[str, ...]


def parse_matchers(text: str) -> list[Matcher]:
    """Matchers as they stand in ``matchers``: one, or several with commas, braces around or not.

    Args:
        text: Such as ``severity=~"critical|warning", team="a"``.

    Raises:
        ObskitError: The text is none.
    """
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    found = []
    for part in _split(inner):
        match = _MATCHER.match(part)
        if match is None:
            raise ObskitError(f"{part!r} is no matcher", hint='one reads like severity="critical"')
        value = match["value"]
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = re.sub(r'\\([n"\\])', lambda escape: _ESCAPES[escape[1]], value[1:-1])
        if match["sign"] in ("=~", "!~"):
            try:
                re.compile(value)
            except re.error as error:
                raise ObskitError(f"{part!r}: {error}") from None
        found.append(Matcher(match["name"], match["sign"], value))
    return found


def _split(text: str) -> Iterator[str]:
    part, quoted, escaped = "", False, False
    for character in text:
        if character == "," and not quoted:
            if part.strip():
                yield part
            part = ""
            continue
        if character == '"' and not escaped:
            quoted = not quoted
        escaped = character == "\\" and not escaped
        part += character
    if part.strip():
        yield part


def _matchers(route: Mapping[str, Any]) -> list[Matcher]:
    found = [Matcher(str(k), "=", str(v)) for k, v in (route.get("match") or {}).items()]
    found += [Matcher(str(k), "=~", str(v)) for k, v in (route.get("match_re") or {}).items()]
    for text in route.get("matchers") or ():
        found += parse_matchers(str(text))
    return found


def receivers_of(config: Mapping[str, Any], labels: Mapping[str, str]) -> list[Matched]:
    """Who is told of an alert with these labels.

    Args:
        config: Alertmanager's configuration, as YAML reads it.
        labels: The alert's labels.

    Raises:
        ObskitError: The configuration has no route, or one that cannot be read.
    """
    root = config.get("route")
    if not isinstance(root, Mapping):
        raise ObskitError("the configuration has no route")
    return _follow(root, labels, str(root.get("receiver", "")), ())


def _follow(
    route: Mapping[str, Any], labels: Mapping[str, str], receiver: str, path: tuple[str, ...]
) -> list[Matched]:
    matchers = _matchers(route)
    if not all(matcher.matches(labels) for matcher in matchers):
        return []
    own = str(route.get("receiver") or receiver)
    here = (*path, ", ".join(f'{m.name}{m.sign}"{m.value}"' for m in matchers) or "(all)")
    found: list[Matched] = []
    for child in route.get("routes") or ():
        below = _follow(child, labels, own, here)
        found += below
        if below and not child.get("continue"):
            break
    return found or [Matched(own, here)]
