"""Signing in: nobody sees or does anything before, and only those who are meant to afterwards."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.app_process import free_port, refused_start, weir_process, with_preloaded_streamlit
from tests.support.browser_page import ended, send
from tests.support.fake_openai import FakeOpenAI
from tests.support.identity_provider import IdentityProvider, identity_provider


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider(free_port()) as found:
        found.add("ann", email="ann@example.org", email_verified=True)
        found.add("ben", email="Ben@Team.Example", email_verified=True)
        found.add("eve", email="eve@elsewhere.example", email_verified=True)
        found.add("mal", email="mal@team.example", email_verified=False)
        yield found


@pytest.fixture(scope="module")
def hosted(provider: IdentityProvider, model_server: FakeOpenAI, tmp_path_factory: Any) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("hosted")
    port = free_port()
    secrets = folder / "secrets.toml"
    # What stands above the first section is a variable of the environment.
    allowed = 'WEIR_ALLOWED_USERS = "ann@example.org, @team.example"'
    secrets.write_text(f"{allowed}\n{provider.secrets(f'http://localhost:{port}')}", encoding="utf-8")
    environment = {
        "OPENAI_BASE_URL": model_server.url,
        "OPENAI_MODEL": "fake",
        "WEIR_DATA": str(folder),
        "WEIR_RETRIES": "0",
        "STREAMLIT_SECRETS_FILES": str(secrets),
    }
    with weir_process("", environment, port, with_preloaded_streamlit) as weir:
        yield weir.url


def sign_in(page: Page, url: str, name: str, button: str = "Sign in") -> None:
    page.goto(url)
    page.get_by_role("button", name=button).click()
    page.get_by_placeholder("sub").fill(name)
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"{url}/**")


def sign_out(page: Page, url: str) -> None:
    page.get_by_text("ann@example.org").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.get_by_role("button", name="End session").click()
    page.wait_for_url(f"{url}/**")


def test_before_signing_in_every_address_is_the_door(page: Page, hosted: str) -> None:
    for path in ("", "/story", "/events", "/partial_json", "/routing", "/http_client", "/?run=1"):
        page.goto(hosted + path)
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        expect(page.get_by_test_id("stChatInput")).to_have_count(0)
        expect(page.get_by_role("link", name="Chat")).to_have_count(0)


def test_who_signs_in_stays_so_over_a_refresh_and_on_the_http_page_and_leaves_by_signing_out(
    page: Page, hosted: str, model: FakeOpenAI
) -> None:
    # The API lets nobody else in.
    assert httpx.get(f"{hosted}/api/stream?topic=rain").status_code == 401
    assert httpx.get(f"{hosted}/api/health").status_code == 200
    sign_in(page, hosted, "ann")
    send(page, "A question of Ann")
    ended(page)
    page.reload()
    ended(page)
    expect(page.get_by_text("ann@example.org")).to_be_visible()
    page.get_by_role("link", name="API client").click()
    expect(page.get_by_role("heading", level=1, name="API client")).to_be_visible()
    expect(page.get_by_placeholder("What should the story be about?")).to_be_visible()
    send(page, "A story for Ann")
    expect(page.get_by_text(re.compile("no duplicates, no gaps"))).to_be_visible()
    sign_out(page, hosted)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.goto(f"{hosted}/story")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("A question of Ann")).to_have_count(0)


def test_two_people_see_their_own_conversations_only(
    page: Page, stranger: Page, hosted: str, model: FakeOpenAI
) -> None:
    sign_in(page, hosted, "ann")
    send(page, "Between Ann and the model")
    ended(page)
    sign_in(stranger, hosted, "ben")
    expect(stranger.get_by_text("Your conversations will appear here.")).to_be_visible()
    expect(stranger.get_by_text("Between Ann and the model")).to_have_count(0)
    stranger.context.clear_cookies()
    sign_in(stranger, hosted, "ann")
    expect(stranger.get_by_role("button", name="Between Ann and the model")).to_be_visible()


def test_who_is_not_meant_to_is_told_so_and_can_sign_out(page: Page, hosted: str) -> None:
    for name, says in (
        ("eve", "eve@elsewhere.example may not use this Weir."),
        ("mal", "has not verified that mal@team.example is yours."),
    ):
        sign_in(page, hosted, name)
        expect(page.get_by_text(says)).to_be_visible()
        expect(page.get_by_test_id("stChatInput")).to_have_count(0)
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="End session").click()
        page.wait_for_url(f"{hosted}/**")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(
    ("secrets", "says"),
    [
        ("[auth", "secrets.toml cannot be read"),
        ("[auth]", "lacks redirect_uri, cookie_secret, client_id"),
        ('[auth]\nclient_id = "weir"', "lacks redirect_uri, cookie_secret, default.client_secret"),
        ('[auth]\nredirect_uri = "x"\ncookie_secret = "x"', "lacks client_id"),
        ('WEIR_ALLOWED_USERS = "@example.org"', "WEIR_ALLOWED_USERS is set, but nobody can sign in"),
    ],
)
def test_a_mistake_in_the_secrets_stops_the_start_and_lets_nobody_in(tmp_path: Path, secrets: str, says: str) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text(secrets, encoding="utf-8")
    output = refused_start({"STREAMLIT_SECRETS_FILES": str(file), "WEIR_DATA": str(tmp_path)})
    assert "Weir cannot start." in output
    assert says in output
