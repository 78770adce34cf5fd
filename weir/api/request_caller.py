"""Who calls the API."""

from fastapi import Request

from weir.access.caller import Caller


def get_caller(request: Request) -> Caller:
    """Return who calls: whose ticket it is, else whose browser, else the address itself."""
    address = request.client.host if request.client else ""
    if (visitor := getattr(request.state, "ticket_visitor", None)) is not None:
        return Caller(visitor, address)
    return Caller.from_identity(getattr(request.state, "visitor", None) or f"address {address}", address)


def is_api_client(request: Request) -> bool:
    """Whether a program calls: with the token, or, where none is needed, from this machine and as no visitor."""
    if getattr(request.state, "has_token", False):
        return True
    return not hasattr(request.state, "ticket_visitor") and not hasattr(request.state, "visitor")
