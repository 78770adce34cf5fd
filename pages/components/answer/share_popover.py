"""A run's link: what it shows to others, and taking it back."""

import streamlit as st

from pages.components.layout.copy_button import copy_button
from pages.components.session.current_user import current_caller
from weir.runs.run import Run


def draw_link(run: Run) -> None:
    """Draw the link of this visitor's own run; of another's, nothing."""
    if run.owner != current_caller().visitor:
        return
    icon = ":material/link:" if run.is_shared else ":material/link_off:"
    with st.popover("Link", icon=icon, type="tertiary", key=f"link-{run.id}"):
        if run.is_shared:
            st.markdown(
                "Whoever has the link sees this run: what was asked, the answer, and all of its events. They hold what "
                "the model was told, earlier questions and answers of the conversation among it."
            )
        else:
            st.markdown("Nobody but you can open the link.")
        with st.container(horizontal=True, vertical_alignment="center"):
            if run.is_shared:
                copy_button(f"{st.context.url}?run={run.id}", key=f"copy-link-{run.id}", label="Copy link")
                label, mark = "Stop sharing", ":material/link_off:"
            else:
                label, mark = "Share again", ":material/link:"
            st.button(label, icon=mark, key=f"share-{run.id}", on_click=_share, args=(run, not run.is_shared))


def _share(run: Run, is_shared: bool) -> None:
    run.is_shared = is_shared
