"""The data streams that are there: which of their write indices are behind the template, and rolling over."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from obskit.errors import RejectedError
from obskit.targets.elasticsearch.client import Client

__all__ = ["Stream", "Streams", "read_streams", "roll_over", "stamp_of"]

#: A server without the module of data streams has other words for "no such endpoint".
_NO_API: Final = frozenset({400, 404, 405})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One data stream.

    Args:
        name: Its name.
        indices: Its backing indices, oldest first; the last one is written to.
        stamp: Stamp of the template that made the write index; empty when that was none of ours.
        waiting: Whether the next event rolls it over (a lazy rollover).
        retention: Its own lifecycle's retention; None where the server does not tell.
    """

    name: str
    indices: tuple[str, ...]
    stamp: str
    waiting: bool = False
    retention: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """The data streams of the namespace.

    Args:
        streams: All of them.
        plain: Indices with the name of a stream, which no template can make one of any more.
        api: Whether the server has the endpoints of data streams.
    """

    streams: tuple[Stream, ...]
    plain: tuple[str, ...] = ()
    api: bool = False
    by_name: Mapping[str, Stream] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {stream.name: stream for stream in self.streams})

    def matching(self, pattern: str, *, but: str = "") -> tuple[Stream, ...]:
        """Streams whose names match an index pattern.

        Args:
            pattern: The pattern.
            but: A name to leave out.
        """
        return tuple(
            stream
            for stream in self.streams
            if fnmatch.fnmatchcase(stream.name, pattern) and stream.name != but
        )


def stamp_of(template: Mapping[str, Any]) -> str:
    """The stamp in a template's or an index's mapping; empty for none.

    Args:
        template: What has the key ``mappings``.
    """
    meta = (template.get("mappings") or {}).get("_meta") or {}
    mark = meta.get("obskit")
    return str(mark.get("template", "")) if isinstance(mark, Mapping) else ""


def read_streams(client: Client, pattern: str) -> Streams:
    """Read the data streams of the namespace, in three requests however many there are.

    Args:
        client: The server.
        pattern: What their names match.

    Raises:
        ServerError: The answer is not whole.
    """
    # Listing works also where the module of data streams is missing; details only where it is there.
    # A name without a wildcard that is not there is a 404.
    reply = client.get(
        f"/_resolve/index/{pattern}", params={"expand_wildcards": "all"}, allow={404}
    )
    if reply.status == 404:
        return Streams(streams=())
    listed = reply.body
    mappings = client.get(
        f"/{pattern}/_mapping",
        params={"filter_path": "*.mappings._meta.obskit", "expand_wildcards": "all"},
    ).body
    detail = client.get(
        f"/_data_stream/{pattern}", params={"expand_wildcards": "all"}, allow=_NO_API
    )
    details: dict[str, Mapping[str, Any]] = {}
    if detail.status < 400:
        details = {item["name"]: item for item in detail.body.get("data_streams", ())}
    streams = []
    for item in listed["data_streams"]:
        indices = tuple(item["backing_indices"])
        more = details.get(item["name"], {})
        lifecycle = more.get("lifecycle") or {}
        streams.append(
            Stream(
                name=item["name"],
                indices=indices,
                stamp=stamp_of(mappings.get(indices[-1]) or {}),
                waiting=bool(more.get("rollover_on_write")),
                retention=str(lifecycle["data_retention"]) if "data_retention" in lifecycle else None,
            )
        )  # fmt: skip
    plain = tuple(item["name"] for item in listed["indices"] if "data_stream" not in item)
    return Streams(
        streams=tuple(streams),
        plain=tuple(name for name in plain if fnmatch.fnmatchcase(name, pattern)),
        api=detail.status < 400,
    )


def roll_over(
    client: Client, pattern: str, names: Sequence[str], stamp: str, *, lazy: bool
) -> None:
    """Give streams a write index by the template of now, and look whether they have it.

    Lazily where the server keeps such a promise: then the next event does it, and no empty index
    is made. Where it acknowledges without keeping it, at once.

    Args:
        client: The server.
        pattern: What all streams of the namespace match.
        names: The streams.
        stamp: Stamp that the new write indices must carry.
        lazy: Whether the server tells of a rollover that waits.

    Raises:
        RejectedError: A stream is still behind: another template made its new index.
        ServerError: The server refused.
    """
    if lazy:
        for name in names:
            # Before 8.13 the parameter is unknown, and nothing has happened.
            client.call("POST", f"/{name}/_rollover", params={"lazy": "true"}, allow={400})
        names = _behind(read_streams(client, pattern), names, stamp)
    for name in names:
        client.call("POST", f"/{name}/_rollover")
    if not names:
        return
    late = _behind(read_streams(client, pattern), names, stamp)
    if late:
        raise RejectedError(
            f"rolled over, yet the new index is not by our template: {', '.join(late)}",
            where=client.urls[0],
            hint="an index template of a higher priority wins; obskit doctor names it",
        )


def _behind(streams: Streams, names: Iterable[str], stamp: str) -> list[str]:
    found = []
    for name in names:
        stream = streams.by_name.get(name)
        if stream is not None and stream.stamp != stamp and not stream.waiting:
            found.append(name)
    return found
