"""Program: a process, or a tracing client, that sends its runs, and what it says of itself (docs/attach.md)."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from weir.core import serialization
from weir.runs.attached_run import AttachedRun


class ProgramState(StrEnum):
    """Whether a program is there. The value is its label."""

    LIVE = "live"
    LOST = "lost contact"
    ENDED = "ended"
    QUIET = "quiet"
    """It has no live run; whether it is there its client does not say."""


def _clean(text: str) -> str:
    return serialization.replace_lone_surrogates(text)


_Text = Annotated[str, Field(max_length=1_000), AfterValidator(_clean)]
_Count = Annotated[int, Field(ge=0, le=10**15)]


class ProgramReport(BaseModel):
    """What a program says of itself with every request."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=32, max_length=32, pattern="^[0-9a-f]+$")
    kind: str = ""
    """"": it has Weir's tail in it."""
    name: _Text
    command: _Text = ""
    pid: _Count = 0
    host: _Text = ""
    python: Annotated[str, Field(max_length=50), AfterValidator(_clean)] = ""
    langchain_core: Annotated[str, Field(max_length=50), AfterValidator(_clean)] = ""
    started_at: float = Field(0.0, ge=0, le=32_503_680_000, allow_inf_nan=False)
    content: bool = True
    queued: _Count = 0
    dropped: _Count = 0
    errors: _Count = 0
    ended: bool = False


@dataclass(slots=True)
class Program:
    """A process that sends its runs."""

    report: ProgramReport
    owner: str
    heard_at: float
    state: ProgramState = ProgramState.LIVE
    runs: int = 0
    """Runs that it has begun to send."""
    events: int = 0
    refused: int = 0
    """Runs that were not taken."""
    live: dict[str, AttachedRun] = field(default_factory=dict)
    refusals: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """Why runs were not taken, by their id."""
    writing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def lag_seconds(self) -> float:
        """Time from the newest event of a live run to its arrival."""
        return max((run.lag_seconds for run in list(self.live.values())), default=0.0)
