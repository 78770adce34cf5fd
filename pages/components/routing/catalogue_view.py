"""Catalogue of the routes on the page: what belongs to each, which model answers, and who decides."""

import streamlit as st

from chains.conversation import configured_classifier, route_models
from chains.routes import configured_routes
from pages.components.layout.formatting import escape_markdown
from pages.components.session.app_services import service
from weir.config.router_catalogue import DEFAULT_ROUTES

OWN_ROUTES = (
    'These are Weir\'s own routes. `[routes]` in `weir.toml` gives each of them a model (`math = "large"`), or names '
    "categories of your own: `docs/routing.md` goes from an empty folder to a measured router."
)


def draw_catalogue() -> None:
    """Draw a line for each route, then who classifies."""
    models, routes = service().models, configured_routes()
    asked = route_models(models, routes)
    st.markdown("**Routes**")
    lines = []
    for route in routes:
        badge = f":{route.color}-badge[{route.icon} {escape_markdown(route.label)}]"
        calculator = ", with a calculator" if route.has_calculator else ""
        model = asked[route.name].name
        lines.append(f"- {badge} {escape_markdown(route.covers)} :gray[· asks {escape_markdown(model)}{calculator}]")
    st.markdown("\n".join(lines))
    st.caption(_who_classifies())
    if models.catalogue.routing.names == DEFAULT_ROUTES and not models.catalogue.routing.names_models:
        st.caption(OWN_ROUTES)


def _who_classifies() -> str:
    models, routes = service().models, configured_routes()
    routing = models.catalogue.routing
    fallback = escape_markdown(routes.fallback.label)
    if models.routes_locally:
        local = configured_classifier(routing)
        which = f"Your classifier, {escape_markdown(routing.file.name)}," if routing.file else "The local classifier"
        return f"{which} decides on this machine. Below a probability of {local.threshold:.2f} it is {fallback}."
    name = escape_markdown(routing.model or models.name)
    below = f" Below a confidence of {routing.threshold:.2f} it is {fallback}." if routing.threshold else ""
    return f"{name} classifies. What it cannot classify is {fallback}.{below}"
