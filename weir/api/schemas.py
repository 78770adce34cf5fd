"""The bodies of answers and requests."""

import codecs
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from weir.analysis.metrics import MetricsAccumulator, root_chunk_text
from weir.analysis.outcome import outcome
from weir.core import serialization
from weir.core.byte_chunks import byte_chunks
from weir.llm.chain_registry import ChainSpec
from weir.runs.run import Run

_PAGE = re.compile("[a-z_]{1,40}")
"""The name of a page: what a recording says of itself may be anything."""


class ChainResponse(BaseModel):
    """One chain of the catalogue."""

    name: str
    description: str
    input_schema: dict[str, Any] = Field(description="JSON Schema of the chain's input")

    @classmethod
    def of(cls, chain: ChainSpec) -> "ChainResponse":
        """Describe a chain."""
        return cls(name=chain.name, description=chain.description, input_schema=chain.input_model.model_json_schema())


class InvokeRequest(BaseModel):
    """The input of a chain."""

    input: Any = Field(examples=[{"topic": "a robot learning to cook", "length": "short"}])


class RunRequest(InvokeRequest):
    """A chain and its input."""

    chain: str = Field(examples=["story"])


class InvokeResponse(BaseModel):
    """What a chain returned."""

    output: Any
    id: str = Field(description="The run, for /api/runs/{id}")


class Links(BaseModel):
    """Where a run is found."""

    run: str
    events: str
    recording: str
    page: str | None = Field(description="In the app, where it has a page for this chain")

    @classmethod
    def of(cls, run: Run, base: str) -> "Links":
        """Point at a run; `base` is the path that the API is mounted at."""
        here = f"{base}/runs/{run.id}"
        page = run.context.get("page")
        return cls(
            run=here,
            events=f"{here}/events",
            recording=f"{here}/recording",
            page=f"/{page}?run={run.id}" if isinstance(page, str) and _PAGE.fullmatch(page) else None,
        )


class RunCreated(BaseModel):
    """A run that has begun."""

    id: str
    links: Links


class MetricsResponse(BaseModel):
    """What was measured; times in seconds, null where it is not known."""

    time_to_first_token: float | None
    tokens_per_second: float | None
    tokens_in: int | None
    tokens_out: int | None
    exact: bool = Field(description="Whether the tokens are the server's own count")
    median_inter_token_latency: float | None
    chunks: int
    characters: int
    duration: float
    finish_reason: str | None


class RunResponse(BaseModel):
    """A run as it is now."""

    id: str
    chain: str
    status: str = Field(description="running, done, stopped, failed or abandoned")
    mark: str = Field(description="How the text is to be taken: Writing, Done, Stopped, Cut off or Failed")
    message: str = Field(description="What happened and what to do, where there is something to say")
    created_at: datetime
    input: Any
    text: str = Field(description="What has been streamed so far")
    events: int
    figures: MetricsResponse
    links: Links


def run_view(run: Run, base: str) -> Iterator[bytes]:
    """Return a run as the JSON of a `RunView`, in pieces: its text and its input may be large, and are read slowly."""
    meter, count = MetricsAccumulator(), len(run.events)
    for number in range(count):
        meter.add(run.events[number])
    figures = meter.metrics()
    said = outcome(run, figures)
    view = RunResponse(
        id=run.id,
        chain=run.name,
        status=run.status.value,
        mark=said.status.value,
        message=serialization.replace_lone_surrogates(f"{said.sentence} {said.remedy}".strip()),
        created_at=datetime.fromtimestamp(run.created_at, UTC),
        input=None,
        text="",
        events=count,
        figures=MetricsResponse(
            time_to_first_token=figures.time_to_first_token,
            tokens_per_second=figures.tokens_per_second,
            tokens_in=figures.tokens_in,
            tokens_out=figures.tokens_out,
            exact=figures.exact,
            median_inter_token_latency=figures.median_latency,
            chunks=figures.chunks,
            characters=figures.characters,
            duration=figures.duration,
            finish_reason=figures.finish_reason and serialization.replace_lone_surrogates(figures.finish_reason),
        ),
        links=Links.of(run, base),
    )
    return byte_chunks(
        _with_text(serialization.dumps(view.model_dump(mode="json", exclude={"input", "text"})), run, count)
    )


def _with_text(view: bytes, run: Run, count: int) -> Iterator[bytes]:
    yield view[:-1] + b',"input":'
    # Half a surrogate pair is written as an escape.
    yield serialization.dumps(serialization.sendable(run.input)) if b"\\ud" in run.input_json else run.input_json
    yield b',"text":"'
    # Two chunks may bring the halves of one character; a half alone becomes a replacement character.
    decoder = codecs.getincrementaldecoder("utf-16-le")("replace")
    for number in range(count):
        if text := root_chunk_text(run.events[number]):
            yield serialization.dumps(decoder.decode(text.encode("utf-16-le", "surrogatepass")))[1:-1]
    yield serialization.dumps(decoder.decode(b"", final=True))[1:-1] + b'"}'


class Health(BaseModel):
    """Whether Weir can answer."""

    status: str = Field(description="ready, loading or no model")
    model: str | None
    live_runs: int
    kept_runs: int
    version: str
