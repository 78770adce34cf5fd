"""Several parsers of partial JSON on the same chunks: what each shows after every chunk, and what that costs.

A parser that keeps nothing is given the whole text so far at each chunk, as LangChain's JsonOutputParser does.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import jiter
import pydantic_core
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.outputs import Generation

from weir.partial_json.dialect import MODEL_ANSWER
from weir.partial_json.fields import Json
from weir.partial_json.parser import PartialJson

FeedFn: TypeAlias = Callable[[str], Json]
"""Takes the next chunk and returns the value so far; raises if there is none."""


class ParserCandidate(NamedTuple):
    """A parser's name, and what begins a text with it."""

    name: str
    begin: Callable[[], FeedFn]


class Step(NamedTuple):
    """What a parser showed of the first `characters` of the text.

    `value` is a copy; `error` says why there is none. `seconds` of processor time went into it.
    """

    characters: int
    value: Json
    error: str | None
    seconds: float


class ValueRegressions(NamedTuple):
    """What went wrong between two values: paths whose type changed, that vanished, strings that did not go on."""

    flips: int = 0
    vanished: int = 0
    rewrites: int = 0


class ParserResult(NamedTuple):
    """How a parser did.

    Of the text's `chunks` the first `compared` were shown to it, so that `seconds` are theirs only. `errors` counts
    steps without a value; `growth` adds up the steps with one. `ends_right` says whether the last value is that of
    json.loads; None if not all chunks were compared, or json.loads knows none. (Weir shows a lone number or literal
    only when it is told that the text has ended, which nobody is told here.)
    """

    name: str
    steps: tuple[Step, ...]
    chunks: int
    compared: int
    errors: int
    growth: ValueRegressions
    seconds: float
    ends_right: bool | None

    @property
    def microseconds_per_chunk(self) -> float:
        """Processor time of a chunk in the mean; 0 without chunks."""
        return self.seconds * 1e6 / self.compared if self.compared else 0.0


def reparse_every_chunk(name: str, parse: Callable[[str], Json]) -> ParserCandidate:
    """Return a contestant that parses all of the text so far at each chunk."""

    def begin() -> FeedFn:
        chunks: list[str] = []

        def show(chunk: str) -> Json:
            chunks.append(chunk)
            return parse("".join(chunks))

        return show

    return ParserCandidate(name, begin)


def _langchain(text: str) -> Json:
    value: Json = JsonOutputParser().parse_result([Generation(text=text)], partial=True)
    if value is None:
        raise ValueError("It shows nothing")
    return value


def _pydantic(text: str) -> Json:
    value: Json = pydantic_core.from_json(text, allow_partial="trailing-strings")
    return value


def _jiter(text: str) -> Json:
    value: Json = jiter.from_json(text.encode("utf-8", "surrogatepass"), partial_mode="trailing-strings")
    return value


def _weir() -> FeedFn:
    parser = PartialJson(MODEL_ANSWER)

    def show(chunk: str) -> Json:
        parser.feed(chunk)
        if parser.error is not None:
            raise parser.error
        if "" not in parser.fields:
            raise ValueError("It shows nothing")
        return parser.value

    return show


LANGCHAIN = reparse_every_chunk("LangChain JsonOutputParser", _langchain)
PYDANTIC = reparse_every_chunk("pydantic_core.from_json", _pydantic)
JITER = reparse_every_chunk("jiter.from_json", _jiter)
WEIR = ParserCandidate("Weir", _weir)
CANDIDATES = (LANGCHAIN, PYDANTIC, JITER, WEIR)


def compare_parsers(
    chunks: Sequence[str],
    *,
    max_chunks: int,
    max_characters: int,
    contestants: Sequence[ParserCandidate] = CANDIDATES,
    clock: Callable[[], float] = time.process_time,
) -> list[ParserResult]:
    """Return a score for each contestant over the first chunks, as many as both bounds allow.

    A parser that starts anew at each chunk takes time in proportion to the chunks times the characters, LangChain's to
    the chunks times the square of what follows the last closed value: choose the bounds by that.
    """
    shown: list[str] = []
    characters = 0
    for chunk in chunks[:max_chunks]:
        characters += len(chunk)
        if characters > max_characters:
            break
        shown.append(chunk)
    expected = _loads("".join(chunks)) if len(shown) == len(chunks) else None
    return [_score(contestant, shown, len(chunks), expected, clock) for contestant in contestants]


def growth(before: Json, after: Json) -> ValueRegressions:
    """Compare two values that one parser showed one after the other. Below a path that vanished nothing is counted."""
    flips = vanished = rewrites = 0
    waiting = [(before, after)]
    while waiting:
        one, other = waiting.pop()
        if _kind(one) != _kind(other):
            flips += 1
        elif isinstance(one, dict) and isinstance(other, dict):
            vanished += len(one.keys() - other.keys())
            waiting.extend((one[key], other[key]) for key in one.keys() & other.keys())
        elif isinstance(one, list) and isinstance(other, list):
            vanished += max(0, len(one) - len(other))
            waiting.extend(zip(one, other, strict=False))
        elif isinstance(one, str) and isinstance(other, str):
            rewrites += not other.startswith(one)
    return ValueRegressions(flips, vanished, rewrites)


def _score(
    contestant: ParserCandidate, chunks: list[str], total: int, expected: str | None, clock: Callable[[], float]
) -> ParserResult:
    steps = tuple(_steps(contestant.begin(), chunks, clock))
    values = [step for step in steps if step.error is None]
    changes = [growth(before.value, after.value) for before, after in pairwise(values)]
    last = json.dumps(steps[-1].value) if steps and steps[-1].error is None else None
    return ParserResult(
        contestant.name,
        steps,
        total,
        len(steps),
        len(steps) - len(values),
        ValueRegressions(*map(sum, zip(*changes, strict=True))) if changes else ValueRegressions(),
        sum(step.seconds for step in steps),
        None if expected is None else last == expected,
    )


def _steps(show: FeedFn, chunks: list[str], clock: Callable[[], float]) -> Iterator[Step]:
    characters = 0
    for chunk in chunks:
        characters += len(chunk)
        value: Any = None
        error = None
        begun = clock()
        try:
            value = show(chunk)
        except Exception as raised:  # what a parser raises is its answer
            error = str(raised)
        seconds = clock() - begun
        yield Step(characters, *_copied(value, error), seconds)


def _copied(value: Any, error: str | None) -> tuple[Json, str | None]:
    """Return a copy of a live value, written and read again: that needs none of Python's recursion."""
    try:
        return json.loads(json.dumps(value)), error
    except (ValueError, RecursionError) as problem:  # Python writes no integer of more than 4,300 digits
        return None, str(problem)


def _loads(text: str) -> str | None:
    try:
        return json.dumps(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _kind(value: Json) -> type:
    return float if type(value) is int else type(value)
