"""The download of a whole answer: a click checks whether the visitor may read the run."""

from langchain_core.runnables import RunnableLambda

from pages.components.answer.truncation import full_answer_bytes
from weir.runs.recorder import Recorder
from weir.runs.run_store import MemoryStore

TEXT = "a canary \ud800"


def test_of_a_run_that_was_taken_back_the_whole_answer_is_its_owners_alone(recorder: Recorder) -> None:
    run = recorder.start(RunnableLambda(str), "a canary")
    assert run.wait(30)
    run.owner = "ann"
    assert full_answer_bytes(TEXT, recorder.store, run.id, "ben") == b"a canary ?"
    run.is_shared = False
    assert full_answer_bytes(TEXT, recorder.store, run.id, "ann") == b"a canary ?"
    refused = full_answer_bytes(TEXT, recorder.store, run.id, "ben")
    assert b"not shared any more" in refused
    assert b"canary" not in refused


def test_a_page_keeps_the_answer_whose_run_is_not_kept() -> None:
    assert full_answer_bytes(TEXT, MemoryStore(10**6), "never-was", "ben") == b"a canary ?"
    assert full_answer_bytes(TEXT, MemoryStore(10**6), None, "ben") == b"a canary ?"
