"""The place of a mistake, found by asking a checker that says no line: here one that is ten lines long."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from obskit.targets.locate import locate, syntax_error

LEAVES = st.sampled_from(["fine", "good", 1, True])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


def complaint(text: str) -> str | None:
    """Refuses the value WRONG anywhere."""

    def wrong(data: Any) -> bool:
        if isinstance(data, dict):
            return any(map(wrong, data.values()))
        if isinstance(data, list):
            return any(map(wrong, data))
        return bool(data == "WRONG")

    return "there is something wrong" if wrong(yaml.safe_load(text)) else None


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all values of a tree."""
    if isinstance(node, dict):
        return [way for key, item in node.items() for way in places(item, (*path, key))]
    if isinstance(node, list):
        return [way for at, item in enumerate(node) for way in places(item, (*path, at))]
    return [path]


def put(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    head, *rest = path
    if isinstance(node, dict):
        return {
            key: put(item, tuple(rest), value) if key == head else item
            for key, item in node.items()
        }
    return [put(item, tuple(rest), value) if at == head else item for at, item in enumerate(node)]


@settings(deadline=None)
@given(tree=TREES, data=st.data())
def test_one_mistake_anywhere_is_found_on_its_line(tree: Any, data: st.DataObject) -> None:
    ways = [way for way in places({"top": tree}) if way]
    if not ways:
        return
    text = yaml.safe_dump(
        put({"top": tree}, data.draw(st.sampled_from(ways)), "WRONG"), sort_keys=False
    )
    said = complaint(text)
    assert said is not None
    line, _ = locate(text, said, complaint)
    (expected,) = (at for at, words in enumerate(text.splitlines(), 1) if "WRONG" in words)
    assert line == expected, text


@settings(deadline=None, max_examples=40)
@given(bad=st.sets(st.integers(0, 299), min_size=1, max_size=5))
def test_of_many_items_with_one_mistake_the_first_is_found_by_a_few_questions(
    bad: set[int],
) -> None:
    text = yaml.safe_dump(["WRONG" if at in bad else "fine" for at in range(300)])
    asked: list[str] = []

    def counting(other: str) -> str | None:
        asked.append(other)
        return complaint(other)

    assert locate(text, "there is something wrong", counting) == (min(bad) + 1, 3)
    assert len(asked) < 20


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", (3, 2)),
        ("a: 1\nb: 'x\n", (2, 4)),
        ("a:\n\tb: 1\n", (2, 1)),
        ("a: 1\n b: 2\n", (2, 3)),
        ("a: 1\n", None),
    ],
)
def test_what_is_no_yaml_has_its_place(text: str, place: tuple[int, int] | None) -> None:
    assert syntax_error(text) == place


def test_who_complains_of_everything_complains_of_the_file() -> None:
    assert locate("a: 1\nb: 2\n", "never", lambda _: "never") == (1, 1)
