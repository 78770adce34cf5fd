"""Pages of the app in Chromium: opening one, sending a question, waiting for the answer's end."""

import contextlib
import re
import shutil

from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

INPUT = "textarea[data-testid=stChatInputTextArea]"

QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,PaintHolding,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "OptimizationHints,LensOverlay,MediaRouter,AimEnabled,PreconnectToSearch,NetworkTimeServiceQuerying,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,ThirdPartyStoragePartitioning,"
    "AvoidCorsURLLoaderRestartOnRedirect,ScriptStreaming,SpareRendererForSitePerProcess",
    "--process-per-site",
)
"""Arguments that keep Chromium from using the network, and the processor, for itself.

The popup of the address bar is a page of its own in each window, and takes a third of the processor time of a test. The
features up to AvoidCors… are Playwright's list, which Chromium reads no more once another is given. Pages of a context
share one process, whose scripts are compiled once: without that, and with scripts compiled again in the background
while they arrive, a page takes twice the processor time.
"""


def browser_path() -> str:
    """Return where this system's Chromium is; the one without windows takes a third less time for a page."""
    paths = (
        shutil.which(name) for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    )
    return next(path for path in paths if path)


class Wire:
    """Counts the bytes that the page's websockets received."""

    def __init__(self, page: Page) -> None:
        self.received = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, payload: str | bytes) -> None:
        self.received += len(payload)


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    expect(page.locator(INPUT)).to_be_visible()
    return page


def send(page: Page, text: str) -> None:
    box = page.locator(INPUT)
    box.fill(text)
    box.press("Enter")


def choose(page: Page, label: str, option: str) -> None:
    """Choose what begins with these words in the select box of that label."""
    box = page.get_by_role("combobox", name=label)
    wanted = page.get_by_role("option", name=re.compile(f"^{re.escape(option)}"))
    for _ in range(20):
        # A page that is drawn anew at that moment closes the list.
        with contextlib.suppress(PlaywrightTimeoutError):
            if not wanted.is_visible():
                box.click()
            wanted.click(timeout=1_500)
            break
    expect(wanted).to_have_count(0)
    expect(box).to_have_value(re.compile(f"^{re.escape(option)}"))


def ended(page: Page, times: int = 1) -> None:
    """Wait until that many answers have ended."""
    # With several models there is *Regenerate with …* too.
    again = page.get_by_role("button", name="Regenerate", exact=True)
    expect(again.or_(page.get_by_role("button", name="Retry"))).to_have_count(times)


def record_shifts(page: Page) -> None:
    """Begin to record how much of the window moves by itself: layout shifts, but those that follow a key or a click."""
    page.evaluate(
        "new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) "
        "(window.shifts ??= []).push(one.value) }).observe({type: 'layout-shift'})"
    )


def recorded_shifts(page: Page) -> list[float]:
    """Return the layout shifts since `record_shifts`, each from 0 (nothing moved) to 1."""
    shifts: list[float] = page.evaluate("window.shifts ?? []")
    return shifts
