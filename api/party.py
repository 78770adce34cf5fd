"""Who calls the API."""

from fastapi import Request

from streaming.party import Party


def party_of(request: Request) -> Party:
    """Return who calls: whose ticket it is, else whose browser, else the address itself."""
    address = request.client.host if request.client else ""
    if (visitor := getattr(request.state, "ticket_visitor", None)) is not None:
        return Party(visitor, address)
    return Party.of(getattr(request.state, "visitor", None) or f"address {address}", address)
