"""Page frame: what every page needs in the browser beside its style, and the heading that every page begins with.

On a phone the drawer with the pages closes once one has been chosen. A page opens at its top. One live region tells
screen readers that an answer is being written, has ended or has failed.
"""

from pathlib import Path

import streamlit as st

from pages.components.layout.translation import cookie_of_choice, language

_HTML = "<div></div>"


def draw_page_frame(page: str, *, opens_at_top: bool) -> None:
    """Add the behaviour to the page whose address is `page`. Nothing is visible."""
    frame = st.components.v2.component(
        "weir_page_frame",
        html=_HTML,
        js=(Path(__file__).parent / "page_frame.js").read_text(encoding="utf-8"),
    )
    language_data = {"language": language(), "languageCookie": cookie_of_choice()}
    frame(data={"page": page, "opensAtTop": opens_at_top, **language_data}, key="page_frame", width="content")


def page_title(title: str) -> None:
    """Draw the title of a page, its only first-level heading."""
    st.title(title, anchor=False, width="content")
