"""DingTalk: the custom robot of a group.

https://open.dingtalk.com/document/robots/custom-robot-access (message, signature, 20 messages a minute)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, ClassVar
from urllib.parse import quote_plus

import orjson

from obskit.config.receivers import DingTalk
from obskit.relay.robots.base import Limit, Outcome, Request, Robot, Verdict, number
from obskit.relay.robots.markdown import escape, markdown
from obskit.relay.words import Words

__all__ = ["DingTalkRobot"]

#: Too fast; over the limit of the webhook; too fast, as newer gateways say it.
_TOO_FAST = frozenset({130101, 90030, 410100})
#: The platform itself is in trouble.
_BUSY = frozenset({-1})


class DingTalkRobot(Robot):
    """A robot of DingTalk.

    Args:
        way: Its settings.
    """

    # Over twenty, it is blocked for ten minutes.
    limits: ClassVar[tuple[Limit, ...]] = (Limit(20, 60.0),)
    limit = 20_000

    def __init__(self, way: DingTalk) -> None:
        super().__init__(way.url, way.secret)
        self._mobiles = way.mobiles

    def payload(self, words: Words) -> dict[str, Any]:
        """Markdown; people are mentioned only while something fires."""
        text = markdown(words, escape)
        mobiles = [item for item in self._mobiles if item != "@all"] if words.firing else []
        if mobiles:  # the platform wants them in the text as well
            text += "\n\n" + " ".join(f"@{item}" for item in mobiles)
        return {
            "msgtype": "markdown",
            "markdown": {"title": words.title, "text": text},
            "at": {"atMobiles": mobiles, "isAtAll": words.firing and "@all" in self._mobiles},
        }

    def sign(self, payload: dict[str, Any], now: float) -> Request:
        r"""``timestamp`` (milliseconds) and ``sign`` in the address.

        ``sign`` is Base64 of HMAC-SHA256 of ``timestamp + "\n" + secret`` with the secret as key.
        """
        url = self.url.reveal()
        if self.secret:
            secret = self.secret.reveal()
            timestamp = str(round(now * 1000))
            text = f"{timestamp}\n{secret}".encode()
            sign = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest())
            url += f"{'&' if '?' in url else '?'}timestamp={timestamp}&sign={quote_plus(sign)}"
        return Request(url=url, body=orjson.dumps(payload))

    def judge(self, body: Any, text: str) -> Verdict:
        """``errcode`` 0 is success; 130101 is too fast."""
        code = number(body, "errcode")
        if code == 0:
            return Verdict(outcome=Outcome.SENT)
        outcome = Outcome.REFUSED
        if code in _TOO_FAST:
            outcome = Outcome.THROTTLED
        elif code in _BUSY:
            outcome = Outcome.BUSY
        return Verdict(outcome=outcome, reason=f"answered {text.strip()[:300]}")
