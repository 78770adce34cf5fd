"""axe in the browser: faults of a page that are Weir's own."""

from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

NOT_OURS = {
    "color-contrast": ".token",
    "svg-img-alt": ".mark-symbol",
}
"""Colours of Streamlit's syntax highlighting; the sparkline of `st.metric`."""


def await_script(page: Page) -> None:
    """Wait until the page is whole."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)


def faults(page: Page) -> list[str]:
    """Return what axe finds on the page, without what is not Weir's."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found
        for node in rule["nodes"]
        if not _is_at(page, node["target"][-1], NOT_OURS.get(rule["id"]))
    ]


def faults_in_light_and_dark(page: Page) -> list[str]:
    """Return what axe finds in either scheme; the page follows the browser's."""
    found = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
        found += faults(page)
    return found


def _is_at(page: Page, target: Any, selector: str | None) -> bool:
    """Whether an element of the page, which axe names by a selector, matches another selector."""
    if selector is None or not isinstance(target, str):
        return False
    matches: bool = page.evaluate("([one, other]) => document.querySelector(one)?.matches(other)", [target, selector])
    return matches
