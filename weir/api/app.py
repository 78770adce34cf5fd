"""The HTTP API for programs: text streams, server-sent events that resume, and runs, from the same log as the pages.

`create_api` puts the routes, the error handlers and the access check together.
"""

from fastapi import FastAPI
from starlette.types import ASGIApp

from weir import __version__
from weir.api import (
    attach_routes,
    chain_routes,
    langsmith_routes,
    model_routes,
    operation_routes,
    run_list_routes,
    run_routes,
    streaming_routes,
)
from weir.api.api_services import ApiServices
from weir.api.docs_page import add_docs_page
from weir.api.middleware.access import AccessMiddleware
from weir.api.middleware.access_log import AccessLogMiddleware
from weir.api.problem_details import register_exception_handlers
from weir.config.settings import Settings

ROUTES = (
    streaming_routes,
    chain_routes,
    model_routes,
    run_list_routes,
    run_routes,
    attach_routes,
    langsmith_routes,
    operation_routes,
)


def create_api(
    settings: Settings,
    services: ApiServices,
    *,
    people_sign_in: bool = False,
) -> ASGIApp:
    """Return the API as an app to be mounted. Its documentation is at `/docs` below the mount.

    If people sign in to use the pages, programs need a token or a ticket.
    """
    app = FastAPI(
        title="Weir",
        version=__version__,
        description="Runs LangChain chains, streams their answers, and records every event.",
        docs_url=None,
        redoc_url=None,
        # Not `include_router`: FastAPI 0.165 would build each route at its first request, 40 ms on the event loop.
        routes=[route for routes in ROUTES for route in routes.router.routes],
    )
    app.state.services = services
    register_exception_handlers(app)
    add_docs_page(app)
    return AccessLogMiddleware(AccessMiddleware(app, settings, people_sign_in=people_sign_in))
