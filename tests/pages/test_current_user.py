"""Who somebody is, by what a sign-in provider says of them."""

import pytest

from pages.components.session.current_user import identity
from pages.components.session.sign_in import denial_reason
from weir.config import allow_list

KELVIN = "\u212a"


def test_an_address_is_the_same_person_in_any_case() -> None:
    assert identity({"email": "Kate@Example.org", "sub": "1"}) == identity({"email": "kate@example.org", "sub": "2"})


def test_an_address_that_only_looks_the_same_is_somebody_else() -> None:
    likeness = f"{KELVIN}ate@example.org"
    assert identity({"email": likeness}) != identity({"email": "kate@example.org"})
    assert not allow_list.is_allowed(allow_list.parse_allow_list("kate@example.org"), likeness)


def test_without_an_address_it_is_the_name_that_the_provider_gave() -> None:
    one, other = {"iss": "https://a.example", "sub": "7"}, {"iss": "https://b.example", "sub": "7"}
    assert identity(one) != identity(other)
    assert identity({"iss": "https://a.example", "sub": "kate@example.org"}) != identity({"email": "kate@example.org"})


@pytest.mark.parametrize("verified", [False, "false", "False", None, 0, "0", "no", ""])
def test_an_address_that_is_not_verified_is_refused(verified: object) -> None:
    assert "has not verified" in str(
        denial_reason({"email": "ann@example.org", "email_verified": verified}, frozenset())
    )


@pytest.mark.parametrize("said", [{"email_verified": True}, {"email_verified": "true"}, {}])
def test_one_that_is_or_of_which_nothing_is_said_may_pass(said: dict[str, object]) -> None:
    assert denial_reason({"email": "ann@example.org", **said}, frozenset()) is None
