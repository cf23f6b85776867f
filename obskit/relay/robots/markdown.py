"""Markdown as the robots of chats understand it: bold, links and line breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from obskit.relay.words import Block, Words, lines

__all__ = ["escape", "markdown", "plain"]

#: DingTalk and WeCom document no escape, and a backslash would be shown by some of their clients. So what could
#: become markup, a mention (``<@everybody>``) or an image is written with its full-width twin.
_TWINS: Final = str.maketrans("[]<>*#`~@|\\", "［］＜＞＊＃ˋ～＠｜＼")


def escape(text: str) -> str:
    """A text that no client takes for markup or a mention."""
    return text.translate(_TWINS).replace("__", "＿＿")


def markdown(
    words: Words, safe: Callable[[str], str], *, titled: bool = True, colour: str = ""
) -> str:
    """The words in Markdown.

    Args:
        words: What to say.
        safe: Makes a text that cannot become markup.
        titled: Whether the title stands in the text.
        colour: WeCom's name of the title's colour.
    """
    title = f"**{safe(words.title)}**"
    if colour:
        title = f'<font color="{colour}">{title}</font>'
    parts = [title] if titled else []
    parts += [_block(block, safe) for block in words.blocks]
    if words.more:
        parts.append(words.more)
    return "\n\n".join(parts)


def _block(block: Block, safe: Callable[[str], str]) -> str:
    resolved = "resolved: " if block.resolved else ""
    description = "\n\n".join(
        safe(line.strip()) for line in block.description.splitlines() if line.strip()
    )
    return lines(
        [
            f"{resolved}**{safe(block.summary)}**\n",
            f"{description}\n" if description else "",
            " ".join(f"[{name}]({address})" for name, address in block.links),
        ]
    ).rstrip("\n")


def plain(words: Words) -> str:
    """The words without any markup."""
    parts = [words.title]
    for block in words.blocks:
        resolved = "resolved: " if block.resolved else ""
        links = [f"{name}: {address}" for name, address in block.links]
        parts.append(lines([resolved + block.summary, block.description, *links]))
    if words.more:
        parts.append(words.more)
    return "\n\n".join(parts)
