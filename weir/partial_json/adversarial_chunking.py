"""Ways to cut a text into chunks, kind and unkind; each is a function of the text, and joined they are the text."""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

# What a parser must hold together: an escaped surrogate pair, an escape, a number, a literal.
_UNITS = re.compile(
    r"\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\.|-?[0-9][-+.0-9eE]*"
    r"|true|false|null",
    re.DOTALL,
)


def by_characters(text: str, size: int) -> list[str]:
    """Return chunks of `size` characters; the last may be shorter. ValueError if size is less than 1."""
    if size < 1:
        raise ValueError("A chunk has at least one character")
    return [text[at : at + size] for at in range(0, len(text), size)]


def split_inside_tokens(text: str) -> list[str]:
    """Return chunks cut at each place inside an escape, an escaped surrogate pair, a number and a literal."""
    cuts = (cut for unit in _UNITS.finditer(text) for cut in range(unit.start() + 1, unit.end()))
    return [text[start:end] for start, end in pairwise(_bounds(cuts, len(text)))]


def split_inside_characters(text: str) -> list[bytes]:
    """Return the same as UTF-8, cut inside each character of several bytes too.

    A lone surrogate is written as CPython does ("surrogatepass"): UTF-8 has no bytes for it.
    """
    chunks: list[bytes] = []
    for chunk in split_inside_tokens(text):
        data = chunk.encode("utf-8", "surrogatepass")
        cuts = (at for at, byte in enumerate(data) if byte & 0xC0 == 0x80)
        chunks.extend(data[start:end] for start, end in pairwise(_bounds(cuts, len(data))))
    return chunks


def decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the text that each chunk of UTF-8 completes, '' too; bytes that are no UTF-8 become U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for chunk in chunks:
        yield decoder.decode(chunk)
    if rest := decoder.decode(b"", True):
        yield rest


def drop_last(text: str, characters: int) -> str:
    """Return the text without its last characters: a stream that was cut off."""
    return text[: max(0, len(text) - characters)]


def _bounds(cuts: Iterable[int], end: int) -> list[int]:
    return [0, *cuts, end] if end else []
