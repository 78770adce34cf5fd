"""Finds what is asked for in a long text: its instruction, apart from what is quoted, given or to choose from."""

import re
from dataclasses import dataclass

from chains.classifier.word_lists import alternatives

_SHORT = 160
"""Characters of a text that is all instruction, but for its quoted matter and options."""

_MATERIAL = re.compile(
    r"```[^`]{0,1500}+(?:```|\Z)|\"[^\"\n]{25,1500}+\"|“[^”\n]{25,1500}+”|«[^»\n]{25,1500}+»|"
    r"^[ \t]{0,9}+(?:>>>[^\n]{0,300}+|\(?[A-Ha-h1-9][.):][ \t][^\n]{0,500}+)$",
    re.MULTILINE,
)
"""Code between fences, long quotations, interpreter sessions, and options, each on a line of its own."""

_OPTIONS = re.compile(r"\s\(?[Aa][.):]\s[^\n]{1,400}?\s\(?[Bb][.):]\s[^\n]{0,1500}+")
"""Options within a line."""

_OPTION_LINE = re.compile(r"^\s{0,9}\(?[B-Db-d][.):]\s", re.MULTILINE)

_SENTENCE = re.compile(r"[^.?!。？！\n]{1,600}+[.?!。？！\n]{0,9}+|[.?!。？！\n]{1,600}+")

_ASKS = re.compile(rf"^\W{{0,9}}+(?:please |tolong |can you |could you |coba )?{alternatives('asks')}\b", re.IGNORECASE)

_INSTRUCTION_SENTENCES = 3
"""Sentences of a long text that are read as its instruction."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A text in two parts, either of which can be empty."""

    instruction: str
    rest: str
    """Quoted matter, options, code, and the sentences that ask for nothing."""

    @property
    def has_options(self) -> bool:
        return bool(_OPTIONS.search(self.rest)) or len(_OPTION_LINE.findall(self.rest)) > 1


def parts_of(text: str) -> Parts:
    """Return the instruction of a text and the rest of it, each in the order of the text."""
    aside: list[str] = []

    def put_aside(match: re.Match[str]) -> str:
        aside.append(match.group())
        return " \n"

    plain = _OPTIONS.sub(put_aside, _MATERIAL.sub(put_aside, text))
    if not any(character.isalnum() for character in plain):
        return Parts(text, "")
    sentences = _SENTENCE.findall(plain)
    if len(plain) <= _SHORT or len(sentences) <= _INSTRUCTION_SENTENCES:
        return Parts(plain, "\n".join(aside))
    numbered = [place for place, sentence in enumerate(sentences) if any(map(str.isalnum, sentence))]
    first, last = numbered[0], numbered[-1]
    weights = {
        place: 3 * bool(_ASKS.match(sentences[place]))
        + 3 * ("?" in sentences[place] or "？" in sentences[place])
        + 2 * (place == first)
        + (place == last)
        for place in numbered
    }
    chosen = set(sorted(numbered, key=lambda place: (-weights[place], place))[:_INSTRUCTION_SENTENCES])
    rest = [sentence for place, sentence in enumerate(sentences) if place not in chosen]
    return Parts("".join(sentences[place] for place in sorted(chosen)), "".join(rest) + "\n" + "\n".join(aside))
