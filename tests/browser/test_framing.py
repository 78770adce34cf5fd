"""Who may show Weir in a frame: nobody, unless `WEIR_FRAMED_BY` names them."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.support.app_process import running_weir
from tests.support.browser_page import INPUT
from tests.support.fake_openai import FakeOpenAI
from tests.support.serving import served
from weir.api.middleware.security_headers import SecurityHeadersMiddleware


def framing(request: Request) -> HTMLResponse:
    return HTMLResponse(f"<h1>Portal</h1><iframe src='{request.query_params['shows']}' width=1000 height=600></iframe>")


@pytest.fixture(scope="module")
def portal() -> Iterator[str]:
    """The address of another site, whose pages show what they are asked to."""
    with served(Starlette(routes=[Route("/", framing)]), "portal") as address:
        yield address


@pytest.fixture(scope="module")
def framed(portal: str, model_server: FakeOpenAI) -> Iterator[str]:
    """The address of a Weir that this site, and its own pages, may frame."""
    with running_weir(OPENAI_BASE_URL=model_server.url, WEIR_FRAMED_BY=f"self, {portal}") as url:
        yield url


def test_no_page_may_frame_it(page: Page, portal: str, weir_url: str, model: FakeOpenAI) -> None:
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(f"{portal}/?shows={weir_url}/")
    expect(page.frame_locator("iframe").locator(INPUT)).to_have_count(0)


def test_a_site_that_is_named_may_and_the_own_pages_and_blocked_cookies_are_said(
    page: Page, portal: str, framed: str, model: FakeOpenAI
) -> None:
    page.goto(f"{portal}/?shows={framed}/story")
    inside = page.frame_locator("iframe")
    inside.locator(INPUT).fill("a lighthouse")
    inside.locator(INPUT).press("Enter")
    expect(inside.get_by_text("Once upon a time.")).to_be_visible()
    # Where the browser keeps the cookie back, the chat says so.
    page.goto(f"{portal}/?shows={framed}/")
    expect(inside.get_by_text("Cookies are blocked")).to_be_visible()
    page.goto(framed)
    expect(page.get_by_text("Your conversations will appear here.")).to_be_visible()
    page.evaluate("document.body.append(Object.assign(document.createElement('iframe'), {src: '/story'}))")
    expect(inside.locator(INPUT)).to_be_visible()


@pytest.mark.parametrize(
    ("origins", "expected"),
    [((), "DENY"), (("self",), "SAMEORIGIN"), (("self", "https://portal.example.org"), None)],
    ids=["nobody", "own pages", "others too"],
)
def test_browsers_without_policies_are_told_what_they_can_be(origins: tuple[str, ...], expected: str | None) -> None:
    app = Starlette(middleware=[Middleware(SecurityHeadersMiddleware, framed_by=origins)])
    with served(app, "headers") as address:
        assert httpx.get(address).headers.get("x-frame-options") == expected
