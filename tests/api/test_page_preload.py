"""The page's document with the scripts of its first widgets."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from weir.api.middleware.page_preload import WIDGETS, PagePreloadMiddleware, page_with_preloads
from weir.api.middleware.security_headers import content_security_policy, streamlit_static

PAGE = """<head><link
  rel="preload" href="./static/media/Sans.woff2" as="font" crossorigin />
<script type="module" src="./static/js/index.1.js"></script>
<link rel="modulepreload" crossorigin href="./static/js/react.1.js"></head><body></body>"""
BROWSER = {"accept": "text/html,*/*;q=0.8"}


@pytest.fixture
def static(tmp_path: Path) -> Path:
    scripts = tmp_path / "static" / "js"
    scripts.mkdir(parents=True)
    (tmp_path / "index.html").write_text(PAGE)
    (scripts / "Button.1.js").write_text(
        'import{a}from"./shared.1.js";import{r}from"./react.1.js";import("./later.1.js")'
    )
    (scripts / "shared.1.js").write_text('import"./Button.1.js";import"./gone.1.js"')
    for name in ("react.1", "later.1", "Slider.1"):
        (scripts / f"{name}.js").write_text("")
    return tmp_path


@pytest.fixture
async def client(static: Path) -> AsyncIterator[httpx.AsyncClient]:
    async def page(request: Request) -> Response:
        return FileResponse(static / "index.html")

    async def other(request: Request) -> Response:
        # As long as the page, and not the page.
        return HTMLResponse(PAGE.replace("body", "main"))

    app = Starlette(routes=[Route("/", page), Route("/other", other)])
    transport = httpx.ASGITransport(PagePreloadMiddleware(app, static=static))
    async with httpx.AsyncClient(transport=transport, base_url="http://weir", headers=BROWSER) as client:
        yield client


def test_what_the_widgets_import_is_loaded_with_the_page_once(static: Path) -> None:
    page = page_with_preloads(PAGE, static / "static" / "js")
    for name in ("Button.1", "shared.1"):
        assert page.count(f'<link rel="modulepreload" crossorigin href="./static/js/{name}.js">') == 1
    assert page.count("react.1.js") == 1, "it is in the document already"
    for name in ("later.1", "gone.1", "Slider.1"):
        assert name not in page
    assert "Sans.woff2" not in page, "it would come before the scripts"
    assert page.endswith("</head><body></body>")


def test_the_installed_streamlit_has_the_widgets_and_its_policy_stays() -> None:
    static = streamlit_static()
    plain = (static / "index.html").read_text(encoding="utf-8")
    page = page_with_preloads(plain, static / "static" / "js")
    for name in WIDGETS:
        assert f'href="./static/js/{name}.' in page
    assert 'as="font"' in plain
    assert 'as="font"' not in page
    assert content_security_policy(page) == content_security_policy(plain)


async def test_browsers_get_the_longer_page_compressed_where_they_take_it(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/") as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(raw)
    assert answer.headers["vary"] == "Accept-Encoding"
    plain = await client.get("/", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content
    assert "shared.1.js" in plain.text
    assert plain.headers["etag"].startswith('W/"'), "both have other bytes than the file"


async def test_other_documents_and_other_clients_get_what_there_is(client: httpx.AsyncClient) -> None:
    assert (await client.get("/other")).text == PAGE.replace("body", "main")
    assert (await client.get("/", headers={"accept": "application/json"})).text == PAGE
    head = await client.head("/")
    assert (head.headers["content-length"], head.content) == (str(len(PAGE)), b"")
    assert (await client.get("/nowhere")).status_code == 404
