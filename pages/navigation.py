"""The navigation: page list, sign-in, and what every page needs before it is drawn."""

from pathlib import Path

import streamlit as st

from pages.components.about.tour import draw_tour
from pages.components.layout import formatting
from pages.components.layout.page_css import draw_page_style
from pages.components.layout.page_frame import draw_page_frame
from pages.components.layout.translation import _, begin_run
from pages.components.session import sign_in
from pages.components.session.my_runs import keep_alive
from pages.components.session.page_history import note_page

ASSETS = Path(__file__).parent / "assets"

begin_run()
st.set_page_config(page_title="Weir", page_icon=str(ASSETS / "icon.svg"))
st.logo(str(ASSETS / "logo.svg"), size="medium")

PAGES = [
    st.Page(
        "chat.py",
        title=_("Chat"),
        icon=":material/forum:",
        default=True,
        help=_("Ask anything. Weir picks the right chain and streams the answer."),
    ),
    st.Page(
        "story.py",
        title=_("Streaming lab"),
        icon=":material/auto_stories:",
        help=_("Stream a story and see what each way of streaming does, race them, or measure models."),
    ),
    st.Page(
        "events.py",
        title=_("Inspector"),
        icon=":material/timeline:",
        help=_("Every event of a run, live or afterwards: tree, timeline, table and filter."),
    ),
    st.Page(
        "partial_json.py",
        title=_("Structured output"),
        icon=":material/data_object:",
        help=_("JSON as it arrives, field by field, checked against its schema."),
    ),
    st.Page(
        "routing.py",
        title=_("Router accuracy"),
        icon=":material/alt_route:",
        help=_("How often the router picks the right chain, and your corrections."),
    ),
    st.Page(
        "http_client.py",
        title=_("API client"),
        icon=":material/lan:",
        help=_("Call the HTTP and SSE endpoints from this browser, and break the connection."),
    ),
]


ABOUT = st.Page(
    "about.py", title=_("About"), icon=":material/info:", help=_("What Weir is, a tour, version and licence.")
)


def sign_out() -> None:
    st.logout()


is_admitted = sign_in.is_authorized()
if is_admitted and (name := sign_in.account()):
    leave = st.Page(sign_out, title=_("Sign out"), icon=":material/logout:")
    page = st.navigation(
        {"": [*PAGES, ABOUT], f":material/account_circle: {formatting.escape_markdown(name)}": [leave]}, position="top"
    )
else:
    page = st.navigation([*PAGES, ABOUT], position="top" if is_admitted else "hidden")
if not is_admitted:
    st.set_page_config(layout="centered")
    sign_in.draw_sign_in()
    st.stop()
# The element is always there, with or without runs to keep alive, so that everything below keeps its position.
with st.empty():
    keep_alive()
st.set_page_config(page_title=f"{page.title} · Weir")
draw_page_style()
note_page(page.url_path)
# A conversation opens at its end.
draw_page_frame(page.url_path, opens_at_top=page.url_path != "" or not st.query_params)
with st.empty():
    draw_tour()
page.run()
