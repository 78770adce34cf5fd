"""What a model may write to have a browser do something: drawn everywhere, and nothing is fetched, run or hidden."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import BrowserContext, Dialog, Page, Request, expect

from tests.support.browser_page import INPUT, choose, ended, opened, send
from tests.support.fake_openai import FakeOpenAI, Plan

OWN = "/api/stream?topic=stolen"
MADE_BY_MODEL = (
    "img",
    "iframe",
    "video",
    "object",
    "embed",
    "link",
    "script",
    "[onload]",
    "[data-testid=stMermaidChart]",
)


@dataclass(slots=True)
class Ear:
    """A port on which nobody has a reason to call."""

    port: int
    calls: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard = Ear(server.getsockname()[1])

        def listen() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    with caller:
                        heard.calls.append(caller.recv(1_000))

        threading.Thread(target=listen, name="ear", daemon=True).start()
        yield heard
        server.shutdown(socket.SHUT_RDWR)


PAYLOADS = """
Inline ![a](EAR/1.png), own ![b](OWN), protocol-relative ![c](//HOST/2.png), titled ![d](EAR/3.png "t").

Reference ![e][r] ![r][] ![r], in a link [![f](EAR/4.png)](EAR/5), in code `![g](EAR/6.png)`.
Nested ![h ![i](EAR/7.png)](EAR/8.png).

[r]: EAR/9.png

` ![after a lone backtick](EAR/10.png)

<img src="EAR/11.png"><img src="OWN"><script src="EAR/12.js"></script><style>@import "EAR/13.css";</style>

<iframe src="EAR/14"></iframe><svg onload="fetch('EAR/15')"></svg>
<link rel="prefetch" href="EAR/16"><video src="EAR/17">

<div>
```

![in html](EAR/18.png)

- ```
![out of a list](EAR/19.png)

| ` | ![in a cell](EAR/20.png) | ` |
|---|---|---|
| ` | ![in a cell](EAR/21.png) | ` |

$\\includegraphics[height=1em]{EAR/22.png}$ $\\href{javascript:alert(1)}{x}$ $\\url{EAR/23}$
$\\htmlStyle{background:url(EAR/24)}{x}$

:red[![in a directive](EAR/25.png)] :red-badge[![in a badge](EAR/26.png)]
:color[x]{foreground="red" background="url(EAR/27)"}
:img[x]{src=EAR/28} ::img{src=EAR/29} :material/image: :help[![h](EAR/30.png)]

Footnote[^1] and ![footnote][^1].

[^1]: ![in a footnote](EAR/31.png)

```mermaid
flowchart TD
  A@{ img: "EAR/32.png", label: "x" } --> B["<img src='EAR/33.png'>"]
  C@{ img: "OWN" }
  click B href "javascript:alert(1)"
  style A fill:url(EAR/34)
```

~~~ m&#101;rmaid
flowchart TD
  A@{ img: "EAR/35.png" }
~~~

[js](javascript:alert%281%29) [js2](JaVaScRiPt:alert(1)) [js3](&#106;avascript:alert(1)) [js4](java&#10;script:alert(1))
[data](data:text/html,<script>alert(1)</script>)
[vb](vbscript:msgbox) [file](file:///etc/passwd) <javascript:alert(1)> [https://good.example](EAR/36 "https://good.example")
[own](OWN) [\u200b](EAR/37) [gpj.doog\u202e](EAR/38) [user](https://good.example@HOST/39)

# ![in a heading](EAR/40.png)

> ![in a quotation](EAR/41.png)

The end.
"""


def payloads(ear: Ear) -> str:
    return PAYLOADS.replace("EAR", ear.url).replace("HOST", f"127.0.0.1:{ear.port}").replace("OWN", OWN)


@dataclass(slots=True)
class Watch:
    """What a page has asked for, and what has happened to it."""

    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture
def watch(page: Page) -> Watch:
    seen = Watch()

    def requested(request: Request) -> None:
        if not request.url.startswith(("blob:", "data:")):
            seen.asked.append(request.url)

    page.on("request", requested)

    def asked(dialog: Dialog) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", asked)
    return seen


def check(page: Page, watch: Watch, ear: Ear, model: FakeOpenAI, *, whole: bool = True) -> None:
    """Nothing was fetched, no element of a model's making is there, and each link says where it goes."""
    page.wait_for_load_state("networkidle")
    assert ear.calls == []
    assert [url for url in watch.asked if "/api/" in url or str(ear.port) in url] == []
    assert watch.dialogs == []
    assert not any("stolen" in str(seen.body) for seen in model.seen)
    main = page.get_by_role("main")
    for selector in MADE_BY_MODEL:
        assert main.locator(f"[data-testid=stMarkdownContainer] {selector}").count() == 0, selector
    links = main.locator("[data-testid=stMarkdownContainer] a[href]:not([href^='#'])")
    # The page's style may arrive after its text.
    page.wait_for_function(
        "links => links.every(link => getComputedStyle(link, '::after').content !== 'none')",
        arg=links.element_handles(),
    )
    links_seen = links.evaluate_all(
        """links => links.map(link => {
            const style = getComputedStyle(link, "::after")
            return [link.getAttribute("href"), style.content, style.unicodeBidi, style.direction, style.display]
        })"""
    )
    for href, content, bidi, direction, display in links_seen:
        assert not re.match(r"\s*javascript:", href, re.IGNORECASE), href
        assert content.strip('"') == href.replace('"', '\\"')
        assert (bidi, direction, display) == ("isolate", "ltr", "inline-block")
    # The data of a component is the beginning of a long text.
    if links_seen and whole:
        addresses = {href for href, *_ in links_seen}
        assert {f"{ear.url}/1.png", OWN, f"{ear.url}/37", f"https://good.example@127.0.0.1:{ear.port}/39"} <= addresses
    text = main.inner_text()
    assert not re.search("[\u200b\u202e]", text)


def test_the_chat_streams_it_and_draws_it_again_and_its_links_go_nowhere(
    page: Page, context: BrowserContext, weir_url: str, watch: Watch, ear: Ear, model: FakeOpenAI
) -> None:
    opened(page, weir_url)
    model.plan = Plan(tokens=["[a](javascript:alert(1)) [b](data:text/html,x) [c](vbscript:x) [d](file:///etc/passwd)"])
    send(page, "links")
    ended(page)
    hosts = {tab.url.partition("#")[0] for tab in context.pages} | {"about:blank", ""}
    for name in "abcd":
        link = page.get_by_role("main").locator("a", has_text=re.compile(f"^{name}$"))
        if link.count():
            link.evaluate("link => link.click()")
    assert {tab.url.partition("#")[0] for tab in context.pages} <= hosts
    assert page.locator(INPUT).is_visible()
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("main").get_by_text("Ask anything.")).to_be_visible()

    text = payloads(ear)
    model.plan = Plan(tokens=[text[start : start + 7] for start in range(0, len(text), 7)], rate=400)
    send(page, "Show me ![q](" + ear.url + "/q.png)")
    ended(page)
    expect(page.get_by_text("The end.")).to_be_visible()
    check(page, watch, ear, model)
    page.reload()
    expect(page.get_by_text("The end.")).to_be_visible()
    check(page, watch, ear, model)
    page.get_by_role("link", name="Inspect", exact=True).click()
    view = page.get_by_text("Text", exact=True)
    expect(view).to_be_visible()
    expect(page.locator(".st-key-inspector_data").get_by_text("Output", exact=True)).to_be_attached()
    check(page, watch, ear, model, whole=False)
    view.click()
    expect(page.get_by_text("The end.")).to_be_visible()
    expect(page.locator(".st-key-inspector_data")).to_have_count(0)
    check(page, watch, ear, model)


def test_the_story_page_streams_it_and_draws_it_again(
    page: Page, weir_url: str, watch: Watch, ear: Ear, model: FakeOpenAI
) -> None:
    opened(page, f"{weir_url}/story")
    for mode in ("By block", "Every chunk"):
        text = payloads(ear).replace("The end.", f"The end, {mode}.")
        model.plan = Plan(tokens=[text[start : start + 40] for start in range(0, len(text), 40)], rate=100)
        choose(page, "Rendering", mode)
        send(page, f"weirs, {mode}")
        expect(page.get_by_text(f"The end, {mode}.")).to_be_visible()
        ended(page)
        check(page, watch, ear, model)
        page.reload()
        expect(page.get_by_text(f"The end, {mode}.")).to_be_visible()
        check(page, watch, ear, model)


def test_the_json_page_shows_it_as_text(page: Page, weir_url: str, watch: Watch, ear: Ear, model: FakeOpenAI) -> None:
    opened(page, f"{weir_url}/partial_json")
    page.get_by_text("Pasted text", exact=True).click()
    box = page.get_by_role("textbox", name="JSON, with or without prose around it")
    bad = f'{{"<img src={ear.url}/1>": "![x]({ear.url}/2) <img src=x onerror=alert(1)>", "`![x]({ear.url}/3)` ": [1,'
    box.fill(bad)
    page.get_by_role("button", name="Parse").click()
    expect(page.get_by_text("Cut off").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.get_by_role("main").locator("[data-testid=stMarkdownContainer] img, .wj img").count() == 0
    assert (ear.calls, watch.dialogs) == ([], [])
