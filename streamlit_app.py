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

from api.app import create_api
from api.cookies import SafeCookies
from api.descriptors import raise_descriptor_limit
from api.headers import SecurityHeaders
from api.hosts import Hosts, HostsMiddleware
from api.large_bodies import LargeBodyMiddleware
from api.logs import take_over, write_logs
from api.metrics import LocalMetrics
from api.shutdown import Shutdown
from api.visitor_cookie import VisitorCookie
from chains.comma_list import parts
from chains.settings import SettingsError, settings
from conversations.visitor import COOKIE, is_visitor, new_visitor
from pages.components.service import service
from pages.components.sign_in import providers
from pages.components.warm_up import warm_up
from streaming.loop_watch import LoopWatch

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
