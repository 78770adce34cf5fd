"""Opening runs that are not this visitor's own: recordings from a file, and those that Weir brings along."""

import contextlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import streamlit as st

from pages.components.service import service
from streaming.recording import MAX_BYTES, RecordingError, read
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


def draw_upload(opened: Callable[[Run], None]) -> None:
    """Draw the place for a file; `opened` is called with the run of a file that is a recording."""
    number = st.session_state.get("events_uploads", 0)
    key = f"events_upload_{number}"

    def given() -> None:
        file = st.session_state[key]
        if file is None:
            return
        try:
            run = open_recording(file.getvalue())
        except RecordingError as error:
            st.session_state.events_upload_problem = str(error)
            return
        # The place is empty again afterwards: what was opened is among the runs.
        st.session_state.events_uploads = number + 1
        opened(run)

    st.file_uploader(
        "Open a recording (.jsonl)",
        type="jsonl",
        key=key,
        on_change=given,
        max_upload_size=MAX_BYTES // 1_000_000,
    )
    if problem := st.session_state.pop("events_upload_problem", ""):
        st.error(problem, icon=":material/broken_image:")
