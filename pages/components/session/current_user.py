"""Whose conversations are shown."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.components.session.sign_in import is_signed_in
from weir.access.anonymous_id import COOKIE, is_anonymous_id, new_anonymous_id
from weir.access.caller import Caller
from weir.config.allow_list import normalize_email


def current_user_id() -> str:
    """Return who looks at the page: who is signed in, else whose browser it is.

    One whose browser keeps no cookie is somebody else in each tab.
    """
    found: str = _known() or st.session_state.setdefault("visitor", new_anonymous_id())
    return found


def has_persistent_identity() -> bool:
    """Whether Weir will know the visitor again: in another tab, after a reload."""
    return _known() is not None


def _known() -> str | None:
    if is_signed_in():
        return identity(st.user)
    cookie = st.context.cookies.get(COOKIE)
    return cookie if isinstance(cookie, str) and is_anonymous_id(cookie) else None


def identity(user: Mapping[str, Any]) -> str:
    """Return who is signed in, by what their provider says: an address, else their name with the provider."""
    email = user.get("email")
    return "user:" + (normalize_email(str(email)) if email else f"{user.get('iss')} {user.get('sub')}")


def current_caller() -> Caller:
    """Return who looks at the page, for the limits and for what is shared."""
    return Caller.from_identity(current_user_id(), st.context.ip_address or "")
