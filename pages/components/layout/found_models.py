"""Models that were found on this machine, offered by the model line: one is used with a click, and none unasked."""

import streamlit as st

from pages.components.layout.formatting import escape_markdown
from pages.components.layout.translation import N_, _
from pages.components.session.app_services import service
from pages.components.session.current_user import is_this_machine
from pages.components.session.model_choice import pick_found
from pages.components.session.sign_in import providers

_OFFER = N_("Found on this machine. Nothing is sent to a model before you use it.")
_KEEP = N_("It is used until Weir ends. To keep it, write this into `weir.toml`, in the folder where Weir starts:")


def draw_found_models() -> None:
    """Draw the offer, if something was found and this page is seen on the same machine."""
    found = service().models.found
    if not found or providers() or not is_this_machine():
        return
    servers = list(dict.fromkeys(model.server.partition(" (")[0] for model in found))
    many = _("{count} model servers found").format(count=len(servers))
    label = _("{server} found").format(server=servers[0]) if len(servers) == 1 else many
    with st.popover(label, type="tertiary", icon=":material/add_circle:"):
        st.markdown(_(_OFFER))
        chosen = st.selectbox(
            _("Model"),
            found,
            format_func=lambda model: f"{model.name} · {model.server}",
            key="found_model",
            label_visibility="collapsed",
        )
        st.button(_("Use it"), icon=":material/check:", type="primary", on_click=pick_found, args=(chosen,))
        st.caption(_(_KEEP))
        st.code(chosen.lines, language="toml")
        st.caption(_("Its address is {address}").format(address=escape_markdown(chosen.base_url)))
