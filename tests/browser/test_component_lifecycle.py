"""Components are mounted twice where a page is drawn again before their script has loaded.

Streamlit (1.67, `BidiComponent`) then calls the script for both, and after that the end of the first.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from pages.components.chat import scroll_and_keys
from pages.components.http_client import event_source
from pages.components.layout import page_frame
from pages.components.layout.translation import script_with_words

TWICE = """async ({html, script, data}) => {
  const open = new Set()
  window.EventSource = class extends EventTarget {
    constructor() { super(); open.add(this) }
    close() { open.delete(this) }
  }
  document.addEventListener = (name) => open.add(name)
  document.removeEventListener = (name) => open.delete(name)
  document.body.innerHTML = '<main data-testid="stApp"><div class="stMain"></div><section></section></main>'
  const parentElement = document.querySelector("section")
  parentElement.innerHTML = html
  const url = URL.createObjectURL(new Blob([script], {type: "text/javascript"}))
  const mount = (await import(url)).default
  const ends = [1, 2].map(() => mount({data: {...data}, parentElement, setTriggerValue: () => {}}))
  ends[0]()
  const during = open.size
  parentElement.remove()
  ends[1]()
  return [during, open.size]
}"""


@pytest.mark.parametrize(
    ("component", "data", "listens"),
    [
        (event_source, {"url": "/api/sse", "reader": "EventSource", "kind": "text", "round": 1, "mayStop": True}, 1),
        (page_frame, {"page": "story"}, 1),
        (scroll_and_keys, {"conversation": "1"}, 2),
    ],
)
def test_a_component_goes_on_after_the_end_of_an_earlier_mount(
    page: Page, component: Any, data: dict[str, Any], listens: int
) -> None:
    script = script_with_words(Path(component.__file__).with_suffix(".js"))
    given = {"html": component._HTML, "script": script, "data": data | {"words": {}}}
    assert page.evaluate(TWICE, given) == [listens, 0]
