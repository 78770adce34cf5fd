"""The form of an answer, made from what a graph asks."""

from typing import Any

import pytest

from pages.components.inspector.interrupt_card import _actions, _choices, _parsed

REVIEW = {"action_name": "pay", "allowed_decisions": ["approve", "edit", "reject"]}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"action_requests": [{"name": "pay"}], "review_configs": [REVIEW]}, [("pay", ["approve", "reject"])]),
        ({"action_requests": [{"name": "pay"}, {"name": "other"}], "review_configs": [REVIEW]}, []),
        (
            {
                "action_requests": [{"name": "pay"}],
                "review_configs": [{"action_name": ["pay"], "allowed_decisions": 3}],
            },
            [],
        ),
        ({"action_requests": [5], "review_configs": [None]}, []),
        ({"action_requests": 5}, []),
        ("yes?", []),
    ],
)
def test_decisions_of_the_middleware_are_offered(value: Any, found: list[tuple[str, list[str]]]) -> None:
    assert _actions(value) == found


@pytest.mark.parametrize(
    ("value", "choices"),
    [
        ({"question": "?", "options": ["yes", "no"]}, ["yes", "no"]),
        ({"choices": [1, 2.5]}, [1, 2.5]),
        ({"options": []}, []),
        ({"options": [{"a": 1}]}, []),
        ({"options": "ab"}, []),
        (None, []),
    ],
)
def test_answers_that_a_question_lists_are_offered(value: Any, choices: list[Any]) -> None:
    assert _choices(value) == choices


@pytest.mark.parametrize(("text", "answer"), [("yes", "yes"), ("true", True), ('{"a": 1}', {"a": 1}), ("", "")])
def test_an_answer_is_json_or_text(text: str, answer: Any) -> None:
    assert _parsed(text) == answer
