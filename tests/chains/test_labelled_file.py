"""Files of labelled questions: the three forms, and the line that is named where one is not of its form."""

import pytest

from chains.classifier.examples import Example
from chains.classifier.labelled_file import read_sources


def test_a_csv_file_may_have_titles_and_questions_of_several_lines() -> None:
    text = 'category,question\r\nmath,"What is\n2 + 2?"\r\n\r\ncode,mt_talk,"sort, please",and now?\r\n'
    assert read_sources("mine.csv", text.encode()) == [
        ("", Example("What is\n2 + 2?", "math", "en")),
        ("mt_talk", Example("and now?", "code", "en", (("human", "sort, please"),))),
    ]


def test_a_json_line_may_have_a_source_a_language_and_a_history() -> None:
    lines = (
        b'{"category": "math", "question": "2?", "more": 1}\n\n{"route": "code", "question": "y?", "language": "es", '
    )
    lines += b'"source": "log", "history": [["human", "x"], ["ai", "z"]]}'
    assert read_sources("mine.jsonl", lines) == [
        ("", Example("2?", "math", "en")),
        ("log", Example("y?", "code", "es", (("human", "x"), ("ai", "z")))),
    ]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", 'math,"What', "a.csv:1 cannot be read as CSV"),
        ("a.csv", "math,2?\npoem,3?\n", "a.csv:2 is not a question with its category: math, code or general"),
        ("a.csv", 'math,"a\nb"\nmath\n', "a.csv:3 is not a category, a source and one or two questions"),
        ("a.jsonl", "\n[1]\n", "a.jsonl:2 is not an object with a category and a question"),
        ("a.jsonl", "{", "a.jsonl:1 is not an object with a category and a question"),
        ("a.jsonl", '{"category": "math", "question": 3}', "a.jsonl:1 is not an object .*: question: Input should be"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1 is not an object"),
        ("a.tsv", "math\t" + "x" * 20_001, "a.tsv:1 has a question of more than 20,000 characters"),
    ],
)
def test_a_line_that_is_not_of_its_form_is_named(name: str, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_sources(name, text.encode())


def test_any_category_is_taken_to_learn_from_if_it_can_be_a_route() -> None:
    assert read_sources("a.tsv", b"billing\tWhy?\n", None) == [("", Example("Why?", "billing", "en"))]
    with pytest.raises(ValueError, match=r"a\.tsv:1 does not begin with the name of a category"):
        read_sources("a.tsv", b"<b>\tWhy?\n", None)
