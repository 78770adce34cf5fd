"""Catalogue of the routes on the page: what belongs to each, which model answers, and who decides."""

import streamlit as st

from chains.conversation import configured_classifier, route_models
from chains.routes import configured_routes
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.translation import N_, _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from weir.config.router_catalogue import DEFAULT_ROUTES

OWN_ROUTES = N_(
    'These are Weir\'s own routes. `[routes]` in `weir.toml` gives each of them a model (`math = "large"`), or names '
    "categories of your own: `docs/routing.md` goes from an empty folder to a measured router."
)


def draw_catalogue() -> None:
    """Draw a line for each route, then who classifies."""
    models, routes = service().models, configured_routes()
    asked = route_models(models, routes)
    st.markdown(_("**Routes**"))
    lines = []
    for route in routes:
        badge = f":{route.color}-badge[{route.icon} {escape_markdown(translated(route.label))}]"
        model = escape_markdown(asked[route.name].name)
        asks = _("asks {model}, with a calculator") if route.has_calculator else _("asks {model}")
        lines.append(f"- {badge} {escape_markdown(translated(route.covers))} :gray[· {asks.format(model=model)}]")
    st.markdown("\n".join(lines))
    st.caption(_who_classifies())
    if models.catalogue.routing.names == DEFAULT_ROUTES and not models.catalogue.routing.names_models:
        st.markdown(_(OWN_ROUTES))


def _who_classifies() -> str:
    models, routes = service().models, configured_routes()
    routing = models.catalogue.routing
    fallback = escape_markdown(translated(routes.fallback.label))
    if models.routes_locally:
        local = configured_classifier(routing)
        decides = _("The local classifier decides on this machine.")
        if routing.file:
            name = escape_markdown(routing.file.name)
            decides = _("Your classifier, {name}, decides on this machine.").format(name=name)
        below = _("Below a probability of {number} it is {route}.")
        return f"{decides} {below.format(number=digits(local.threshold, '.2f'), route=fallback)}"
    name = escape_markdown(routing.model or models.name)
    decides = _("{name} classifies. What it cannot classify is {route}.").format(name=name, route=fallback)
    if not routing.threshold:
        return decides
    below = _("Below a confidence of {number} it is {route}.")
    return f"{decides} {below.format(number=digits(routing.threshold, '.2f'), route=fallback)}"
