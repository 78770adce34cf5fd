"""Conversation titles, made from the first question."""

import re
import unicodedata

from weir.storage.sanitize import replace_unstorable

LENGTH = 48
"""Maximum number of characters of a title made from a question, without its ellipsis."""

_MAX_QUESTION, _MAX_LINE = 10_000, 500
"""Characters of a question, and of each line, that are considered: a bound for long pastes."""

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,}).*$", re.MULTILINE)
_OPENING = re.compile(r"^(?:\s*(?:#{1,6}(?=\s)|>|[-+*](?=\s)|\d{1,9}[.)](?=\s)))+")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_STRONG = re.compile(rf"(\*{{1,3}}|~~|(?<!`)`++)(?=\S)(.{{1,{_MAX_LINE}}}?)(?<=\S)\1")
_UNDERLINED = re.compile(rf"(?<!\w)(_{{1,3}})(?=\S)(.{{1,{_MAX_LINE}}}?)(?<=\S)\1(?!\w)")
_DIRECTION_CONTROLS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
_RULE = re.compile(r"^[\s*_=-]+$")


def title_from_question(question: str) -> str:
    """Return the first line of a question that has text, without Markdown and cut after a word; or an empty text."""
    text = replace_unstorable(_FENCE.sub("", question[:_MAX_QUESTION]))
    lines = (_without_markdown(line) for line in text.splitlines())
    line = next((line for line in lines if line), "")
    if len(line) <= LENGTH:
        return line
    whole_words, _, _ = line[: LENGTH + 1].rpartition(" ")
    return (whole_words or line[:LENGTH]).rstrip(" ,;:.–-") + "…"


def _without_markdown(line: str) -> str:
    line = line.strip()[:_MAX_LINE]
    if _RULE.match(line):
        return ""
    line = _OPENING.sub("", line)
    line = _LINK.sub(r"\1", line)
    line = _STRONG.sub(r"\2", line)
    line = _UNDERLINED.sub(r"\2", line)
    return one_line(line)


def one_line(text: str) -> str:
    """Return a text as one line: without control and direction characters, runs of white space as one space."""
    return " ".join("".join(map(_visible_character, text)).split())


def _visible_character(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
        return " "
    return "" if unicodedata.bidirectional(character) in _DIRECTION_CONTROLS else character
