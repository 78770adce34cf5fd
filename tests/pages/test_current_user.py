"""The id of a signed-in person, from the claims of their sign-in provider."""

import pytest

from pages.components.session.current_user import identity
from pages.components.session.sign_in import denial_reason
from weir.config import allow_list

KELVIN = "\u212a"


def test_identity_is_the_same_for_an_address_in_any_case() -> None:
    assert identity({"email": "Kate@Example.org", "sub": "1"}) == identity({"email": "kate@example.org", "sub": "2"})


def test_identity_differs_for_an_address_that_only_looks_the_same() -> None:
    likeness = f"{KELVIN}ate@example.org"
    assert identity({"email": likeness}) != identity({"email": "kate@example.org"})
    assert not allow_list.is_allowed(allow_list.parse_allow_list("kate@example.org"), likeness)


def test_identity_without_an_address_is_issuer_and_subject() -> None:
    one, other = {"iss": "https://a.example", "sub": "7"}, {"iss": "https://b.example", "sub": "7"}
    assert identity(one) != identity(other)
    assert identity({"iss": "https://a.example", "sub": "kate@example.org"}) != identity({"email": "kate@example.org"})


@pytest.mark.parametrize("verified", [False, "false", "False", None, 0, "0", "no", ""])
def test_denial_reason_for_an_address_that_is_not_verified(verified: object) -> None:
    assert "has not verified" in str(
        denial_reason({"email": "ann@example.org", "email_verified": verified}, frozenset())
    )


@pytest.mark.parametrize("claims", [{"email_verified": True}, {"email_verified": "true"}, {}])
def test_no_denial_for_a_verified_address_or_without_the_claim(claims: dict[str, object]) -> None:
    assert denial_reason({"email": "ann@example.org", **claims}, frozenset()) is None
