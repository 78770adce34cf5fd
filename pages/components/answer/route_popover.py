"""Route popover: why a question was routed as it was, and buttons for the other routes."""

from collections.abc import Callable

import streamlit as st

from chains.router import DecidedBy, RouteDecision
from chains.routes import configured_routes
from pages.components.layout import formatting
from pages.components.session.app_services import answer_cost, dearest_cost
from weir.analysis.metrics import RunMetrics
from weir.analysis.metrics_line import dollars


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
    label, name = f"Why {taken.label}?", formatting.escape_markdown(taken.label)
    with st.popover(
        formatting.escape_markdown(label), icon=taken.icon, type="tertiary", key=f"route-{key}", help=label
    ):
        st.markdown(f"**{name}**, {_decided_by(decision)}.")
        if decision.reason:
            st.markdown(formatting.escape_markdown(decision.reason))
        if decision.abstained:
            st.caption(f"Not confident in any category, so {name}.")
        for category, probability in (decision.probabilities or {}).items():
            shown = formatting.escape_markdown(routes.shown(category).label)
            st.progress(probability, text=f"{shown} {probability:.0%}")
        if decision.confidence is not None:
            st.caption(f"Self-reported confidence {decision.confidence:.0%} (uncalibrated).")
        if decision.by is not DecidedBy.PERSON and figures.time_to_first_token:
            first_token = formatting.seconds(figures.time_to_first_token)
            st.caption(f"Routing took {_duration(decision.seconds)} of {first_token} to the first token.")
        if sentence := cost_sentence(figures):
            st.caption(sentence)
        for route in routes:
            if route.name != decision.route:
                lower = formatting.escape_markdown(route.label.lower())
                st.button(
                    f"Answer as {lower} instead",
                    icon=route.icon,
                    key=f"as-{route}-{key}",
                    on_click=answer_as,
                    args=(route.name,),
                )
                st.button(
                    f"Compare with {lower}",
                    icon=":material/compare_arrows:",
                    key=f"beside-{route}-{key}",
                    type="tertiary",
                    on_click=compare_with,
                    args=(route.name,),
                )


def cost_sentence(figures: RunMetrics) -> str:
    """Return what an answer cost against the dearest model, as Markdown; "" where prices are not known.

    It is for the same tokens: how many another model would have written, nobody knows.
    """
    cost, dearest = answer_cost(figures), dearest_cost(figures)
    if cost is None or dearest is None or not figures.model:
        return ""
    name, most = dearest
    about = "" if figures.exact else "about "
    model, other = (formatting.escape_markdown(one) for one in (figures.model, name))
    if name == figures.model:
        return f"Answered by {model}, the dearest model here: {about}\\{dollars(cost)}."
    against = f"\\{dollars(most)} with {other} for the same tokens"
    return f"Answered by {model}: {about}\\{dollars(cost)}, against {against}."


def _decided_by(decision: RouteDecision) -> str:
    if decision.by is DecidedBy.PERSON:
        return "chosen by you"
    where = "on this machine" if decision.by is DecidedBy.LOCAL else "by the model"
    return f"classified {where} in {_duration(decision.seconds)}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else formatting.seconds(seconds)
