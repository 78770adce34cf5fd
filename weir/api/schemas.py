"""Request and response bodies of the API."""

import codecs
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from weir.analysis.answer_reader import answer_chunks
from weir.analysis.graph_state import interrupts, thread_of
from weir.analysis.metrics import MetricsAccumulator
from weir.analysis.outcome import outcome
from weir.core import serialization
from weir.core.byte_chunks import byte_chunks
from weir.llm.chain_registry import ChainSpec
from weir.runs.attached_program import Program
from weir.runs.graph_options import GraphOptions
from weir.runs.run import ATTACHED, Run
from weir.storage.run_records import RunEntry

_PAGE_NAME = re.compile("[a-z_]{1,40}")
"""A valid page name. The context of an opened recording may hold anything."""


class ChainResponse(BaseModel):
    """A chain that can be run."""

    name: str
    description: str
    input_schema: dict[str, Any] = Field(description="JSON Schema of the chain's input")

    @classmethod
    def of(cls, chain: ChainSpec) -> "ChainResponse":
        """Return the description of a chain."""
        return cls(name=chain.name, description=chain.description, input_schema=chain.input_model.model_json_schema())


class InvokeRequest(BaseModel):
    """The input for a chain."""

    input: Any = Field(None, examples=[{"topic": "a robot learning to cook", "length": "short"}])
    options: GraphOptions | None = Field(None, description="For a graph: its thread, and how it goes on")
    model: str | None = Field(None, max_length=200, description="The model that answers, by its name in GET /models")


class RunRequest(InvokeRequest):
    """A chain and its input."""

    chain: str = Field(examples=["story"])


class InvokeResponse(BaseModel):
    """The output of a chain."""

    output: Any
    id: str = Field(description="Id of the run, for /api/runs/{id}")
    status: str = Field(description="done, or waiting: the graph has stopped to ask a person")
    thread_id: str | None = Field(description="Thread of the graph, to resume it with; null for other chains")
    interrupts: list[Any] = Field(description="What the graph asks, each with its `id` and its `value`")


class Links(BaseModel):
    """Addresses of a run."""

    run: str
    events: str
    recording: str
    page: str | None = Field(description="The run in the app; null if no page shows this chain")

    @classmethod
    def of(cls, run: Run, base: str) -> "Links":
        """Return the addresses of a run. `base` is the path that the API is mounted at."""
        address = f"{base}/runs/{run.id}"
        page = run.context.get("page")
        return cls(
            run=address,
            events=f"{address}/events",
            recording=f"{address}/recording",
            page=f"/{page}?run={run.id}" if isinstance(page, str) and _PAGE_NAME.fullmatch(page) else None,
        )


class RunCreated(BaseModel):
    """A run that has started."""

    id: str
    links: Links


class MetricsResponse(BaseModel):
    """Figures of a run. Times are in seconds; null means not known."""

    time_to_first_token: float | None
    time_to_first_reasoning: float | None
    thinking_seconds: float = Field(description="Seconds of reasoning, before the answer")
    reasoning_tokens: int | None
    writing_seconds: float = Field(description="Seconds from the first text of the answer to the last")
    tokens_per_second: float | None
    tokens_in: int | None
    tokens_out: int | None
    exact: bool = Field(description="Whether the model's server reported the tokens; if not, they are estimated")
    median_inter_token_latency: float | None
    chunks: int
    characters: int
    duration: float
    finish_reason: str | None


class RunResponse(BaseModel):
    """The current state of a run."""

    id: str
    chain: str
    status: str = Field(description="running, done, waiting (for a person), stopped, failed or abandoned")
    mark: str = Field(description="State of the answer: Writing, Done, Stopped, Cut off or Failed")
    message: str = Field(description="What happened and what to do; empty if there is nothing to report")
    created_at: datetime
    input: Any
    text: str = Field(description="The text so far")
    events: int
    thread_id: str | None = Field(description="Thread of the graph, to resume it with; null for other chains")
    interrupts: list[Any] = Field(description="What the graph asks, each with its `id` and its `value`")
    figures: MetricsResponse
    links: Links


def run_view(run: Run, base: str) -> Iterator[bytes]:
    """Return a run as the JSON of a `RunResponse`, in chunks: text and input may be large, and the client slow."""
    accumulator, count = MetricsAccumulator(), len(run.events)
    for number in range(count):
        accumulator.add(run.events[number])
    metrics = accumulator.metrics()
    result = outcome(run, metrics)
    body = RunResponse(
        id=run.id,
        chain=run.name,
        status=run.status.value,
        mark=result.status.value,
        message=serialization.replace_lone_surrogates(f"{result.message} {result.hint}".strip()),
        created_at=datetime.fromtimestamp(run.created_at, UTC),
        input=None,
        text="",
        events=count,
        thread_id=thread_of(run),
        interrupts=serialization.to_utf8_safe(interrupts(run)),
        figures=MetricsResponse(
            time_to_first_token=metrics.time_to_first_token,
            time_to_first_reasoning=metrics.time_to_first_reasoning,
            thinking_seconds=metrics.thinking_seconds,
            reasoning_tokens=metrics.reasoning_tokens,
            writing_seconds=metrics.writing_seconds,
            tokens_per_second=metrics.tokens_per_second,
            tokens_in=metrics.tokens_in,
            tokens_out=metrics.tokens_out,
            exact=metrics.exact,
            median_inter_token_latency=metrics.median_latency,
            chunks=metrics.chunks,
            characters=metrics.characters,
            duration=metrics.duration,
            finish_reason=metrics.finish_reason and serialization.replace_lone_surrogates(metrics.finish_reason),
        ),
        links=Links.of(run, base),
    )
    return byte_chunks(
        _with_text(serialization.dumps(body.model_dump(mode="json", exclude={"input", "text"})), run, count)
    )


def _with_text(body: bytes, run: Run, count: int) -> Iterator[bytes]:
    yield body[:-1] + b',"input":'
    # `input_json` has half a surrogate pair as an escape, which is not valid in the response.
    yield serialization.dumps_utf8_safe(run.input) if b"\\ud" in run.input_json else run.input_json
    yield b',"text":"'
    # A surrogate pair may be split between two chunks; half a pair alone becomes U+FFFD.
    decoder = codecs.getincrementaldecoder("utf-16-le")("replace")
    for _, text in answer_chunks(run.events[number] for number in range(count)):
        yield serialization.dumps(decoder.decode(text.encode("utf-16-le", "surrogatepass")))[1:-1]
    yield serialization.dumps(decoder.decode(b"", final=True))[1:-1] + b'"}'


class RunListItem(BaseModel):
    """A run in a list. Times are in seconds; null means not known."""

    id: str
    chain: str
    page: str = Field(description="Page that started it; `http` if a program did, `attach` if it is a program's own")
    program: str = Field(description="Name of the program that has sent it; empty for a run of Weir's own")
    input: str = Field(description="Beginning of the input, in one line")
    model: str
    status: str = Field(description="writing, done, waiting (for a person), stopped, lost, cut_off or failed")
    created_at: datetime
    seconds: float
    time_to_first_token: float | None
    tokens_per_second: float | None
    tokens_in: int | None
    tokens_out: int | None
    exact: bool = Field(description="Whether the model's server reported the tokens; if not, they are estimated")
    cost: float | None = Field(description="Dollars; null where no prices are set")
    events: int
    findings: int = Field(description="Number of findings of the diagnosis")
    worst_finding: str = Field(description="Title of the first one; empty without any")
    pinned: bool
    links: Links


class RunListResponse(BaseModel):
    """A part of a list of runs."""

    runs: list[RunListItem]
    next: str | None = Field(description="`cursor` of the next page; null on the last one")


def run_list_item(entry: RunEntry, base: str) -> RunListItem:
    """Return a run of the index. `base` is the path that the API is mounted at."""
    address = f"{base}/runs/{entry.id}"
    return RunListItem(
        id=entry.id,
        chain=entry.chain,
        page=entry.page,
        program=entry.program or "",
        input=entry.input,
        model=entry.model,
        status=entry.status,
        created_at=datetime.fromtimestamp(entry.created_at, UTC),
        seconds=entry.seconds,
        time_to_first_token=entry.first_token,
        tokens_per_second=entry.tokens_per_second,
        tokens_in=entry.tokens_in,
        tokens_out=entry.tokens_out,
        exact=entry.is_exact,
        cost=entry.cost,
        events=entry.events,
        findings=entry.findings,
        worst_finding=entry.worst_finding,
        pinned=entry.is_pinned,
        links=Links(
            run=address,
            events=f"{address}/events",
            recording=f"{address}/recording",
            page=f"/events?run={entry.id}",
        ),
    )


class ProgramResponse(BaseModel):
    """A program that sends its runs. Times are in seconds."""

    id: str
    name: str
    kind: str = Field(description="`attach`: it has Weir's tail in it; `langsmith`: LangSmith's client sends its runs")
    command: str
    pid: int
    host: str
    python: str
    langchain_core: str
    state: str = Field(description="live, lost contact, ended or quiet")
    started_at: datetime
    content: bool = Field(description="Whether it sends texts; if not, names, times and sizes only")
    runs: int = Field(description="Runs that it has sent, live and ended")
    live_runs: int
    events: int = Field(description="Events that have arrived")
    refused: int = Field(description="Runs that were not taken")
    queued: int = Field(description="Characters that waited in the program when it last sent")
    dropped: int = Field(description="Events that the program has left out, as they could not be sent in time")
    errors: int = Field(description="Events that the tail could not make")
    lag: float = Field(description="From the newest event of a live run to its arrival, by the clocks of both")

    @classmethod
    def of(cls, program: Program) -> "ProgramResponse":
        """Return the description of a program."""
        report = program.report
        fields = {name: getattr(report, name) for name in cls.model_fields if hasattr(report, name)}
        return cls(
            **fields
            | {
                "kind": report.kind or ATTACHED,
                "started_at": datetime.fromtimestamp(report.started_at, UTC),
                "state": program.state.value,
                "runs": program.runs,
                "live_runs": len(program.live),
                "events": program.events,
                "refused": program.refused,
                "lag": round(program.lag_seconds, 3),
            }
        )


class ProgramsResponse(BaseModel):
    """The programs that send their runs, the newest first."""

    programs: list[ProgramResponse]


class AttachAnswer(BaseModel):
    """The answer to a program about one of its runs."""

    next: int | None = Field(None, description="Number of the line that is wanted next; 0 is the header")
    refused: str | None = Field(None, description="Why no line of this run is taken")


class AttachResponse(BaseModel):
    """The answer to what a program has sent, for each run in it."""

    runs: dict[str, AttachAnswer]


class Health(BaseModel):
    """Whether Weir can answer questions."""

    status: str = Field(description="ready, loading, no model or draining")
    model: str | None
    live_runs: int
    kept_runs: int
    version: str
