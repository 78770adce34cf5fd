"""The *About* page: what Weir is, a tour of a minute, its version, documentation, licence and source."""

import streamlit as st

from pages.components.about.introduction import draw_introduction
from pages.components.about.tour import STEPS, go_to_step
from pages.components.layout.language_switch import draw_language_switch
from pages.components.layout.page_css import DOCS
from pages.components.layout.page_frame import page_title
from pages.components.layout.translation import _
from weir import __version__

st.set_page_config(layout="centered")
page_title(_("About Weir"))
draw_introduction()
draw_language_switch(key="about_language")
st.button(_("Take the tour (one minute)"), icon=":material/tour:", type="primary", on_click=go_to_step, args=(0,))
for number, step in enumerate(STEPS):
    st.button(
        _(step.sentence),
        icon=f":material/counter_{number + 1}:",
        key=f"tour-{number}",
        type="tertiary",
        on_click=go_to_step,
        args=(number,),
    )
st.markdown(
    _(
        "- **Version**: {version}\n- **Documentation**: the HTTP API: [{docs}]({docs}); all else: "
        "`README.md` and `docs/` of the source\n- **Licence**: MIT. The built-in model, "
        "SmolLM2-135M-Instruct: Apache-2.0\n- **Source**: open; this app runs from it as it is, "
        "as the Python package `weir-streams`\n"
    ).format(version=__version__, docs=DOCS)
)
