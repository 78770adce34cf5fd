"""What can be seen in a question without having learned anything: words of the lists, numbers, formulas, code.

Examples never name every word that people use. These signals carry over to the words that they do not name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from chains.classifier.patterns import CODE_PATTERNS, LATEX, PATTERNS
from chains.classifier.word_lists import WordFinder


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing to look for: the name of a word list, or of a pattern."""

    name: str
    description: str


SIGNALS = (
    Signal("languages", "the name of a tool for programmers"),
    Signal("language_in_context", "the name of a programming language"),
    Signal("code_words", "words of programmers"),
    Signal("strong_code", "words of programmers"),
    Signal("build", "a wish for a program"),
    Signal("imperative", "an instruction for a program"),
    Signal("error", "an error message"),
    Signal("punctuation", "the punctuation of code"),
    Signal("statement", "lines of code"),
    Signal("command", "a shell command"),
    Signal("sql", "an SQL statement"),
    Signal("sheet", "a spreadsheet formula"),
    Signal("math_words", "words of mathematics"),
    Signal("strong_math", "words of mathematics"),
    Signal("expression", "an arithmetic expression"),
    Signal("equation", "an equation"),
    Signal("numbers", "its numbers"),
    Signal("year", "a year"),
    Signal("money", "sums of money"),
    Signal("convert", "units to convert"),
    Signal("units", "units"),
    Signal("arithmetic", "nothing but arithmetic"),
    Signal("prove", "something to prove or solve"),
    Signal("quantity", "a question for a quantity"),
    Signal("general_words", "everyday words"),
    Signal("greeting", "a greeting"),
    Signal("who", "a question for a person, a time or a place"),
    Signal("creative", "a wish for a text"),
    Signal("translate", "a wish for a translation or summary"),
    Signal("history", "a question of history"),
    Signal("other_meanings", "words that have another meaning here"),
)

_FINDER = WordFinder([signal.name for signal in SIGNALS if signal.name not in PATTERNS | CODE_PATTERNS])

_STRENGTH = (0.0, 0.6, 0.8, 1.0)
"""Of a signal found never, once, twice, or more often."""

_Counts = Mapping[str, int]

# Signals say more together than alone: two numbers make a question for a quantity a word problem; without a number,
# it is trivia.
_TOGETHER: tuple[Callable[[_Counts], bool], ...] = (
    lambda n: n["numbers"] >= 2,
    lambda n: n["numbers"] >= 4,
    lambda n: n["quantity"] > 0 and n["numbers"] >= 2,
    lambda n: n["quantity"] > 0 and not n["numbers"] and not _math(n),
    lambda n: n["math_words"] > 0 and n["numbers"] > 0,
    lambda n: n["code_words"] > 0 and not n["general_words"],
    lambda n: n["math_words"] > 0 and not _code(n),
    lambda n: n["math_words"] > 0 and _code(n),
    lambda n: n["year"] > 0 and n["numbers"] <= 1 and not _math(n),
    lambda n: n["code_words"] > 0 and not _code(n),
    lambda n: n["math_words"] > 0 and not _math(n),
    lambda n: n["math_words"] > 0 and not _math(n) and not n["numbers"],
    lambda n: n["general_words"] > 0 and not _code(n) and not _math(n),
    lambda n: _framed(n) and not n["build"],
    lambda n: _framed(n) and (_code(n) or _math(n)) and not n["build"],
    lambda n: _code(n) and not _framed(n),
    lambda n: _math(n) and not _framed(n) and not _code(n),
    lambda n: not _code(n) and not _math(n),
)


def _code(n: _Counts) -> bool:
    return any(
        n[name]
        for name in (
            "languages",
            "language_in_context",
            "strong_code",
            "build",
            "error",
            "statement",
            "command",
            "sql",
            "sheet",
        )
    )


def _math(n: _Counts) -> bool:
    return any(n[name] for name in ("strong_math", "expression", "equation", "convert", "arithmetic", "prove"))


def _framed(n: _Counts) -> bool:
    return any(n[name] for name in ("who", "creative", "translate", "history"))


def counts(text: str) -> Mapping[str, int]:
    """Return how often each signal is found, at most three times."""
    plain = LATEX.sub(" ", text)
    words = _FINDER.find(text)
    return {signal.name: _count(signal.name, text, plain, words) for signal in SIGNALS}


def _count(name: str, text: str, plain: str, words: Mapping[str, Sequence[str]]) -> int:
    if name in PATTERNS:
        return sum(1 for _ in islice(PATTERNS[name].finditer(text), 3))
    if name in CODE_PATTERNS:
        return sum(1 for _ in islice(CODE_PATTERNS[name].finditer(plain), 3))
    return min(3, len(words.get(name, ())))


def measure(found: Mapping[str, int]) -> list[float]:
    """Return counts as numbers between 0 and 1: one for each of `SIGNALS`, then one for each of their combinations."""
    return [_STRENGTH[count] for count in found.values()] + [float(holds(found)) for holds in _TOGETHER]


def subjects(found: Mapping[str, int]) -> set[str]:
    """Return the categories of which a question, short as it may be, says something by itself."""
    named = {"math": _math(found) or found["numbers"] > 1, "code": _code(found)}
    named["general"] = bool(found["greeting"]) or _framed(found)
    return {category for category, holds in named.items() if holds}


def quotes(text: str) -> Mapping[str, Sequence[str]]:
    """Return the words of each list that a text has, at most three of each."""
    return {name: words[:3] for name, words in _FINDER.find(text).items()}
