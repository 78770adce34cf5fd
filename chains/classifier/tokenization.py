"""A question as it is looked at: its text without surprises, its words, the pieces of its words."""

import re
import unicodedata
from itertools import pairwise

_READ = 2_000
"""Characters of a question that are read, from its beginning and its end; more only costs time."""

_LONG_NUMBER = re.compile(r"(\d{40})\d+")
_DIGITS = re.compile(r"\d+")
_TOKENS = re.compile(r"[^\W_]+|[^\w\s]")
_PIECE = range(2, 5)
"""Characters of a piece of a word."""


def readable(question: str) -> bool:
    """Return whether there is a letter, a digit or a sign of arithmetic in a question."""
    return any(character.isalnum() or unicodedata.category(character) == "Sm" for character in question)


def clean(question: str) -> str:
    """Return the text that is looked at: compatible forms composed, control characters gone, long text cut."""
    composed = unicodedata.normalize("NFKC", _shortened(question).replace("²", "^2").replace("³", "^3"))
    composed = _shortened(composed)  # one character can be composed of eighteen
    plain = "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else " " for c in composed)
    return _LONG_NUMBER.sub(r"\1", plain)  # searching a very long one takes the square of its length


def _shortened(text: str) -> str:
    return f"{text[: _READ * 3 // 4]}\n{text[-_READ // 4 :]}" if len(text) > _READ else text


def fold(text: str) -> str:
    """Return a text without case, every number as 0."""
    return _DIGITS.sub("0", text.casefold())


def tokens(text: str) -> list[str]:
    """Return the folded words and signs of a text."""
    return _TOKENS.findall(fold(text))


def words(text: str) -> list[str]:
    """Return the tokens of a text and then each pair of neighbours."""
    found = tokens(text)
    return found + [f"{one} {two}" for one, two in pairwise(found)]


def char_ngrams(text: str) -> list[str]:
    """Return the pieces of each word, its ends marked by spaces: they carry over typos and endings."""
    padded = [f" {word} " for word in fold(text).split()]
    return [word[i : i + size] for word in padded for size in _PIECE for i in range(max(1, len(word) - size + 1))]
