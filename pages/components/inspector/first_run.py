"""The Inspector before the first run: how to record a chain of one's own, with commands to copy."""

import streamlit as st

from pages.components.layout.copy_button import copy_button
from pages.components.layout.translation import N_, _

COMMANDS = (
    (
        N_("Open Weir on your chain: any Runnable, or a function that returns one."),
        'weir my_package.chains:agent --input \'{"question": "Why?"}\'',
    ),
    (
        N_("Or record it in a terminal, without a page, and open the file here."),
        'weir my_package.chains:agent --input \'{"question": "Why?"}\' --record run.jsonl',
    ),
    (
        N_("Or look into a program as it is: its LangChain runs appear here as they happen."),
        "weir attach -- python app.py",
    ),
)


def draw_first_run() -> None:
    """Say what the page is for, and show the commands."""
    st.markdown(
        _(
            "See every event of a run, live and afterwards. Run a chain above or below, press *Inspect* on any answer, "
            "or record your own:"
        )
    )
    # Not st.code: its highlighter is 1.5 MB of script, and 0.3 s of a slow core.
    for number, (sentence, command) in enumerate(COMMANDS):
        st.caption(_(sentence))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"`{command}`", width="content")
            copy_button(command, key=f"copy-command-{number}", label_visibility="collapsed")
