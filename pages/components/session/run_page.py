"""The run that a page shows: its id in the session and in the address (`?run=<id>`), and opening one from a file."""

from dataclasses import dataclass, field

import streamlit as st

from pages.components.layout.translation import _
from pages.components.session.recordings import draw_recording_upload
from pages.components.session.run_start import PendingRun
from weir.runs.run import Run


@dataclass
class RunPage:
    """A page's run. Base of the session state of the pages that show one run at a time."""

    run_id: str | None = None
    pending: PendingRun = field(default_factory=PendingRun)
    """A run that was started; the script may have been stopped before it could be shown."""

    def show(self, run_id: str) -> None:
        """Show this run, and put it into the address."""
        self.run_id = run_id
        self.pending.run_id = None
        st.query_params["run"] = run_id

    def close(self) -> None:
        """Show no run."""
        self.run_id = None
        self.pending.run_id = None
        st.query_params.pop("run", None)

    def sync_address(self) -> None:
        """Make the session and the address name the same run: a pending one, else the address's, else the session's."""
        if self.pending.run_id is not None:
            self.show(self.pending.run_id)
        elif "run" in st.query_params:
            self.run_id = st.query_params["run"]
        elif self.run_id is not None:
            st.query_params["run"] = self.run_id


def draw_open_recording(page: RunPage, *, key: str) -> None:
    """Draw the popover that opens a recording from a file. It closes once there is a run to show."""

    def show(run: Run) -> None:
        st.session_state[key] = False
        page.show(run.id)

    with st.popover(_("Open a recording"), icon=":material/upload_file:", key=key, on_change="rerun"):
        draw_recording_upload(opened=show)
