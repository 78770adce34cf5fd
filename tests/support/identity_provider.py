"""A real OpenID Connect provider on loopback, whose people a test makes up."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx


class IdentityProvider:
    """The provider's address, and who is known there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def add(self, name: str, **claims: object) -> None:
        """Make somebody known, with what the provider says of them."""
        httpx.put(f"{self.url}/users/{name}", json=claims, timeout=5).raise_for_status()

    def secrets(
        self,
        weir: str,
        *,
        section: str = "",
        cookie_secret: str = "a-secret-for-the-cookies-of-the-tests",
        client_secret: str = "a-secret-of-the-client",
    ) -> str:
        """Return what is to stand in the `secrets.toml` of a Weir at this address.

        With a `section` this provider is the one of that name, and there may be others beside it.
        """
        return "\n".join(
            (
                "[auth]",
                f'redirect_uri = "{weir}/oauth2callback"',
                f'cookie_secret = "{cookie_secret}"',
                *([f"[auth.{section}]"] if section else []),
                'client_id = "weir"',
                f'client_secret = "{client_secret}"',
                f'server_metadata_url = "{self.url}/.well-known/openid-configuration"',
            )
        )


@contextlib.contextmanager
def identity_provider(port: int) -> Iterator[IdentityProvider]:
    """Run a provider for the duration of a `with` block."""
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        provider = IdentityProvider(f"http://localhost:{port}")
        try:
            _await(provider, process)
            yield provider
        finally:
            process.terminate()


def _await(provider: IdentityProvider, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{provider.url}/jwks").raise_for_status()
            return
        time.sleep(0.1)
    raise TimeoutError("the identity provider did not start")
