"""Pumped texts, which make a regular expression or a function slow, and the check that its time grows linearly.

A text is `before + unit * n + after`. The units for a pattern come from the parsed pattern: its literals and character
classes, and for each repeated part a text that leads there.
"""

import gc
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

LENGTH = 20_000
"""Characters of the longest text."""

MAX_RATIO = 3.0
"""Maximal factor of the time when the length doubles."""

NOISE_SECONDS = 0.004
"""Times below this are not compared."""

BUDGET_SECONDS = 1.0
"""CPU time for a text of any length up to `LENGTH`. Exponential time exceeds it early, so that no test hangs."""

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
"""Endings of the pumped text: nothing, or characters that hardly any pattern matches."""

_STEPS = (12, 14, 16, 18, 20, 22, 24, 28, 32, 40, 56, 120)
_ANY = "a 1-.\n"


class Pump(NamedTuple):
    """A text of any length."""

    before: str
    unit: str
    after: str = ""

    def text(self, length: int) -> str:
        return self.before + self.unit * max(1, length // len(self.unit)) + self.after


def cpu_seconds(call: Callable[[], object], times: int = 1) -> float:
    """Return the minimal CPU time of a call in this thread, without the garbage collector, as `timeit` measures it.

    A full collection of a test process takes half a second, and a call that nests objects may set one off.
    """
    shortest = float("inf")
    collected = gc.isenabled()
    gc.disable()
    try:
        for _ in range(times):
            started = time.thread_time()
            call()
            shortest = min(shortest, time.thread_time() - started)
    finally:
        if collected:
            gc.enable()
    return shortest


def nonlinear_time(
    run: Callable[[str], object], pump: Pump, length: int = LENGTH, budget: float = BUDGET_SECONDS
) -> str | None:
    """Return how the time of `run` grows faster than the text; None if it grows linearly."""

    def seconds_for(characters: int, times: int = 1) -> float:
        text = pump.text(characters)
        return cpu_seconds(lambda: run(text), times)

    short = min(length // 4, max(length // 8, 1_250))
    seconds = 0.0
    for step in (*(step for step in _STEPS if step < short / 2), short):
        seconds = seconds_for(step)
        if seconds > budget / 4 and (seconds := min(seconds, seconds_for(step))) > budget / 4:
            return f"{seconds:.2f} s of CPU for {step} characters of {pump!r}"
    if seconds <= NOISE_SECONDS / 10 or seconds <= 2.3 * seconds_for(short // 2):
        return None
    half = seconds_for(short // 2, 3)
    if any(seconds_for(short) <= 2.3 * half for _ in range(3)):
        return None
    for _ in range(3):
        whole = seconds_for(length)
        if whole > budget:
            return f"{whole:.2f} s of CPU for {length} characters of {pump!r}"
        if whole <= NOISE_SECONDS:
            return None
        half = seconds_for(length // 2, 2)
        if whole <= MAX_RATIO * half or (whole := min(whole, seconds_for(length))) <= max(
            NOISE_SECONDS, MAX_RATIO * half
        ):
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
"""Maximal repetitions of a part from which it is worth pumping."""


def pumps(pattern: re.Pattern[Any]) -> list[Pump]:
    """Return the pumps for a pattern, each once."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    parsed = _parser.parse(source, pattern.flags & ~(0 if isinstance(pattern.pattern, str) else re.UNICODE))
    return [pump for pump in dict.fromkeys(_all_pumps(list(parsed))) if pump.unit]


def _all_pumps(items: list[Any]) -> Iterator[Pump]:
    for unit in (*SEPARATORS, *MIXED):
        for end in ENDS[:2]:
            yield Pump("", unit, end)
    for literal in _sample(_literals(items), 6):
        yield Pump("", literal, "\x00")
        yield Pump("", f"{literal} ")
        yield Pump("", f"{literal}-")
    for before, unit in _sample(list(dict.fromkeys(_repeated(items, ""))), 24):
        for end in ENDS:
            yield Pump(before, unit, end)
        if before:
            yield Pump("", before + unit)
            yield Pump("", f"{before}{unit} ")
            yield Pump(before, before + unit, "\x00")


def _sample(values: list[Any], limit: int) -> list[Any]:
    """Return at most `limit` of the values, evenly spread."""
    step = max(1, -(-len(values) // limit))
    return values[::step]


def _literals(items: Iterable[Any]) -> list[str]:
    """Return the literal strings of a pattern, and the characters of its classes."""
    literals: list[str] = []
    run = ""
    for op, value in items:
        if op is _parser.LITERAL:
            run += chr(value)
            continue
        if run:
            literals.append(run)
            run = ""
        if op is _parser.IN:
            literals.extend(_class_characters(value))
        for inner in _inner_sequences(op, value):
            literals.extend(_literals(inner))
    return list(dict.fromkeys([*literals, run] if run else literals))


def _inner_sequences(op: Any, value: Any) -> list[list[Any]]:
    """Return the sequences inside one item."""
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


def _class_characters(value: list[Any]) -> str:
    """Return some characters of a character class."""
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
    """Return a text that a sequence matches, or nearly: assertions are ignored."""
    text = ""
    for op, value in items:
        if op is _parser.LITERAL:
            text += chr(value)
        elif op is _parser.NOT_LITERAL:
            text += "b" if value == ord("a") else "a"
        elif op is _parser.ANY:
            text += "a"
        elif op is _parser.IN:
            text += _class_characters(value)[:1]
        elif op in _REPEATS:
            text += _witness(value[2]) * value[0]
        elif op in (_parser.SUBPATTERN, _parser.ATOMIC_GROUP, _parser.BRANCH):
            text += _witness(_inner_sequences(op, value)[0])
    return text


def _repeated(items: list[Any], before: str) -> Iterator[tuple[str, str]]:
    """Yield a text that leads to each repeated part, with texts that the part matches."""
    for op, value in items:
        if op in _REPEATS and value[1] >= _LONG:
            units = _class_characters(value[2][0][1]) if len(value[2]) == 1 and value[2][0][0] is _parser.IN else ""
            if len(value[2]) == 1 and value[2][0][0] in (_parser.ANY, _parser.NOT_LITERAL):
                units = _ANY
            for unit in (*units, _witness(value[2])):
                if unit:
                    yield before, unit
        for inner in _inner_sequences(op, value):
            yield from _repeated(inner, before)
        before += _witness([(op, value)])


def uses(pattern: re.Pattern[Any], methods: set[str]) -> list[Callable[[str], object]]:
    """Return the calls to time: those by which a pattern is used, or, if not known, the most expensive ones."""
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
