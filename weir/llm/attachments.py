"""Attachments: the files of a question, as the model gets them.

Text files are quoted in the text of the question. Images are LangChain's standard content blocks, of which the client
of an OpenAI-compatible server makes `image_url` blocks.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TEXT_TYPE = "text/plain"
IMAGE_TOKENS = 1_000
"""Tokens that an image is taken for: servers differ, and few need more."""
CHARS_PER_TOKEN = 4

Blocks = Sequence[Mapping[str, Any]]
"""LangChain's content blocks: texts, and images."""

_FENCE = re.compile(r"^[ \t]*(`{3,})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a question. Its content is read when the model is to get it."""

    name: str
    media_type: str
    size: int
    """Bytes."""
    read: Callable[[], bytes | None]
    """Returns the content; None if it is not there any more."""
    id: str = ""
    """Id in the storage; "" while it is not stored."""

    @property
    def is_image(self) -> bool:
        """Whether it is not text."""
        return self.media_type != TEXT_TYPE

    @property
    def note(self) -> dict[str, Any]:
        """What a run notes of it, for who opens its link."""
        return {"id": self.id, "name": self.name, "media_type": self.media_type, "size": self.size}


def attachment_tokens(attachments: Sequence[Attachment]) -> int:
    """Return about how many tokens a model reads of these files."""
    return sum(IMAGE_TOKENS if one.is_image else one.size // CHARS_PER_TOKEN + 10 for one in attachments)


def content_blocks(attachments: Sequence[Attachment], *, images: bool) -> Blocks:
    """Read the files and return what a model gets of them. Without `images`, it gets the names of images alone."""
    return [block for one in attachments for block in _blocks(one, images=images)]


def with_files(question: str, blocks: Blocks) -> str | list[str | dict[str, Any]]:
    """Return the content of a question's message: its files, then what was asked; one text if there is no image."""
    asked: list[Mapping[str, Any]] = [{"type": "text", "text": question}] if question else []
    whole = [*blocks, *asked]
    if all(block["type"] == "text" for block in whole):
        return "\n\n".join(block["text"] for block in whole)
    return [dict(block) for block in whole]


def _blocks(attachment: Attachment, *, images: bool) -> list[dict[str, Any]]:
    if attachment.is_image and not images:
        return [_text(f'(The image "{attachment.name}" is left out: this model takes no images.)')]
    content = attachment.read()
    if content is None:
        return [_text(f'(The file "{attachment.name}" is not there any more.)')]
    if attachment.is_image:
        data = base64.b64encode(content).decode()
        image = {"type": "image", "base64": data, "mime_type": attachment.media_type}
        return [_text(f'The image "{attachment.name}":'), image]
    return [_text(_quoted(attachment.name, content.decode(errors="replace")))]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _quoted(name: str, text: str) -> str:
    """Return a text in a fence that nothing in it closes."""
    longest = max((len(fence) for fence in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f'The file "{name}":\n{fence}\n{text.rstrip()}\n{fence}'
