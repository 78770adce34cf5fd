"""Page history of a tab: whether a visitor comes to a page from another one, or was on it before."""

import streamlit as st


def note_page(path: str) -> None:
    """Note the page of this run of the script. Called once in each run, before the page is drawn."""
    st.session_state.previous_page = st.session_state.get("current_page")
    st.session_state.current_page = path


def is_return() -> bool:
    """Whether the run of the script before this one was another page's."""
    return st.session_state.get("previous_page") != st.session_state.get("current_page")
