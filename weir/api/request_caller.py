"""The caller of an API request."""

from fastapi import Request

from weir.access.caller import Caller, program_caller


def get_caller(request: Request) -> Caller:
    """Return the caller: the ticket's visitor, else the browser's visitor, else one that stands for the address."""
    address = request.client.host if request.client else ""
    if (visitor := getattr(request.state, "ticket_visitor", None)) is not None:
        return Caller(visitor, address)
    visitor = getattr(request.state, "visitor", None)
    return Caller.from_identity(visitor, address) if visitor else program_caller(address)


def is_api_client(request: Request) -> bool:
    """Whether the caller is a program: it has the token, or it has neither a ticket nor a visitor's cookie."""
    if getattr(request.state, "has_token", False):
        return True
    return not hasattr(request.state, "ticket_visitor") and not hasattr(request.state, "visitor")
