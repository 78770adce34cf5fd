"""Composition of the ASGI app: lifespan, routes and middleware around the pages."""

import asyncio
import contextlib
import gc
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

# openai uses this module as soon as it is in `sys.modules`, and fails in mid-answer where another thread is still
# importing it (a chain with LangGraph does): it is whole before the first run.
import httpx  # noqa: F401
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from weir.access.anonymous_id import COOKIE, is_anonymous_id, new_anonymous_id
from weir.api.api_services import ApiServices
from weir.api.app import create_api
from weir.api.gateway import create_gateway
from weir.api.middleware.anonymous_id_cookie import AnonymousIdMiddleware
from weir.api.middleware.compressed_static import CompressedStaticMiddleware
from weir.api.middleware.hosts import Hosts, HostsMiddleware
from weir.api.middleware.large_bodies import LargeBodyMiddleware
from weir.api.middleware.local_metrics import LocalMetricsMiddleware
from weir.api.middleware.page_preload import PagePreloadMiddleware
from weir.api.middleware.secure_cookies import SecureCookiesMiddleware
from weir.api.middleware.security_headers import SecurityHeadersMiddleware, streamlit_static
from weir.app.descriptor_limit import raise_descriptor_limit
from weir.app.loop_watch import LoopWatch
from weir.app.server_logging import adopt_server_loggers
from weir.app.services import AppServices
from weir.app.shutdown import Shutdown
from weir.app.warm_up import warm_up
from weir.config import comma_list
from weir.llm.chain_registry import ChainRegistry, PreparedRun


@dataclass(frozen=True, slots=True)
class AppParts:
    """Parts of the ASGI app that serves the pages: keyword arguments of `st.App`."""

    lifespan: Callable[[Any], AbstractAsyncContextManager[None]]
    routes: list[BaseRoute]
    middleware: list[Middleware]


def create_app_parts(
    services: AppServices,
    registry: ChainRegistry,
    *,
    host_names: Iterable[str] = (),
    cors_origins: Iterable[str] = (),
    base_path: str = "",
    prepare_warm_up: Callable[[], PreparedRun],
) -> AppParts:
    """Return the parts that `st.App` needs to serve the API beside the pages.

    `host_names` and `cors_origins` come from Streamlit's configuration; the server accepts these hosts besides those of
    `WEIR_ALLOWED_HOSTS`. `base_path` is Streamlit's `server.baseUrlPath`. `prepare_warm_up` returns the run that
    `warm_up` streams.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        adopt_server_loggers()
        watch = LoopWatch()

        drain_seconds = services.settings.drain_seconds

        def stop() -> None:
            watch.close()
            if drain_seconds:
                services.recorder.cut_off_all()
            else:
                services.recorder.stop_all()

        shutdown = Shutdown(
            stop,
            services.close,
            drain_seconds=drain_seconds,
            drain=services.recorder.drain,
            is_busy=services.recorder.has_live_runs,
        )
        shutdown.watch()
        services.start()
        watch.add("of the web server", asyncio.get_running_loop())
        watch.add("of the runs", services.loop.loop)
        watch.start()
        warming = threading.Thread(
            target=warm_up, args=(services.loop, prepare_warm_up), name="weir-warm-up", daemon=True
        )
        warming.start()
        try:
            yield
        finally:
            watch.close()
            await asyncio.to_thread(shutdown.close)
            logging.getLogger(__name__).info("all runs have ended")

    shared = ApiServices(
        registry, services.models, services.recorder, services.limits, services.archive, services.programs
    )
    api = create_api(services.settings, shared, people_sign_in=services.people_sign_in)
    gateway = create_gateway(services.settings, shared, people_sign_in=services.people_sign_in)
    hosts = Hosts((*comma_list.split_commas(services.settings.allowed_hosts), *host_names), cors_origins)
    base = base_path.strip("/")
    probes = (f"/{base}/_stcore/health".replace("//", "/"), "/api/health")
    return AppParts(
        lifespan,
        [Route("/chat", _redirect_to_root), Mount("/api", api), Mount("/v1", gateway)],
        [
            Middleware(LargeBodyMiddleware),
            Middleware(SecurityHeadersMiddleware, framed_by=services.settings.framing_origins),
            Middleware(HostsMiddleware, hosts=hosts, probes=probes),
            Middleware(SecureCookiesMiddleware),
            Middleware(LocalMetricsMiddleware),
            Middleware(AnonymousIdMiddleware, name=COOKIE, new_id=new_anonymous_id, is_valid=is_anonymous_id),
            Middleware(CompressedStaticMiddleware),
            Middleware(PagePreloadMiddleware, static=streamlit_static()),
        ],
    )


def _redirect_to_root(request: Request) -> Response:
    """Redirect `/chat` to `/`: Streamlit serves its default page there only."""
    return RedirectResponse(f"./?{request.url.query}")


def tune_process() -> None:
    """Prepare the process for many streams at once: its limit of open files, switch interval and garbage collection.

    With the default switch interval of 5 ms, page scripts preempt each other and the event loop so often that every
    stream is delayed. With the default thresholds the garbage collector visits every object of the process once in
    70,000 allocations, fewer than one long story makes, and stops the process for 100 to 230 ms each time. With these
    thresholds it does so once in a million allocations (docs/benchmarks.md).
    """
    sys.setswitchinterval(0.02)
    gc.set_threshold(10_000, 5, 20)
    raise_descriptor_limit()
