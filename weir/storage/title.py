"""A conversation's title, from its first question."""

import re
import unicodedata

from weir.storage.sanitize import replace_unstorable

LENGTH = 48
"""Characters that a title made from a question has at most, without its ellipsis."""

_READ, _LINE = 10_000, 500
"""Characters of a question that are looked at, and of each line, for a long paste."""

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,}).*$", re.MULTILINE)
_OPENING = re.compile(r"^(?:\s*(?:#{1,6}(?=\s)|>|[-+*](?=\s)|\d{1,9}[.)](?=\s)))+")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_STRONG = re.compile(rf"(\*{{1,3}}|~~|(?<!`)`++)(?=\S)(.{{1,{_LINE}}}?)(?<=\S)\1")
_UNDERLINED = re.compile(rf"(?<!\w)(_{{1,3}})(?=\S)(.{{1,{_LINE}}}?)(?<=\S)\1(?!\w)")
_TURNS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
_RULE = re.compile(r"^[\s*_=-]+$")


def title_from_question(question: str) -> str:
    """Return the first line of a question that says something, without Markdown, cut after a word; or nothing."""
    lines = (_plain(line) for line in replace_unstorable(_FENCE.sub("", question[:_READ])).splitlines())
    line = next((line for line in lines if line), "")
    if len(line) <= LENGTH:
        return line
    whole_words, _, _ = line[: LENGTH + 1].rpartition(" ")
    return (whole_words or line[:LENGTH]).rstrip(" ,;:.–-") + "…"


def _plain(line: str) -> str:
    line = line.strip()[:_LINE]
    if _RULE.match(line):
        return ""
    line = _OPENING.sub("", line)
    line = _LINK.sub(r"\1", line)
    line = _STRONG.sub(r"\2", line)
    line = _UNDERLINED.sub(r"\2", line)
    return one_line(line)


def one_line(text: str) -> str:
    """Return a text without control characters or changes of direction, its spaces and line ends each one space."""
    return " ".join("".join(map(_kept, text)).split())


def _kept(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
        return " "
    return "" if unicodedata.bidirectional(character) in _TURNS else character
