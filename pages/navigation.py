"""The navigation: page list, sign-in, and what every page needs before it is drawn."""

from pathlib import Path

import streamlit as st

from pages.components.layout import formatting
from pages.components.layout.page_css import draw_page_style
from pages.components.layout.page_frame import draw_page_frame
from pages.components.session import sign_in
from pages.components.session.my_runs import keep_alive
from pages.components.session.page_history import note_page

ASSETS = Path(__file__).parent / "assets"

st.set_page_config(page_title="Weir", page_icon=str(ASSETS / "icon.svg"))
st.logo(str(ASSETS / "logo.svg"), size="medium")

PAGES = [
    st.Page(
        "chat.py",
        title="Chat",
        icon=":material/forum:",
        default=True,
        help="Ask anything. A router picks the chain that answers, and the answer streams in.",
    ),
    st.Page(
        "story.py",
        title="Story",
        icon=":material/auto_stories:",
        help="Give a topic and watch a story stream in, with its progress and figures.",
    ),
    st.Page(
        "events.py",
        title="Events",
        icon=":material/timeline:",
        help="Every event of a run, live or afterwards: run tree, timeline, table and filter.",
    ),
    st.Page(
        "partial_json.py",
        title="JSON",
        icon=":material/data_object:",
        help="Structured output as it grows, field by field, checked against its schema.",
    ),
    st.Page(
        "routing.py",
        title="Routing",
        icon=":material/alt_route:",
        help="How often questions are routed correctly, and your corrections.",
    ),
    st.Page(
        "http_client.py",
        title="HTTP",
        icon=":material/lan:",
        help="Try the HTTP and server-sent-event endpoints from this browser, and break them.",
    ),
]


def sign_out() -> None:
    st.logout()


is_admitted = sign_in.is_authorized()
if is_admitted and (name := sign_in.account()):
    leave = st.Page(sign_out, title="Sign out", icon=":material/logout:")
    page = st.navigation(
        {"": PAGES, f":material/account_circle: {formatting.escape_markdown(name)}": [leave]}, position="top"
    )
else:
    page = st.navigation(PAGES, position="top" if is_admitted else "hidden")
if not is_admitted:
    st.set_page_config(layout="centered")
    sign_in.draw_sign_in()
    st.stop()
# The element is always there, with or without runs to keep alive, so that everything below keeps its position.
with st.empty():
    keep_alive()
draw_page_style()
note_page(page.url_path)
draw_page_frame(page.url_path, opens_at_top=page.url_path != "")
page.run()
