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
    return build_services(settings(), sign_in.auth_secrets())


def answer_cost(figures: RunMetrics) -> float | None:
    """Return the cost of an answer in dollars, by the prices in the settings; None if it is not known."""
    return cost_of(figures.tokens_to_pay, service().settings.answer_cost)


def close_services() -> None:
    """Close the services. The next call of `service` builds new ones."""
    with _LOCK:
        _build().close()
        _build.cache_clear()
