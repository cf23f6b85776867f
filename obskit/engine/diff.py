"""Path-level differences between two bodies."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from obskit.config.secret import Secret
from obskit.engine.resource import Body, redacted

__all__ = ["ABSENT", "Edit", "diff", "same"]


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Edit:
    """One difference.

    Args:
        path: Where, such as ``panels[2].title``; ``@@ -1,3 +1,4 @@`` for a hunk of text.
        before: Value on the server, or ``ABSENT``; lines for text.
        after: Value desired, or ``ABSENT``; lines for text.
    """

    path: str
    before: Any
    after: Any

    def to_dict(self) -> dict[str, Any]:
        """The edit for machines; an absent side has no key, a secret is redacted."""
        sides = {"before": self.before, "after": self.after}
        return {"path": self.path} | {
            key: redacted(value) for key, value in sides.items() if value is not ABSENT
        }


def same(one: Body, other: Body) -> bool:
    """Whether two normalised bodies are equal; numbers by value, booleans apart from numbers."""
    return next(diff(one, other), None) is None


def diff(before: Body, after: Body, path: str = "") -> Iterator[Edit]:
    """Yield the differences from ``before`` to ``after``, in the order of the path.

    Args:
        before: Body on the server.
        after: Body desired.
        path: Path of both, for the recursion.
    """
    if not path and _same_bytes(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys(), key=str):
            yield from diff(
                before.get(key, ABSENT),
                after.get(key, ABSENT),
                f"{path}.{key}" if path else str(key),
            )
    elif _is_list(before) and _is_list(after):
        for index in range(max(len(before), len(after))):
            yield from diff(
                before[index] if index < len(before) else ABSENT,
                after[index] if index < len(after) else ABSENT,
                f"{path}[{index}]",
            )
    elif isinstance(before, str) and isinstance(after, str):
        if before != after:
            if "\n" in before or "\n" in after:
                yield from _lines(before, after, path)
            else:
                yield Edit(path, before, after)
    elif not _equal(before, after):
        yield Edit(path, before, after)


def _same_bytes(before: Body, after: Body) -> bool:
    """Whether both are written with the same bytes: most bodies, and all at once.

    What this cannot tell (1 and 1.0, a ``Secret``) is compared value by value.
    """
    if before is ABSENT or after is ABSENT:
        return False
    try:
        one, other = (orjson.dumps(body, option=orjson.OPT_SORT_KEYS) for body in (before, after))
    except TypeError:  # orjson's word for a value that is not JSON's
        return False
    return one == other


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _equal(one: object, other: object) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Secret) and isinstance(other, str):
        return one.reveal() == other
    if isinstance(other, Secret) and isinstance(one, str):
        return other.reveal() == one
    return bool(one == other)


def _lines(before: str, after: str, path: str) -> Iterator[Edit]:
    old, new = before.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    found = False
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            found = True
            place = f"line {j1 + 1}"
            yield Edit(
                f"{path}: {place}" if path else place,
                "\n".join(old[i1:i2]) if i2 > i1 else ABSENT,
                "\n".join(new[j1:j2]) if j2 > j1 else ABSENT,
            )
    if not found:  # only the end of the last line differs
        yield Edit(path or "end of file", repr(before[-1:]), repr(after[-1:]))
