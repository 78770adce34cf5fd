"""The app: `streamlit run streamlit_app.py`, or `uvicorn streamlit_app:app`."""

import sys
from pathlib import Path

import streamlit as st

from chains.conversation import check_router, prepare_warm_up
from chains.registry import REGISTRY
from pages.components.session.app_services import service
from pages.components.session.message_queue import keep_needed_messages
from weir.app.create_app import create_app_parts, tune_process
from weir.app.server_logging import configure_logging
from weir.config.settings import SettingsError, settings

tune_process()
keep_needed_messages()

# Top-level entries of Streamlit's secrets become environment variables: some hosts have no other way to set them.
st.secrets.load_if_toml_exists()
try:
    configure_logging(settings().log)
    services = service()
    check_router()
except SettingsError as error:
    sys.exit(f"Weir cannot start.\n{error}")

addresses = (st.get_option("server.address"), st.get_option("browser.serverAddress"))
parts = create_app_parts(
    services,
    REGISTRY,
    host_names=(*st.get_option("server.allowedHosts"), *filter(None, addresses)),
    cors_origins=st.get_option("server.corsAllowedOrigins"),
    base_path=st.get_option("server.baseUrlPath"),
    prepare_warm_up=prepare_warm_up,
)
app = st.App(
    Path(__file__).parent / "pages" / "navigation.py",
    lifespan=parts.lifespan,
    routes=parts.routes,
    middleware=parts.middleware,
)
