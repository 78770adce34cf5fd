"""Opening runs that are not this visitor's own: recordings from a file, and those that Weir brings along."""

import contextlib
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


def draw_upload() -> Run | None:
    """Draw the place for a file; return the run of a file that was just given and is a recording."""
    given = st.file_uploader(
        "Open a recording (.jsonl)",
        type="jsonl",
        key=f"events_upload_{st.session_state.get('events_uploads', 0)}",
        max_upload_size=MAX_BYTES // 1_000_000,
    )
    if given is None:
        return None
    try:
        run = open_recording(given.getvalue())
    except RecordingError as error:
        st.error(str(error), icon=":material/broken_image:")
        return None
    # The next run of the script has a new, empty place: the file must not be opened again by every click.
    st.session_state.events_uploads = st.session_state.get("events_uploads", 0) + 1
    return run
