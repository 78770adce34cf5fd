"""The OpenAI-compatible door: every model, chain and recorded run for clients that speak to OpenAI.

Each call is a run: `X-Weir-Run` names it, and it opens in the Inspector.
"""

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel
from starlette.types import ASGIApp

from weir import __version__
from weir.access.limits import start_limited_run
from weir.api.api_services import ApiServices, Services
from weir.api.gateway_answers import CompletionResponse
from weir.api.gateway_errors import refusal, register_gateway_handlers
from weir.api.gateway_requests import (
    CHAIN,
    REPLAY,
    ChatRequest,
    PreparedCall,
    prepare_call,
    prepare_replay,
    unknown_model,
)
from weir.api.middleware.access import AccessMiddleware
from weir.api.middleware.access_log import AccessLogMiddleware
from weir.api.request_caller import get_caller
from weir.config.settings import Settings
from weir.runs.run import Run
from weir.runs.run_store import RunUnavailableError

CREATED = 1_735_689_600
"""When a model was made, as far as clients ask: the beginning of 2025."""


class GatewayProblem(BaseModel):
    """An error, as OpenAI's API has it."""

    error: dict[str, Any]


class GatewayModel(BaseModel):
    """A model, as OpenAI's API has it."""

    id: str
    object: str = "model"
    created: int = CREATED
    owned_by: str = "weir"


class GatewayModels(BaseModel):
    """The models that can be asked."""

    object: str = "list"
    data: list[GatewayModel]


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": GatewayProblem} for status in (400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504)
}

router = APIRouter(tags=["OpenAI"], responses=_ERRORS)


@router.get("/models")
async def list_models(services: Services) -> GatewayModels:
    """List the models, and the chains that take a conversation."""
    names = await asyncio.to_thread(_names, services)
    return GatewayModels(data=[GatewayModel(id=name) for name in names])


@router.get("/models/{name:path}")
async def get_model(request: Request, services: Services, name: str) -> GatewayModel:
    """Return one model, chain or recorded run (`replay:<id>`)."""
    if name.startswith(REPLAY):
        await asyncio.to_thread(_replayed_run, request, services, name)
    elif name not in await asyncio.to_thread(_names, services):
        raise unknown_model(name)
    return GatewayModel(id=name)


@router.post("/chat/completions", response_class=Response)
async def complete_chat(request: Request, services: Services, body: ChatRequest) -> Response:
    """Answer a chat completion, whole or as a stream of server-sent events.

    `X-Weir-Run` is the id of its run: `/events?run=<id>` shows it, and `/api/runs/<id>/recording` is its recording. A
    client that hangs up stops the run.
    """
    call, run = await asyncio.to_thread(_start, request, services, body)
    return CompletionResponse(
        run, body.model, is_plain=call.is_plain, streams=bool(body.stream), wants_usage=body.wants_usage
    )


def create_gateway(settings: Settings, services: ApiServices, *, people_sign_in: bool = False) -> ASGIApp:
    """Return the door as an app to be mounted at `/v1`, within the access check and the limits of the API."""
    app = FastAPI(
        title="Weir, for OpenAI's clients",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        routes=list(router.routes),
    )
    app.state.services = services
    register_gateway_handlers(app)
    checked = AccessMiddleware(app, settings, people_sign_in=people_sign_in, refusal=refusal)
    return AccessLogMiddleware(checked)


def _names(services: ApiServices) -> list[str]:
    chains = (f"{CHAIN}{chain.name}" for chain in services.registry if chain.takes_chat)
    return [*services.models.catalogue.names, *chains]


def _start(request: Request, services: ApiServices, body: ChatRequest) -> tuple[PreparedCall, Run]:
    if body.model.startswith(REPLAY):
        call = prepare_replay(_replayed_run(request, services, body.model))
    else:
        call = prepare_call(body, services.models, services.registry)
    caller = get_caller(request)
    begin = partial(
        services.recorder.start,
        call.prepared.runnable,
        call.prepared.inputs,
        name=call.name,
        context=call.prepared.context | {"via": "http", "asked_as": body.model},
        owner=caller.visitor,
    )
    return call, start_limited_run(services.limits, caller, begin, costs_tokens=call.costs_tokens)


def _replayed_run(request: Request, services: ApiServices, name: str) -> Run:
    try:
        return services.get_run(request, name.removeprefix(REPLAY))
    except RunUnavailableError:
        raise unknown_model(name) from None
