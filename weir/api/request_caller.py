"""The caller of an API request."""

from fastapi import Request

from weir.access.caller import LOCAL_PROGRAMS, TOKEN_HOLDER, Caller, client_caller, program_caller
from weir.runs.run import Run


def get_caller(request: Request) -> Caller:
    """Return the caller: the token's client, the ticket's or browser's visitor, or one that stands for the address."""
    address = request.client.host if request.client else ""
    if (client := getattr(request.state, "client", None)) is not None:
        return client_caller(client, address)
    if (visitor := getattr(request.state, "ticket_visitor", None)) is not None:
        return Caller(visitor, address)
    visitor = getattr(request.state, "visitor", None)
    return Caller.from_identity(visitor, address) if visitor else program_caller(address)


def is_api_client(request: Request) -> bool:
    """Whether the caller is a program like all others: it has the token that they share, or needs none."""
    if getattr(request.state, "has_token", False):
        return True
    if hasattr(request.state, "client"):
        return False  # the runs of other clients are not its own
    return not hasattr(request.state, "ticket_visitor") and not hasattr(request.state, "visitor")


def attached_owner(request: Request) -> str | None:
    """Return the owner of the runs that attached programs send, if the caller is that: who holds the token.

    Without a token the API answers this machine only, and the programs on it share their runs. None: the caller has a
    ticket, which a page has given to its visitor.
    """
    if getattr(request.state, "has_token", False):
        return TOKEN_HOLDER
    if (client := getattr(request.state, "client", None)) is not None:
        return client_caller(client).visitor
    return None if hasattr(request.state, "ticket_visitor") else LOCAL_PROGRAMS[0]


def readable_owners(request: Request) -> tuple[str, ...]:
    """Return the owners whose runs are the caller's own."""
    own, attached = get_caller(request).visitor, attached_owner(request)
    return (own,) if attached in (None, own) else (own, attached or "")


def reader_of(request: Request, run: Run) -> str:
    """Return as whom the caller reads a run."""
    own = get_caller(request).visitor
    return run.owner if run.is_attached and run.owner == attached_owner(request) else own
