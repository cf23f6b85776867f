"""Microsoft Teams: a workflow that posts an adaptive card to a channel.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
(28 KB a message, 4 messages a second)
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from obskit.config.receivers import MSTeams
from obskit.relay.robots.base import Limit, Outcome, Robot, Verdict
from obskit.relay.words import Block, Words

__all__ = ["MSTeamsRobot"]

_COLOURS: Final = {"critical": "attention", "warning": "warning", "info": "accent"}


class MSTeamsRobot(Robot):
    """A channel of Microsoft Teams.

    The text stands in runs of rich text, which know no Markdown: nothing in an alert can pose as a link or
    a mention, and nothing needs an escape. Only the links are Markdown: an action on a run comes and goes
    with Teams' versions (https://github.com/microsoft/AdaptiveCards/issues/9100).

    Args:
        way: Its settings.
    """

    limits: ClassVar[tuple[Limit, ...]] = (Limit(4, 1.0), Limit(60, 30.0))
    limit = 28 * 1024

    def __init__(self, way: MSTeams) -> None:
        super().__init__(way.url)

    def payload(self, words: Words) -> dict[str, Any]:
        """A message with one adaptive card."""
        colour = _COLOURS[words.severity] if words.firing else "good"
        body: list[dict[str, Any]] = [
            _rich([_run(words.title, size="large", weight="bolder", color=colour)])
        ]
        for block in words.blocks:
            body += _block(block)
        if words.more:
            body.append(_rich([_run(words.more)]))
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "msteams": {"width": "Full"},
            "body": body,
        }
        return {
            "type": "message",
            "attachments": [
                {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
            ],
        }

    def judge(self, body: Any, text: str) -> Verdict:
        """Workflows answer 202; a connector answers 200 and "1", or 200 and an error in words."""
        del body
        if "delivery failed" not in text.lower():
            return Verdict(outcome=Outcome.SENT)
        outcome = Outcome.REFUSED
        if "HTTP error 429" in text:
            outcome = Outcome.THROTTLED
        elif "HTTP error 5" in text:
            outcome = Outcome.BUSY
        return Verdict(outcome=outcome, reason=f"answered {text.strip()[:300]}")


def _run(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}


def _rich(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": runs}


def _block(block: Block) -> list[dict[str, Any]]:
    resolved = "resolved: " if block.resolved else ""
    found = [{**_rich([_run(resolved + block.summary, weight="bolder")]), "separator": True}]
    if block.description:
        found.append(_rich([_run(block.description)]))
    if block.links:
        text = " ".join(f"[{name}]({address})" for name, address in block.links)
        found.append({"type": "TextBlock", "text": text, "wrap": True, "spacing": "small"})
    return found
