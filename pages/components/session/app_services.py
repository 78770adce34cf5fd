"""The services of the process, as the pages use them."""

import functools
import threading

from pages.components.session import sign_in
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


def close_services() -> None:
    """End the services, so that the next call of `service` builds them anew."""
    with _LOCK:
        _build().close()
        _build.cache_clear()
