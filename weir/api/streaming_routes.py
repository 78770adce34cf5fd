"""Streaming routes: an answer as plain text or as server-sent events, started by a GET that can be resumed."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from weir.analysis.answer_reader import AnswerReader
from weir.api.api_services import ApiServices, ConnectionName, Services
from weir.api.problem_details import ERROR_RESPONSES, ApiError, request_id
from weir.api.request_caller import get_caller
from weir.api.responses import AbortableTextResponse, failed_run_error, log_cause, outcome_message, run_outcome
from weir.api.run_reader import RunReader, end_number
from weir.api.sse import OPENING, RETRY_MILLISECONDS, sse_event
from weir.core import serialization
from weir.runs.run import Run

RESERVED_FIELDS = frozenset({"chain", "model", "after", "connection", "ticket"})
"""Query fields that are not part of a chain's input."""

_LOG = logging.getLogger(__name__)

router = APIRouter(tags=["Streaming"], responses=ERROR_RESPONSES)


def new_or_resumed_run(
    request: Request,
    services: Services,
    chain: Annotated[str, Query(description="Name of a chain, see GET /chains")] = "story",
    topic: Annotated[
        str | None,
        Query(description="Input of the story chain. All other query fields are passed to the chain as well."),
    ] = None,
    model: Annotated[str | None, Query(description="Name of the model that answers, see GET /models")] = None,
    after: Annotated[
        str | None, Query(description="Event id to resume after, for clients that cannot send Last-Event-ID")
    ] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> RunReader:
    """Start a run, or resume the one that the event id names."""
    if event_id := last_event_id or after:
        run_id, _, number = event_id.rpartition(":")
        return RunReader.resume(services.get_run(request, run_id), get_caller(request).visitor, number)
    _reject_embedded_get(request)
    fields = {key: value for key, value in request.query_params.items() if key not in RESERVED_FIELDS}
    del topic  # one of the fields; a parameter only for the documentation
    return RunReader(services.start_run(request, chain, fields, model=model), get_caller(request).visitor)


@router.get("/stream", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def stream_text(reader: Annotated[RunReader, Depends(new_or_resumed_run)], services: Services) -> Response:
    """Run a chain and stream its answer as plain text, chunk by chunk.

    If the run fails before its first text, the response is a 502. If it fails later, the body ends without the last
    chunk of the transfer encoding, which clients report as an incomplete body.
    """
    texts = _answer_texts(services, reader)
    first = await anext(texts, None)
    if first is None:
        result = await asyncio.to_thread(run_outcome, reader.run)
        if not result.usable_as_history:
            raise failed_run_error(reader.run, result)
    return AbortableTextResponse(_prepend(first or "", texts), reader.run)


@router.get("/sse", response_class=EventSourceResponse)
async def stream_server_sent_events(
    reader: Annotated[RunReader, Depends(new_or_resumed_run)], services: Services, connection: ConnectionName = None
) -> AsyncIterator[ServerSentEvent]:
    """Run a chain and stream its answer as server-sent events.

    Each chunk is a `message` event with `{"content": …}`, which has `"begins_anew": true` where a graph's next model
    begins to write: its text replaces that of the model before it. The last event is `done`, or `error` with a message.
    A browser's EventSource that loses the connection reconnects with `Last-Event-ID` and gets what it missed.
    """
    run = reader.run
    yield OPENING
    retry: int | None = RETRY_MILLISECONDS
    answer = await asyncio.to_thread(_read_answer, run, reader.after)
    async for event in services.follow(reader, connection):
        if text := answer.read(event):
            begins_anew = {"begins_anew": True} if answer.begins_anew else {}
            yield sse_event({"content": text, **begins_anew}, event_id=f"{run.id}:{event.seq}", retry=retry)
            retry = None
    if run.is_live or not reader.is_allowed:
        return
    result = await asyncio.to_thread(run_outcome, run)
    last_id = f"{run.id}:{end_number(run)}"
    if result.usable_as_history:
        status = "complete" if run.status == "done" else run.status.value
        yield sse_event({"status": status}, event="done", event_id=last_id, retry=retry)
    else:
        _LOG.warning("failed [%s] %s", request_id(), log_cause(run, result))
        data = {"message": outcome_message(result), "reference": request_id()}
        yield sse_event(data, event="error", event_id=last_id, retry=retry)


def _reject_embedded_get(request: Request) -> None:
    """Raise ApiError if a link or an element of a page would start a run.

    A GET starts a run only from a script or from the address bar.
    """
    destination = request.headers.get("sec-fetch-dest", "empty")
    is_typed = destination == "document" and request.headers.get("sec-fetch-site") == "none"
    if destination != "empty" and not is_typed:
        cause = f"destination {destination!r}"
        raise ApiError(403, "A link cannot start a run. Open the address itself.", cause=cause)


def _read_answer(run: Run, last: int) -> AnswerReader:
    """Return a reader that has read a run's events up to number `last`. A long run takes a tenth of a second."""
    answer = AnswerReader()
    # A copy of another replica's run may not have all that its reader has had there.
    for number in range(min(last + 1, len(run.events))):
        answer.read(run.events[number])
    return answer


async def _answer_texts(services: ApiServices, reader: RunReader) -> AsyncGenerator[str, None]:
    """Yield the texts of an answer. What several models of a graph write is separated by blank lines."""
    answer = AnswerReader()
    async for event in services.follow(reader, None):
        if text := answer.read(event):
            if answer.begins_anew:
                yield "\n\n"
            yield serialization.replace_lone_surrogates(text)


async def _prepend(first: str, rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async with aclosing(rest):
        yield first
        async for text in rest:
            yield text
