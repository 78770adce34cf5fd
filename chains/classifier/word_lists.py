"""The word lists of the `.toml` files, looked up in a text in one pass, or made into a part of a pattern."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

FILES = [Path(__file__).with_name(name) for name in ("word_lists.toml", "follow_up_words.toml")]

_WORDS = re.compile(r"\w+|[^\w\s]")


def _read() -> dict[str, list[str]]:
    read = [tomllib.loads(path.read_text(encoding="utf-8")) for path in FILES]
    return {
        name: [word for part in listed.split(",") if (word := " ".join(part.casefold().split()))]
        for lists in read
        for name, listed in lists.items()
    }


LISTS = _read()
"""Each list by its name, as it stands in its file."""


def alternatives(name: str) -> str:
    """Return a list as a group of a regular expression, the longest words first."""
    words = sorted(LISTS[name], key=len, reverse=True)
    return f"(?:{'|'.join(_escaped(word) for word in words)})"


def _escaped(word: str) -> str:
    escaped = re.escape(word.removesuffix("*")).replace(r"\ ", " ")
    return escaped + r"\w{0,40}+" if word.endswith("*") else escaped


class WordFinder:
    """Finds the words of several lists in a text at once, in time proportional to the text."""

    def __init__(self, names: Iterable[str]) -> None:
        self._phrases: dict[str, list[_Phrase]] = defaultdict(list)
        """By the first word, the longest first."""
        self._beginnings: dict[str, list[str]] = defaultdict(list)
        for name in names:
            for word in LISTS[name]:
                if word.endswith("*"):
                    self._beginnings[word[:-1]].append(name)
                else:
                    words = tuple(_WORDS.findall(word))
                    self._phrases[words[0]].append(_Phrase(name, word, words))
        for phrases in self._phrases.values():
            phrases.sort(key=lambda phrase: -len(phrase.words))
        self._sizes = sorted({len(beginning) for beginning in self._beginnings})

    def find(self, text: str) -> Mapping[str, list[str]]:
        """Return the words of each list that are in a text, in its order; only of lists with any."""
        words = _WORDS.findall(text.casefold())
        found: dict[str, list[str]] = defaultdict(list)
        read_to: dict[str, int] = defaultdict(int)
        for place, word in enumerate(words):
            for name, written, size in self._at(words, place, word):
                if place >= read_to[name]:  # of a phrase, its words do not count again
                    found[name].append(written)
                    read_to[name] = place + size
        return found

    def _at(self, words: Sequence[str], place: int, word: str) -> Iterator[tuple[str, str, int]]:
        for name, written, phrase in self._phrases.get(word, ()):
            if len(phrase) == 1 or tuple(words[place : place + len(phrase)]) == phrase:
                yield name, written, len(phrase)
        for size in self._sizes:
            if size > len(word):
                break
            for name in self._beginnings.get(word[:size], ()):
                yield name, word, 1


class _Phrase(NamedTuple):
    list_name: str
    written: str
    words: tuple[str, ...]
