"""Which signed-in people may use Weir, and the secrets of `[auth]`."""

from typing import Any

import pytest

from pages.components.session import sign_in
from pages.components.session.sign_in import denial_reason, secrets_of
from weir.config import allow_list

LIST = allow_list.parse_allow_list("Ann@example.org, @team.example")


@pytest.mark.parametrize(
    "user",
    [
        {"email": "ann@example.org"},
        {"email": "ANN@EXAMPLE.ORG", "email_verified": True},
        {"email": "anybody@team.example", "email_verified": "true"},
    ],
)
def test_an_address_or_its_domain_on_the_list_may(user: dict[str, Any]) -> None:
    assert denial_reason(user, LIST) is None


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({"email": "ben@example.org"}, "may not use this Weir"),
        ({"email": "ann@example.org.evil.example"}, "may not use this Weir"),
        ({"email": "eve@not-team.example"}, "may not use this Weir"),
        ({"email": "eve@sub.team.example"}, "may not use this Weir"),
        ({"email": "eve@evil.example@team.example", "email_verified": False}, "has not verified"),
        ({"email": "ann@example.org", "email_verified": False}, "has not verified"),
        ({"email": "ann@example.org", "email_verified": "False"}, "has not verified"),
        ({"email": ["ann@example.org"]}, "has given Weir no e-mail address"),
        ({"email": ""}, "has given Weir no e-mail address"),
        ({"sub": "ann@example.org"}, "has given Weir no e-mail address"),
    ],
)
def test_others_may_not_and_are_told_why(user: dict[str, Any], says: str) -> None:
    assert says in str(denial_reason(user, LIST))


def test_without_a_list_everybody_who_can_sign_in_may_but_never_with_an_address_that_is_not_theirs() -> None:
    assert denial_reason({"email": "anybody@anywhere.example"}, frozenset()) is None
    assert denial_reason({"sub": "1"}, frozenset()) is None
    assert denial_reason({"email": "ann@example.org", "email_verified": False}, frozenset()) is not None


@pytest.mark.parametrize("text", ["ann", "@", "a@b@c", "ann@example.org ben@example.org", "ann@"])
def test_what_is_neither_an_address_nor_a_domain_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither an address nor a domain"):
        allow_list.parse_allow_list(text)


def test_secrets_of_every_provider() -> None:
    auth = {
        "redirect_uri": "https://weir.example.org/oauth2callback",
        "cookie_secret": "a-cookie-canary",
        "google": {"client_id": "1", "client_secret": "a-google-canary"},
        "entra": {"client_id": "2", "client_secret": "an-entra-canary"},
    }
    sent = ("MTphLWdvb2dsZS1jYW5hcnk=", "Mjphbi1lbnRyYS1jYW5hcnk=")
    assert secrets_of(auth) == ("a-cookie-canary", "a-google-canary", "an-entra-canary", *sent)
    assert secrets_of({"client_id": "1", "client_secret": "alone"}) == ("alone", "MTphbG9uZQ==")


def test_user_is_not_read_without_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit looks for the secrets files at each access to `st.user`."""
    keys: list[str] = []

    class User:
        def get(self, key: str) -> bool:
            keys.append(key)
            return True

    monkeypatch.setattr("streamlit.user", User())
    monkeypatch.setattr(sign_in, "providers", lambda: ())
    assert sign_in.account() is None
    assert sign_in.is_authorized()
    assert keys == []
    monkeypatch.setattr(sign_in, "providers", lambda: ("default",))
    assert sign_in.is_signed_in()
    assert keys == ["is_logged_in"]
