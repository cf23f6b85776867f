"""The place of a mistake in a YAML text, found by asking whoever complains, and says no line.

A part of the file without which it is accepted holds the mistake, and so does a part of that part, until no
smaller one does. Of two that contradict each other, the later one is told; of items that have the same
mistake, the first. Where several mistakes hide each other nothing makes the file good: then it is a part
without which the complaint is another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml

from obskit.deadline import Deadline

__all__ = ["locate", "syntax_error"]

#: How often a checker is asked for one mistake, and for how long.
_MOST_QUESTIONS: Final = 80
_SECONDS: Final = 15.0
#: What becomes of a complaint without a part of the file: it ends; another mistake shows that it hid; or
#: it becomes another one, which may be that the part is missing.
_ENDS, _UNCOVERS, _CHANGES = 3, 2, 1


def syntax_error(text: str) -> tuple[int, int] | None:
    """Where a text stops to be YAML; None where it does not. Go's reader tells where it began to wonder."""
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as error:
        # Of what is opened and never closed the end of the file is the problem, its beginning the place.
        mark = error.problem_mark
        if "end of stream" in str(error.problem) and error.context_mark is not None:
            mark = error.context_mark
        return (mark.line + 1, mark.column + 1) if mark else (1, 1)
    except (
        yaml.YAMLError
    ):  # a character that YAML does not have; its place is counted in characters
        return 1, 1
    return None


def locate(
    text: str, words: str, complaint: Callable[[str], str | None]
) -> tuple[int | None, int | None]:
    """Line and column of the smallest part of a YAML text that a complaint is of.

    Args:
        text: The whole text.
        words: The complaint of it.
        complaint: What is said of another text; None when nothing is.

    Returns:
        The place, counted from 1; (1, 1) when the complaint is of the file as a whole.
    """
    if (syntax := syntax_error(text)) is not None:
        return syntax
    root, data = (
        next(iter(read(text, Loader=yaml.SafeLoader)), None)
        for read in (yaml.compose_all, yaml.load_all)
    )
    left, deadline = _MOST_QUESTIONS, Deadline.after(_SECONDS)

    def ask_of(other: Any) -> str | None:
        nonlocal left
        if left <= 0 or deadline.passed:
            raise _EnoughError
        left -= 1
        return complaint(yaml.safe_dump(other, sort_keys=False))

    search = _Search(words=words, ask=ask_of, data=data)
    node, place = root, (1, 1)
    try:
        while node is not None and (part := search.step(node)) is not None:
            mark, node = part
            place = (mark.line + 1, mark.column + 1)
    except _EnoughError:
        pass  # what was found so far holds the mistake, if not as closely
    return place


class _EnoughError(Exception):
    """The checker was asked often enough."""


class _Search:
    """The way to a mistake: each step leads into one part of what the last one led to.

    Args:
        words: What is said of the file.
        ask: What is said of other data.
        data: The file's data.
    """

    def __init__(self, *, words: str, ask: Callable[[Any], str | None], data: Any) -> None:
        self.words, self.ask, self.data = words, ask, data
        self.path: tuple[Any, ...] = ()
        # What is said without the part that was reached, once it is known that it holds the mistake.
        self.goal, self.good = None, False  # type: str | None, bool

    def step(self, node: yaml.Node) -> tuple[yaml.Mark, yaml.Node] | None:
        """The place of the part that holds the mistake, and the part; None where none is closer."""
        parts = list(_parts(node))
        if len(parts) > 1 and isinstance(node, yaml.SequenceNode):
            count = self._first_bad(len(parts))
            if count:
                # The items behind it say nothing, and may have the same mistake.
                self.data = _changed(self.data, self.path, lambda items: items[:count])
                parts = parts[:count]
        ranked: list[tuple[int, str | None, Any, yaml.Mark, yaml.Node, Any]] = []
        data = self.data
        for key, mark, child in reversed(parts):
            without = _without(data, (*self.path, key))
            said = self.ask(without)
            if self._ends(said):
                ranked = [(_ENDS, said, key, mark, child, data)]
                break
            if said == self.words:
                # An item that says nothing, or the same as one before it, is left out from here on.
                data = without if isinstance(node, yaml.SequenceNode) else data
            elif said is not None:
                rank = _rank(self.words, said, key, child, good=self.good)
                ranked.append((rank, said, key, mark, child, data))
        rank = max((item[0] for item in ranked), default=0)
        best = [item for item in ranked if item[0] == rank]
        if self.good and len(best) > 1:  # which of them, only the words can tell
            best = [item for item in best if _speaks_of(self.words, item[4])][:1]
        if not rank or not best:
            return None
        _, self.goal, key, mark, child, self.data = best[-1]
        self.good = self.good or rank > _CHANGES
        self.path = (*self.path, key)
        return mark, child

    def _ends(self, said: str | None) -> bool:
        return said is None or (self.good and said == self.goal)

    def _first_bad(self, count: int) -> int:
        """How many items from the first are complained of, and not without the last of them; 0: unknown."""
        fewest, most = 0, count
        ends = False
        while most - fewest > 1:
            middle = (fewest + most) // 2
            said = self._of_first(middle)
            if said == self.words:
                most = middle
            else:
                fewest, ends = middle, self._ends(said)
        if fewest == 0:
            ends = self._ends(self._of_first(0))
        return most if ends else 0

    def _of_first(self, count: int) -> str | None:
        return self.ask(_changed(self.data, self.path, lambda items: items[:count]))


def _rank(words: str, said: str, key: Any, child: yaml.Node, *, good: bool) -> int:
    """How likely a part is to hold the mistake, by what else is said without it; 0 for not at all.

    Args:
        words: What is said of the file.
        said: What is said without the part.
        key: The part's key or index.
        child: The part.
        good: Whether a larger part is known that holds the mistake.
    """
    if isinstance(key, str):
        about_it = rf"\b{re.escape(key.removesuffix('s'))}"
        if not re.search(about_it, said, re.IGNORECASE):
            return _UNCOVERS
    return _CHANGES if not good or _speaks_of(words, child) else 0


def _speaks_of(words: str, node: yaml.Node) -> bool:
    """Whether a complaint has a value of a part in it, as a word."""
    if isinstance(node, yaml.ScalarNode):
        word = rf"(?<!\w){re.escape(node.value)}(?!\w)"
        return len(node.value) > 1 and re.search(word, words) is not None
    return any(_speaks_of(words, child) for _, _, child in _parts(node))


def _parts(node: yaml.Node) -> Iterator[tuple[Any, yaml.Mark, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.value, key.start_mark, value
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield index, item.start_mark, item


def _without(data: Any, path: tuple[Any, ...]) -> Any:
    """A copy of the data without the part at a path."""
    *holder, last = path
    return _changed(
        data, tuple(holder),
        lambda part: [item for at, item in enumerate(part) if at != last] if isinstance(part, list)
        else {key: value for key, value in part.items() if str(key) != str(last)},
    )  # fmt: skip


def _changed(data: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """A copy of the data with another part at a path."""
    if not path:
        return change(data)
    head, rest = path[0], path[1:]
    if isinstance(data, list):
        return [
            _changed(item, rest, change) if at == head else item for at, item in enumerate(data)
        ]
    return {
        key: _changed(value, rest, change) if str(key) == str(head) else value
        for key, value in data.items()
    }
