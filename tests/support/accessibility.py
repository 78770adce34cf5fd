"""axe in the browser: faults of a page that are Weir's own."""

from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

NOT_OURS = {
    "color-contrast": ".token",
    "svg-img-alt": ".mark-symbol",
}
"""Colours of Streamlit's syntax highlighting; the sparkline of `st.metric`."""

COLOURS = ("color-contrast", "link-in-text-block")
"""Rules that depend on the colours of a page."""


def await_script(page: Page) -> None:
    """Wait until the page is whole."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)


def faults(page: Page, *rules: str) -> list[str]:
    """Return what axe finds on the page by these rules, or by all, without what is not Weir's."""
    # Without the rest, axe does not describe each element that passes, which is most of its work.
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found: list[dict[str, Any]] = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found
        for node in rule["nodes"]
        if not _is_at(page, node["target"][-1], NOT_OURS.get(rule["id"]))
    ]


def faults_in_light_and_dark(page: Page) -> list[str]:
    """Return what axe finds in either scheme; the page follows the browser's, in its colours alone."""
    found = []
    schemes: tuple[tuple[Literal["light", "dark"], tuple[str, ...]], ...] = (("light", ()), ("dark", COLOURS))
    for scheme, rules in schemes:
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
        found += faults(page, *rules)
    return found


def _is_at(page: Page, target: Any, selector: str | None) -> bool:
    """Whether an element of the page, which axe names by a selector, matches another selector."""
    if selector is None or not isinstance(target, str):
        return False
    matches: bool = page.evaluate("([one, other]) => document.querySelector(one)?.matches(other)", [target, selector])
    return matches
