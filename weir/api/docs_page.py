"""The documentation page of the API: Swagger UI, served without any file from elsewhere."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from weir.api.middleware.security_headers import content_security_policy


def add_docs_page(app: FastAPI) -> None:
    """Add the page at `/docs`, and its scripts and styles at `/assets`."""
    assets = Path(fastapi_offline.__file__).parent / "static"
    app.mount("/assets", StaticFiles(directory=assets), name="assets")

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        base = str(request.scope.get("root_path", ""))
        page = get_swagger_ui_html(
            openapi_url=f"{base}/openapi.json",
            title="Weir: HTTP API",
            swagger_js_url=f"{base}/assets/swagger-ui-bundle.js",
            swagger_css_url=f"{base}/assets/swagger-ui.css",
            swagger_favicon_url="data:,",
        )
        page.headers["Content-Security-Policy"] = content_security_policy(bytes(page.body).decode())
        return page
