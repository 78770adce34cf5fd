"""The current user: the person or the browser whose conversations a page shows."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.components.session.sign_in import is_signed_in
from weir.access.anonymous_id import COOKIE, is_anonymous_id, new_anonymous_id
from weir.access.caller import PROXY_HEADERS, Caller
from weir.config.allow_list import normalize_email


def current_user_id() -> str:
    """Return the id of the signed-in person, else of the browser.

    Without cookies, each tab has an id of its own.
    """
    user_id: str = _persistent_id() or st.session_state.setdefault("visitor", new_anonymous_id())
    return user_id


def has_persistent_identity() -> bool:
    """Whether another tab, or a reload, has the same user id."""
    return _persistent_id() is not None


def _persistent_id() -> str | None:
    if is_signed_in():
        return identity(st.user)
    cookie = st.context.cookies.get(COOKIE)
    return cookie if isinstance(cookie, str) and is_anonymous_id(cookie) else None


def identity(user: Mapping[str, Any]) -> str:
    """Return the id of a signed-in person: their e-mail address, else issuer and subject of their sign-in provider."""
    email = user.get("email")
    return "user:" + (normalize_email(str(email)) if email else f"{user.get('iss')} {user.get('sub')}")


def current_caller() -> Caller:
    """Return the caller of this page, for limits and for access to runs."""
    return Caller.from_identity(current_user_id(), st.context.ip_address or "")


def is_this_machine() -> bool:
    """Whether this page was asked for by a browser of this machine, and not through a proxy."""
    headers = st.context.headers
    return st.context.ip_address is None and not any(name in headers for name in PROXY_HEADERS)
