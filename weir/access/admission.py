"""The one way by which visitors start runs: within the limits, with an owner, and told to the log."""

import logging
from collections.abc import Callable

from weir.access import run_log
from weir.access.caller import Caller
from weir.access.limits import RunLimiter
from weir.runs.run import Run

_LOG = logging.getLogger(__name__)


def start_limited_run(limits: RunLimiter, party: Caller, begin: Callable[[], Run], *, costs_tokens: bool = True) -> Run:
    """Begin a run for a party and return it. Raises LimitReachedError."""
    run = limits.start(party, begin, costs_tokens=costs_tokens)
    run.owner = party.visitor
    try:
        run_log.log_run(run)
    except Exception:  # the run has begun: its visitor gets it, with or without a line in the log
        _LOG.exception("run %s is not in the log", run.id)
    return run
