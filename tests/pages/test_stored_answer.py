"""Answers whose details come from an imported file."""

import json
from dataclasses import asdict
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pages.components.answer.stored_answer import from_message, to_details
from pages.components.layout import formatting
from tests.fuzz_recordings import odd
from tests.support.conversation_files import conversation_file, encoded
from tests.support.conversations import ANN
from weir.analysis.metrics import RunMetrics
from weir.storage import json_export
from weir.storage.database import IN_MEMORY_URL
from weir.storage.json_export import UnreadableError
from weir.storage.records import Message, MessageStatus, Role
from weir.storage.repository import open_repository

FIGURES = asdict(RunMetrics(0.1, (), 2, 3, True, 4.0, "stop", True, 5, 6, 7.0))
DECISION = {"route": "math", "probabilities": {"math": 0.9}, "seconds": 0.1}


def answer(**details: Any) -> Message:
    return Message("id", None, Role.AI, "text", None, MessageStatus.DONE, details, 0.0, 0.0, ("id",))


@pytest.mark.parametrize(("stored", "read"), [("hm", "hm"), (5, ""), (None, "")])
def test_reasoning_is_stored_with_its_answer(stored: Any, read: str) -> None:
    ended = from_message(answer(figures=FIGURES, reasoning=stored))
    assert ended.reasoning == read
    assert to_details(ended).get("reasoning", "") == read


def drawn(message: Message) -> str:
    """Return the figures as a page has them, and the decision's."""
    ended = from_message(message)
    shares = [f"{share:.0%}" for share in ((ended.decision and ended.decision.probabilities) or {}).values()]
    took = [formatting.seconds(ended.decision.seconds)] if ended.decision else []
    return " ".join(
        (formatting.metrics_line(ended.figures), *shares, *took, formatting.escape_markdown(ended.outcome.message))
    )


def test_kept_figures_and_decisions_are_drawn_as_they_are() -> None:
    assert drawn(answer(mark="DONE", figures=FIGURES, decision=DECISION)).endswith("7.00 s 90% 0.10 s ")


@pytest.mark.parametrize("value", ["inf", "nan", "-1", 1e308, -5, "1e400", 10**400], ids=lambda value: str(value)[:6])
@pytest.mark.parametrize("name", ["duration", "tokens_in", "time_to_first_token", "tokens_per_second"])
def test_figures_that_cannot_be_are_left_out(name: str, value: Any) -> None:
    assert "in" not in drawn(answer(figures=FIGURES | {name: value})).split()


@pytest.mark.parametrize(
    "change",
    [
        {"probabilities": {"math": 1.5}},
        {"probabilities": {"**poetry**": 0.5}},
        {"probabilities": {"math": "nan"}},
        {"seconds": "inf"},
        {"seconds": -1},
        {"confidence": 7},
    ],
    ids=str,
)
def test_a_decision_that_cannot_be_is_left_out(change: dict[str, Any]) -> None:
    assert from_message(answer(decision=DECISION | change)).decision is None


def changed(random: Random) -> bytes:
    """Return a conversation's file, one to four of whose values, however deep, are odd."""
    value = conversation_file(4)
    for message in value["messages"][1::2]:
        message["details"] = {"mark": "DONE", "figures": dict(FIGURES), "decision": json.loads(json.dumps(DECISION))}
    for _ in range(random.randint(1, 4)):
        place: Any = value
        while True:
            key = random.choice(list(place)) if isinstance(place, dict) else random.randrange(len(place))
            if isinstance(place[key], dict | list) and place[key] and random.random() < 0.9:
                place = place[key]
                continue
            place[key] = odd(random)
            break
    return encoded(value)


@given(st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_a_file_with_odd_values_is_imported_and_drawn_or_refused(random: Random) -> None:
    content = changed(random)
    try:
        json_export.read(content)
    except UnreadableError:
        return
    library = open_repository(IN_MEMORY_URL)
    try:
        imported = library.files.import_json(ANN, content)
        for message in library.path(ANN, imported):
            drawn(message).encode(errors="strict")
        library.files.export_json(ANN, imported)
        library.files.export_markdown(ANN, imported)
    finally:
        library.close()
