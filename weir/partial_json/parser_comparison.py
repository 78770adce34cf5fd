"""Comparison of incremental JSON parsers on the same chunks: the value after each chunk, and the processor time.

A parser without state parses the whole text so far at each chunk, as LangChain's JsonOutputParser does.
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
"""Takes the next chunk and returns the value so far. Raises if there is none."""


class ParserCandidate(NamedTuple):
    """A parser to compare: its name, and a function that starts a text with it."""

    name: str
    begin: Callable[[], FeedFn]


class Step(NamedTuple):
    """A parser's value after the first `characters` of the text.

    `value` is a copy; `error` says why there is none. `seconds` is the processor time of the step.
    """

    characters: int
    value: Json
    error: str | None
    seconds: float


class ValueRegressions(NamedTuple):
    """Violations of growth between two values: paths that changed type or vanished, and rewritten strings."""

    flips: int = 0
    vanished: int = 0
    rewrites: int = 0


class ParserResult(NamedTuple):
    """Result of one parser.

    Of the text's `chunks` the first `compared` were fed; `seconds` is the processor time for them. `errors` counts
    steps without a value; `growth` is the sum over the steps with one. `ends_right`: whether the last value equals that
    of json.loads; None if not all chunks were fed, or json.loads fails. (Weir shows a lone number or literal only after
    `finish`, which is not called here.)
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
        """Mean processor time of a chunk; 0 without chunks."""
        return self.seconds * 1e6 / self.compared if self.compared else 0.0


def reparse_every_chunk(name: str, parse: Callable[[str], Json]) -> ParserCandidate:
    """Return a candidate that parses the whole text so far at each chunk."""

    def begin() -> FeedFn:
        chunks: list[str] = []

        def feed(chunk: str) -> Json:
            chunks.append(chunk)
            return parse("".join(chunks))

        return feed

    return ParserCandidate(name, begin)


def _langchain(text: str) -> Json:
    value: Json = JsonOutputParser().parse_result([Generation(text=text)], partial=True)
    if value is None:
        raise ValueError("No value yet")
    return value


def _pydantic(text: str) -> Json:
    value: Json = pydantic_core.from_json(text, allow_partial="trailing-strings")
    return value


def _jiter(text: str) -> Json:
    value: Json = jiter.from_json(text.encode("utf-8", "surrogatepass"), partial_mode="trailing-strings")
    return value


def _weir() -> FeedFn:
    parser = PartialJson(dialect=MODEL_ANSWER)

    def feed(chunk: str) -> Json:
        parser.feed(chunk)
        if parser.error is not None:
            raise parser.error
        if "" not in parser.fields:
            raise ValueError("No value yet")
        return parser.value

    return feed


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
    candidates: Sequence[ParserCandidate] = CANDIDATES,
    clock: Callable[[], float] = time.process_time,
) -> list[ParserResult]:
    """Return each candidate's result over the first chunks, as many as both limits allow.

    A parser without state takes time in proportion to chunks times characters, LangChain's to chunks times the square
    of the text after the last closed value. Choose the limits accordingly.
    """
    fed: list[str] = []
    characters = 0
    for chunk in chunks[:max_chunks]:
        characters += len(chunk)
        if characters > max_characters:
            break
        fed.append(chunk)
    expected = _loads("".join(chunks)) if len(fed) == len(chunks) else None
    return [_result(candidate, fed, len(chunks), expected, clock) for candidate in candidates]


def growth(before: Json, after: Json) -> ValueRegressions:
    """Compare two consecutive values of a parser. Below a path that vanished nothing is counted."""
    flips = vanished = rewrites = 0
    pending = [(before, after)]
    while pending:
        one, other = pending.pop()
        if _kind(one) != _kind(other):
            flips += 1
        elif isinstance(one, dict) and isinstance(other, dict):
            vanished += len(one.keys() - other.keys())
            pending.extend((one[key], other[key]) for key in one.keys() & other.keys())
        elif isinstance(one, list) and isinstance(other, list):
            vanished += max(0, len(one) - len(other))
            pending.extend(zip(one, other, strict=False))
        elif isinstance(one, str) and isinstance(other, str):
            rewrites += not other.startswith(one)
    return ValueRegressions(flips, vanished, rewrites)


def _result(
    candidate: ParserCandidate, chunks: list[str], total: int, expected: str | None, clock: Callable[[], float]
) -> ParserResult:
    steps = tuple(_steps(candidate.begin(), chunks, clock))
    values = [step for step in steps if step.error is None]
    changes = [growth(before.value, after.value) for before, after in pairwise(values)]
    last = json.dumps(steps[-1].value) if steps and steps[-1].error is None else None
    return ParserResult(
        candidate.name,
        steps,
        total,
        len(steps),
        len(steps) - len(values),
        ValueRegressions(*map(sum, zip(*changes, strict=True))) if changes else ValueRegressions(),
        sum(step.seconds for step in steps),
        None if expected is None else last == expected,
    )


def _steps(feed: FeedFn, chunks: list[str], clock: Callable[[], float]) -> Iterator[Step]:
    characters = 0
    for chunk in chunks:
        characters += len(chunk)
        value: Any = None
        error = None
        started = clock()
        try:
            value = feed(chunk)
        except Exception as raised:  # an exception is a result here
            error = str(raised)
        seconds = clock() - started
        yield Step(characters, *_copy(value, error), seconds)


def _copy(value: Any, error: str | None) -> tuple[Json, str | None]:
    """Copy a live value through JSON, which does not use Python's recursion, as copy.deepcopy does."""
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
