"""Recordings on the pages: saving a run as a file, opening a file, and the recordings that come with Weir."""

import contextlib
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import streamlit as st

from pages.components.layout.translation import N_, _
from pages.components.layout.upload import draw_upload
from pages.components.session.app_services import service
from pages.components.session.my_runs import reader_of
from weir.core import serialization
from weir.runs.recording_file import MAX_BYTES, MEDIA_TYPE, RecordingError, from_jsonl, is_too_large, to_jsonl
from weir.runs.run import Run
from weir.runs.run_store import RunEvictedError, RunNotFoundError, RunNotSharedError

SAMPLES = Path(__file__).parents[2] / "assets" / "recordings"


def open_recording(content: bytes) -> Run:
    """Add a recording to the run store and return its run. The same file is the same run, also after its eviction.

    Raises RecordingError if the file is not a recording, or the store has no room for it.
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
            N_("There is no room for this recording: raise `WEIR_RECORD_MB`, or wait for runs to end.")
        ) from None


@cache
def samples() -> dict[str, tuple[str, bytes]]:
    """Return the recordings that come with Weir: title and content by file name."""
    paths = sorted(SAMPLES.glob("*.jsonl"))
    return {path.stem: (path.stem.split("-", 1)[1].replace("-", " ").capitalize(), path.read_bytes()) for path in paths}


def draw_recording_upload(opened: Callable[[Run], None]) -> None:
    """Draw the upload field for a recording; `opened` is called with its run."""
    draw_upload(
        _("Open a recording (.jsonl)"),
        "jsonl",
        key="events_upload",
        max_mb=MAX_BYTES // 1_000_000,
        take=lambda content: opened(open_recording(content)),
    )


def draw_recording_download(run: Run) -> None:
    """Draw the download button of a run. Access is checked when it is pressed."""
    st.download_button(
        _("Recording"),
        partial(content_for, run, reader_of(run)),
        file_name=f"weir-{file_id(run)}.jsonl",
        mime=MEDIA_TYPE,
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
    if _is_too_large(run):
        st.caption(
            _("This recording is larger than {size} MB: it can be saved, but not opened again.").format(
                size=MAX_BYTES // 1_000_000
            )
        )


def _is_too_large(run: Run) -> bool:
    """Return `is_too_large`, which takes time for every event, cached by the number of events."""
    key = (run.id, len(run.events))
    cached: tuple[tuple[str, int], bool] | None = st.session_state.get("events_too_large")
    if cached is None or cached[0] != key:
        cached = st.session_state.events_too_large = (key, is_too_large(run))
    return cached[1]


def file_id(run: Run) -> str:
    """Return the id for a recording's file name: the recorded id if it is safe in a file name, else the run's id."""
    return run.recorded_id if re.fullmatch(r"[A-Za-z0-9-]{1,64}", run.recorded_id) else run.id


def content_for(run: Run, visitor: str) -> bytes:
    """Return the recording of a run; for a visitor without access, a file with nothing but the problem."""
    if not run.can_read(visitor):
        return serialization.dumps({"problem": RunNotSharedError.message}) + b"\n"
    return b"".join(to_jsonl(run))
