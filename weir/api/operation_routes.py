"""Operation routes: health, and two tools to test a connection: breaking it, and a stream of ticks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from weir import __version__
from weir.api.api_services import Services
from weir.api.problem_details import ERROR_RESPONSES
from weir.api.schemas import Health
from weir.api.sse import sse_event

TICK_SECONDS = 0.2

router = APIRouter(tags=["Operation"], responses=ERROR_RESPONSES)


@router.get(
    "/health", responses={503: {"model": Health, "description": "No model is ready, or the process is about to end."}}
)
async def health(response: Response, services: Services) -> Health:
    """Return whether Weir can answer questions. The status is 503 if it cannot, or ends when its runs have."""
    endpoint = services.models.endpoint()
    engine = services.models.engine
    runs = services.recorder.store.runs()
    loading = endpoint is None and engine is not None and engine.state.problem is None
    is_draining = services.recorder.is_draining
    response.status_code = 200 if endpoint and not is_draining else 503
    return Health(
        status="draining" if is_draining else "ready" if endpoint else "loading" if loading else "no model",
        model=endpoint.model if endpoint else None,
        live_runs=sum(run.is_live for run in runs),
        kept_runs=len(runs),
        version=__version__,
    )


@router.post("/connections/{name}/break", status_code=204)
async def break_connection(name: str, services: Services) -> Response:
    """Break all server-sent-event connections of this name. Their clients reconnect and resume."""
    services.connections.break_all(name)
    return Response(status_code=204)


@router.get("/ticks", response_class=EventSourceResponse)
async def ticks(count: Annotated[int, Query(ge=1, le=50)] = 10) -> AsyncIterator[ServerSentEvent]:
    """Send a tick every 200 ms. If they arrive in bursts, something between client and server buffers the stream."""
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, started_at + number * TICK_SECONDS - loop.time()))
        yield sse_event({"n": number, "sent": round(loop.time() - started_at, 3)}, event_id=str(number))
    yield sse_event({"status": "complete"}, event="done")
