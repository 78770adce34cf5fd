"""Proxies that the environment names (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), and which requests go past them."""

import ssl
from urllib.request import getproxies_environment

import httpx2

SCHEMES = ("all", "https", "http", "no")
"""Each has a variable of the environment."""

PAST: dict[str, None] = {
    "all://localhost": None,
    "all://127.0.0.1": None,
    "all://[::1]": None,
}
"""This machine, in the form of a client's `mounts`: the embedded model and servers beside Weir are never behind one."""


class ProxyError(Exception):
    """The environment names a proxy that cannot be used. Its text is a sentence for people."""


def check() -> None:
    """Raise ProxyError where no client could be made."""
    try:
        # As quick as can be: nothing is sent, so that nothing has to be verified.
        httpx2.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)).close()
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        named = [f"{scheme.upper()}_PROXY" for scheme in SCHEMES if scheme in getproxies_environment()]
        raise ProxyError(
            f"{', '.join(named) or 'The system'} names a proxy that Weir cannot use: it must be an http://, https://, "
            "socks5:// or socks5h:// address. For example: HTTPS_PROXY=http://proxy.example.org:3128"
        ) from error
