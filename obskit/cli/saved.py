"""Plans in files: what was reviewed is what is applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from obskit.delivery.files import Folder
from obskit.engine.plan import Plan
from obskit.errors import ObskitError, StalePlanError

__all__ = ["raise_unless_same", "save"]

_FORMAT = 1
#: What has to be equal for two changes to be the same one.
_KEYS = ("address", "action", "digest", "before_digest")


def save(plan: Plan, path: Path) -> None:
    """Write a plan to a file, readable by its owner alone.

    Raises:
        DeliveryError: The file cannot be written.
    """
    text = orjson.dumps({"format": _FORMAT, **plan.to_dict()}, option=orjson.OPT_INDENT_2).decode()
    Folder(path.parent).write(path.name, text + "\n", mode=0o600)


def raise_unless_same(plan: Plan, path: Path) -> None:
    """Compare a plan that was just made with one in a file.

    Raises:
        ObskitError: The file is none of ours.
        StalePlanError: The plans differ; nothing was written.
    """
    try:
        data = orjson.loads(path.read_bytes())
        saved = data["changes"]
        known = data["format"] == _FORMAT and data["project"] == plan.project
    except OSError as error:
        raise ObskitError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        known, saved = False, []
    if not known:
        raise ObskitError(
            "is no plan of this project",
            where=str(path),
            hint=f"obskit plan --out {path} writes one",
        )
    before, now = (_essence(changes) for changes in (saved, plan.to_dict()["changes"]))
    if before != now:
        differ = sorted({item[0] for item in before ^ now})
        raise StalePlanError(
            f"the plan in the file is not what would be done now; these differ: {', '.join(differ)}",
            where=str(path),
            hint="nothing was written; review a new plan",
        )


def _essence(changes: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    return {tuple(str(change.get(key)) for key in _KEYS) for change in changes}
