"""Our servers as data sources of Grafana."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from obskit.config import Secret
from obskit.errors import ContentError, Problem
from obskit.targets.base import Context, DataSource, Target

__all__ = ["addresses", "body_of", "ours", "revealed"]


def ours(
    context: Context, prefix: str, reached: Mapping[str, str] | None = None
) -> list[DataSource]:
    """The data sources of the configured servers.

    Args:
        context: What is configured.
        prefix: Begins their uids in place of ``obskit``.
        reached: Addresses as Grafana reaches them, by section, where they differ.
    """
    return [
        replace(source, url=str((reached or {}).get(peer.name, source.url)))
        for source, peer in _with_peers(context, prefix)
    ]


def addresses(context: Context, prefix: str) -> dict[str, str]:
    """Addresses at which obskit itself reaches the servers, by the uids of their data sources.

    Grafana may reach them elsewhere: inside Compose or a cluster.
    """
    return {
        source.uid: str(getattr(peer.settings, "url", None) or source.url)
        for source, peer in _with_peers(context, prefix)
    }


def _with_peers(context: Context, prefix: str) -> Iterator[tuple[DataSource, Target[Any]]]:
    seen: set[str] = set()
    for peer in context.peers.values():
        source = peer.data_source()
        if source is None or source.uid in seen:
            continue  # a replica answers as the first does
        seen.add(source.uid)
        if prefix != "obskit" and source.uid.startswith("obskit-"):
            renamed = prefix + source.uid.removeprefix("obskit")
            name = source.name if source.name.startswith(prefix) else f"{prefix} {source.name}"
            source = replace(source, uid=renamed, name=name)
        yield source, peer


def body_of(source: DataSource, folder: Path) -> dict[str, Any]:
    """A data source as Grafana's API takes it; secrets stay ``Secret``.

    Args:
        source: The data source.
        folder: Where relative paths start.

    Raises:
        ContentError: The file of its certificate authority cannot be read.
    """
    auth = source.auth
    options: dict[str, Any] = dict(source.options)
    secrets: dict[str, Any] = {}
    body: dict[str, Any] = {
        "name": source.name, "uid": source.uid, "type": source.type, "access": "proxy",
        "url": source.url, "database": source.database, "basicAuth": False,
    }  # fmt: skip
    if auth.token is not None:
        word = "ApiKey" if source.type == "elasticsearch" else "Bearer"
        options["httpHeaderName1"] = "Authorization"
        secrets["httpHeaderValue1"] = Secret(f"{word} {auth.token.reveal()}", auth.token.reference)
    elif auth.username:
        body |= {"basicAuth": True, "basicAuthUser": auth.username}
        if auth.password is not None:
            secrets["basicAuthPassword"] = auth.password
    if auth.ca_file is not None:
        path = folder / auth.ca_file
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = Problem(rule="grafana/ca-file", path=str(path), message=f"cannot be read: {error}")  # fmt: skip
            raise ContentError([problem]) from None
        options["tlsAuthWithCACert"] = True
        secrets["tlsCACert"] = Secret(text, str(auth.ca_file))
    elif auth.ca_fingerprint or not auth.verify:
        options["tlsSkipVerify"] = True  # Grafana cannot pin a certificate
    body["jsonData"] = options
    if secrets:
        body["secureJsonData"] = secrets
    return body


def revealed(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body with its secrets in clear, for the one request that sends it."""
    secrets = {
        name: value.reveal()
        for name, value in (body.get("secureJsonData") or {}).items()
        if isinstance(value, Secret)
    }
    kept = {name: value for name, value in body.items() if name != "secureJsonData"}
    return kept | ({"secureJsonData": secrets} if secrets else {})
