"""What every platform's robot has to say: how a message looks, where it goes, and whether it arrived."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import orjson

from obskit.config import Secret
from obskit.delivery.http import Answer
from obskit.relay.words import Words, fit

__all__ = ["Limit", "Outcome", "Request", "Robot", "Target", "Verdict", "decoded", "number"]


class Target(NamedTuple):
    """Who is told: the path that Alertmanager posts to, and all that the queue knows of a robot."""

    project: str
    receiver: str
    kind: str

    def __str__(self) -> str:
        return "/".join(self)


class Limit(NamedTuple):
    """At most so many messages in any span of so many seconds."""

    most: int
    seconds: float


class Outcome(StrEnum):
    """What became of one attempt."""

    SENT = "sent"
    THROTTLED = "throttled"
    BUSY = "busy"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one attempt.

    Args:
        outcome: Whether it arrived, and if not, whether it may yet.
        reason: The platform's own words.
        wait: Seconds that the platform asks to wait.
    """

    outcome: Outcome
    reason: str = ""
    wait: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A message, ready to be posted.

    Args:
        url: Whole address, secrets and signature included.
        body: JSON.
    """

    url: str
    body: bytes


class Robot(ABC):
    """A robot of one platform.

    Args:
        url: Its address.
        secret: What its messages are signed with.
    """

    #: Most bytes of a message, as :meth:`size` counts them.
    limit: int
    #: How fast the platform takes them.
    limits: ClassVar[tuple[Limit, ...]]
    #: Seconds to be silent after having been too fast.
    silence: ClassVar[float] = 60.0

    def __init__(self, url: Secret, secret: Secret | None = None) -> None:
        self.url = url
        self.secret = secret

    @abstractmethod
    def payload(self, words: Words) -> dict[str, Any]:
        """The message that says these words, all of them."""

    @abstractmethod
    def judge(self, body: Any, text: str) -> Verdict:
        """What the platform's answer means, where its status is 200 to 299.

        Args:
            body: The answer as JSON; None where it is none.
            text: The answer as text.
        """

    def size(self, payload: Mapping[str, Any]) -> int:
        """The bytes that the platform counts; those of the whole body."""
        return len(orjson.dumps(payload))

    def sign(self, payload: dict[str, Any], now: float) -> Request:
        """The request of a message; here without a signature.

        Args:
            payload: The message.
            now: Seconds since 1970.
        """
        del now
        return Request(url=self.url.reveal(), body=orjson.dumps(payload))

    def request(self, words: Words, now: float) -> Request:
        """The request that tells as much of the words as fits.

        Args:
            words: What to tell.
            now: Seconds since 1970.
        """
        return self.sign(fit(words, self.payload, self.size, self.limit), now)

    def verdict(self, answer: Answer) -> Verdict:
        """What an answer means."""
        after = answer.headers.get("retry-after", "")
        wait = float(after) if after.isdigit() else None
        said = f"answered {answer.status}: {answer.text.strip()[:300]}"
        if answer.status == 429:
            return Verdict(outcome=Outcome.THROTTLED, reason=said, wait=wait)
        if answer.status >= 500 or answer.status == 408:
            return Verdict(outcome=Outcome.BUSY, reason=said, wait=wait)
        if answer.status >= 300:
            return Verdict(outcome=Outcome.REFUSED, reason=said)
        found = self.judge(decoded(answer.body), answer.text)
        if found.outcome is Outcome.THROTTLED and wait is not None:
            return Verdict(outcome=found.outcome, reason=found.reason, wait=wait)
        return found

    def scrub(self, text: str) -> str:
        """A text without any part of the robot's address or secret, for logs and the queue."""
        url = self.url.reveal()
        parts = urlsplit(url)
        hidden = {url, parts.query, *(part.partition("=")[2] for part in parts.query.split("&"))}
        hidden |= {value for _, value in parse_qsl(parts.query)}
        hidden |= {part for part in parts.path.split("/") if len(part) >= 16}  # keys, not words
        if self.secret:
            hidden.add(self.secret.reveal())
        for item in sorted(hidden, key=len, reverse=True):
            if len(item) >= 4:
                text = text.replace(item, "(secret)")
        return text


def decoded(body: bytes) -> Any:
    """An answer's JSON; None where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def number(body: Any, *keys: str) -> int | None:
    """The first of some keys of an answer that holds a number."""
    if isinstance(body, Mapping):
        for key in keys:
            value = body.get(key)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None
