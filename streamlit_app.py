"""Weir's composition root: `streamlit run streamlit_app.py`, or `uvicorn streamlit_app:app`."""

import asyncio
import contextlib
import gc
import logging
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from pages.components.session.sign_in import providers
from weir.access.anonymous_id import COOKIE, is_visitor, new_visitor
from weir.api.app import create_api
from weir.api.middleware.anonymous_id_cookie import VisitorCookie
from weir.api.middleware.hosts import Hosts, HostsMiddleware
from weir.api.middleware.large_bodies import LargeBodyMiddleware
from weir.api.middleware.local_metrics import LocalMetrics
from weir.api.middleware.secure_cookies import SafeCookies
from weir.api.middleware.security_headers import SecurityHeaders
from weir.app.descriptor_limit import raise_descriptor_limit
from weir.app.loop_watch import LoopWatch
from weir.app.server_logging import take_over, write_logs
from weir.app.services import service
from weir.app.shutdown import Shutdown
from weir.app.warm_up import warm_up
from weir.config.comma_list import parts
from weir.config.settings import SettingsError, settings

HERE = Path(__file__).parent

# Seconds that a thread which computes keeps the others waiting. At Python's 5 ms many pages at once interrupt each
# other, and the loop that all runs share, so often that all become late.
sys.setswitchinterval(0.02)
# At Python's 700, 10 and 10 garbage is looked for in all that is kept once in 70,000 objects, and one long story makes
# more: each time the whole process stands still for a tenth of a second or more. Here it is once in a million.
gc.set_threshold(10_000, 5, 20)
raise_descriptor_limit()

# What stands at the top of Streamlit's secrets is in the environment from here on: some hosts have no other way.
st.secrets.load_if_toml_exists()
try:
    settings()
    people_sign_in = bool(providers())
except SettingsError as wrong:
    sys.exit(f"Weir cannot start.\n{wrong}")


write_logs(settings().log)
running = service()


@contextlib.asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Load the model and rehearse an answer beside the server's start; end all runs with it."""
    take_over()
    watch = LoopWatch()

    def stop() -> None:
        watch.close()
        running.recorder.stop_all()

    shutdown = Shutdown(stop, running.close)
    shutdown.watch()
    running.start()
    watch.add("of the web server", asyncio.get_running_loop())
    watch.add("of the runs", running.loop.loop)
    watch.start()
    threading.Thread(target=warm_up, name="weir-warm-up", daemon=True).start()
    try:
        yield
    finally:
        watch.close()
        await asyncio.to_thread(shutdown.close)
        logging.getLogger(__name__).info("all runs have ended")


def chat(request: Request) -> Response:
    """Send `/chat` to `/`: Streamlit serves its default page there only."""
    return RedirectResponse(f"./?{request.url.query}")


def known_hosts() -> Hosts:
    """Return the names that Weir's settings and Streamlit's give this server."""
    addresses = (st.get_option("server.address"), st.get_option("browser.serverAddress"))
    names = (*parts(running.settings.allowed_hosts), *st.get_option("server.allowedHosts"), *filter(None, addresses))
    return Hosts(names, st.get_option("server.corsAllowedOrigins"))


base = st.get_option("server.baseUrlPath").strip("/")
probes = (f"/{base}/_stcore/health".replace("//", "/"), "/api/health")
api = create_api(running.settings, running.models, running.recorder, running.limits, people_sign_in=people_sign_in)
app = st.App(
    HERE / "pages" / "navigation.py",
    lifespan=lifespan,
    routes=[
        Route("/chat", chat),
        Mount("/api", api),
    ],
    middleware=[
        Middleware(LargeBodyMiddleware),
        Middleware(SecurityHeaders, framed_by=running.settings.framing_origins),
        Middleware(HostsMiddleware, hosts=known_hosts(), probes=probes),
        Middleware(SafeCookies),
        Middleware(LocalMetrics),
        Middleware(VisitorCookie, name=COOKIE, make=new_visitor, is_good=is_visitor),
    ],
)
