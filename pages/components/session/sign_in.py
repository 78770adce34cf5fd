"""Sign-in with the providers in `[auth]` of Streamlit's `secrets.toml`, and who may use the app."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.layout.translation import _
from weir.config import allow_list
from weir.config.settings import SettingsError, basic, settings

SHARED = ("redirect_uri", "cookie_secret")
PROVIDERS_OWN = ("client_id", "client_secret", "server_metadata_url")
SECRET = ("cookie_secret", "client_secret")
DEFAULT = "default"


@functools.cache
def providers() -> tuple[str, ...]:
    """Return the names of the sign-in providers, read once; empty if sign-in is not set up.

    Raises SettingsError if the file cannot be read or lacks a value: a mistake in it must not open the app to everyone.
    """
    names: tuple[str, ...] = ()
    if st.secrets.load_if_toml_exists():
        names = _checked(st.secrets["auth"]) if "auth" in st.secrets else ()
    else:
        for file in st.get_option("secrets.files"):
            if Path(file).exists():
                raise SettingsError(f"{file} cannot be read, so Weir does not know who may sign in.")
    if not names and settings().allowed_users:
        raise SettingsError("WEIR_ALLOWED_USERS is set, but nobody can sign in: [auth] is missing in secrets.toml.")
    return names


def _checked(auth: Mapping[str, Any]) -> tuple[str, ...]:
    named = {name: section for name, section in auth.items() if isinstance(section, Mapping) and "client_id" in section}
    sections = named if "client_id" not in auth else {DEFAULT: auth} | named
    missing = [key for key in SHARED if not auth.get(key)]
    missing += [f"{name}.{key}" for name, section in sections.items() for key in PROVIDERS_OWN if not section.get(key)]
    if not sections:
        missing.append("client_id")
    if missing:
        raise SettingsError(f"[auth] in secrets.toml lacks {', '.join(missing)}.")
    return tuple(sections)


def auth_secrets() -> tuple[str, ...]:
    """Return the secrets of `[auth]`, for redaction of logs, pages and recordings."""
    has_auth = st.secrets.load_if_toml_exists() and "auth" in st.secrets
    return secrets_of(st.secrets["auth"]) if has_auth else ()


def secrets_of(auth: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the secrets of an `[auth]` section and its providers, also as the Basic credentials that are sent."""
    sections = [auth, *(section for section in auth.values() if isinstance(section, Mapping))]
    sent = [
        basic(section["client_id"], section["client_secret"])
        for section in sections
        if section.get("client_id") and section.get("client_secret")
    ]
    return (*(str(section[key]) for section in sections for key in SECRET if section.get(key)), *sent)


def denial_reason(user: Mapping[str, Any], allowed: frozenset[str]) -> str | None:
    """Return why a signed-in person may not use Weir, by their provider's claims; None if they may."""
    email = user.get("email")
    if not isinstance(email, str) or "@" not in email:
        return _("Your sign-in provider has given Weir no e-mail address.") if allowed else None
    # Providers without `email_verified` hand out addresses of their own domains only.
    if str(user.get("email_verified", True)).lower() != "true":
        return _("Your sign-in provider has not verified that {email} is yours.").format(email=email)
    if not allow_list.is_allowed(allowed, email):
        return _(
            "{email} may not use this Weir. Ask whoever runs it to add you, or sign in with another address."
        ).format(email=email)
    return None


def is_signed_in() -> bool:
    """Whether the visitor is signed in.

    Without providers, `st.user` is not read: each access looks for the secrets files, under a lock that all visitors
    share.
    """
    return bool(providers()) and st.user.get("is_logged_in") is True


def account() -> str | None:
    """Return the name of the signed-in person for the page; None if nobody is signed in."""
    if not is_signed_in():
        return None
    return str(st.user.get("email") or st.user.get("name") or st.user.get("sub"))


def is_authorized() -> bool:
    """Whether the visitor may use the app."""
    if not providers():
        return True
    return is_signed_in() and denial_reason(st.user, _allowed()) is None


def draw_sign_in() -> None:
    """Draw the sign-in page: all that an unauthorized visitor sees."""
    st.subheader("Weir", anchor=False)
    name = account()
    reason = denial_reason(st.user, _allowed()) if name else None
    if reason:
        st.warning(reason, icon=":material/block:")
        st.button(_("Sign out"), icon=":material/logout:", on_click=st.logout)
        return
    st.markdown(_("Weir shows, measures and records what a LangChain chain streams. Sign in to use it."))
    for provider in providers():
        label = (
            _("Sign in") if provider == DEFAULT else _("Sign in with {provider}").format(provider=provider.capitalize())
        )
        st.button(
            label,
            icon=":material/login:",
            type="primary",
            key=f"sign-in-{provider}",
            on_click=st.login,
            args=(None if provider == DEFAULT else provider,),
        )
    if "run" in st.query_params:
        st.caption(_("After you have signed in, open your link again. It is valid as long as its run is shared."))


def _allowed() -> frozenset[str]:
    return allow_list.parse_allow_list(settings().allowed_users)
