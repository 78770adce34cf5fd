"""Route popover: why a question was routed as it was, and buttons for the other routes."""

from collections.abc import Callable

import streamlit as st

from chains.route_classification import DecidedBy
from chains.routes import RouteCatalogue, configured_routes
from chains.smart_router import RouteDecision
from pages.components.layout import formatting
from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import answer_cost, dearest_cost
from weir.analysis.metrics import RunMetrics


def draw_route(
    decision: RouteDecision,
    figures: RunMetrics,
    *,
    key: str,
    answer_as: Callable[[str], None],
    compare_with: Callable[[str], None],
) -> None:
    """Draw the decision: who made it, its reason, probabilities and time.

    `answer_as` answers by another route because this one was wrong; `compare_with` answers by both.
    """
    routes = configured_routes()
    taken = routes.shown(decision.route)
    shown = translated(taken.label)
    label, name = _("Why {route}?").format(route=shown), formatting.escape_markdown(shown)
    with st.popover(
        formatting.escape_markdown(label), icon=taken.icon, type="tertiary", key=f"route-{key}", help=label
    ):
        st.markdown(f"**{name}**, {_decided_by(decision)}.")
        if decision.reason:
            st.markdown(formatting.escape_markdown(_reason(decision)))
        if decision.abstained:
            st.caption(_("Not confident in any category, so {route}.").format(route=name))
        for category, probability in (decision.probabilities or {}).items():
            other = formatting.escape_markdown(translated(routes.shown(category).label))
            st.progress(probability, text=f"{other} {probability:.0%}")
        if decision.confidence is not None:
            confidence = f"{decision.confidence:.0%}"
            st.caption(_("Self-reported confidence {share} (uncalibrated).").format(share=confidence))
        if decision.by is not DecidedBy.PERSON and figures.time_to_first_token:
            first_token = formatting.seconds(figures.time_to_first_token)
            st.caption(
                _("Routing took {time} of {first} to the first token.").format(
                    time=_duration(decision.seconds), first=first_token
                )
            )
        if sentence := cost_sentence(figures):
            st.caption(sentence)
        for route in routes:
            if route.name != decision.route:
                lower = formatting.escape_markdown(translated(route.label).lower())
                st.button(
                    _("Answer as {route} instead").format(route=lower),
                    icon=route.icon,
                    key=f"as-{route}-{key}",
                    on_click=answer_as,
                    args=(route.name,),
                )
                st.button(
                    _("Compare with {route}").format(route=lower),
                    icon=":material/compare_arrows:",
                    key=f"beside-{route}-{key}",
                    type="tertiary",
                    on_click=compare_with,
                    args=(route.name,),
                )


def listed_routes(routes: RouteCatalogue) -> str:
    """Return the labels of routes, for a sentence: math, code or general."""
    *others, last = (translated(route.label).lower() for route in routes)
    return _("{names} or {last}").format(names=", ".join(others), last=last)


def cost_sentence(figures: RunMetrics) -> str:
    """Return what an answer cost against the dearest model, as Markdown; "" where prices are not known.

    It is for the same tokens: how many another model would have written, nobody knows.
    """
    cost, dearest = answer_cost(figures), dearest_cost(figures)
    if cost is None or dearest is None or not figures.model:
        return ""
    name, most = dearest
    spent = (
        f"\\{formatting.dollars(cost)}"
        if figures.exact
        else _("about {cost}").format(cost=f"\\{formatting.dollars(cost)}")
    )
    model, other = (formatting.escape_markdown(one) for one in (figures.model, name))
    if name == figures.model:
        return _("Answered by {model}, the dearest model here: {cost}.").format(model=model, cost=spent)
    return _("Answered by {model}: {cost}, against {most} with {other} for the same tokens.").format(
        model=model, cost=spent, most=f"\\{formatting.dollars(most)}", other=other
    )


def _reason(decision: RouteDecision) -> str:
    # A model's own words are its answer.
    is_of_model = decision.by is DecidedBy.MODEL and not decision.fallback
    return decision.reason if is_of_model else translated(decision.reason)


def _decided_by(decision: RouteDecision) -> str:
    if decision.by is DecidedBy.PERSON:
        return _("chosen by you")
    is_local = decision.by is DecidedBy.LOCAL
    classified = _("classified on this machine in {time}") if is_local else _("classified by the model in {time}")
    return classified.format(time=_duration(decision.seconds))


def _duration(seconds: float) -> str:
    return f"{digits(seconds * 1e3, '.0f')} ms" if seconds < 1 else formatting.seconds(seconds)
