"""The one way by which visitors start runs: within the limits, with an owner, and told to the log."""

from collections.abc import Callable

from streaming import run_log
from streaming.limits import Limits
from streaming.party import Party
from streaming.run import Run


def admit(limits: Limits, party: Party, begin: Callable[[], Run], *, costs_tokens: bool = True) -> Run:
    """Begin a run for a party and return it. Raises LimitReachedError."""
    run = limits.start(party, begin, costs_tokens=costs_tokens)
    run.owner = party.visitor
    run_log.follow(run)
    return run
