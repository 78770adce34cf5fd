"""Proxies of the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), and the hosts that are reached without one."""

import ssl
from urllib.request import getproxies_environment

import httpx2

SCHEMES = ("all", "https", "http", "no")
"""Prefixes of the `…_PROXY` variables."""

BYPASS_LOOPBACK: dict[str, None] = {
    "all://localhost": None,
    "all://127.0.0.1": None,
    "all://[::1]": None,
}
"""This machine, as `mounts` of a client: the embedded model and other local servers are never behind a proxy."""


class ProxyError(Exception):
    """The environment names a proxy that cannot be used. Its text is a sentence for people."""


def check() -> None:
    """Raise ProxyError if the environment's proxies prevent making a client."""
    try:
        # An empty TLS context is the fastest: nothing is sent, so nothing has to be verified.
        httpx2.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)).close()
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        named = [f"{scheme.upper()}_PROXY" for scheme in SCHEMES if scheme in getproxies_environment()]
        raise ProxyError(
            f"{', '.join(named) or 'The system'} names a proxy that Weir cannot use: it must be an http://, https://, "
            "socks5:// or socks5h:// address. For example: HTTPS_PROXY=http://proxy.example.org:3128"
        ) from error
