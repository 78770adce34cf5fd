"""Announcement of a run for screen readers: that an answer is being written, and how it ended.

`page_frame.js` copies the text into the live region of the page. Each token would be too much to listen to.
"""

from html import escape

import streamlit as st

from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, outcome

_ANNOUNCED = "announced_run"
"""Session key of the id of the run that was announced last; a page can be drawn anew between its start and its end."""


class RunAnnouncement:
    """The hidden text."""

    def __init__(self) -> None:
        with st.container(key="run_announcement"):
            self._slot = st.empty()
        self.end()

    def begin(self, run_id: str) -> None:
        """Announce that a run writes its answer."""
        st.session_state[_ANNOUNCED] = run_id
        self._say(_("Answering …"))

    def end(self) -> None:
        """Announce how the run ended that was announced before, if it has."""
        if (run_id := st.session_state.get(_ANNOUNCED)) is not None and (ending := _ending(run_id)):
            self._say(ending)

    def _say(self, text: str) -> None:
        # An attribute, not a text: the page shows these words elsewhere, and a search in the page finds them once.
        self._slot.html(f'<span data-announcement="{escape(text)}"></span>')


def _ending(run_id: str) -> str:
    """Return how a run ended, in a sentence; "" while it is live. A race is more than one run, and simply ends."""
    try:
        run = run_links.open_run(run_id)
    except run_links.RUN_UNAVAILABLE:
        return _("Ended.")
    if run.is_live:
        return ""
    end = outcome(run, run_metrics(run.events))
    label = _("Answer complete") if end.status is AnswerStatus.DONE else translated(end.status.value)
    return f"{label}: {translated(end.message)}" if end.message else f"{label}."
