"""Switch of the language, for this browser."""

import streamlit as st

from pages.components.layout.translation import LANGUAGES, _, choose_language, language


def draw_language_switch(*, key: str) -> None:
    """Draw the choice of the language. A choice holds for the session, and for the browser by a cookie."""
    # More than one switch may be on a page, and each shows what the other has chosen.
    st.session_state[key] = language()
    st.segmented_control(
        _("Language"),
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        required=True,
        key=key,
        on_change=_choose,
        args=(key,),
    )


def _choose(key: str) -> None:
    choose_language(st.session_state[key])
