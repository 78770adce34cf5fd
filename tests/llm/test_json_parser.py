import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessageChunk
from langchain_core.output_parsers import JsonOutputParser

from tests.support.json_texts import SCRAPS, SIZES, corpus
from tests.support.json_texts import chunks_of_sizes as pieces
from tests.support.json_texts import is_same as same
from tests.support.pumping import Pump, cut, nonlinear_time
from weir.llm.overrides.json_parser import EACH_CHANGE, LinearJsonOutputParser
from weir.partial_json.adversarial_chunking import by_characters

FENCED = (
    "```json\n{}\n```",
    "```\n{}```",
    "Here it is:\n```json\n{}\n```\nIs it well?",
    " \n{} \n",
    "{} That is all.",
)


async def as_stream(chunks: Iterable[str]) -> AsyncIterator[AIMessageChunk]:
    for chunk in chunks:
        yield AIMessageChunk(content=chunk)


async def values_of(parser: Any, chunks: Iterable[str]) -> list[Any]:
    return [value async for value in parser.atransform(as_stream(chunks))]


def values(parser: Any, chunks: Iterable[str]) -> list[Any]:
    """What a parser yields, which both of its ways yield. A chunk may be changed: the next ones are not."""
    found = []
    for value in parser.transform(iter(chunks)):
        found.append(json.loads(json.dumps(value)))
        if isinstance(value, dict | list):
            value.clear()
    assert same(asyncio.run(values_of(parser, chunks)), found)
    return found


def langchains(chunks: Iterable[str]) -> list[Any]:
    return list(JsonOutputParser().transform(iter(chunks)))


def raised(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except OutputParserException as error:
        return str(error)


@pytest.mark.parametrize("size", [1, 3, 11, 4_000])
def test_the_values_are_langchains(size: int) -> None:
    # Half an escape, and half a surrogate pair, are known differences: docs/partial_json.md.
    documents = [text for text in corpus(120) if "\\u" not in text]
    assert len(documents) > 50
    for text in documents:
        assert same(
            values(LinearJsonOutputParser(), by_characters(text, size)), langchains(by_characters(text, size))
        ), text


@pytest.mark.parametrize("around", FENCED)
@pytest.mark.parametrize("size", [1, 2, 5, 4_000])
def test_the_json_is_where_langchain_finds_it(around: str, size: int) -> None:
    text = around.replace("{}", '{"a": [1, "two ` ", true], "b": null, "c": {"d": 1.50}}')
    assert same(values(LinearJsonOutputParser(), by_characters(text, size)), langchains(by_characters(text, size)))
    assert same(LinearJsonOutputParser().parse(text), JsonOutputParser().parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "Once upon a time.",
        'Here: {"a": 1}',
        "```python\n[1]\n```",
        "```",
        "```js",
        "",
        " \n",
        "- one\n- two",
        "null",
        '{"a": 1, "b": tr',
        '{"a": "one\ntwo',
        '{"a": 1, y',
        '{"a": [NaN]}',
        "12 months",
        "[",
        '"',
    ],
)
def test_what_is_no_whole_json_is_taken_as_langchain_takes_it(text: str) -> None:
    assert same(raised(lambda: LinearJsonOutputParser().parse(text)), raised(lambda: JsonOutputParser().parse(text)))
    if "NaN" not in text:
        assert same(values(LinearJsonOutputParser(), list(text)), langchains(list(text)))


@given(SCRAPS, SIZES)
def test_no_text_raises_while_it_streams_and_the_chunks_do_not_matter(text: str, sizes: list[int]) -> None:
    found = list(LinearJsonOutputParser().transform(iter(pieces(text, sizes))))
    once = list(LinearJsonOutputParser().transform(iter([text])))
    assert all(value is not None for value in found)
    assert same(found[-1:], once) or found[-1:] == once


def test_of_a_long_answer_the_last_value_is_whole_and_the_record_is_bounded() -> None:
    text = json.dumps({"items": [{"id": number, "text": "x" * 20} for number in range(5_000)]})
    found = list(LinearJsonOutputParser().transform(iter(by_characters(text, 4))))
    assert found[-1] == json.loads(text)
    assert len(found) < EACH_CHANGE / 2
    assert sum(len(json.dumps(value)) for value in found) < 50 * len(text)


UNITS = {
    "prose": ("", "Once upon a time. "),
    "prose with fences": ("", "a ```js "),
    "lines with marks": ("- ", "12. \n"),
    "backticks": ("a", "`"),
    "blanks": ("", " "),
    "objects": ("[", '{"a": [1, "b"]}, '),
    "nested arrays": ("", "["),
    "closed arrays": ("[", "[[]], "),
    "one long string": ('{"a": "', "one two "),
    "blanks in a string": ('{"a": "', " "),
    "half escapes": ('{"a": "', "\\u00"),
    "wrong brackets": ("{", "]"),
    "a field of LangChain's": ("{", '"action_input":    '),
    "a long number": ("", "1"),
    "broken JSON": ('{"a": 1, y', '{"b": '),
}


def streamed(size: int) -> Callable[[str], object]:
    def run(text: str) -> None:
        for _ in LinearJsonOutputParser().transform(iter(cut(text, size))):
            pass

    return run


def parsed(text: str) -> None:
    try:
        LinearJsonOutputParser().parse(text)
    except (OutputParserException, RecursionError, ValueError):
        return


@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize(("length", "size"), [(10_000, 1), (50_000, 37), (200_000, 200_000)])
def test_time_is_linear_in_the_answer(name: str, length: int, size: int) -> None:
    assert nonlinear_time(streamed(size), Pump(*UNITS[name]), length, budget=10.0) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
def test_time_of_a_whole_answer_is_linear(name: str) -> None:
    assert nonlinear_time(parsed, Pump(*UNITS[name]), 200_000, budget=10.0) is None
