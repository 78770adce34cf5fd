import json
from typing import Any

from weir.analysis.metrics import run_metrics
from weir.analysis.run_comparison import first_difference, first_difference_of_text, metric_pairs
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
