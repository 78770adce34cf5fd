import time

import pytest
from hypothesis import given, strategies

from weir.storage.title import LENGTH, title_from_question


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What is 25 × 17?", "What is 25 × 17?"),
        ("What is 25 * 17 * 3?", "What is 25 * 17 * 3?"),
        ("\n\n  first line \nsecond", "first line"),
        ("# Heading **bold** `code`", "Heading bold code"),
        ("> - 1. quoted *list*", "quoted list"),
        ("[Weir](https://example.org) and ![a picture](x.png)", "Weir and a picture"),
        ("***\n---\nAfter a rule", "After a rule"),
        ("```python\nprint(snake_case_name)\n```", "print(snake_case_name)"),
        ("what does __init__ do, _really_?", "what does init do, really?"),
        ("-5 degrees or 3.14?", "-5 degrees or 3.14?"),
        ("tab\tand\x00\x1bcontrol", "tab and� control"),
        ("right \u202eto left", "right to left"),
        ("", ""),
        (" \n\t\n", ""),
        ("word " * 20, "word word word word word word word word word…"),
        ("x" * 100, "x" * LENGTH + "…"),
        ("a sentence that ends just behind the limit, there", "a sentence that ends just behind the limit…"),
        ("👩‍🔬 at work", "👩‍🔬 at work"),
    ],
)
def test_a_title_is_the_first_line_that_says_something(question: str, title: str) -> None:
    assert title_from_question(question) == title


@given(strategies.text())
def test_a_title_is_one_short_line(question: str) -> None:
    title = title_from_question(question)
    assert len(title) <= LENGTH + 1
    assert len(title.splitlines()) <= 1
    assert title == title.strip()


@pytest.mark.parametrize("sign", ["*", "_", "`", "[", "](", "#", "> ", "1. ", "**a ", "`a ", "~~~\n", "\n", "[[]()"])
def test_a_long_paste_of_markdown_costs_nothing(sign: str) -> None:
    started_at = time.process_time()
    title_from_question(sign * 1_000_000)
    assert time.process_time() - started_at < 0.5
