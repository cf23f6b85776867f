"""The marks of Grafana's objects: tags, a key of ``jsonData``, and annotations as the registry.

====================  ===========================================================================
dashboard             two tags, ``obskit:PROJECT`` and ``obskit:DIGEST@RELEASE:UID:VERSION`` (shortened)
data source           ``jsonData.obskit``, with the fingerprints of its secrets
folder                has no room: an annotation with the tags ``obskit``, ``obskit:PROJECT``,
                      ``obskit-registry`` and ``folder:UID:DIGEST``, whose text says what was done
====================  ===========================================================================

A tag has 50 characters at most (the column of Grafana's database), so a long project is shortened, and the
digest is written in base 64. The uid is in the mark because "Save as" can copy the tags: a copy is not ours.
The version is the one that Grafana gives the dashboard when it is saved with the mark: as long as it has that
one, nobody saved it since, and what differs is what Grafana made of it (12 migrates old schemas while saving).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from obskit.engine.resource import Mark

__all__ = [
    "REGISTRY", "folder_mark", "folder_tags", "mark_of_tags", "owner_tag", "plain_tags", "tags_of", "uid",
    "version_of_tags",
]  # fmt: skip

_TAG: Final = 50
_UID: Final = 40
_DIGEST: Final = re.compile(
    r"obskit:(?P<digest>[A-Za-z0-9_-]{22})@(?P<release>[^:]*):(?P<uid>[0-9a-f]{6})"
    r"(?::(?P<version>[0-9a-z]{1,4}))?"
)
#: On the annotations that register folders, and on no other: there is one of the others at every apply.
REGISTRY: Final = "obskit-registry"
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def _short(name: str, most: int) -> str:
    if len(name) <= most:
        return name
    return f"{name[: most - 9]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def owner_tag(project: str) -> str:
    """The tag that names the project of a dashboard."""
    return f"obskit:{_short(project, _TAG - 7)}"


def uid(prefix: str, project: str) -> str:
    """A uid of ours, ``PREFIX-PROJECT`` in at most 40 characters."""
    return _short(f"{prefix}-{project}", _UID).replace("~", "-").replace(".", "_")


def _of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:6]


def _written(version: int) -> str:
    """A version in base 36, in the four characters that a tag has left; empty where it needs more."""
    signs = ""
    while version:
        version, rest = divmod(version, 36)
        signs = _DIGITS[rest] + signs
    return signs if len(signs) <= 4 else ""


def tags_of(mark: Mark, board: str, version: int = 0) -> list[str]:
    """The tags of a mark.

    Args:
        mark: The mark.
        board: Uid of the dashboard that carries it.
        version: The version that the dashboard will have once it is saved with them; 0 for unknown.
    """
    written = base64.urlsafe_b64encode(bytes.fromhex(mark.digest)).decode().rstrip("=")
    release = mark.release.replace(":", "")[:8]
    known = _written(version)
    ends = f"{_of(board)}:{known}" if known else _of(board)
    return [owner_tag(mark.project), f"obskit:{written}@{release}:{ends}"]


def version_of_tags(tags: Iterable[Any]) -> int | None:
    """The version at which a dashboard was saved with its mark; None where the tags do not tell."""
    for tag in tags:
        found = _DIGEST.fullmatch(tag) if isinstance(tag, str) else None
        if found and found["version"]:
            return int(found["version"], 36)
    return None


def plain_tags(tags: Iterable[Any]) -> list[Any]:
    """Tags without those of a mark."""
    return [tag for tag in tags if not (isinstance(tag, str) and tag.startswith("obskit:"))]


def mark_of_tags(tags: Iterable[Any], project: str, board: str) -> Mark | None:
    """The mark that tags carry; of this project where its tag is among them.

    Args:
        tags: A dashboard's tags.
        project: Name of this project.
        board: The dashboard's uid.

    Returns:
        None where there is no mark, or that of another dashboard, of which this is a copy.
    """
    owner = release = digest = ""
    for tag in tags:
        if not isinstance(tag, str) or not tag.startswith("obskit:"):
            continue
        found = _DIGEST.fullmatch(tag)
        if found:
            if found["uid"] != _of(board):
                return None
            digest = base64.urlsafe_b64decode(found["digest"] + "==").hex()
            release = found["release"]
        elif tag == owner_tag(project):
            owner = project
        else:
            owner = owner or tag.removeprefix("obskit:")
    return Mark(project=owner, release=release, digest=digest) if owner else None


def folder_tags(mark: Mark, folder: str) -> list[str]:
    """The tags of the annotation that registers a folder; dashboards show those of ``provisioning``."""
    return [
        "obskit",
        "provisioning",
        REGISTRY,
        owner_tag(mark.project),
        f"folder:{folder}:{mark.digest}",
    ]


def folder_mark(notes: Iterable[Mapping[str, Any]], folder: str, project: str) -> Mark | None:
    """A folder's mark, from the newest annotation that registers it.

    Args:
        notes: Annotations of the project, the newest first.
        folder: The folder's uid.
        project: Name of the project.
    """
    for note in notes:
        for tag in note.get("tags") or ():
            kind, _, rest = str(tag).partition(":")
            name, _, digest = rest.rpartition(":")
            if kind == "folder" and name == folder:
                release = str(note.get("text", "")).partition(" ")[2].partition(" ")[0]
                return Mark(project=project, release=release, digest=digest)
    return None
