"""Where the time to the first text went, by chains that spend their time on a clock."""

from typing import Any

import pytest

from tests.support.doctor_faults import ANSWER, PROMPT, TEXT, TOPIC, rag, waits
from tests.support.doctor_parts import Clock, Docs, TimedModel, lookup
from weir.analysis.critical_path import CriticalPath, critical_path
from weir.analysis.run_tree import run_tree
from weir.runs.background_loop import BackgroundLoop
from weir.runs.recorder import Recorder
from weir.runs.run_store import MemoryStore


def path_of(loop: BackgroundLoop, clock: Clock, chain: Any, value: Any) -> CriticalPath:
    run = Recorder(MemoryStore(budget=50_000_000), loop, clock=clock).start(chain, value)
    assert run.wait(30)
    root = run_tree(run.events)
    assert root is not None
    return critical_path(root)


def test_the_wait_is_taken_apart_by_component(loop: BackgroundLoop) -> None:
    clock = Clock()
    path = path_of(loop, clock, rag(Docs(clock=clock, seconds=1.5), TimedModel(clock=clock)), "rivers")
    (node, seconds), *_ = path.seconds_by_component()
    assert node.name == "Docs"
    assert seconds == pytest.approx(1.5, abs=0.01)
    assert path.model is not None
    assert path.model.seconds == pytest.approx(0.4, abs=0.01)
    assert path.first_text == pytest.approx(1.9, abs=0.02)
    assert all(later.start >= earlier.end - 1e-6 for earlier, later in zip(path.parts, path.parts[1:], strict=False))


def test_of_steps_at_the_same_time_the_last_one_counts(loop: BackgroundLoop) -> None:
    clock = Clock()
    beside = {"context": lookup(clock, 1.0, "slow"), "question": lookup(clock, 0.8, "quick")}
    path = path_of(loop, clock, beside | ANSWER | TimedModel(clock=clock) | TEXT, "rivers")
    assert [node.name for node, seconds in path.seconds_by_component() if seconds > 0.1] == ["slow"]


def test_what_holds_the_text_is_named(loop: BackgroundLoop) -> None:
    clock = Clock()
    path = path_of(loop, clock, waits(PROMPT | TimedModel(clock=clock) | TEXT, "tell"), TOPIC)
    assert path.after is not None
    assert path.after.node.name == "tell"
    assert path.after.seconds == pytest.approx(0.4, abs=0.05)
