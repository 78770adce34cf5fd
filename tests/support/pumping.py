"""Texts that make a regular expression or a function slow, and the check that time grows with the length alone.

A text is `before + unit * n + after`. The units of a pattern are taken from the parsed pattern: the literals and
characters that it names, and for each part that it repeats a text that leads there.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

LENGTH = 20_000
"""Characters of the longest text."""

MOST = 3.0
"""What doubling the length may multiply the time by."""

FLOOR = 0.004
"""Seconds below which a time counts as none."""

BUDGET = 1.0
"""CPU seconds that a text of any length up to `LENGTH` may take: what is exponential fails here and does not hang."""

SEPARATORS = (" ", "\t", "\n", "\r\n", "-", "_", "`", "~", "$", "1", "a", "A", "*", "\\", '"', ".", "(", "[", "{", "<")
MIXED = (
    '"\\',
    " \n",
    "\n\n",
    "\t \n",
    "-_",
    "`~$",
    "a ",
    "a-",
    "a_",
    "1 ",
    "1.",
    "a1",
    "a.b ",
    "\\\\",
    '\\"',
    "a\n",
    "(a",
    "é ",
)
ENDS = ("", "\x00", "!\n")
"""What follows the repeated text: nothing, or what hardly any pattern matches."""

_STEPS = (16, 20, 24, 28, 32, 40, 56, 80, 120, 200, 400, 800, 1_250)
_ANY = "a 1-.\n"


class Pump(NamedTuple):
    """A text of any length."""

    before: str
    unit: str
    after: str = ""

    def text(self, length: int) -> str:
        return self.before + self.unit * max(1, length // len(self.unit)) + self.after


def cpu_seconds(call: Callable[[], object], times: int = 1) -> float:
    """Return the least CPU time that a call took in this thread."""
    least = float("inf")
    for _ in range(times):
        began = time.thread_time()
        call()
        least = min(least, time.thread_time() - began)
    return least


def trouble(run: Callable[[str], object], pump: Pump, length: int = LENGTH, budget: float = BUDGET) -> str | None:
    """Return what is wrong with how the time of `run` grows with the text; None where it grows with the length."""

    def took(characters: int, times: int = 1) -> float:
        text = pump.text(characters)
        return cpu_seconds(lambda: run(text), times)

    quarter = length // 4
    for step in (*(step for step in _STEPS if step < quarter / 2), quarter // 2, quarter):
        if (seconds := took(step)) > budget / 4:
            return f"{seconds:.2f} s of CPU for {step} characters of {pump!r}"
    if seconds <= FLOOR / 10 or seconds <= 2.3 * took(quarter // 2) or took(quarter, 3) <= 2.3 * took(quarter // 2, 3):
        return None
    for _ in range(3):
        whole = took(length)
        if whole > budget:
            return f"{whole:.2f} s of CPU for {length} characters of {pump!r}"
        half, whole = took(length // 2, 2), min(whole, took(length))
        if whole <= FLOOR or whole <= MOST * half:
            return None
    return f"{half * 1e3:.1f} ms of CPU for {length // 2} characters of {pump!r}, {whole * 1e3:.1f} ms for {length}"


# Pumps of a pattern ---------------------------------------------------------------------------------------------------

_parser: Any = getattr(re, "_parser")  # noqa: B009, typeshed does not have it
_REPEATS = {_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT}
_CATEGORIES = {
    "CATEGORY_DIGIT": "1",
    "CATEGORY_NOT_DIGIT": "a -",
    "CATEGORY_SPACE": " \n\t",
    "CATEGORY_NOT_SPACE": "a-1",
    "CATEGORY_WORD": "a1_",
    "CATEGORY_NOT_WORD": " -\n",
}
_LONG = 8
"""Repetitions from which a part of a pattern is worth repeating."""


def pumps(pattern: re.Pattern[Any]) -> list[Pump]:
    """Return texts for a pattern, each once."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    parsed = _parser.parse(source, pattern.flags & ~(0 if isinstance(pattern.pattern, str) else re.UNICODE))
    found = dict.fromkeys(_all_pumps(list(parsed)))
    return [pump for pump in found if pump.unit]


def _all_pumps(items: list[Any]) -> Iterator[Pump]:
    for unit in (*SEPARATORS, *MIXED):
        for end in ENDS[:2]:
            yield Pump("", unit, end)
    for piece in _sampled(_literals(items), 6):
        yield Pump("", piece, "\x00")
        yield Pump("", f"{piece} ")
        yield Pump("", f"{piece}-")
    for before, unit in _sampled(list(dict.fromkeys(_repeated(items, ""))), 24):
        for end in ENDS:
            yield Pump(before, unit, end)
        if before:
            yield Pump("", before + unit)
            yield Pump("", f"{before}{unit} ")
            yield Pump(before, before + unit, "\x00")


def _sampled(found: list[Any], most: int) -> list[Any]:
    """Return some of the found, evenly spread."""
    step = max(1, -(-len(found) // most))
    return found[::step]


def _literals(items: Iterable[Any]) -> list[str]:
    """Return the runs of literal characters, and the characters of classes."""
    found: list[str] = []
    run = ""
    for op, value in items:
        if op is _parser.LITERAL:
            run += chr(value)
            continue
        if run:
            found.append(run)
            run = ""
        if op is _parser.IN:
            found.extend(_of_class(value))
        for below in _below(op, value):
            found.extend(_literals(below))
    return list(dict.fromkeys([*found, run] if run else found))


def _below(op: Any, value: Any) -> list[list[Any]]:
    """Return the sequences inside of one item."""
    if op in _REPEATS:
        return [list(value[2])]
    if op is _parser.SUBPATTERN:
        return [list(value[3])]
    if op is _parser.ATOMIC_GROUP:
        return [list(value)]
    if op in (_parser.ASSERT, _parser.ASSERT_NOT):
        return [list(value[1])]
    if op is _parser.BRANCH:
        return [list(branch) for branch in value[1]]
    return []


def _of_class(value: list[Any]) -> str:
    """Return some characters of a class."""
    inside = ""
    for op, what in value:
        if op is _parser.LITERAL:
            inside += chr(what)
        elif op is _parser.RANGE:
            inside += chr(what[0])
        elif op is _parser.CATEGORY:
            inside += _CATEGORIES[str(what)]
    if value[0][0] is _parser.NEGATE:
        return "".join(c for c in "a -\n[(<1x" if c not in inside)[:4] or "\u1234"
    return inside[:6]


def _witness(items: Iterable[Any]) -> str:
    """Return a text that a sequence matches, or nearly: assertions are passed over."""
    found = ""
    for op, value in items:
        if op is _parser.LITERAL:
            found += chr(value)
        elif op is _parser.NOT_LITERAL:
            found += "b" if value == ord("a") else "a"
        elif op is _parser.ANY:
            found += "a"
        elif op is _parser.IN:
            found += _of_class(value)[:1]
        elif op in _REPEATS:
            found += _witness(value[2]) * value[0]
        elif op in (_parser.SUBPATTERN, _parser.ATOMIC_GROUP, _parser.BRANCH):
            found += _witness(_below(op, value)[0])
    return found


def _repeated(items: list[Any], before: str) -> Iterator[tuple[str, str]]:
    """Yield what leads to each repeated part, with texts that the part matches."""
    for op, value in items:
        if op in _REPEATS and value[1] >= _LONG:
            units = _of_class(value[2][0][1]) if len(value[2]) == 1 and value[2][0][0] is _parser.IN else ""
            if len(value[2]) == 1 and value[2][0][0] in (_parser.ANY, _parser.NOT_LITERAL):
                units = _ANY
            for unit in (*units, _witness(value[2])):
                if unit:
                    yield before, unit
        for below in _below(op, value):
            yield from _repeated(below, before)
        before += _witness([(op, value)])


def uses(pattern: re.Pattern[Any], methods: set[str]) -> list[Callable[[str], object]]:
    """Return what to time: the ways in which a pattern is used; where that is not known, those that do most."""
    encode: Callable[[str], Any] = (
        (lambda text: text) if isinstance(pattern.pattern, str) else (lambda text: text.encode("latin-1", "replace"))
    )
    ways: list[Callable[[str], object]] = []
    if "match" in methods:
        ways.append(lambda text: pattern.match(encode(text)))
    if not methods or "fullmatch" in methods:
        ways.append(lambda text: pattern.fullmatch(encode(text)))
    if not methods or methods - {"match", "fullmatch"}:
        ways.append(lambda text: deque(pattern.finditer(encode(text)), maxlen=0))
    return ways


def cut(text: str, size: int) -> list[str]:
    """Return a text in chunks of `size` characters."""
    return [text[start:end] for start, end in pairwise([*range(0, len(text), size), len(text)])]


def takes_at_most(seconds: float, call: Callable[[], object], times: int = 20) -> bool:
    """Whether a call takes no more CPU time in this thread. Other processes slow some of its turns down, never all."""
    return any(cpu_seconds(call) <= seconds for _ in range(times))
