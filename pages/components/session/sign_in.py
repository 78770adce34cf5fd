"""Signing in, where `[auth]` is set up in Streamlit's secrets: who may see and do anything at all."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from weir.config import allow_list
from weir.config.settings import SettingsError, basic, settings

SHARED = ("redirect_uri", "cookie_secret")
PROVIDERS_OWN = ("client_id", "client_secret", "server_metadata_url")
SECRET = ("cookie_secret", "client_secret")
DEFAULT = "default"


@functools.cache
def providers() -> tuple[str, ...]:
    """Return the names of the providers by which people sign in, read once; none where nobody has to.

    Raises SettingsError where they cannot be read whole: a mistake in a file must not let everybody in.
    """
    names: tuple[str, ...] = ()
    if st.secrets.load_if_toml_exists():
        names = _checked(st.secrets["auth"]) if "auth" in st.secrets else ()
    else:
        for file in st.get_option("secrets.files"):
            if Path(file).exists():
                raise SettingsError(f"{file} cannot be read, so who may sign in is not known.")
    if not names and settings().allowed_users:
        raise SettingsError("WEIR_ALLOWED_USERS is set, but nobody can sign in: [auth] is missing in secrets.toml.")
    return names


def _checked(auth: Mapping[str, Any]) -> tuple[str, ...]:
    named = {name: section for name, section in auth.items() if isinstance(section, Mapping) and "client_id" in section}
    found = named if "client_id" not in auth else {DEFAULT: auth} | named
    missing = [key for key in SHARED if not auth.get(key)]
    missing += [f"{name}.{key}" for name, section in found.items() for key in PROVIDERS_OWN if not section.get(key)]
    if not found:
        missing.append("client_id")
    if missing:
        raise SettingsError(f"[auth] in secrets.toml lacks {', '.join(missing)}.")
    return tuple(found)


def auth_secrets() -> tuple[str, ...]:
    """Return what `[auth]` keeps secret: nothing that is logged, shown or recorded may hold it."""
    has_auth = st.secrets.load_if_toml_exists() and "auth" in st.secrets
    return secrets_of(st.secrets["auth"]) if has_auth else ()


def secrets_of(auth: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the secrets of an `[auth]` section and of its providers, also in the form in which these are sent them."""
    sections = [auth, *(section for section in auth.values() if isinstance(section, Mapping))]
    sent = [
        basic(section["client_id"], section["client_secret"])
        for section in sections
        if section.get("client_id") and section.get("client_secret")
    ]
    return (*(str(section[key]) for section in sections for key in SECRET if section.get(key)), *sent)


def denial_reason(user: Mapping[str, Any], allowed: frozenset[str]) -> str | None:
    """Return why somebody who is signed in may not use Weir, by what their provider says of them; None if they may."""
    email = user.get("email")
    if not isinstance(email, str) or "@" not in email:
        return "Your sign-in provider has not told Weir an e-mail address." if allowed else None
    # A provider that says nothing of it has no other addresses than its own.
    if str(user.get("email_verified", True)).lower() != "true":
        return f"Your sign-in provider has not verified that {email} is yours."
    if not allow_list.is_allowed(allowed, email):
        return f"{email} may not use this Weir. Ask whoever runs it to add you, or sign in with another address."
    return None


def is_signed_in() -> bool:
    """Whether the visitor is signed in.

    Where nobody can be, `st.user` is not asked: it looks for its secrets' files each time, one visitor after another.
    """
    return bool(providers()) and st.user.get("is_logged_in") is True


def account() -> str | None:
    """Return how somebody who is signed in is called; None where nobody is."""
    if not is_signed_in():
        return None
    return str(st.user.get("email") or st.user.get("name") or st.user.get("sub"))


def is_authorized() -> bool:
    """Whether the visitor may see and do anything here."""
    if not providers():
        return True
    return is_signed_in() and denial_reason(st.user, _allowed()) is None


def draw_sign_in() -> None:
    """Draw what somebody who is not admitted sees instead of any page."""
    st.subheader("Weir", anchor=False)
    name = account()
    why = denial_reason(st.user, _allowed()) if name else None
    if why:
        st.warning(why, icon=":material/block:")
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
        return
    st.markdown("Weir shows, measures and records what a LangChain chain streams. Sign in to use it.")
    for provider in providers():
        label = "Sign in" if provider == DEFAULT else f"Sign in with {provider.capitalize()}"
        st.button(
            label,
            icon=":material/login:",
            type="primary",
            key=f"sign-in-{provider}",
            on_click=st.login,
            args=(None if provider == DEFAULT else provider,),
        )
    if "run" in st.query_params:
        st.caption("Once you are signed in, open your link again: it is good for as long as its run is shared.")


def _allowed() -> frozenset[str]:
    return allow_list.parse_allow_list(settings().allowed_users)
