"""The bodies of answers and requests."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from chains.catalog import Chain
from streaming import plain
from streaming.metrics import Meter
from streaming.outcome import outcome
from streaming.run import Run


class ChainView(BaseModel):
    """One chain of the catalogue."""

    name: str
    description: str
    input_schema: dict[str, Any] = Field(description="JSON Schema of the chain's input")

    @classmethod
    def of(cls, chain: Chain) -> "ChainView":
        """Describe a chain."""
        return cls(name=chain.name, description=chain.description, input_schema=chain.input_model.model_json_schema())


class Invocation(BaseModel):
    """The input of a chain."""

    input: Any = Field(examples=[{"topic": "a robot learning to cook", "length": "short"}])


class RunRequest(Invocation):
    """A chain and its input."""

    chain: str = Field(examples=["story"])


class Invoked(BaseModel):
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
            page=f"/{page}?run={run.id}" if page else None,
        )


class Started(BaseModel):
    """A run that has begun."""

    id: str
    links: Links


class FiguresView(BaseModel):
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


class RunView(BaseModel):
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
    figures: FiguresView
    links: Links

    @classmethod
    def of(cls, run: Run, base: str) -> "RunView":
        """Describe a run."""
        meter = Meter()
        events = list(run.events)
        text = "".join([meter.add(event) for event in events])
        figures = meter.figures()
        said = outcome(run, figures)
        return cls(
            id=run.id,
            chain=run.name,
            status=run.status.value,
            mark=said.mark.value,
            message=plain.without_surrogates(f"{said.sentence} {said.remedy}".strip()),
            created_at=datetime.fromtimestamp(run.created_at, UTC),
            input=plain.sendable(run.input),
            text=plain.without_surrogates(text),
            events=len(events),
            figures=FiguresView(
                time_to_first_token=figures.time_to_first_token,
                tokens_per_second=figures.tokens_per_second,
                tokens_in=figures.tokens_in,
                tokens_out=figures.tokens_out,
                exact=figures.exact,
                median_inter_token_latency=figures.median_latency,
                chunks=figures.chunks,
                characters=figures.characters,
                duration=figures.duration,
                finish_reason=figures.finish_reason and plain.without_surrogates(figures.finish_reason),
            ),
            links=Links.of(run, base),
        )


class Health(BaseModel):
    """Whether Weir can answer."""

    status: str = Field(description="ready, loading or no model")
    model: str | None
    live_runs: int
    kept_runs: int
    version: str
