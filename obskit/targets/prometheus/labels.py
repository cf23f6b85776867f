"""Labels on every alert, put into the text of a rule file without touching the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import yaml

__all__ = ["PROJECT_LABEL", "items_of", "rule_node", "team_label", "value_of", "with_labels"]

#: Routes a project's alerts into its own subtree of Alertmanager, and nobody else's.
PROJECT_LABEL: Final = "obskit_project"


def with_labels(text: str, labels: Mapping[str, str], *, teams: Mapping[str, str] = {}) -> str:
    """A rule file with more labels on each of its alerts; comments and layout stay.

    Rule groups take ``labels`` from Prometheus 2.54 or so on only, so it is written on each alert.

    Args:
        text: A rule file that is valid YAML.
        labels: Names and values; an alert that has one already keeps its own.
        teams: Service to team; the label ``team`` is put on alerts that speak of ``$labels.service``.

    Raises:
        yaml.YAMLError: It is not YAML.
    """
    root = _composed(text)
    inserts: list[tuple[int, str]] = []
    for rule in _alerts(root):
        found = {key.value: (key, item) for key, item in rule.value}
        own = found.get("labels")
        has = {key.value for key, _ in own[1].value} if own and own[1].value else set()
        more = dict(labels)
        if teams and "$labels.service" in text[rule.start_mark.index : rule.end_mark.index]:
            more["team"] = team_label(teams)
        pairs = [f"{name}: {json.dumps(more[name])}" for name in more if name not in has]
        if not pairs:
            continue
        pair = ", ".join(pairs)
        if own is None:
            key, item = found["alert"]
            # Behind the alert's own value: on a line of its own, or inside the same braces.
            joint = ", " if rule.flow_style else f"\n{' ' * key.start_mark.column}"
            inserts.append((item.end_mark.index, f"{joint}labels: {{{pair}}}"))
        elif isinstance(own[1], yaml.MappingNode) and own[1].value:
            first = own[1].value[0][0].start_mark
            joint = ", " if own[1].flow_style else f"\n{' ' * first.column}"
            inserts.append((first.index, joint.join([*pairs, ""])))
        else:  # `labels:` with nothing, or {}
            inserts.append((own[1].start_mark.index, f" {{{pair}}}"))
            if own[1].end_mark.index > own[1].start_mark.index:
                inserts[-1] = (own[1].start_mark.index + 1, pair)
    for index, words in sorted(inserts, reverse=True):
        text = text[:index] + words + text[index:]
    return text


def team_label(teams: Mapping[str, str]) -> str:
    """A template that gives an alert the team of the service it is about, the one it carries, or ``none``.

    A rule for every service names none, so which team an alert is for shows only when it fires. The label is
    never empty: Prometheus 2.42 and 3.13 show such a label's template as its value in ``ALERTS``.

    Args:
        teams: Service to team.
    """
    text, begin = "", "if"
    for service, team in sorted(teams.items()):
        known, given = (json.dumps(word, ensure_ascii=False) for word in (service, team))
        text += f"{{{{ {begin} eq $labels.service {known} }}}}{{{{ {given} }}}}"
        begin = "else if"
    return f'{text}{{{{ else }}}}{{{{ or $labels.team "none" }}}}{{{{ end }}}}'


class _Shape(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """SafeLoader in C, ten times as fast; what is a number or a date is not asked: only places matter."""

    def resolve(self, kind: type[yaml.Node], value: object, implicit: object) -> str:
        """One tag for all."""
        del kind, value, implicit
        return "tag:yaml.org,2002:str"

    def descend_resolver(self, current_node: object, current_index: object) -> None:
        """Nothing to resolve by path."""

    def ascend_resolver(self) -> None:
        """Nothing to resolve by path."""


def _composed(text: str) -> yaml.Node | None:
    """The first document, which is all that Prometheus reads."""
    # The positions of the loader in C leave a byte order mark out.
    loader = yaml.SafeLoader if text.startswith("\ufeff") else _Shape
    return next(iter(yaml.compose_all(text, Loader=loader)), None)


def rule_node(root: yaml.Node | None, group: str, index: int) -> yaml.Node | None:
    """A rule by its place in a group; None where there is no such rule."""
    for item in items_of(value_of(root, "groups")):
        name = value_of(item, "name")
        rules = items_of(value_of(item, "rules"))
        if isinstance(name, yaml.ScalarNode) and name.value == group and index < len(rules):
            return rules[index]
    return None


def _alerts(root: yaml.Node | None) -> list[yaml.MappingNode]:
    found: list[yaml.MappingNode] = []
    for group in items_of(value_of(root, "groups")):
        for rule in items_of(value_of(group, "rules")):
            if isinstance(rule, yaml.MappingNode) and value_of(rule, "alert") is not None:
                found.append(rule)
    return found


def value_of(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """The value of a key; None where the node is no mapping or has no such key."""
    if isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            if key.value == name:
                found: yaml.Node = item
                return found
    return None


def items_of(node: yaml.Node | None) -> list[yaml.Node]:
    """The items of a sequence; none of anything else."""
    return node.value if isinstance(node, yaml.SequenceNode) else []
