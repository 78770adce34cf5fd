import pytest

from weir.api.middleware.secure_cookies import add_cookie_attributes


@pytest.mark.parametrize(
    ("cookie", "tls", "sent"),
    [
        ("a=1", False, "a=1; SameSite=Lax; HttpOnly"),
        ("a=1; Path=/; HttpOnly; SameSite=Strict", False, "a=1; Path=/; HttpOnly; SameSite=Strict"),
        ("a=1; httponly; samesite=lax", True, "a=1; httponly; samesite=lax; Secure"),
        ("a=1; HttpOnly; SameSite=Lax; Secure", True, "a=1; HttpOnly; SameSite=Lax; Secure"),
        ("_streamlit_xsrf=2|x; Path=/; SameSite=Lax", True, "_streamlit_xsrf=2|x; Path=/; SameSite=Lax; Secure"),
        ("secure=httponly", False, "secure=httponly; SameSite=Lax; HttpOnly"),
    ],
)
def test_a_cookie_gets_the_attributes_that_it_lacks(cookie: str, tls: bool, sent: str) -> None:
    assert add_cookie_attributes(cookie, tls=tls) == sent
