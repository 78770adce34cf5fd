"""Route popover: why a question was routed as it was, and buttons for the other routes."""

from collections.abc import Callable

import streamlit as st

from chains.router import DecidedBy, RouteDecision
from chains.routes import Route
from pages.components.layout import formatting
from weir.analysis.metrics import RunMetrics


def draw_route(
    decision: RouteDecision,
    figures: RunMetrics,
    *,
    key: str,
    answer_as: Callable[[Route], None],
    compare_with: Callable[[Route], None],
) -> None:
    """Draw the decision: who made it, its reason, probabilities and time.

    `answer_as` answers by another route because this one was wrong; `compare_with` answers by both.
    """
    label = f"Why {decision.route.label}?"
    with st.popover(label, icon=decision.route.icon, type="tertiary", key=f"route-{key}", help=label):
        st.markdown(f"**{decision.route.label}**, {_decided_by(decision)}.")
        if decision.reason:
            st.markdown(formatting.escape_markdown(decision.reason))
        if decision.abstained:
            st.caption("Not confident in any category, so General.")
        for name, probability in (decision.probabilities or {}).items():
            st.progress(probability, text=f"{Route(name).label} {probability:.0%}")
        if decision.confidence is not None:
            st.caption(f"Self-reported confidence {decision.confidence:.0%} (uncalibrated).")
        if decision.by is not DecidedBy.PERSON and figures.time_to_first_token:
            first_token = formatting.seconds(figures.time_to_first_token)
            st.caption(f"Routing took {_duration(decision.seconds)} of {first_token} to the first token.")
        for route in Route:
            if route is not decision.route:
                st.button(
                    f"Answer as {route.label.lower()} instead",
                    icon=route.icon,
                    key=f"as-{route}-{key}",
                    on_click=answer_as,
                    args=(route,),
                )
                st.button(
                    f"Compare with {route.label.lower()}",
                    icon=":material/compare_arrows:",
                    key=f"beside-{route}-{key}",
                    type="tertiary",
                    on_click=compare_with,
                    args=(route,),
                )


def _decided_by(decision: RouteDecision) -> str:
    if decision.by is DecidedBy.PERSON:
        return "chosen by you"
    where = "on this machine" if decision.by is DecidedBy.LOCAL else "by the model"
    return f"classified {where} in {_duration(decision.seconds)}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else formatting.seconds(seconds)
