"""Feishu and Lark: the custom robot of a group, told by a card.

https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (signature, 100 a minute and 5 a second, 20 KB)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, ClassVar, Final

import orjson

from obskit.config.receivers import Feishu
from obskit.delivery.http import Answer
from obskit.relay.robots.base import Limit, Outcome, Request, Robot, Verdict, decoded, number
from obskit.relay.robots.markdown import markdown
from obskit.relay.words import Words

__all__ = ["FeishuRobot"]

_TOO_FAST = frozenset({11232, 99991400})
#: "Internal error" is what it says near its limit too (https://github.com/openclaw/openclaw/issues/70879).
_BUSY = frozenset({-1, 2200, 11233})
#: Of the body's 20 KB, what timestamp and signature take.
_SIGNATURE_BYTES: Final = 120
_COLOURS: Final = {"critical": "red", "warning": "orange", "info": "blue"}
#: A card's Markdown wants what is markup as an entity (document "rich text", table of escapes).
_ENTITIES: Final = {ord(sign): f"&#{ord(sign)};" for sign in "&<>*~[]()#`_!\\"}


def _escape(text: str) -> str:
    return text.translate(_ENTITIES)


class FeishuRobot(Robot):
    """A robot of Feishu or Lark.

    Args:
        way: Its settings.
    """

    limits: ClassVar[tuple[Limit, ...]] = (Limit(100, 60.0), Limit(5, 1.0))
    limit = 20 * 1024 - _SIGNATURE_BYTES

    def __init__(self, way: Feishu) -> None:
        super().__init__(way.url, way.secret)

    def payload(self, words: Words) -> dict[str, Any]:
        """A card: the title in the colour of the severity, the alerts as Markdown."""
        colour = _COLOURS[words.severity] if words.firing else "green"
        return {
            "msg_type": "interactive",
            "card": {
                "config": {"wide_screen_mode": True},
                "header": {
                    "title": {"tag": "plain_text", "content": words.title},
                    "template": colour,
                },
                "elements": [
                    {"tag": "markdown", "content": markdown(words, _escape, titled=False)}
                ],
            },
        }

    def sign(self, payload: dict[str, Any], now: float) -> Request:
        r"""``timestamp`` (seconds) and ``sign`` in the body.

        ``sign`` is Base64 of HMAC-SHA256 of nothing, with ``timestamp + "\n" + secret`` as key.
        """
        if self.secret:
            timestamp = str(int(now))
            key = f"{timestamp}\n{self.secret.reveal()}".encode()
            sign = base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
            payload = {"timestamp": timestamp, "sign": sign, **payload}
        return Request(url=self.url.reveal(), body=orjson.dumps(payload))

    def judge(self, body: Any, text: str) -> Verdict:
        """``code`` 0 (``StatusCode`` of the older version) is success; 11232 is too fast."""
        code = number(body, "code", "StatusCode")
        if code == 0:
            return Verdict(outcome=Outcome.SENT)
        outcome = Outcome.REFUSED
        if code in _TOO_FAST or (code == 9499 and "too many" in text.lower()):
            outcome = Outcome.THROTTLED
        elif code in _BUSY:
            outcome = Outcome.BUSY
        return Verdict(outcome=outcome, reason=f"answered {text.strip()[:300]}")

    def verdict(self, answer: Answer) -> Verdict:
        """What an answer means; the platform's code stands in the body of a 400 too."""
        if answer.status == 400:
            found = self.judge(decoded(answer.body), answer.text)
            if found.outcome in (Outcome.THROTTLED, Outcome.BUSY):
                return found
        return super().verdict(answer)
