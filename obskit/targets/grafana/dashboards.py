"""Where dashboards come from: shipped ones by name, files, and grafana.com's by the lock file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from obskit import assets
from obskit.errors import ContentError, ObskitError, Problem
from obskit.targets.base import DataSource
from obskit.targets.grafana import inputs
from obskit.targets.grafana.lock import Lock
from obskit.targets.grafana.settings import BUNDLED, DashboardFile, DashboardId, GrafanaSettings

__all__ = ["Loaded", "load", "own_file", "text_of"]

_UID: Final = 40
_UID_SIGNS: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A dashboard that is ready to be provisioned.

    Args:
        uid: Its uid.
        origin: Where it came from, for messages.
        body: Its JSON, with every input filled in.
        text: Its text as it was read.
        file: The user's own file of it, where an edit is kept.
    """

    uid: str
    origin: str
    body: Mapping[str, Any]
    text: str
    file: Path = Path()


def load(
    settings: GrafanaSettings, folder: Path, sources: Sequence[DataSource]
) -> tuple[list[Loaded], list[str], list[Problem]]:
    """Load every dashboard that obskit.yml asks for.

    Args:
        settings: The section.
        folder: Where relative paths start.
        sources: Our data sources.

    Returns:
        The dashboards, words on what was left out, and everything that is wrong.
    """
    loaded: dict[str, Loaded] = {}
    notes: list[str] = []
    problems: list[Problem] = []
    chosen = settings.dashboards if settings.dashboards is not None else BUNDLED
    for item in chosen:
        try:
            origin, text = text_of(item, settings, folder)
            one, found = _ready(origin, text, item, settings, sources)
        except ContentError as error:
            problems += error.problems
            continue
        problems += found
        if one is None:
            continue
        lacking = _lacking(one.body, sources)
        if settings.dashboards is None and lacking:
            notes.append(
                f"dashboard {item} is left out: no {lacking} is configured for it to query"
            )
        elif one.uid in loaded:
            problems.append(
                _problem(origin, f"has the uid {one.uid!r} of {loaded[one.uid].origin}")
            )
        else:
            own = own_file(item, settings, folder)
            loaded[one.uid] = replace(one, file=own)
            if origin == str(own) and not isinstance(item, DashboardFile):
                name = item if isinstance(item, str) else item.id
                notes.append(
                    f"dashboard {name} is your edit of it, {own}: remove that to have the original"
                )
    return list(loaded.values()), notes, problems


def text_of(
    item: str | DashboardFile | DashboardId, settings: GrafanaSettings, folder: Path
) -> tuple[str, str]:
    """Where a dashboard stands, and its text.

    Raises:
        ContentError: It is not there, or not what the lock file says.
    """
    edited = own_file(item, settings, folder)
    if not isinstance(item, DashboardFile) and edited.is_file():
        path = edited
    elif isinstance(item, DashboardId):
        lock = Lock(folder / settings.lock)
        return f"grafana.com/{item.id}", lock.text(item.id, item.revision)
    elif isinstance(item, DashboardFile):
        path = edited
    else:
        try:
            path = assets.path(f"dashboards/{item}.json")
        except ObskitError:
            known = sorted(found.stem for found in assets.path("dashboards").glob("*.json"))
            words = f"no bundled dashboard is named {item!r}: there are {', '.join(known)}"
            problem = _problem("grafana.dashboards", f"{words}; for a file write {{file: {item}}}")
            raise ContentError([problem]) from None
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError([_problem(str(path), f"cannot be read: {error}")]) from None


def own_file(
    item: str | DashboardFile | DashboardId, settings: GrafanaSettings, folder: Path
) -> Path:
    """The user's own file of a dashboard, where an edit of it is kept; it need not be there."""
    if isinstance(item, DashboardFile):
        return folder / item.file
    name = str(item.id) if isinstance(item, DashboardId) else item
    return folder / settings.edited / f"{name}.json"


def _ready(
    origin: str,
    text: str,
    item: str | DashboardFile | DashboardId,
    settings: GrafanaSettings,
    sources: Sequence[DataSource],
) -> tuple[Loaded | None, list[Problem]]:
    if isinstance(item, str) and settings.uid_prefix != "obskit":
        # Uids and the links between our dashboards: a second project in one Grafana.
        for before in ('"obskit-', "/d/obskit-"):
            text = text.replace(before, before.replace("obskit", settings.uid_prefix))
    try:
        body: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return None, [
            Problem(rule="grafana/json", path=origin, line=error.lineno, column=error.colno,
                    message=f"is no JSON: {error.msg}")
        ]  # fmt: skip
    if isinstance(body, Mapping) and isinstance(body.get("dashboard"), Mapping):
        body = body["dashboard"]  # an answer of the API
    if not isinstance(body, Mapping) or not body.get("title"):
        return None, [_problem(origin, "is no dashboard: it has no title")]
    if "spec" in body or "elements" in body:
        return None, [_problem(origin, "is of the schema v2: export it with the classic model")]
    uid = str(body.get("uid") or _uid_of(item, settings))
    if len(uid) > _UID:
        return None, [_problem(origin, f"its uid {uid!r} is over {_UID} characters: refused")]
    if not _UID_SIGNS.fullmatch(uid):
        words = f"its uid {uid!r} has other signs than letters, digits, _ and -: refused"
        return None, [_problem(origin, words)]
    wrong = [_problem(origin, words) for words in _misshapen(body)]
    if wrong:
        return None, wrong
    filled, problems = inputs.fill(body, sources, settings.inputs, origin)
    filled.pop("version", None)
    filled["id"] = None
    filled["uid"] = uid
    if problems:
        return None, problems
    return Loaded(uid=uid, origin=origin, body=filled, text=text), []


def _misshapen(body: Mapping[str, Any]) -> Iterator[str]:
    """What is no list of objects where Grafana's browser expects one; the API takes anything."""
    lists = {key: body.get(key) for key in ("panels", "rows", "__inputs")}
    for key in ("templating", "annotations"):
        holder = body.get(key)
        lists[f"{key}.list"] = holder.get("list") if isinstance(holder, Mapping) else holder
    for name, value in lists.items():
        yield from _no_objects(name, value)


def _no_objects(name: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, list):
        yield f"{name} is no list"
        return
    for position, item in enumerate(value):
        where = f"{name}[{position}]"
        if not isinstance(item, Mapping):
            yield f"{where} is no object"
            continue
        for key in ("panels", "current", "libraryPanel"):
            inner = item.get(key)
            if key == "panels":
                yield from _no_objects(f"{where}.panels", inner)
            elif inner is not None and not isinstance(inner, Mapping):
                yield f"{where}.{key} is no object"


def _uid_of(item: str | DashboardFile | DashboardId, settings: GrafanaSettings) -> str:
    """For one that has none: from what obskit.yml says, so that it is the same on every machine."""
    if isinstance(item, DashboardFile):
        words = item.file.as_posix()
    else:
        words = f"grafana.com/{item.id}" if isinstance(item, DashboardId) else item
    return f"{settings.uid_prefix}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


def _lacking(body: Mapping[str, Any], sources: Sequence[DataSource]) -> str:
    """The type that the first data source variable chooses among, where we have none of it."""
    types = inputs.source_types(body)
    if types and types[0] not in {source.type for source in sources}:
        return types[0]
    return ""


def _problem(origin: str, message: str) -> Problem:
    return Problem(rule="grafana/dashboard", path=origin, message=message)
