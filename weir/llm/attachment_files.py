"""Reading the files that somebody sends with a question. Their bytes decide what they are, not their names."""

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from weir.llm.attachments import TEXT_TYPE, Attachment

MAX_FILES = 5
"""Files of a question."""
MAX_TEXT_BYTES = 200_000
MAX_IMAGE_BYTES = 5_000_000
MAX_PIXELS = 25_000_000
MAX_NAME = 100
"""Characters of a name; what is longer is cut in its middle."""
THUMBNAIL = (240, 160)
"""Pixels of the small picture that pages show, at most."""

_IMAGES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
_IMAGE_NAMES = (".png", ".jpg", ".jpeg", ".webp", ".gif")


class AttachmentError(ValueError):
    """A file cannot be sent with a question. Its text says why and what to do, for people."""

    template: ClassVar[str]

    def __init__(self, name: str) -> None:
        super().__init__(self.template.format(name=name))


class TooManyFilesError(AttachmentError):
    """A question has more than MAX_FILES files."""

    template = "A question can have 5 files. Send fewer at once."


class EmptyFileError(AttachmentError):
    """There is nothing in the file."""

    template = "“{name}” is empty. Choose another file."


class TooLargeTextError(AttachmentError):
    """The text is longer than MAX_TEXT_BYTES."""

    template = "“{name}” is too large: a text file can have 200 kB. Send the part that the question is about."


class TooLargeImageError(AttachmentError):
    """The image has more than MAX_IMAGE_BYTES."""

    template = "“{name}” is too large: an image can have 5 MB. Make it smaller, for example as a JPEG."


class TooManyPixelsError(AttachmentError):
    """The image has more than MAX_PIXELS."""

    template = "“{name}” is too large: an image can have 25 megapixels. Make it smaller."


class UnknownFormatError(AttachmentError):
    """The file is neither text nor an image of a known format."""

    template = (
        "“{name}” is neither text in UTF-8 nor an image in PNG, JPEG, WebP or GIF. Save it in one of these formats."
    )


class DamagedImageError(AttachmentError):
    """The image cannot be decoded."""

    template = "“{name}” is no whole image. Save it again, or choose another file."


@dataclass(frozen=True, slots=True)
class AttachmentFile:
    """A file that was read and can be sent."""

    name: str
    """One line, without what changes the direction of text or cannot be seen."""
    media_type: str
    content: bytes
    thumbnail: bytes = b""
    """A small picture of an image, as WebP."""

    @property
    def attachment(self) -> Attachment:
        """The file as a model gets it."""
        return Attachment(self.name, self.media_type, len(self.content), partial(bytes, self.content))


def read_files(files: Sequence[tuple[str, bytes]]) -> list[AttachmentFile]:
    """Return the files of a question, given as `(name, content)`. Raises AttachmentError for the first unfit one."""
    if len(files) > MAX_FILES:
        raise TooManyFilesError("")
    return [_read(clean_name(name), content) for name, content in files]


def clean_name(name: str) -> str:
    """Return the last part of a file's name, as one line of characters that can be seen."""
    last = name.replace("\\", "/").rpartition("/")[2]
    visible = "".join(one for one in last if one.isspace() or unicodedata.category(one)[0] != "C")
    line = " ".join(visible.split()) or "file"
    return line if len(line) <= MAX_NAME else f"{line[: MAX_NAME - 21]}…{line[-20:]}"


def _read(name: str, content: bytes) -> AttachmentFile:
    if not content.strip():
        raise EmptyFileError(name)
    if (format_ := _image_format(content)) is not None:
        if len(content) > MAX_IMAGE_BYTES:
            raise TooLargeImageError(name)
        return AttachmentFile(name, _IMAGES[format_], content, _thumbnail(name, format_, content))
    if name.lower().endswith(_IMAGE_NAMES):
        raise UnknownFormatError(name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnknownFormatError(name) from None
    if "\0" in text:
        raise UnknownFormatError(name)
    if not text.strip():
        raise EmptyFileError(name)
    if len(content) > MAX_TEXT_BYTES:
        raise TooLargeTextError(name)
    return AttachmentFile(name, TEXT_TYPE, text.encode())


def _image_format(content: bytes) -> str | None:
    """Return the format that the first bytes of a file say."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    return "WEBP" if content.startswith(b"RIFF") and content[8:12] == b"WEBP" else None


def _thumbnail(name: str, format_: str, content: bytes) -> bytes:
    """Decode an image and return a small one. Raises TooManyPixelsError, before it is decoded, or DamagedImageError."""
    # Needed with images only.
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content), formats=[format_]) as image:
            if image.width * image.height <= MAX_PIXELS:
                image.draft("RGB", THUMBNAIL)
                small = ImageOps.exif_transpose(image)
                small.thumbnail(THUMBNAIL)
                written = io.BytesIO()
                small.convert("RGBA" if small.has_transparency_data else "RGB").save(written, "WEBP", quality=80)
                return written.getvalue()
    except Image.DecompressionBombError:
        pass
    # Decoders raise errors of many kinds for bytes that somebody else has made.
    except Exception:
        raise DamagedImageError(name) from None
    raise TooManyPixelsError(name)
