"""Texts for tests of JSON parsers: Hypothesis strategies, and a corpus that is always the same."""

import json
import random

from hypothesis import strategies as st

from weir.partial_json.dialect import MODEL_ANSWER, Dialect
from weir.partial_json.fields import Json
from weir.partial_json.parser import PartialJson

TEXTS = st.text(st.one_of(st.characters(), st.sampled_from('\\"/\n{}[]é😀\ud83d\ude00')))
NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(TEXTS, below, max_size=4)),
    max_leaves=12,
)
DOCUMENTS = st.builds(
    lambda value, layout: json.dumps(value, **layout),
    VALUES,
    st.sampled_from([{}, {"ensure_ascii": False}, {"indent": 1}, {"separators": (",", ":")}]),
)
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=8)
SCRAPS = st.lists(
    st.sampled_from(
        [*'{}[]":,\\ \n-+.0123', "e1", "true", "nul", "NaN", '"a"', '"a":', "\\ud83d", "\\u00", "```", "json", "x"]
    ),
    max_size=14,
).map("".join)


def chunks_of_sizes(text: str, sizes: list[int]) -> list[str]:
    """Cut a text into chunks of these sizes, in turns."""
    chunks, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        chunks.append(text[at : at + size])
        at, turn = at + size, turn + 1
    return chunks


def parse(text: str, dialect: Dialect = MODEL_ANSWER, sizes: list[int] | None = None) -> PartialJson:
    """Return a parser that has been fed the text in chunks of these sizes. It is not finished."""
    parser = PartialJson(dialect=dialect)
    for chunk in chunks_of_sizes(text, sizes or [len(text) or 1]):
        parser.feed(chunk)
    return parser


def is_same(one: object, other: object) -> bool:
    """Whether two values are equal and of the same types: 1, 1.0 and True differ."""
    return repr(one) == repr(other)


def corpus(documents: int) -> list[str]:
    """Return objects and arrays with every feature of JSON, the same ones each time."""
    chance = random.Random(7)

    def text() -> str:
        return "".join(chance.choices('abc dé😀"\\/\n\t{}[]:,0', k=chance.randrange(9)))

    def value(depth: int) -> Json:
        kind = chance.randrange(8 if depth else 6)
        leaves: list[Json] = [None, chance.random() < 0.5, chance.randrange(-999, 9999), text(), text()]
        if kind < 5:
            return leaves[kind]
        if kind == 5:
            return chance.choice([0.5, -0.0, 1e-7, 2.5e300, -12.75, 1e22])
        if kind == 6:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        return {text(): value(depth - 1) for _ in range(chance.randrange(4))}

    return [
        json.dumps({text(): value(3) for _ in range(chance.randrange(1, 4))}, ensure_ascii=chance.random() < 0.5)
        for _ in range(documents)
    ]
