"""What can be seen in a question without having learned anything: words of the lists, numbers, formulas, code.

Examples never name every word that people use. These signals carry over to the words that they do not name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from chains.classifier.instruction import Parts, parts_of
from chains.classifier.patterns import CODE_PATTERNS, FORM_OF_ANSWER, LATEX, PATTERNS
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
    Signal("number_words", "numbers in words"),
    Signal("specifications", "the words of a specification"),
    Signal("session", "examples of calls with their results"),
    Signal("computing", "words of computing"),
    Signal("answer_form", "a form for the answer"),
    Signal("text_tasks", "something to do with a text"),
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
    lambda n: n["text_tasks"] > 0 and not _code(n) and not _math(n),
    lambda n: n["computing"] > 0 and not n["general_words"] and not n["text_tasks"],
)


# A story with numbers is a problem if it ends with a question for a quantity.
_ASKED_AND_GIVEN: tuple[Callable[[_Counts, _Counts], bool], ...] = (
    lambda asked, given: asked["quantity"] > 0 and _numbers(asked) + _numbers(given) >= 2,
    lambda asked, given: asked["quantity"] > 0 and _numbers(asked) + _numbers(given) >= 4 and not asked["text_tasks"],
    lambda asked, given: asked["quantity"] > 0 and _numbers(asked) + _numbers(given) == 0,
    lambda asked, given: _numbers(given) >= 3 and not asked["quantity"],
    lambda asked, given: _code(given) and not _code(asked),
    lambda asked, given: _code(given) and not asked["text_tasks"] and not asked["answer_form"],
    lambda asked, given: asked["computing"] + given["computing"] >= 3,
    lambda asked, given: asked["specifications"] + given["specifications"] >= 3 and not asked["general_words"],
    lambda asked, given: asked["session"] + given["session"] >= 2,
    lambda asked, given: not any(asked[n] + given[n] for n in ("computing", "code_words", "languages", "punctuation")),
)


def _numbers(n: _Counts) -> int:
    return n["numbers"] + n["number_words"]


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is found in a text."""

    parts: Parts
    asked: _Counts
    """How often each signal is found in the instruction, at most three times."""
    given: _Counts
    """And in the rest, at most `_MOST_GIVEN` times."""

    @property
    def is_any(self) -> bool:
        return any(self.asked.values()) or any(self.given.values())


_MOST_GIVEN = 12


def evidence(text: str) -> Evidence:
    """Return what is found in a text and where."""
    parts = parts_of(text)
    return Evidence(parts, _counts(parts.instruction, 3), _counts(parts.rest, _MOST_GIVEN))


def _counts(text: str, most: int) -> _Counts:
    if not text.strip():
        return dict.fromkeys((signal.name for signal in SIGNALS), 0)
    words = _FINDER.find(text)
    without_latex = LATEX.sub(" ", text)
    to_calculate = FORM_OF_ANSWER.sub(" ", text)
    counts = {}
    for signal in SIGNALS:
        name = signal.name
        if name in CODE_PATTERNS:
            counts[name] = sum(1 for _ in islice(CODE_PATTERNS[name].finditer(without_latex), most))
        elif name in PATTERNS:
            counts[name] = sum(1 for _ in islice(PATTERNS[name].finditer(to_calculate), most))
        else:
            counts[name] = min(most, len(words.get(name, ())))
    return counts


def measure(found: Evidence) -> list[float]:
    """Return numbers between 0 and 1: each of `SIGNALS` in the instruction, their combinations, and each in the rest.

    In the rest a signal counts by its share of the words: evidence does not grow with the length of a text.
    """
    size = max(1.0, len(found.parts.rest.split()) / _WORDS_A_SIGNAL)
    return [
        *(_STRENGTH[count] for count in found.asked.values()),
        *(float(holds(found.asked)) for holds in _TOGETHER),
        *(min(1.0, count / size) for count in found.given.values()),
        *(float(holds(found.asked, found.given)) for holds in _ASKED_AND_GIVEN),
        float(found.parts.has_options),
        min(1.0, len(found.parts.rest) / 400),
    ]


_WORDS_A_SIGNAL = 25
"""Words of the rest among which a signal is as strong as it can be."""


def subjects(found: _Counts) -> set[str]:
    """Return the categories of which a question, short as it may be, says something by itself."""
    named = {"math": _math(found) or found["numbers"] > 1, "code": _code(found)}
    named["general"] = bool(found["greeting"]) or _framed(found)
    return {category for category, holds in named.items() if holds}


def quotes(text: str) -> Mapping[str, Sequence[str]]:
    """Return the words of each list that a text has, at most three of each."""
    return {name: words[:3] for name, words in _FINDER.find(text).items()}
