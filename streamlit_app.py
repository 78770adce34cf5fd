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
from api.headers import SecurityHeaders
from api.large_bodies import LargeBodyMiddleware
from api.logs import take_over, write_logs
from api.metrics import LocalMetrics
from api.visitor_cookie import VisitorCookie
from chains.settings import SettingsError, settings
from conversations.visitor import COOKIE, is_visitor, new_visitor
from pages.components.service import service
from pages.components.sign_in import providers
from pages.components.warm_up import warm_up

HERE = Path(__file__).parent

# Seconds that a thread which computes keeps the others waiting. At Python's 5 ms many pages at once interrupt each
# other, and the loop that all runs share, so often that all become late.
sys.setswitchinterval(0.02)
# At Python's 700, 10 and 10 garbage is looked for in all that is kept once in 70,000 objects, and one long story makes
# more: each time the whole process stands still for a tenth of a second or more. Here it is once in a million.
gc.set_threshold(10_000, 5, 20)

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
    running.start()
    threading.Thread(target=warm_up, name="weir-warm-up", daemon=True).start()
    try:
        yield
    finally:
        await asyncio.to_thread(running.close)
        logging.getLogger(__name__).info("all runs have ended")


def chat(request: Request) -> Response:
    """Send `/chat` to `/`: Streamlit serves its default page there only."""
    return RedirectResponse(f"./?{request.url.query}")


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
        Middleware(SafeCookies),
        Middleware(LocalMetrics),
        Middleware(VisitorCookie, name=COOKIE, make=new_visitor, is_good=is_visitor),
    ],
)
