"""Services that the API's routes share: starting, finding and following runs on behalf of a caller."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import ValidationError

from weir.access.limits import RunLimiter, start_limited_run
from weir.api.problem_details import ApiError, public_validation_errors
from weir.api.request_caller import get_caller, is_api_client, reader_of
from weir.api.run_reader import RunReader
from weir.api.sse import SseConnections, iterate_until
from weir.archive.run_archive import RunArchive
from weir.core.run_event import RunEvent
from weir.llm.chain_registry import ChainRegistry, UnsuitableModelError
from weir.llm.provider import ModelProvider, UnknownModelError
from weir.runs.attached_programs import AttachedPrograms
from weir.runs.graph_options import GraphOptions, GraphOptionsError, configure_run
from weir.runs.langsmith_programs import LangSmithPrograms
from weir.runs.recorder import Recorder
from weir.runs.run import Run
from weir.runs.run_store import get_readable_run

EVENTS_PER_TURN = 200
"""Events of a long recording that are sent before the event loop runs other tasks."""


class ApiServices:
    """Registry, models, recorder and limits of the app, used with the rights of the caller of each request."""

    def __init__(
        self,
        registry: ChainRegistry,
        models: ModelProvider,
        recorder: Recorder,
        limits: RunLimiter,
        archive: RunArchive,
        programs: AttachedPrograms,
    ) -> None:
        self.registry = registry
        self.models = models
        self.recorder = recorder
        self.limits = limits
        self.archive = archive
        self.programs = programs
        self.langsmith = LangSmithPrograms(programs)
        self.connections = SseConnections()

    def start_run(
        self,
        request: Request,
        chain_name: str,
        value: Any,
        options: GraphOptions | None = None,
        model: str | None = None,
    ) -> Run:
        """Start a run for the caller, on the model of that name or on the default one.

        Raises ApiError, UnknownChainError, ModelNotReadyError or LimitReachedError.
        """
        chain = self.registry.get(chain_name)
        try:
            inputs = chain.inputs_for(value, continues=options is not None and options.continues)
        except ValidationError as error:
            raise ApiError(
                422,
                f"The input does not match the schema of the chain {chain_name}.",
                errors=public_validation_errors(error.errors()),
            ) from None
        try:
            prepared = chain.prepare(self.models.choose(model), inputs)
            run = configure_run(prepared.runnable, None if value is None else prepared.inputs, options)
        except (GraphOptionsError, UnsuitableModelError, UnknownModelError) as error:
            raise ApiError(422, str(error)) from None
        caller = get_caller(request)
        begin = partial(
            self.recorder.start,
            run.runnable,
            run.value,
            name=chain.name,
            context=prepared.context | run.context | {"via": "http"},
            config=run.config,
            owner=caller.visitor,
        )
        started = start_limited_run(self.limits, caller, begin)
        # Whoever gets the id may come back with it to another replica at once.
        self.archive.await_begun(started)
        return started

    def get_run(self, request: Request, run_id: str) -> Run:
        """Return a run that the caller may read. Raises RunNotFoundError, RunEvictedError or RunNotSharedError."""
        run = self.recorder.store.get(run_id)
        return get_readable_run(self.recorder.store, run_id, reader_of(request, run))

    def get_stoppable_run(self, request: Request, run_id: str) -> Run:
        """Return a run that the caller may stop. Raises what `get_run` raises, and ApiError."""
        run = self.get_run(request, run_id)
        if run.is_attached and run.is_live:
            raise ApiError(409, "Another program runs this: Weir cannot stop it.", cause=f"run {run.id}")
        if not is_api_client(request) and not run.can_stop(get_caller(request).visitor):
            raise ApiError(403, "Somebody else has started this run: ask them to stop it.", cause=f"run {run.id}")
        return run

    async def follow(self, reader: RunReader, connection: str | None) -> AsyncIterator[RunEvent]:
        """Yield a run's events after `reader.after`, until the run ends or `connection` is broken.

        Also ends when the reader loses the right to read the run. When the client reconnects, it gets the reason.
        """
        batches = reader.run.afollow(reader.after)
        async with aclosing(batches):
            if connection is None:
                async for event in _one_by_one(batches):
                    if not reader.is_allowed:
                        return
                    yield event
                return
            with self.connections.track(connection) as broken:
                async for event in _one_by_one(iterate_until(batches, broken)):
                    if not reader.is_allowed:
                        return
                    yield event


async def get_services(request: Request) -> ApiServices:
    """Return the services of the API that answers this request."""
    services = request.app.state.services
    assert isinstance(services, ApiServices)
    return services


Services = Annotated[ApiServices, Depends(get_services)]
ConnectionName = Annotated[
    str | None,
    Query(max_length=100, description="A name for this connection. POST /connections/{name}/break breaks it."),
]


async def _one_by_one(batches: AsyncIterator[Sequence[RunEvent]]) -> AsyncIterator[RunEvent]:
    """Yield single events. Within a large batch, let the event loop run other tasks from time to time."""
    async for batch in batches:
        for number, event in enumerate(batch, start=1):
            yield event
            if number % EVENTS_PER_TURN == 0:
                await asyncio.sleep(0)
