"""Markdown export: a conversation's current branch as a text for people."""

import re
from collections.abc import Sequence

from weir.storage.records import Message, MessageStatus, Role

MEDIA_TYPE = "text/markdown"
_MARKDOWN, _ESCAPED = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~$:&])"), r"\\\1"
"""What means something in Markdown, in the name of a file."""
_NOTES = {
    MessageStatus.WAITING: "not answered yet",
    MessageStatus.RUNNING: "still being written",
    MessageStatus.STOPPED: "stopped",
    MessageStatus.FAILED: "failed",
    MessageStatus.CUT: "cut off",
}


def write(title: str, messages: Sequence[Message]) -> str:
    """Return a branch as Markdown: the title is a heading, questions are quotations, answers stay as they are."""
    heading = [f"# {title}"] if title else []
    return "\n\n".join(heading + [_block(message) for message in messages]) + "\n"


def _block(message: Message) -> str:
    if message.role is Role.HUMAN:
        lines = message.text.splitlines()
        names = [f"[{_MARKDOWN.sub(_ESCAPED, one.name)}]" for one in message.attachments]
        files = ["", " ".join(names)] if lines and names else [" ".join(names)] if names else []
        return "\n".join(f"> {line}".rstrip() for line in [*lines, *files] or [""])
    note = _NOTES.get(message.status)
    parts = [message.text.strip(), f"*({note})*" if note else ""]
    return "\n\n".join(part for part in parts if part)
