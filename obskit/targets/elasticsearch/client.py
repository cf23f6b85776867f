"""The ``elasticsearch`` client on obskit's HTTP seam, so that deadlines, trust and redirects are its own.

The client checks that it speaks to Elasticsearch, names the media types that both server 8 and 9 take,
and chooses the next node; bytes go through :class:`obskit.delivery.http.Http`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from obskit.config import Auth
from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError, RejectedError, ServerError, UnreachableError

if TYPE_CHECKING:
    import elasticsearch

__all__ = ["Client", "RefusedError", "Reply"]

_JSON: Final = {"accept": "application/json", "content-type": "application/json"}
#: Judged here, by the server's own words; 401, 403, 429 and 503 are the seam's to judge.
_OURS: Final = frozenset(range(400, 600)) - {401, 403}
_READS: Final = frozenset({"GET", "HEAD"})
#: Handed to the node past the client, which knows timeouts only, and no point in time.
_DEADLINE: ContextVar[Deadline | None] = ContextVar("obskit_elasticsearch_deadline", default=None)


class RefusedError(RejectedError):
    """A request that Elasticsearch understood and refused.

    Args:
        status: HTTP status.
        kind: Elasticsearch's type of error, such as ``illegal_argument_exception``.
    """

    def __init__(self, message: str, *, status: int, kind: str = "", where: str = "") -> None:
        super().__init__(message, where=where)
        self.status = status
        self.kind = kind


class Reply:
    """A whole answer that was allowed.

    Args:
        status: HTTP status.
        body: The JSON body.
    """

    __slots__ = ("body", "status")

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body


class Client:
    """Requests to one cluster. No connection is opened, and the library is not loaded, before the first.

    Args:
        urls: Addresses of its nodes; the later ones are asked where an earlier gives no connection.
        auth: How to sign in and whom to trust.
        seconds: Deadline of one request where none is handed down.
        folder: Where relative paths of ``auth`` start.
    """

    def __init__(
        self, urls: Sequence[str], *, auth: Auth, seconds: float, folder: Path | None = None
    ) -> None:
        self.urls = tuple(urls)
        self._auth = auth
        self._seconds = seconds
        self._folder = folder
        self._lock = threading.Lock()
        self._made: elasticsearch.Elasticsearch | None = None
        #: Requests made so far, for the promise of a constant number.
        self.requests = 0

    def get(self, path: str, **options: Any) -> Reply:
        """``GET``; see :meth:`call`."""
        return self.call("GET", path, **options)

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        deadline: Deadline | None = None,
        allow: Collection[int] = (),
    ) -> Reply:
        """Make one request.

        Args:
            method: HTTP method.
            path: Path, with a slash first.
            params: Query parameters.
            body: JSON body; a list is sent as one document a line.
            deadline: Handed down; else ``seconds`` from now.
            allow: Statuses from 400 on that are answers here.

        Raises:
            ServerError: As the seam raises them; ``RefusedError`` with Elasticsearch's words.
        """
        import elastic_transport
        import elasticsearch

        headers = dict(_JSON)
        if isinstance(body, list):
            headers["content-type"] = "application/x-ndjson"
        where = f"{method} {self.urls[0]}{path}"
        with self._lock:
            self.requests += 1
        client = self._client().options(ignore_status=tuple(_OURS))
        token = _DEADLINE.set(deadline or Deadline.after(self._seconds))
        try:
            answer = client.perform_request(
                method, path, params=dict(params or {}), headers=headers, body=body
            )
        except elastic_transport.SerializationError:
            raise BadAnswerError(
                "answered with broken JSON (cut short?)", where=where,
                hint="is a proxy in between? try again",
            ) from None  # fmt: skip
        except elastic_transport.TransportError as error:
            if isinstance(error.__cause__, ServerError):
                raise error.__cause__ from None
            raise UnreachableError(error.message, where=where) from None
        except elasticsearch.UnsupportedProductError:
            raise BadAnswerError(
                "answers, but is not Elasticsearch (no X-Elastic-Product header)", where=where,
                hint="is the address that of Elasticsearch itself?",
            ) from None  # fmt: skip
        finally:
            _DEADLINE.reset(token)
        status = answer.meta.status
        data = answer.body
        if status >= 400 and status not in allow:
            raise _refused(status, data, where)
        if status >= 400 and "x-elastic-product" not in answer.meta.headers:
            # A proxy's "not found" would look like an empty Elasticsearch.
            raise BadAnswerError(
                f"answered {status}, but not as Elasticsearch does (no X-Elastic-Product header)",
                where=where, hint="is the address that of Elasticsearch itself?",
            )  # fmt: skip
        if status < 400 and not isinstance(data, Mapping) and method != "HEAD":
            what = (
                "other JSON than Elasticsearch does" if data else "nothing where JSON was expected"
            )
            raise BadAnswerError(
                f"answered {status} with {what}", where=where,
                hint="is the address that of Elasticsearch itself?",
            )  # fmt: skip
        return Reply(status, data)

    def _client(self) -> elasticsearch.Elasticsearch:
        with self._lock:
            if self._made is None:
                import elasticsearch

                # Its warnings carry tracebacks; what they tell is in our errors.
                logging.getLogger("elastic_transport").setLevel(logging.ERROR)
                # A node that gave no connection is asked again with the next request: each has a deadline.
                self._made = elasticsearch.Elasticsearch(
                    [_with_port(url) for url in self.urls],
                    node_class=_node_class(self._auth, self._seconds, self._folder),
                    max_retries=len(self.urls) - 1,
                    randomize_nodes_in_pool=False,
                    node_selector_class=_first_alive(),
                )
            return self._made

    def close(self) -> None:
        """Close its connections."""
        with self._lock:
            if self._made is not None:
                self._made.close()
                self._made = None


def _with_port(url: str) -> str:
    """The client insists on a port where people leave it out."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    bare = host.rpartition("@")[2]
    has_port = ":" in bare.rpartition("]")[2] if bare.startswith("[") else ":" in bare
    port = "" if has_port else ":443" if scheme == "https" else ":80"
    return f"{scheme}://{host}{port}{slash}{path}"


def _first_alive() -> Any:
    from elastic_transport import NodeSelector

    class FirstAlive(NodeSelector):
        """The first node that lives: ``url`` before ``nodes``."""

        def select(self, nodes: Any) -> Any:
            order = {config: index for index, config in enumerate(self._node_configs)}
            return min(nodes, key=lambda node: order.get(node.config, len(order)))

        def __init__(self, node_configs: Any) -> None:
            super().__init__(node_configs)
            self._node_configs = list(node_configs)

    return FirstAlive


def _node_class(auth: Auth, seconds: float, folder: Path | None) -> Any:
    """A node class of the client's transport that sends through the seam."""
    from elastic_transport import (
        ApiResponseMeta,
        BaseNode,
        ConnectionError,  # noqa: A004 - the transport's word for "ask the next node"
        HttpHeaders,
        NodeConfig,
    )
    from elastic_transport._node import NodeApiResponse  # not exported, yet what a node returns

    class SeamNode(BaseNode):
        """One node, reached through :class:`Http`."""

        _CLIENT_META_HTTP_CLIENT = ("hc", "0.0.0")

        def __init__(self, config: NodeConfig) -> None:
            super().__init__(config)
            self._http = Http(
                self.base_url, auth=auth, scheme="ApiKey", seconds=seconds, folder=folder
            )

        def perform_request(
            self,
            method: str,
            target: str,
            body: bytes | None = None,
            headers: HttpHeaders | None = None,
            request_timeout: Any = None,
        ) -> NodeApiResponse:
            deadline = _DEADLINE.get() or Deadline.after(seconds)
            kept = {
                name: value
                for name, value in (headers or {}).items()
                if name.lower() not in {"connection", "accept-encoding"}
            }
            try:
                answer = self._http.request(
                    method, target, content=body, headers=kept, deadline=deadline, allow=_OURS
                )
            except UnreachableError as error:
                # Only what certainly was not carried out may be asked of the next node.
                if method in _READS or error.message.startswith("no connection"):
                    raise ConnectionError(str(error), errors=(error,)) from error
                raise
            kind = answer.headers.get("content-type", "")
            if answer.status < 300 and method != "HEAD" and ("json" not in kind or not answer.body):
                answer.json()
            meta = ApiResponseMeta(
                node=self.config,
                duration=deadline.seconds - deadline.remaining,
                http_version="1.1",
                status=answer.status,
                headers=HttpHeaders(dict(answer.headers)),
            )
            return NodeApiResponse(meta, answer.body)

        def close(self) -> None:
            self._http.close()

    return SeamNode


def _refused(status: int, data: Any, where: str) -> RefusedError:
    error = data.get("error") if isinstance(data, Mapping) else None
    if isinstance(error, Mapping):
        words = _deepest(error)
        kind = str(error.get("type", ""))
    else:
        words, kind = str(error or data or "")[:500], ""
    return RefusedError(
        f"answered {status}{': ' + words if words else ''}", status=status, kind=kind, where=where
    )


def _deepest(error: Mapping[str, Any]) -> str:
    """The reason, and the reason below it that says what is really wrong."""
    top = str(error.get("reason") or error.get("type") or "")
    cause, last = error.get("caused_by"), ""
    while isinstance(cause, Mapping):
        last = str(cause.get("reason") or last)
        cause = cause.get("caused_by")
    # The cause is what helps; a top that lists the parts of a template is long enough to hide it.
    return f"{top[:400]}: {last}"[:800] if last and last not in top else top[:800]
