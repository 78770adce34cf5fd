"""A run as a `.jsonl` file: one JSON object a line. `docs/recording.md` describes the format.

{"format": "weir-recording", "version": 1, "run": {…}}
{"seq": 0, "at": 0.0012, "event": "on_chain_start", …}
…
{"end": {"status": "done", "failure": null}}
"""

from collections.abc import Iterator
from typing import Any

from streaming import plain
from streaming.run import Run

FORMAT = "weir-recording"
VERSION = 1
MEDIA_TYPE = "application/jsonl"


def lines(run: Run) -> Iterator[bytes]:
    """Yield a run as it is now, line by line. A live run has no last line."""
    about = {"id": run.id, "name": run.name, "created_at": run.created_at, "input": run.input, "context": run.context}
    yield _line({"format": FORMAT, "version": VERSION, "run": about})
    ended = not run.is_live
    for event in list(run.events):
        yield _line(event.as_dict())
    if ended:
        yield _line({"end": {"status": run.status.value, "failure": _failure(run)}})


def _failure(run: Run) -> dict[str, Any] | None:
    return {"kind": run.failure.kind.name.lower(), "detail": run.failure.detail} if run.failure else None


def _line(value: dict[str, Any]) -> bytes:
    return plain.dumps(value) + b"\n"
