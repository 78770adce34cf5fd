"""The app in a browser: the real server in a process of its own, Chromium, and a fake model server.

Each worker of pytest-xdist has one of each of the three, and runs the tests of a file one after another.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect
from playwright.sync_api import Error as PlaywrightError

from tests.support.app_process import running_weir
from tests.support.browser_page import QUIET, browser_path, opened
from tests.support.fake_openai import FakeOpenAI, Plan, fake_openai

PHONE: ViewportSize = {"width": 390, "height": 844}

TIMEOUT = 10.0
"""Seconds after which the app under test gives up on a silent model: on a busy machine, Stop is pressed before."""

# Milliseconds. What is waited for mostly takes a tenth of a second; on a busy machine a hundred times that.
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    # A page lives too briefly for V8's optimizers to pay: without them its process takes a tenth less time.
    return {"executable_path": browser_path(), "args": [*QUIET, "--js-flags=--no-maglev --no-opt", *sandbox]}


def kept(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """A context for all tests of a worker: what a page is made of is fetched and compiled once.

    Its first page stays open, and so does the process that all its pages share. Nothing that waits or turns is
    animated: each frame of that costs as much as drawing the page's text.
    """
    with browser.new_context(reduced_motion="reduce", **options) as context:
        first = context.new_page()
        first.route("**", lambda route: route.fulfill(body=""))
        first.goto("http://localhost/first")
        yield context


@pytest.fixture(scope="session")
def lasting_context(browser: Browser) -> Iterator[BrowserContext]:
    yield from kept(browser)


@pytest.fixture
def context(lasting_context: BrowserContext) -> Iterator[BrowserContext]:
    """The same with no page but the first, and with nothing that an earlier test left in the browser's storage."""
    yield lasting_context
    leave_nothing(lasting_context)


@pytest.fixture(scope="session")
def strangers_context(browser: Browser) -> Iterator[BrowserContext]:
    yield from kept(browser)


@pytest.fixture
def stranger(strangers_context: BrowserContext) -> Iterator[Page]:
    """A page of a visitor that the app has never seen."""
    yield strangers_context.new_page()
    leave_nothing(strangers_context)


@pytest.fixture(scope="session")
def phones_context(browser: Browser) -> Iterator[BrowserContext]:
    yield from kept(browser, viewport=PHONE, has_touch=True, is_mobile=True)


@pytest.fixture
def phone(phones_context: BrowserContext) -> Iterator[Page]:
    """A page on a phone."""
    yield phones_context.new_page()
    leave_nothing(phones_context)


def leave_nothing(context: BrowserContext) -> None:
    """Close the pages of a context but its first, and empty its storage."""
    for page in context.pages[1:]:
        with contextlib.suppress(PlaywrightError):  # a page without an origin has no storage
            page.evaluate("localStorage.clear()")
        page.close()
    context.clear_cookies()
    context.clear_permissions()
    context.unroute_all()


@pytest.fixture(scope="session")
def model_server() -> Iterator[FakeOpenAI]:
    with fake_openai() as server:
        yield server


@pytest.fixture(scope="session")
def weir_url(model_server: FakeOpenAI) -> Iterator[str]:
    with running_weir(
        OPENAI_BASE_URL=model_server.url,
        OPENAI_API_KEY="sk-test",
        OPENAI_MODEL="fake",
        WEIR_TIMEOUT=str(TIMEOUT),
        WEIR_RETRIES="0",
    ) as url:
        yield url


@pytest.fixture
def model(model_server: FakeOpenAI) -> FakeOpenAI:
    """The model server with nothing planned and nothing seen."""
    model_server.plan = Plan()
    model_server.seen.clear()
    return model_server


@pytest.fixture
def chat(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    return opened(page, weir_url)


@pytest.fixture
def story(page: Page, weir_url: str, model: FakeOpenAI) -> Page:
    return opened(page, f"{weir_url}/story")
