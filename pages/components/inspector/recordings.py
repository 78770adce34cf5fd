"""Opening runs that are not this visitor's own: recordings from a file, and those that Weir brings along."""

import contextlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pages.components.service import service
from pages.components.upload import draw_upload
from streaming.recording import MAX_BYTES, read
from streaming.run import Run
from streaming.store import RunEvictedError, RunNotFoundError

SAMPLES = Path(__file__).parents[2] / "assets" / "recordings"


def open_recording(content: bytes) -> Run:
    """Put a recording among the runs and return it; the same file is the same run. Raises RecordingError."""
    run = read(content)
    store = service().recorder.store
    with contextlib.suppress(RunNotFoundError, RunEvictedError):
        return store.get(run.id)
    store.add(run)
    return run


@cache
def samples() -> dict[str, tuple[str, bytes]]:
    """Return the recordings that Weir brings along: by file name, their titles and contents."""
    found = sorted(SAMPLES.glob("*.jsonl"))
    return {path.stem: (path.stem.split("-", 1)[1].replace("-", " ").capitalize(), path.read_bytes()) for path in found}


def draw_recording_upload(opened: Callable[[Run], None]) -> None:
    """Draw the place for a file; `opened` is called with the run of a file that is a recording."""
    draw_upload(
        "Open a recording (.jsonl)",
        "jsonl",
        key="events_upload",
        max_mb=MAX_BYTES // 1_000_000,
        take=lambda content: opened(open_recording(content)),
    )
