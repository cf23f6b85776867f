"""The events of Elasticsearch data streams, one JSON line a document, as the shippers wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from obskit.errors import (
    BadAnswerError,
    ConfigError,
    DeniedError,
    Problem,
    RejectedError,
    UnreachableError,
)
from obskit.schema.model import Schema

__all__ = ["Document", "documents"]

_PAGE: Final = 1_000
_SECONDS: Final = 30  # one request; a scroll is kept as long


class Document(NamedTuple):
    """A document: the index and id that name it, and its event as a line."""

    name: str
    line: bytes


def documents(url: str, index: str, schema: Schema, *, api_key: str = "") -> Iterator[Document]:
    """Every document of the data streams, in the order of the index.

    ``@timestamp`` and ``data_stream``, which the log path adds for Elasticsearch, are left out of the event.

    Args:
        url: Address of Elasticsearch, with user and password where it wants them.
        index: Data streams to read, patterns allowed.
        schema: The log schema.
        api_key: Key to sign in with; empty for none.

    Raises:
        ConfigError: The address is none.
        ServerError: Elasticsearch is not there, or does not let us, or refuses.
    """
    from elasticsearch import ApiError, Elasticsearch, TransportError
    from elasticsearch.helpers import ScanError, scan

    parts = urlsplit(url)
    shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    auth = (parts.username, parts.password or "") if parts.username else None
    try:
        client = Elasticsearch(
            shown, basic_auth=auth, api_key=api_key or None, request_timeout=_SECONDS
        )
    except ValueError as error:
        message = f"{error}; write it like https://user:password@localhost:9200"
        raise ConfigError(
            [Problem(rule="lint/source", path="--elasticsearch", message=message)]
        ) from None
    drop = [name for name in ("@timestamp", "data_stream") if name not in schema.top_level]
    try:
        for hit in scan(client, index=index, size=_PAGE, scroll="1m", request_timeout=_SECONDS):
            event: dict[str, Any] = dict(hit["_source"])
            if "timestamp" in event:
                for name in drop:
                    event.pop(name, None)
            yield Document(
                f"{hit['_index']}/{hit['_id']}", json.dumps(event, separators=(",", ":")).encode()
            )
    except ApiError as error:
        kind = DeniedError if error.status_code in (401, 403) else RejectedError
        hint = (
            "give a user in the URL or OBSKIT_ELASTICSEARCH_API_KEY" if kind is DeniedError else ""
        )
        raise kind(str(error), where=shown, hint=hint) from None
    except ScanError as error:
        raise BadAnswerError(
            str(error), where=shown, hint="try again; shards were missing"
        ) from None
    except TransportError as error:
        raise UnreachableError(
            str(error), where=shown, hint="is it running, and is the address right?"
        ) from None
    finally:
        client.close()
