"""Where in a file stands what promtool complains of by name: a rule by its group and number, a test by its time."""

from __future__ import annotations

import re
from typing import Final

import yaml

from obskit.targets.prometheus.labels import items_of, rule_node, value_of

__all__ = ["rule_line", "test_line"]

_IN_RULE: Final = re.compile(r'group "(?P<group>[^"]*)", rule (?P<rule>\d+)')
#: Words of promtool on a part of a rule, and the keys that lead to it; `{}` is the name in the words.
_PARTS: Final = (
    (re.compile(r"could not parse expression: (?P<line>\d+):|field 'expr'"), ("expr",)),
    (re.compile(r'annotation "(?P<name>[^"]+)"'), ("annotations", "{}")),
    (re.compile(r'label "(?P<name>[^"]+)"|invalid label (?:name|value): (?P<other>\S+)'), ("labels", "{}")),
    (re.compile(r"annotation name: (?P<name>\S+)"), ("annotations", "{}")),
    (re.compile(r"invalid field '(?P<name>\w+)'"), ("{}",)),
)  # fmt: skip


def rule_line(text: str, words: str) -> int | None:
    """The line of the part of a rule that a complaint means, which names the rule by its group and number.

    Args:
        text: The rule file.
        words: What promtool said.
    """
    named = _IN_RULE.search(words)
    root = _composed(text)
    rule = rule_node(root, named["group"], int(named["rule"]) - 1) if named and root else None
    if rule is None:
        return None
    for pattern, keys in _PARTS:
        if found := pattern.search(words):
            groups = {key: value for key, value in found.groupdict().items() if value}
            name = groups.get("name") or groups.get("other") or ""
            return _line(rule, [key.format(name) for key in keys], int(groups.get("line", 1)))
    return _start(rule)


def test_line(text: str, words: str) -> int | None:
    """The line of the case of a rules test that failed, which promtool names by what it asked and when.

    Args:
        text: The file of the tests.
        words: What promtool said of one case.
    """
    named = re.search(
        r'(?:alertname: (?P<alert>\S+)|expr: "(?P<expr>.*)"), time: (?P<time>\w+)', words
    )
    if named is None:
        return None
    key, wanted = ("alertname", named["alert"]) if named["alert"] else ("expr", named["expr"])
    lists = ("alert_rule_test",) if named["alert"] else ("promql_expr_test",)
    cases = [
        case
        for test in items_of(value_of(_composed(text), "tests"))
        for cases in lists
        for case in items_of(value_of(test, cases))
        if _text(value_of(case, key)) == wanted
    ]
    # promtool writes 5m for 300s: where the time is written otherwise, the first case of that name is told.
    exact = [case for case in cases if _text(value_of(case, "eval_time")) == named["time"]]
    return _start((exact or cases)[0]) if cases else None


def _composed(text: str) -> yaml.Node | None:
    try:
        return next(iter(yaml.compose_all(text, Loader=yaml.SafeLoader)), None)
    except yaml.YAMLError:
        return None  # the complaint is of the YAML itself, and has its line


def _line(node: yaml.Node, keys: list[str], line: int) -> int:
    """The line of what keys lead to, as far as they lead, and of a line of the text there."""
    for key in keys:
        inner = value_of(node, key)
        if inner is None:
            return _start(node)
        node = inner
    # A literal block begins below its key; a folded one is one line to its reader.
    return _start(node) + (line if isinstance(node, yaml.ScalarNode) and node.style == "|" else 0)


def _start(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
