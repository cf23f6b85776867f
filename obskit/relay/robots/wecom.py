"""WeCom (WeChat Work): the robot of a group.

https://developer.work.weixin.qq.com/document/path/91770 (message, 4,096 bytes, 20 messages a minute)
"""

from __future__ import annotations

from typing import Any, ClassVar

from obskit.config.receivers import WeCom
from obskit.relay.robots.base import Limit, Outcome, Robot, Verdict, number
from obskit.relay.robots.markdown import escape, markdown, plain
from obskit.relay.words import Words

__all__ = ["WeComRobot"]

_TOO_FAST = frozenset({45009, 45033})
_BUSY = frozenset({-1})


class WeComRobot(Robot):
    """A robot of WeCom. Its key is in the address; it knows no signature.

    Args:
        way: Its settings.
    """

    limits: ClassVar[tuple[Limit, ...]] = (Limit(20, 60.0),)

    def __init__(self, way: WeCom) -> None:
        super().__init__(way.url)
        self._mobiles = way.mobiles
        self.limit = 2048 if self._mobiles else 4096  # of a text, of Markdown

    def size(self, payload: Any) -> int:
        """The bytes of ``content`` alone."""
        return len(payload[payload["msgtype"]]["content"].encode())

    def payload(self, words: Words) -> dict[str, Any]:
        """Markdown; plain text where people are to be mentioned, since Markdown can mention nobody by number."""
        if self._mobiles:
            mentioned = list(self._mobiles) if words.firing else []
            return {
                "msgtype": "text",
                "text": {"content": plain(words), "mentioned_mobile_list": mentioned},
            }
        colour = "warning" if words.firing else "info"
        return {
            "msgtype": "markdown",
            "markdown": {"content": markdown(words, escape, colour=colour)},
        }

    def judge(self, body: Any, text: str) -> Verdict:
        """``errcode`` 0 is success; 45009 is too fast."""
        code = number(body, "errcode")
        if code == 0:
            return Verdict(outcome=Outcome.SENT)
        outcome = Outcome.REFUSED
        if code in _TOO_FAST:
            outcome = Outcome.THROTTLED
        elif code in _BUSY:
            outcome = Outcome.BUSY
        return Verdict(outcome=outcome, reason=f"answered {text.strip()[:300]}")
