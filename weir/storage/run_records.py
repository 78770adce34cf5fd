"""Values of the run index: one ended run as a list shows it, and what a list may be filtered and sorted by."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run as lists show it, without its events. Times are seconds; None: has not happened, or is not known."""

    id: str
    owner: str
    """`Caller.visitor` of the caller who started it; "" for nobody."""
    chain: str
    page: str
    """Page that started it; "" for a run over HTTP."""
    created_at: float
    """Seconds since the epoch."""
    status: str
    """Name of its `AnswerStatus`, in lower case."""
    model: str
    """Names of the models that were asked."""
    seconds: float
    """From the start to the last event."""
    first_token: float | None
    tokens_per_second: float | None
    tokens_in: int | None
    tokens_out: int | None
    is_exact: bool
    """Whether the model's server counted the tokens."""
    cost: float | None
    """Dollars, by the prices of the settings at the run's end."""
    events: int
    findings: int
    """Number of findings of the diagnosis."""
    worst_finding: str
    """Title of the first one; "" without any."""
    input: str
    """Beginning of the input, in one line."""
    search_text: str
    """What a search looks into, in lower case."""
    bytes: int = 0
    """Size of its file; 0 for a run that is in memory only."""
    is_shared: bool = True
    read_by_others: bool = False
    """Whether somebody else has opened its link."""
    is_pinned: bool = False
    ended_at: float | None = None
    """`Run.ended_at`."""
    stop_requested_at: float | None = None
    """`Run.stop_requested_at`."""
    program: str | None = None
    """Name of the program that has sent it; None for a run of Weir's own."""
    program_id: str | None = None

    @property
    def tokens(self) -> int | None:
        """Tokens read and written; None if neither is known."""
        known = [count for count in (self.tokens_in, self.tokens_out) if count is not None]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list has: those of these owners that match all that is set."""

    owners: tuple[str, ...]
    chains: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    text: str = ""
    """Words that all stand in the input, the chain, the model or the error, in any case."""
    since: float | None = None
    """Seconds since the epoch of the earliest start."""
    only_pinned: bool = False
    programs: tuple[str, ...] = ()
    """Names or ids of programs that have sent them."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words of `text`, in lower case."""
        return tuple(self.text.lower().split())

    def matches(self, entry: RunEntry) -> bool:
        """Whether an entry that is not in the index passes: what the index asks the database."""
        return (
            entry.owner in self.owners
            and (not self.chains or entry.chain in self.chains)
            and (not self.statuses or entry.status in self.statuses)
            and all(word in entry.search_text for word in self.words)
            and (self.since is None or entry.created_at >= self.since)
            and (entry.is_pinned or not self.only_pinned)
            and (not self.programs or entry.program in self.programs or entry.program_id in self.programs)
        )


class RunSort(StrEnum):
    """What a list of runs is sorted by."""

    CREATED_AT = "created_at"
    CHAIN = "chain"
    MODEL = "model"
    STATUS = "status"
    FIRST_TOKEN = "first_token"
    SECONDS = "seconds"
    TOKENS = "tokens"
    COST = "cost"
    FINDINGS = "findings"
