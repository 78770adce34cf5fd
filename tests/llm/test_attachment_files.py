"""Files that are sent with a question: what is taken, by the bytes, and what is refused with which sentence."""

import io
import struct
import zlib

import pytest
from PIL import Image

from tests.support.images import image
from weir.llm import attachment_files
from weir.llm.attachment_files import (
    AttachmentError,
    DamagedImageError,
    EmptyFileError,
    TooLargeImageError,
    TooLargeTextError,
    TooManyFilesError,
    TooManyPixelsError,
    UnknownFormatError,
    clean_name,
    read_files,
)


def png_of(width: int, height: int) -> bytes:
    """Return the beginning of an image of that many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b""))
    written = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_image_is_known_by_its_bytes_and_has_a_small_picture(format_: str) -> None:
    content = image(format_, (800, 600))
    [read] = read_files([("a.txt", content)])
    assert (read.media_type, read.content) == (f"image/{format_.lower()}", content)
    with Image.open(io.BytesIO(read.thumbnail)) as small:
        assert (small.format, small.size) == ("WEBP", (213, 160))


def test_a_text_is_whatever_is_utf_8_without_its_byte_order_mark() -> None:
    read = read_files([("Makefile", b"\xef\xbb\xbfall:\n"), ("dir/notes.md", "späte Ömmel".encode())])
    assert [(one.name, one.media_type, one.content, one.thumbnail) for one in read] == [
        ("Makefile", "text/plain", b"all:\n", b""),
        ("notes.md", "text/plain", "späte Ömmel".encode(), b""),
    ]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.txt", b"", EmptyFileError),
        ("a.txt", b" \n\t", EmptyFileError),
        ("a.txt", "\u2003".encode(), EmptyFileError),
        ("a.txt", b"x" * (attachment_files.MAX_TEXT_BYTES + 1), TooLargeTextError),
        ("a.txt", b"\xff\xfeh\x00i\x00", UnknownFormatError),
        ("a.bin", b"text\x00text", UnknownFormatError),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", UnknownFormatError),
        ("a.png", b"<script>alert(1)</script>", UnknownFormatError),
        ("a.png", b"\x89PNG\r\n\x1a\nand no more", DamagedImageError),
        ("a.jpg", image("JPEG", (300, 300))[:400], DamagedImageError),
        ("a.gif", b"GIF89a", DamagedImageError),
        ("a.png", png_of(10_000, 10_000), TooManyPixelsError),
        ("a.png", png_of(100_000, 100_000), TooManyPixelsError),
        ("a.png", image() + bytes(attachment_files.MAX_IMAGE_BYTES), TooLargeImageError),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_cannot_be_sent_is_refused_by_name(name: str, content: bytes, problem: type[AttachmentError]) -> None:
    with pytest.raises(problem, match=f"^“{name}” "):
        read_files([("good.txt", b"good"), (name, content)])


def test_a_question_has_at_most_five_files() -> None:
    with pytest.raises(TooManyFilesError):
        read_files([("a.txt", b"a")] * 6)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("C:\\secret\\notes.txt", "notes.txt"),
        ("../../etc/passwd", "passwd"),
        ("a\nb\tc.txt", "a b c.txt"),
        ("invoice\u202etxt.exe\u200b", "invoicetxt.exe"),
        ("", "file"),
        ("\u200b/", "file"),
        (f"{'a' * 300}.txt", f"{'a' * 79}…{'a' * 16}.txt"),
    ],
)
def test_a_name_is_one_line_of_characters_that_can_be_seen(name: str, clean: str) -> None:
    assert clean_name(name) == clean
