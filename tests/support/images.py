"""Small images for tests."""

import io

from PIL import Image


def image(format_: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    """Return an image of one colour."""
    written = io.BytesIO()
    Image.new("RGB", size, (14, 110, 124)).save(written, format_)
    return written.getvalue()
