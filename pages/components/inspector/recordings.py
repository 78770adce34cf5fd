"""Runs as files: recordings that are saved, those that are opened, and those that Weir brings along."""

import contextlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import streamlit as st

from pages.components.service import service
from pages.components.upload import draw_upload
from pages.components.visitor import party
from streaming import plain
from streaming.recording import MAX_BYTES, MEDIA_TYPE, lines, read
from streaming.run import Run
from streaming.store import RunEvictedError, RunNotFoundError, RunNotSharedError

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


def draw_recording_download(run: Run) -> None:
    """Draw the way to the run as a file. Whether it may be read is settled when the button is pressed."""
    st.download_button(
        "Recording",
        partial(content_for, run, party().visitor),
        file_name=f"weir-{run.recorded_id}.jsonl",
        mime=MEDIA_TYPE,
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def content_for(run: Run, visitor: str) -> bytes:
    """Return the run as a file; for a visitor who may not read it a file that only says so."""
    if not run.may_be_read_by(visitor):
        return plain.dumps({"problem": RunNotSharedError.__doc__}) + b"\n"
    return b"".join(lines(run))
