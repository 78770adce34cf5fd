"""A question that the router sent the wrong way."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Correction:
    """A visitor's word on where a question should have gone."""

    message_id: str
    """The answer that came from the wrong route."""
    question: str
    wrong: str
    """The route that was taken."""
    right: str
    """The route that should have been taken."""
    created_at: float
    """Seconds since the epoch, of the latest change."""
    in_golden_set: bool
    """Whether it has become an example that the router is tested with."""
