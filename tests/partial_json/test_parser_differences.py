"""Differences between Weir's and other parsers' values on prefixes: the tables of docs/partial_json.md."""

import json
import re
from collections import Counter
from collections.abc import Callable

import jiter
import pytest
from hypothesis import given, settings
from langchain_core.utils.json import parse_json_markdown, parse_partial_json

from tests.support.json_texts import DOCUMENTS, corpus, is_same
from weir.partial_json.dialect import LIKE_LANGCHAIN
from weir.partial_json.fields import Json
from weir.partial_json.parser import PartialJson

CUT_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}$")
HALF_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\?$")
CUT_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]*)?([eE][-+]?)?$")


def parse_with_jiter(text: str) -> Json:
    value: Json = jiter.from_json(text.encode("utf-8", "surrogatepass"), partial_mode="trailing-strings")
    return value


def kind_of_difference(text: str, ours: str, parse: Callable[[str], Json]) -> str:
    """Return why a parser shows another value of a prefix; '' if it shows the same. `ours` is a repr, '' if none."""
    try:
        theirs = repr(parse(text))
    except ValueError:
        theirs = ""
    if ours == theirs:
        return ""
    for kind, pattern in (("cut escape", CUT_ESCAPE), ("half pair", HALF_PAIR), ("cut number", CUT_NUMBER)):
        if pattern.search(text):
            return kind
    return f"unknown: {text!r} is {ours}, not {theirs}"


def differences(text: str, parse: Callable[[str], Json]) -> Counter[str]:
    parser = PartialJson(dialect=LIKE_LANGCHAIN)
    counts = Counter[str]()
    for end, char in enumerate(text, 1):
        parser.feed(char)
        ours = repr(parser.value) if "" in parser.fields else ""
        counts[kind_of_difference(text[:end], ours, parse)] += 1
    return counts


@pytest.mark.parametrize(
    ("parse", "expected"),
    [
        (parse_partial_json, {"": 11_123, "cut escape": 312, "half pair": 58}),
        (parse_with_jiter, {"": 11_351, "cut number": 142}),
    ],
)
def test_the_differences_on_a_corpus_are_those_of_the_documents_table(
    parse: Callable[[str], Json], expected: dict[str, int]
) -> None:
    assert sum((differences(text, parse) for text in corpus(250)), Counter[str]()) == expected


@pytest.mark.slow
@settings(deadline=None, max_examples=40)  # parse_partial_json retries at each prefix, character by character
@given(DOCUMENTS)
def test_langchain_differs_in_cut_escapes_and_half_pairs_only(text: str) -> None:
    kinds = differences(json.dumps([json.loads(text)]), parse_partial_json)
    assert set(kinds) <= {"", "cut escape", "half pair"}


NOTHING = "nothing"


def value_or_nothing(parse: Callable[[str], Json], text: str) -> Json:
    try:
        return parse(text)
    except (ValueError, RecursionError):
        return NOTHING


@pytest.mark.parametrize(
    ("text", "ours", "langchains", "jiters"),
    [
        ('Here: {"a": 1', {"a": 1}, NOTHING, NOTHING),
        ('```json\n{"a": 1', {"a": 1}, NOTHING, NOTHING),
        ('{"a": 1} done', {"a": 1}, {"a": 1}, {"a": 1}),
        ('{"a": [-Infinity, 1', {"a": []}, {"a": [float("-inf"), 1]}, {"a": [float("-inf"), 1]}),
        ('{"a": [1}', {"a": [1]}, None, {"a": [1]}),
        ('{"a": 1, y', {"a": 1}, {"a": 1}, NOTHING),
        ('{"a": "one\ntwo', {"a": "one\ntwo"}, {"a": "one\ntwo"}, NOTHING),
        ('{"a": ' + "1" * 101, {}, {"a": int("1" * 101)}, {"a": int("1" * 101)}),
        ("[" * 5000, json.loads("[" * 500 + "]" * 500), NOTHING, NOTHING),
    ],
)
def test_the_differences_by_example_are_those_of_the_document(
    text: str, ours: Json, langchains: Json, jiters: Json
) -> None:
    parser = PartialJson(dialect=LIKE_LANGCHAIN)
    parser.feed(text)
    assert is_same(parser.value, ours)
    assert is_same(value_or_nothing(parse_partial_json, text), langchains)
    assert is_same(value_or_nothing(parse_with_jiter, text), jiters)


def test_langchains_output_parser_skips_a_fence() -> None:
    assert parse_json_markdown('```json\n{"a": 1') == {"a": 1}
