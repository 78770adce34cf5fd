"""Runs that end at once, and entries of the run index, for tests of the archive."""

import uuid
from dataclasses import replace
from typing import Any

from weir.core.run_event import Component, RunEvent
from weir.core.serialization import dumps
from weir.runs.memory_run import MemoryRun
from weir.runs.run import Status
from weir.storage.run_records import RunEntry

ANN, BEN = "ann", "ben"


def nothing() -> None:
    """Do nothing."""


def live_run(question: str = "rain", *, owner: str = ANN, chunks: int = 3, created_at: float = 1e9) -> MemoryRun:
    """Return a run of a model that has written some chunks and goes on."""
    run = MemoryRun(
        str(uuid.uuid4()),
        "story",
        {"topic": question},
        context={"page": "story"},
        created_at=created_at,
        cancel=nothing,
        on_last_reader_left=nothing,
        clock=lambda: 9.0,
    )
    run.owner = owner
    model = Component("ChatOpenAI", f"model-{run.id}", (), (), {"ls_model_name": "fake"})
    run.append(RunEvent(0, 0.1, "on_chat_model_start", model, dumps({"input": question})))
    for number in range(chunks):
        chunk = {"type": "AIMessageChunk", "content": f"word{number} "}
        run.append(RunEvent(number + 1, 0.5 + number / 10, "on_chat_model_stream", model, dumps({"chunk": chunk})))
    return run


def end(run: MemoryRun, status: Status = Status.DONE) -> MemoryRun:
    """End a run, as its recorder does."""
    model = run.events[0].component
    usage = {"input_tokens": 7, "output_tokens": len(run.events) - 1}
    output: dict[str, Any] = {"type": "ai", "content": "word", "usage_metadata": usage}
    output["response_metadata"] = {"finish_reason": "stop"}
    run.append(RunEvent(len(run.events), 3.0, "on_chat_model_end", model, dumps({"output": output})))
    run.close(status, None)
    return run


def entry(run_id: str = "one", **values: Any) -> RunEntry:
    """Return an entry of the index with these values."""
    plain = RunEntry(
        id=run_id, owner=ANN, chain="story", page="story", created_at=1e9, status="done", model="fake", seconds=2.0,
        first_token=0.5, tokens_per_second=10.0, tokens_in=7, tokens_out=20, is_exact=True, cost=None, events=9,
        findings=0, worst_finding="", input="rain", search_text="story rain fake", bytes=100,
    )  # fmt: skip
    return replace(plain, **values)
