"""The one HTTP seam: every request has a total deadline, a body cap, no redirects and clear errors."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpcore
import httpx
import orjson
import tenacity

from obskit.config import Auth
from obskit.deadline import Deadline
from obskit.delivery.network import DEADLINE, DeadlineBackend
from obskit.errors import BadAnswerError, DeniedError, RejectedError, ServerError, UnreachableError

__all__ = ["Answer", "Http", "ssl_context"]

BODY_CAP: Final = 256 * 1024 * 1024
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: Answers that ask to come again; the request was not carried out.
_AGAIN: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer.

    Args:
        status: HTTP status.
        headers: Headers, names in lower case.
        body: The body's bytes, decoded by its content encoding.
        request: ``METHOD address``, for messages.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    request: str

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are marked."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            BadAnswerError: It is none: a login page, a proxy's error, half a body, nothing.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise BadAnswerError(
                f"answered {self.status} with {self._kind()} where JSON was expected",
                where=self.request,
                hint="is the address that of the server itself, and not of a proxy or login page?",
            ) from None

    def _kind(self) -> str:
        if not self.body:
            return "nothing"
        head = self.body[:200].lstrip().lower()
        if head.startswith((b"<!doctype html", b"<html")):
            return "HTML"
        if "json" in self.headers.get("content-type", ""):
            return "broken JSON (cut short?)"
        return f"{self.headers.get('content-type') or 'other text'}"


def ssl_context(auth: Auth, folder: Path) -> ssl.SSLContext:
    """How to trust a server.

    Args:
        auth: Settings: a certificate authority's file, a fingerprint, or neither for the system's.
        folder: Where relative paths start.

    Raises:
        UnreachableError: The file of the certificate authority cannot be read.
    """
    context = ssl.create_default_context()
    if auth.ca_file is not None:
        path = folder / auth.ca_file
        try:
            context = ssl.create_default_context(cafile=str(path))
        except (OSError, ssl.SSLError) as error:
            raise UnreachableError(f"ca_file cannot be used: {error}", where=str(path)) from None
    if auth.ca_fingerprint or not auth.verify:
        # With a fingerprint the certificate itself is the trust: see DeadlineBackend.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Http:
    """A server's address, how to sign in, and the rules of every request.

    Args:
        base_url: Address of the server.
        auth: How to sign in and whom to trust.
        scheme: Word of the ``Authorization`` header for a token: ``Bearer``, or ``ApiKey``.
        seconds: Total deadline of one request, retries included, where none is handed down.
        folder: Where relative paths of settings start.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth | None = None,
        scheme: str = "Bearer",
        seconds: float = 30.0,
        folder: Path | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.seconds = seconds
        self._auth = auth or Auth()
        self._scheme = scheme
        self._folder = folder or Path()
        self._pool: httpcore.ConnectionPool | None = None
        self._lock = threading.Lock()

    def get(self, path: str, **options: Any) -> Answer:
        """``GET``; see :meth:`request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        """``POST``; see :meth:`request`."""
        return self.request("POST", path, **options)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline | None = None,
        allow: Collection[int] = (),
        again: bool = True,
    ) -> Answer:
        """Make one request and read the whole answer.

        Args:
            method: HTTP method.
            path: Path below the base address, with a slash first.
            params: Query parameters.
            json: Body, sent as JSON.
            content: Body, sent as it is.
            headers: More headers.
            deadline: Handed down; else ``seconds`` from now.
            allow: Statuses from 300 on that are answers here, not errors.
            again: Whether 429 and 503 are asked again within the deadline, as the server wishes.

        Raises:
            UnreachableError: No connection, no trust, or no whole answer in time.
            DeniedError: 401 or 403.
            BadAnswerError: A redirect, a body beyond the cap, or one that was cut short.
            RejectedError: Any other status that is not allowed; with the server's words.
        """
        deadline = deadline or Deadline.after(self.seconds)
        where = f"{method} {self.base_url}{path}"
        body = orjson.dumps(json) if json is not None else content
        sent = self._headers(headers, json is not None)
        url = self._url(path, params, where)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, _AgainError) and (again or error.answer is None)
            ),
            wait=_wait,
            stop=lambda state: (
                state.upcoming_sleep >= deadline.remaining or state.attempt_number >= 8
            ),
            sleep=lambda seconds: (deadline.sleep(seconds), None)[1],
        )
        try:
            answer = retrying(self._once, method, url, sent, body, deadline, where)
        except tenacity.RetryError as error:
            raise _gave_up(error.last_attempt.exception(), where) from None
        except _AgainError as error:  # only with `again` off, and then with the answer
            if error.answer is None:
                raise _gave_up(error, where) from None
            answer = error.answer
        return _judged(answer, allow)

    def _url(self, path: str, params: Mapping[str, str | int] | None, where: str) -> str:
        url = self.base_url + path
        try:
            if params:
                url = str(httpx.URL(url, params=dict(params)))
            httpcore.URL(url)
        except (ValueError, httpx.InvalidURL) as error:  # a bracket or a port that is none
            raise UnreachableError(f"is no address: {error}", where=where) from None
        return url

    def _headers(self, more: Mapping[str, str] | None, is_json: bool) -> list[tuple[str, str]]:
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": "obskit",
        }
        if is_json:
            headers["content-type"] = "application/json"
        if self._auth.token is not None:
            headers["authorization"] = f"{self._scheme} {self._auth.token.reveal()}"
        elif self._auth.username:
            password = self._auth.password.reveal() if self._auth.password else ""
            pair = base64.b64encode(f"{self._auth.username}:{password}".encode()).decode()
            headers["authorization"] = f"Basic {pair}"
        headers |= {name.lower(): value for name, value in (more or {}).items()}
        return list(headers.items())

    def _connections(self) -> httpcore.ConnectionPool:
        with self._lock:
            if self._pool is None:
                fingerprint = self._auth.ca_fingerprint.replace(":", "").lower()
                self._pool = httpcore.ConnectionPool(
                    ssl_context=ssl_context(self._auth, self._folder),
                    max_connections=32,
                    keepalive_expiry=15.0,
                    network_backend=DeadlineBackend(fingerprint),
                )
            return self._pool

    def _once(  # noqa: PLR0917
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        body: bytes | None,
        deadline: Deadline,
        where: str,
    ) -> Answer:
        token = DEADLINE.set(deadline)
        try:
            with self._connections().stream(
                method, url, headers=headers, content=body,
                extensions={"timeout": {"pool": max(deadline.remaining, 0.001)}},
            ) as response:  # fmt: skip
                chunks, size = [], 0
                for chunk in response.iter_stream():
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > BODY_CAP:
                        raise BadAnswerError(f"answered with over {BODY_CAP} bytes", where=where)
                answer = Answer(
                    status=response.status,
                    headers={
                        name.decode("latin-1").lower(): value.decode("latin-1")
                        for name, value in response.headers
                    },
                    body=b"".join(chunks),
                    request=where,
                )
        except httpcore.TimeoutException:
            raise UnreachableError(
                f"no whole answer within {deadline.seconds:g} s", where=where,
                hint="is the server overloaded, or the address a black hole?",
            ) from None  # fmt: skip
        except httpcore.ConnectError as error:
            raise _no_connection(error, where) from None
        except httpcore.RemoteProtocolError as error:
            if method in _SAFE and "without sending a response" in str(error):
                # A kept connection that the server closed while we asked: nothing was answered.
                raise _AgainError(f"connection lost: {error}") from None
            raise BadAnswerError(
                f"the answer broke off: {error}", where=where,
                hint="did the server stop, or does a proxy cut its answers? its log has the reason",
            ) from None  # fmt: skip
        except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError) as error:
            raise UnreachableError(f"is no address for a request: {error}", where=where) from None
        except httpcore.NetworkError as error:
            # A kept connection that the server closed meanwhile: a read is simply asked again.
            if method in _SAFE:
                raise _AgainError(f"connection lost: {error}") from None
            raise UnreachableError(f"connection lost: {error}", where=where) from None
        finally:
            DEADLINE.reset(token)
        if answer.status in _AGAIN:
            raise _AgainError(f"answered {answer.status}", answer)
        return answer

    def close(self) -> None:
        """Close its connections."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None


class _AgainError(Exception):
    def __init__(self, message: str, answer: Answer | None = None) -> None:
        super().__init__(message)
        self.answer = answer


def _wait(state: tenacity.RetryCallState) -> float:
    """``Retry-After`` in seconds (RFC 9110 section 10.2.3), else 0.2 s doubling to 5 s."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _AgainError) and error.answer is not None:
        after = error.answer.headers.get("retry-after", "")
        if after.isdigit():
            return float(after)
    return float(min(5.0, 0.2 * 2 ** (state.attempt_number - 1)))


def _gave_up(error: BaseException | None, where: str) -> ServerError:
    if isinstance(error, _AgainError) and error.answer is not None:
        after = error.answer.headers.get("retry-after")
        wants = f" and asks to wait {after} s" if after else ""
        return UnreachableError(
            f"is still too busy: answered {error.answer.status}{wants}{_said(error.answer)}",
            where=where, hint="nothing was changed by this request; try again later",
        )  # fmt: skip
    return UnreachableError(str(error), where=where)


def _no_connection(error: Exception, where: str) -> UnreachableError:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "fingerprint" in text:
        return UnreachableError(
            f"its certificate is not trusted: {text}", where=where,
            hint="name its authority with auth.ca_file, or its fingerprint with auth.ca_fingerprint",
        )  # fmt: skip
    if "WRONG_VERSION_NUMBER" in text or "record layer" in text.lower():
        return UnreachableError(
            "does not speak TLS", where=where, hint="write http:// instead of https://?"
        )
    return UnreachableError(
        f"no connection: {text}", where=where, hint="is it running, and is the address right?"
    )


def _judged(answer: Answer, allow: Collection[int]) -> Answer:
    if answer.status < 300 or answer.status in allow:
        return answer
    if answer.status in (401, 403):
        who = "does not accept the credentials" if answer.status == 401 else "does not permit it"
        raise DeniedError(
            f"{who} (answered {answer.status}){_said(answer)}", where=answer.request,
            hint="look at auth in obskit.yml" if answer.status == 401 else "grant the privilege",
        )  # fmt: skip
    if answer.status < 400:
        raise BadAnswerError(
            f"redirects ({answer.status}) to {answer.headers.get('location', 'nowhere')}",
            where=answer.request, hint="write the server's own address in obskit.yml",
        )  # fmt: skip
    raise RejectedError(f"answered {answer.status}{_said(answer)}", where=answer.request)


def _said(answer: Answer) -> str:
    """The server's own words, shortened."""
    words = answer.text.strip()
    try:
        data = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        data = None
        if words[:1] == "<":
            return " with HTML"
    if isinstance(data, dict):
        error = data.get("error")
        if isinstance(error, dict) and error.get("reason"):
            words = str(error["reason"])
            caused = error.get("caused_by") or {}
            if isinstance(caused, dict) and caused.get("reason"):
                words += f": {caused['reason']}"
        else:
            words = str(data.get("message") or error or words)
    return f": {words[:500]}" if words else ""
