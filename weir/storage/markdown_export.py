"""Markdown export: a conversation's current branch as a text for people."""

from collections.abc import Sequence

from weir.storage.records import Message, MessageStatus, Role

MEDIA_TYPE = "text/markdown"
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
        return "\n".join(f"> {line}".rstrip() for line in message.text.splitlines() or [""])
    note = _NOTES.get(message.status)
    parts = [message.text.strip(), f"*({note})*" if note else ""]
    return "\n\n".join(part for part in parts if part)
