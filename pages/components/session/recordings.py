"""Runs as files: recordings that are saved, those that are opened, and those that Weir brings along."""

import contextlib
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import streamlit as st

from pages.components.layout.upload import draw_upload
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from weir.core import serialization
from weir.runs.recording_file import MAX_BYTES, MEDIA_TYPE, RecordingError, from_jsonl, is_too_large, to_jsonl
from weir.runs.run import Run
from weir.runs.run_store import RunEvictedError, RunNotFoundError, RunNotSharedError

SAMPLES = Path(__file__).parents[2] / "assets" / "recordings"


def open_recording(content: bytes) -> Run:
    """Put a recording among the runs and return it; the same file is the same run. Raises RecordingError.

    One that was removed to make room for newer runs can be opened again.
    """
    run = from_jsonl(content)
    store = service().recorder.store
    with contextlib.suppress(RunNotFoundError, RunEvictedError):
        return store.get(run.id)
    store.add(run)
    try:
        return store.get(run.id)
    except RunEvictedError:
        raise RecordingError(
            "There is no room for this recording: raise `WEIR_RECORD_MB`, or wait for runs to end."
        ) from None


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
        partial(content_for, run, current_caller().visitor),
        file_name=f"weir-{file_id(run)}.jsonl",
        mime=MEDIA_TYPE,
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
    if _is_too_large(run):
        st.caption(f"This recording is larger than {MAX_BYTES // 1_000_000} MB: it can be saved, but not opened again.")


def _is_too_large(run: Run) -> bool:
    """Return `is_too_large`, which looks at every event, once for as many events as there are."""
    key = (run.id, len(run.events))
    known: tuple[tuple[str, int], bool] | None = st.session_state.get("events_too_large")
    if known is None or known[0] != key:
        known = st.session_state.events_too_large = (key, is_too_large(run))
    return known[1]


def file_id(run: Run) -> str:
    """Return the id that stands in a file's name: the one it was recorded under, where that can stand there."""
    return run.recorded_id if re.fullmatch(r"[A-Za-z0-9-]{1,64}", run.recorded_id) else run.id


def content_for(run: Run, visitor: str) -> bytes:
    """Return the run as a file; for a visitor who may not read it a file that only says so."""
    if not run.can_read(visitor):
        return serialization.dumps({"problem": RunNotSharedError.message}) + b"\n"
    return b"".join(to_jsonl(run))
