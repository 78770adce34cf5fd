"""The application services of the process, built once, for the pages."""

import functools
import threading

from pages.components.session import sign_in
from weir.analysis.asked_models import cost_of
from weir.analysis.metrics import RunMetrics
from weir.app.services import AppServices, build_services
from weir.config.settings import settings

_LOCK = threading.Lock()


def service() -> AppServices:
    """Return the services of the process; the first call builds them."""
    with _LOCK:
        return _build()


@functools.cache
def _build() -> AppServices:
    people_sign_in = bool(sign_in.providers())
    return build_services(settings(), sign_in.auth_secrets(), people_sign_in=people_sign_in)


def answer_cost(figures: RunMetrics) -> float | None:
    """Return the cost of an answer in dollars, by the prices in the settings; None if it is not known."""
    return cost_of(figures.tokens_to_pay, service().settings.answer_cost)


def dearest_cost(figures: RunMetrics) -> tuple[str, float] | None:
    """Return the dearest model for the tokens of an answer, and what they would have cost with it.

    None where fewer than two models have prices: there is nothing to compare with.
    """
    costs: dict[str, float] = {}
    for model in service().settings.catalogue:
        costed = [model.entry.cost(part.tokens_in, part.tokens_out) for part in figures.tokens_to_pay]
        known = [cost for cost in costed if cost is not None]
        if known and len(known) == len(costed):
            costs[model.name] = sum(known)
    if len(costs) < 2:
        return None
    dearest = max(costs, key=costs.__getitem__)
    return dearest, costs[dearest]


def close_services() -> None:
    """Close the services, if there are any. The next call of `service` builds new ones."""
    with _LOCK:
        if _build.cache_info().currsize:
            _build().close()
            _build.cache_clear()
