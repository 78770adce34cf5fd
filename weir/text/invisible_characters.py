"""Characters that nobody sees, in a model's text: shown by a mark where they can deceive.

They can turn the order of what is read around, split a word that looks whole, or carry a hidden message. Kept is what
writing needs: joiners after an emoji or a letter of a script that has them, spaces of no width in scripts without
spaces, direction marks, variation selectors, the flags of regions, soft hyphens, a blank after a sign of Braille. Each
of them only once in a row.
"""

import re

MARK = "\ufffd"
"""Stands for a run of characters that cannot be seen."""

_HIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls
    "\u00ad"  # soft hyphens
    "\u061c\u200e\u200f"  # direction marks
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides, isolates
    "\u034f\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff"  # joiners, spaces without width
    "\u115f\u1160\u3164\uffa0\u2800"  # Hangul fillers, the blank of Braille
    "\u17b4\u17b5\U0001bca0-\U0001bca3"  # Khmer vowels that are not heard, controls of shorthand
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
    "\ufff0-\ufffb\U0001d159\U0001d173-\U0001d17a"  # annotations, a note without head, musical controls
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags, and what is kept for more of them
    "\ud800-\udfff"  # halves of a surrogate pair, which no page can be sent
)
HIDDEN = re.compile(f"[{_HIDDEN}]")
_RUN = re.compile(f"[{_HIDDEN}]+")

_JOINERS = "\u034f\u200c\u200d\u180b\u180c\u180d\u180f"
_DIRECTIONS = "\u061c\u200e\u200f"
_HYPHEN, _SPACE = "\u00ad", "\u200b"
_BRAILLE = re.compile("[\u2801-\u28ff]")
_BLANK = "\u2800"
_SPACELESS = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u1aaf\u3040-\u30ff\u3400-\u9fff\ua9e0-\uaadf]")
_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_TAG = re.compile("[\U000e0020-\U000e007f]")
_FLAG, _FLAG_ENDS, _FLAG_LENGTH = "\U0001f3f4", "\U000e007f", 6


class InvisibleCharacterFilter:
    """Feed it text in any pieces; what the pieces are makes no difference. Nothing is held back."""

    def __init__(self) -> None:
        self._before = ""
        self._tags = 0
        """How many more tags the flag may have that was just begun."""

    def feed(self, text: str) -> str:
        """Take more text and return it with its marks."""
        parts: list[str] = []
        at = 0
        for run in _RUN.finditer(text):
            self._pass(text[at : run.start()], parts)
            for character in run.group():
                self._take(character, parts)
            at = run.end()
        self._pass(text[at:], parts)
        return "".join(parts)

    def flush(self) -> str:
        """Say that the text has ended: nothing was held back."""
        return ""

    def _pass(self, plain: str, parts: list[str]) -> None:
        if plain:
            parts.append(plain)
            self._before = plain[-1]
            self._tags = _FLAG_LENGTH if self._before == _FLAG else 0

    def _take(self, character: str, parts: list[str]) -> None:
        if self._is_allowed(character):
            parts.append(character)
            self._before = character
        elif self._before != MARK:
            parts.append(MARK)
            self._before = MARK

    def _is_allowed(self, character: str) -> bool:
        before = self._before
        if self._tags and _TAG.match(character):
            self._tags = 0 if character == _FLAG_ENDS else self._tags - 1
            return True
        if HIDDEN.match(before) and not (_SELECTOR.match(before) and character == "\u200d"):
            return False
        if character == _HYPHEN:
            return bool(before.strip()) and before != MARK
        if character == _BLANK:
            return _BRAILLE.match(before) is not None
        if character in _JOINERS:
            return before >= "\u0590" and before != MARK
        if character == _SPACE:
            return _SPACELESS.match(before) is not None
        if _SELECTOR.match(character):
            return bool(before.strip()) and before != MARK
        return character in _DIRECTIONS and before != MARK


def replace_invisible(text: str) -> str:
    """Return a whole text with its marks."""
    return InvisibleCharacterFilter().feed(text)
