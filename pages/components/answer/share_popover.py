"""Share popover: the link of a run, what it shows to others, and the button that stops sharing."""

import streamlit as st

from pages.components.layout.copy_button import copy_button
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from pages.components.session.my_runs import run_owners
from pages.components.session.report_storage_errors import draw_storage_error, report_storage_errors
from weir.runs.run import Run
from weir.runs.run_access import RunAccess


def draw_link(run: Run | RunAccess) -> None:
    """Draw the popover of a run that is in this visitor's lists; of another user's run, nothing."""
    if run.owner not in run_owners():
        return
    icon = ":material/link:" if run.is_shared else ":material/link_off:"
    with st.popover(
        _("Share"), icon=icon, type="tertiary", key=f"link-{run.id}", help=_("Share this answer by a link")
    ):
        draw_storage_error()
        if (replicas := service().replicas) is not None and (note := replicas.note(run.id)):
            st.caption(f":material/cloud_off: {translated(note)}")
        if run.is_shared:
            st.markdown(
                _(
                    "Anyone with the link sees this question, the answer and all events, including earlier messages "
                    "that were sent to the model."
                )
            )
        else:
            st.markdown(_("Only you can open this link."))
        with st.container(horizontal=True, vertical_alignment="center"):
            if run.is_shared:
                copy_button(f"{st.context.url}?run={run.id}", key=f"copy-link-{run.id}", label=_("Copy link"))
                label, button_icon = _("Stop sharing"), ":material/link_off:"
            else:
                label, button_icon = _("Share again"), ":material/link:"
            st.button(label, icon=button_icon, key=f"share-{run.id}", on_click=_share, args=(run.id, not run.is_shared))


@report_storage_errors
def _share(run_id: str, is_shared: bool) -> None:
    service().archive.set_shared(run_id, is_shared)
