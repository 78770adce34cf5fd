"""Chain routes: list the chains, and invoke one to its end."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from weir.analysis.graph_state import interrupts, thread_of
from weir.api.api_services import Services
from weir.api.problem_details import ERROR_RESPONSES
from weir.api.responses import failed_run_error, json_response, run_outcome
from weir.api.schemas import ChainResponse, InvokeRequest, InvokeResponse
from weir.core import serialization
from weir.runs.run import Run

router = APIRouter(tags=["Chains"], responses=ERROR_RESPONSES)


@router.get("/chains")
def list_chains(services: Services) -> list[ChainResponse]:
    """List the chains that can be run, with the JSON Schemas of their inputs."""
    return [ChainResponse.of(chain) for chain in services.registry]


@router.post("/chains/{name}/invoke", response_model=InvokeResponse)
async def invoke_chain(request: Request, services: Services, name: str, body: InvokeRequest) -> Response:
    """Run a chain to its end and return its output."""
    run = await asyncio.to_thread(services.start_run, request, name, body.input, body.options, body.model)
    await _wait_for_end_or_disconnect(run, request)
    return await asyncio.to_thread(_invoke_response, run)


def _invoke_response(run: Run) -> Response:
    result = run_outcome(run)
    if not result.usable_as_history:
        raise failed_run_error(run, result)
    return json_response(
        InvokeResponse(
            output=serialization.to_utf8_safe(_root_output(run)),
            id=run.id,
            status=run.status.value,
            thread_id=thread_of(run),
            interrupts=serialization.to_utf8_safe(interrupts(run)),
        )
    )


def _root_output(run: Run) -> Any:
    """Return the output of the root Runnable."""
    return next((event.get("output") for event in reversed(run.events) if event.run_id == run.id), None)


async def _wait_for_end_or_disconnect(run: Run, request: Request) -> None:
    """Read the run until it ends or the client disconnects. A run that nobody reads is stopped."""

    async def end() -> None:
        async for _ in run.afollow():
            pass

    async def disconnect() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    tasks = {asyncio.ensure_future(end()), asyncio.ensure_future(disconnect())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
