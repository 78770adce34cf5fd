"""Whose conversations are shown."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from conversations.visitor import COOKIE, is_visitor, new_visitor
from streaming.party import Party


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
    if st.user.get("is_logged_in") is True:
        return identity(st.user)
    cookie = st.context.cookies.get(COOKIE)
    return cookie if isinstance(cookie, str) and is_visitor(cookie) else None


def identity(user: Mapping[str, Any]) -> str:
    """Return who is signed in, by what their provider says: an address, else their name with the provider."""
    email = str(user.get("email") or "")
    if not email:
        return f"user:{user.get('iss')} {user.get('sub')}"
    # As in the list of who may use Weir: in lower case some other letters become letters of ASCII.
    return f"user:{email.lower() if email.isascii() else email}"


def party() -> Party:
    """Return who looks at the page, for the limits and for what is shared."""
    return Party.of(visitor(), st.context.ip_address or "")
