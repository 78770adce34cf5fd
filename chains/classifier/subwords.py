"""Subwords: a text as known words, and pieces of the words that are not known, by the vocabulary of a text encoder."""

import re
import unicodedata
from collections.abc import Container

_WORDS = re.compile(r"\w+|[^\w\s]")
_LONGEST = 40
"""Characters of a word that is looked at; the search takes the square of its length."""
INNER = "##"
"""What a piece begins with that is not the beginning of a word."""


def subwords(text: str, known: Container[str]) -> list[str]:
    """Return the longest known beginning of each word, then that of the rest of it, and so on (WordPiece).

    A word with an unknown rest gives nothing, as one of more than 40 characters.
    """
    plain = unicodedata.normalize("NFD", text.lower())
    plain = "".join(character for character in plain if unicodedata.category(character) != "Mn")
    return [piece for word in _WORDS.findall(plain) for piece in _pieces(word, known)]


def _pieces(word: str, known: Container[str]) -> list[str]:
    if word in known:
        return [word]
    if len(word) > _LONGEST:
        return []
    found: list[str] = []
    start = 0
    while start < len(word):
        mark = INNER if start else ""
        end = next((end for end in range(len(word), start, -1) if mark + word[start:end] in known), None)
        if end is None:
            return []
        found.append(mark + word[start:end])
        start = end
    return found
