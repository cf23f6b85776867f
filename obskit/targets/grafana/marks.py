"""The marks of Grafana's objects: tags, a key of ``jsonData``, and annotations as the registry.

====================  ===========================================================================
dashboard             two tags, ``obskit:PROJECT`` and ``obskit:DIGEST@RELEASE:UID`` (both ends shortened)
data source           ``jsonData.obskit``, with the fingerprints of its secrets
folder                has no room: an annotation with the tags ``obskit``, ``obskit:PROJECT`` and
                      ``folder:UID:DIGEST``, whose text says what was done
====================  ===========================================================================

A tag has 50 characters at most (the column of Grafana's database), so a long project is shortened, and the
digest is written in base 64. The uid is in the mark because "Save as" can copy the tags: a copy is not ours.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from obskit.engine.resource import Mark

__all__ = ["folder_mark", "folder_tags", "mark_of_tags", "owner_tag", "plain_tags", "tags_of", "uid"]  # fmt: skip

_TAG: Final = 50
_UID: Final = 40
_DIGEST: Final = re.compile(
    r"obskit:(?P<digest>[A-Za-z0-9_-]{22})@(?P<release>[^:]*):(?P<uid>[0-9a-f]{6})"
)


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


def tags_of(mark: Mark, board: str) -> list[str]:
    """The tags of a mark.

    Args:
        mark: The mark.
        board: Uid of the dashboard that carries it.
    """
    written = base64.urlsafe_b64encode(bytes.fromhex(mark.digest)).decode().rstrip("=")
    release = mark.release.replace(":", "")[:12]
    return [owner_tag(mark.project), f"obskit:{written}@{release}:{_of(board)}"]


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
