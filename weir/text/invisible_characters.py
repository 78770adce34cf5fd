"""Filter for invisible Unicode characters in a model's text: replaces them by a mark where they can deceive a reader.

Invisible characters can reverse the order of text on the screen, split a word that looks whole, or carry a hidden
message. Those that writing needs pass, each once in a row: joiners after an emoji or a letter of a script that uses
them, zero-width spaces in scripts without spaces, direction marks, variation selectors, flags of regions, soft hyphens,
and a Braille blank after a Braille sign.
"""

import re

MARK = "\ufffd"
"""Replaces a run of invisible characters."""

_HIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls
    "\u00ad"  # soft hyphens
    "\u061c\u200e\u200f"  # direction marks
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides, isolates
    "\u034f\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff"  # joiners, zero-width spaces
    "\u115f\u1160\u3164\uffa0\u2800"  # Hangul fillers, the Braille blank
    "\u17b4\u17b5\U0001bca0-\U0001bca3"  # silent Khmer vowels, shorthand format controls
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
    "\ufff0-\ufffb\U0001d159\U0001d173-\U0001d17a"  # annotations, a note without head, musical controls
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags, and the range reserved for more
    "\ud800-\udfff"  # lone surrogates, which UTF-8 cannot encode
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
    """Incremental filter. The result does not depend on how the text is cut, and no text is held back."""

    def __init__(self) -> None:
        self._before = ""
        self._tags = 0
        """How many tag characters may still follow the flag that has just started."""

    def feed(self, text: str) -> str:
        """Return the text with its deceptive invisible characters replaced."""
        parts: list[str] = []
        at = 0
        for run in _RUN.finditer(text):
            self._copy(text[at : run.start()], parts)
            for character in run.group():
                self._filter(character, parts)
            at = run.end()
        self._copy(text[at:], parts)
        return "".join(parts)

    def flush(self) -> str:
        """Return "": no text is held back."""
        return ""

    def _copy(self, visible: str, parts: list[str]) -> None:
        if visible:
            parts.append(visible)
            self._before = visible[-1]
            self._tags = _FLAG_LENGTH if self._before == _FLAG else 0

    def _filter(self, character: str, parts: list[str]) -> None:
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
    """Filter a whole text."""
    return InvisibleCharacterFilter().feed(text)
