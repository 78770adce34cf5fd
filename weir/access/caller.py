"""Who starts or reads a run, as far as the record, the limits and the log need to know."""

import contextlib
import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network


@dataclass(frozen=True, slots=True)
class Caller:
    """A visitor, and the network address that they come from: "" where it is not known."""

    visitor: str
    """A digest: the same for the same visitor, and it says to nobody who that is."""
    address: str = ""

    @classmethod
    def from_identity(cls, visitor: str, address: str = "") -> "Caller":
        """Return the party of a visitor, by whatever tells them from others."""
        return cls(hashlib.sha256(f"weir {visitor}".encode()).hexdigest()[:16], _network(address))


def _network(address: str) -> str:
    """Return what one household has: an IPv4 address, or an IPv6 network of 64 bits, in which it has them all."""
    with contextlib.suppress(ValueError):
        known = ip_address(address.partition("%")[0])
        if isinstance(known, IPv4Address):
            return str(known)
        return str(known.ipv4_mapped or ip_network((known, 64), strict=False))
    return address
