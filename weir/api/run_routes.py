"""Run routes: start, show, stop, follow and download a run."""

from collections.abc import AsyncIterator
from itertools import takewhile
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from weir.analysis.event_filter import EventFilter
from weir.api.api_services import ConnectionName, Services
from weir.api.problem_details import ERROR_RESPONSES
from weir.api.request_caller import reader_of
from weir.api.responses import chunked_response
from weir.api.run_reader import RunReader, end_number
from weir.api.schemas import Links, RunCreated, RunRequest, RunResponse, run_view
from weir.api.sse import OPENING, RETRY_MILLISECONDS, sse_event
from weir.runs import recording_file
from weir.runs.recording_encoder import encode

STOP_WAIT_SECONDS = 2.0
"""How long the response to DELETE waits for the run's end."""

router = APIRouter(tags=["Runs"], responses=ERROR_RESPONSES)


@router.post("/runs", status_code=201)
def start_run(request: Request, services: Services, response: Response, body: RunRequest) -> RunCreated:
    """Start a run in the background.

    A run that nobody reads is stopped after the grace period.
    """
    run = services.start_run(request, body.chain, body.input, body.options, body.model)
    links = Links.of(run, mount_path(request))
    response.headers["Location"] = links.run
    return RunCreated(id=run.id, links=links)


@router.get("/runs/{run_id}", response_model=RunResponse)
def get_run(request: Request, services: Services, run_id: str) -> Response:
    """Return a run's status, its figures and its text so far."""
    return chunked_response(run_view(services.get_run(request, run_id), mount_path(request)), "application/json")


@router.delete("/runs/{run_id}", response_model=RunResponse)
def stop_run(request: Request, services: Services, run_id: str) -> Response:
    """Stop a run and keep the text that has arrived.

    A visitor can stop the runs that they have started. A program with the token, or on this machine where no token is
    set, can stop every run that it can read.
    """
    run = services.get_stoppable_run(request, run_id)
    run.stop()
    run.wait(STOP_WAIT_SECONDS)
    return chunked_response(run_view(run, mount_path(request)), "application/json")


def followed_run(
    request: Request,
    services: Services,
    run_id: str,
    after: Annotated[
        str | None, Query(description="Event id to resume after, for clients that cannot send Last-Event-ID")
    ] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> RunReader:
    """Return a reader of the run, from its first event or after the event id."""
    run = services.get_run(request, run_id)
    visitor = reader_of(request, run)
    event_id = last_event_id or after
    return RunReader.resume(run, visitor, event_id) if event_id else RunReader(run, visitor)


Values = Annotated[list[str] | None, Query()]


def event_filter(
    include_names: Values = None,
    include_types: Values = None,
    include_tags: Values = None,
    exclude_names: Values = None,
    exclude_types: Values = None,
    exclude_tags: Values = None,
) -> EventFilter:
    """Return the filter that the query fields describe."""
    criteria = (include_names, include_types, include_tags, exclude_names, exclude_types, exclude_tags)
    return EventFilter(*(frozenset(values) if values else None for values in criteria))


@router.get("/runs/{run_id}/events", response_class=EventSourceResponse)
async def follow_run(
    reader: Annotated[RunReader, Depends(followed_run)],
    filter_: Annotated[EventFilter, Depends(event_filter)],
    services: Services,
    connection: ConnectionName = None,
) -> AsyncIterator[ServerSentEvent]:
    """Stream all events of a run, recorded and live, as server-sent events. The last event is `end`.

    The filters work like those of LangChain's `astream_events`: an event passes if it matches any of the includes and
    none of the excludes.
    """
    run = reader.run
    yield OPENING
    retry: int | None = RETRY_MILLISECONDS
    async for event in services.follow(reader, connection):
        if filter_.passes(event):
            yield ServerSentEvent(raw_data=encode(event).decode().rstrip(), id=str(event.seq), retry=retry)
            retry = None
    if not run.is_live and reader.is_allowed:
        yield sse_event({"status": run.status.value}, event="end", event_id=str(end_number(run)), retry=retry)


@router.get(
    "/runs/{run_id}/recording",
    response_class=Response,
    responses={200: {"content": {recording_file.MEDIA_TYPE: {}}}},
)
def download_recording(request: Request, services: Services, run_id: str) -> Response:
    """Download a run as a `.jsonl` recording."""
    run = services.get_run(request, run_id)
    visitor = reader_of(request, run)
    # If the run stops being shared, the recording ends there and has no last line.
    chunks = takewhile(lambda _: run.can_read(visitor), recording_file.jsonl_chunks(run))
    response = chunked_response(chunks, recording_file.MEDIA_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="weir-{run.id}.jsonl"'
    return response


def mount_path(request: Request) -> str:
    """Return the path that the API is mounted at."""
    return str(request.scope.get("root_path", ""))
