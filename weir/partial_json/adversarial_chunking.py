"""Chunkers that cut a text to test parsers: by length, or inside tokens and UTF-8 characters.

Each is a pure function of the text. Joined, the chunks are the text.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

# Tokens that a parser has to reassemble: an escaped surrogate pair, an escape, a number, a literal.
_TOKENS = re.compile(
    r"\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\.|-?[0-9][-+.0-9eE]*"
    r"|true|false|null",
    re.DOTALL,
)


def by_characters(text: str, size: int) -> list[str]:
    """Return chunks of `size` characters; the last may be shorter. Raises ValueError if `size` is less than 1."""
    if size < 1:
        raise ValueError("A chunk has at least one character")
    return [text[at : at + size] for at in range(0, len(text), size)]


def split_inside_tokens(text: str) -> list[str]:
    """Return chunks cut at each position inside an escape, an escaped surrogate pair, a number and a literal."""
    cuts = (cut for token in _TOKENS.finditer(text) for cut in range(token.start() + 1, token.end()))
    return [text[start:end] for start, end in pairwise(_bounds(cuts, len(text)))]


def split_inside_characters(text: str) -> list[bytes]:
    """Return the chunks of `split_inside_tokens` as UTF-8, also cut inside each character of several bytes.

    A lone surrogate, which UTF-8 cannot encode, is written as CPython's "surrogatepass" does.
    """
    chunks: list[bytes] = []
    for chunk in split_inside_tokens(text):
        data = chunk.encode("utf-8", "surrogatepass")
        cuts = (at for at, byte in enumerate(data) if byte & 0xC0 == 0x80)
        chunks.extend(data[start:end] for start, end in pairwise(_bounds(cuts, len(data))))
    return chunks


def decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    """Decode chunks of UTF-8: yield the text that each completes, which may be ''. Invalid bytes become U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for chunk in chunks:
        yield decoder.decode(chunk)
    if rest := decoder.decode(b"", True):
        yield rest


def drop_last(text: str, characters: int) -> str:
    """Return the text without its last characters, as if the stream had been cut off."""
    return text[: max(0, len(text) - characters)]


def _bounds(cuts: Iterable[int], end: int) -> list[int]:
    return [0, *cuts, end] if end else []
