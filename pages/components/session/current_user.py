"""Whose conversations are shown."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.components.session.sign_in import is_signed_in
from weir.access.anonymous_id import COOKIE, is_visitor, new_visitor
from weir.access.caller import Party
from weir.config.allow_list import folded


def visitor() -> str:
    """Return who looks at the page: who is signed in, else whose browser it is.

    One whose browser keeps no cookie is somebody else in each tab.
    """
    found: str = _known() or st.session_state.setdefault("visitor", new_visitor())
    return found


def is_known_again() -> bool:
    """Whether Weir will know the visitor again: in another tab, after a reload."""
    return _known() is not None


def _known() -> str | None:
    if is_signed_in():
        return identity(st.user)
    cookie = st.context.cookies.get(COOKIE)
    return cookie if isinstance(cookie, str) and is_visitor(cookie) else None


def identity(user: Mapping[str, Any]) -> str:
    """Return who is signed in, by what their provider says: an address, else their name with the provider."""
    email = user.get("email")
    return "user:" + (folded(str(email)) if email else f"{user.get('iss')} {user.get('sub')}")


def party() -> Party:
    """Return who looks at the page, for the limits and for what is shared."""
    return Party.of(visitor(), st.context.ip_address or "")
