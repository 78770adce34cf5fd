"""Caller: who starts or reads a run, as far as records, limits and the log need to know."""

import contextlib
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network


@dataclass(frozen=True, slots=True)
class Caller:
    """A visitor and their network address."""

    visitor: str
    """Digest of the visitor's identity. It is the same for the same visitor, and does not reveal who that is."""
    address: str = ""
    """IPv4 address or IPv6 network; "" if it is not known."""

    @classmethod
    def from_identity(cls, visitor: str, address: str = "") -> "Caller":
        """Return the caller for an identity: an e-mail address, an anonymous id or whatever distinguishes visitors."""
        return cls(hashlib.sha256(f"weir {visitor}".encode()).hexdigest()[:16], _network(address))


def _network(address: str) -> str:
    """Return the address space of one household: an IPv4 address, or an IPv6 network of 64 bits."""
    with contextlib.suppress(ValueError):
        parsed = ip_address(address.partition("%")[0])
        if isinstance(parsed, IPv4Address):
            return str(parsed)
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return address


PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "cf-connecting-ip", "true-client-ip")
"""Headers of a request that a proxy has passed on."""


def program_caller(address: str) -> Caller:
    """Return the caller for a program, which has no cookie and no sign-in: it stands for its address."""
    return Caller.from_identity(f"address {address}", address)


TOKEN_HOLDER = Caller.from_identity("holder of the API's token").visitor
"""Owner of the runs that attached programs send with the API's token, from wherever."""


def client_caller(name: str, address: str = "") -> Caller:
    """Return the caller for a program with a token of its own, wherever it is."""
    return Caller.from_identity(f"client {name}", address)


def client_of(given: str, tokens: Mapping[str, str]) -> str | None:
    """Return the name of the client whose token this is; None if it is nobody's."""
    found = [name for name, token in tokens.items() if is_token(given, token)]
    return found[0] if found else None


def is_token(given: str, token: str) -> bool:
    """Whether this is the API's token. It takes as long for one that is nearly right."""
    return hmac.compare_digest(given.strip().encode(), token.encode())


LOCAL_PROGRAMS = tuple(program_caller(address).visitor for address in ("127.0.0.1", "::1"))
"""Visitors that stand for the programs on this machine."""
