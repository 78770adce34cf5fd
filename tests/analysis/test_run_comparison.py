import json
from typing import Any

import pytest

from weir.analysis.metrics import run_metrics
from weir.analysis.run_comparison import (
    Change,
    component_pairs,
    first_difference,
    first_difference_of_text,
    metric_pairs,
    text_changes,
)
from weir.analysis.run_tree import RunNode
from weir.core.run_event import Component, RunEvent


def events(*texts: str, run_id: str = "1", name: str = "story", delay: float = 0.1) -> list[RunEvent]:
    source = Component(name, run_id, (), (), {})
    return [
        RunEvent(seq, (seq + 1) * delay, "on_chain_stream", source, json.dumps({"chunk": text, "id": run_id}).encode())
        for seq, text in enumerate(texts)
    ]


def test_times_and_ids_make_no_difference() -> None:
    assert first_difference(events("a", "b"), events("a", "b", run_id="2", delay=7.0)) is None


def test_the_first_difference_is_named() -> None:
    def differ(*other: str, **more: Any) -> tuple[int, str]:
        difference = first_difference(events("a", "b"), events(*other, **more))
        assert difference is not None
        return difference.index, difference.what

    assert differ("a", "c") == (1, "data")
    assert differ("a") == (1, "end")
    assert differ("a", "b", "c") == (2, "end")
    assert differ("a", "b", name="tale") == (0, "name")


def test_texts_are_compared_by_character() -> None:
    assert first_difference_of_text("water", "water") is None
    assert first_difference_of_text("water", "waiter") == 2
    assert first_difference_of_text("water", "wat") == 3


def test_metrics_are_compared_side_by_side() -> None:
    pairs = {
        pair.label: pair
        for pair in metric_pairs(run_metrics(events("a", "b")), run_metrics(events("a", "b", delay=0.4)))
    }
    first = pairs["time to first token"]
    assert (first.first, first.second) == (0.1, 0.4)
    assert first.ratio is not None
    assert round(first.ratio, 6) == 4.0
    assert pairs["tokens in"].ratio is None


def test_components_are_matched_by_their_paths_and_in_the_order_of_the_tree() -> None:
    def tree(*names: str) -> RunNode:
        root = RunNode("0", names[0], "chain", (), 0, 0, 0.0)
        for number, name in enumerate(names[1:], start=1):
            root.children.append(RunNode(str(number), name, "chain", (), 1, number, float(number)))
        return root

    first, second = tree("a", "prompt", "model", "model"), tree("b", "prompt", "lookup", "model")
    pairs = component_pairs(first, second)
    assert [(pair.name, pair.depth, pair.first is not None, pair.second is not None) for pair in pairs] == [
        ("", 0, True, True),
        ("prompt", 1, True, True),
        ("model", 1, True, True),
        ("model", 1, True, False),
        ("lookup", 1, False, True),
    ]


@pytest.mark.parametrize(
    ("first", "second"), [("a b c", "a x c"), ("", "new text"), ("same", "same"), ("one  two\n", "one two\n three")]
)
def test_the_changes_of_a_text_make_both_texts(first: str, second: str) -> None:
    changes = text_changes(first, second)
    assert "".join(text for change, text in changes if change is not Change.ADDED) == first
    assert "".join(text for change, text in changes if change is not Change.REMOVED) == second
    assert (first == second) == all(change is Change.SAME for change, _ in changes)
