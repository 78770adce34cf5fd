"""The HTTP API: text streaming, server-sent events that resume, and runs, over the same record as the pages."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

import fastapi_offline
from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Send

from weir import __version__
from weir.access.limits import RunLimiter, start_limited_run
from weir.analysis.event_filter import EventFilter
from weir.analysis.metrics import root_chunk_text, run_metrics
from weir.analysis.outcome import Outcome, outcome
from weir.api.middleware.access import AccessMiddleware
from weir.api.middleware.access_log import AccessLogMiddleware
from weir.api.middleware.security_headers import content_security_policy
from weir.api.problem_details import (
    ERROR_RESPONSES,
    ApiError,
    StreamAlreadyCompleteError,
    public_validation_errors,
    register_exception_handlers,
    request_id,
)
from weir.api.request_caller import get_caller, is_api_client
from weir.api.schemas import (
    ChainResponse,
    Health,
    InvokeRequest,
    InvokeResponse,
    Links,
    RunCreated,
    RunRequest,
    RunResponse,
    run_view,
)
from weir.api.sse_connections import SseConnections, iterate_until
from weir.config.settings import Settings
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.llm.chain_registry import ChainRegistry
from weir.llm.provider import ModelProvider
from weir.runs import recording_file
from weir.runs.recorder import Recorder
from weir.runs.recording_codec import encode
from weir.runs.run import Run
from weir.runs.run_store import get_readable_run

RETRY = 1_000
"""Milliseconds that a browser waits before it connects again."""

TICK = 0.2
"""Seconds between two ticks of the self-test."""

TURN = 200
"""Events of a long record that are gone through before the loop turns."""

RESERVED = frozenset({"chain", "after", "connection", "ticket"})
"""Query fields that are not part of a chain's input."""

# `identity` keeps the server's own compression off, `no-transform` that of proxies, and nginx knows the last one.
UNBUFFERED = {
    "Cache-Control": "no-cache, no-transform",
    "Content-Encoding": "identity",
    "X-Accel-Buffering": "no",
}

_LOG = logging.getLogger(__name__)

Connection = Annotated[str | None, Query(max_length=100, description="A name, to break this connection by")]


@dataclass(frozen=True, slots=True)
class RunReader:
    """A run, who reads it, and the number of the last event that they have."""

    run: Run
    visitor: str
    after: int = -1

    @property
    def is_allowed(self) -> bool:
        """Whether they may still read it."""
        return self.run.can_read(self.visitor)


def create_api(
    settings: Settings,
    registry: ChainRegistry,
    models: ModelProvider,
    recorder: Recorder,
    limits: RunLimiter,
    *,
    people_sign_in: bool = False,
) -> ASGIApp:
    """Return the API, to be mounted; its documentation is at `/docs` below the mount.

    Where people sign in to use the pages, no program gets in without a token.
    """
    app = FastAPI(
        title="Weir",
        version=__version__,
        description="Runs LangChain chains, streams what they say, and keeps every event.",
        docs_url=None,
        redoc_url=None,
        responses=ERROR_RESPONSES,
    )
    register_exception_handlers(app)
    _add_docs(app)
    api = _Api(registry, models, recorder, limits)
    _add_streaming_routes(app, api)
    _add_run_routes(app, api)
    _add_connection_routes(app, api)
    return AccessLogMiddleware(AccessMiddleware(app, settings, people_sign_in=people_sign_in))


class _Api:
    """What the routes share."""

    def __init__(self, registry: ChainRegistry, models: ModelProvider, recorder: Recorder, limits: RunLimiter) -> None:
        self.registry = registry
        self.models = models
        self.recorder = recorder
        self.limits = limits
        self.connections = SseConnections()

    def start(self, request: Request, name: str, value: Any) -> Run:
        """Begin a run for a client. Raises Refusal, UnknownChainError, ModelNotReadyError or LimitReachedError."""
        chain = self.registry.get(name)
        try:
            wish = chain.input_model.model_validate(value)
        except ValidationError as error:
            raise ApiError(
                422, f"The input does not fit the chain {name}.", errors=public_validation_errors(error.errors())
            ) from None
        prepared = chain.prepare(self.models, wish)
        return start_limited_run(
            self.limits,
            get_caller(request),
            lambda: self.recorder.start(prepared.runnable, prepared.inputs, name=chain.name, context=prepared.context),
        )

    def run(self, request: Request, run_id: str) -> Run:
        """Return a run. Raises RunNotFoundError, RunEvictedError or RunNotSharedError."""
        return get_readable_run(self.recorder.store, run_id, get_caller(request).visitor)

    def stoppable(self, request: Request, run_id: str) -> Run:
        """Return a run that the caller may stop. Raises what `run` raises, and Refusal."""
        run = self.run(request, run_id)
        if not is_api_client(request) and not run.can_stop(get_caller(request).visitor):
            raise ApiError(403, "Somebody else has started this run: ask them to stop it.", cause=f"run {run.id}")
        return run

    async def follow(self, following: RunReader, connection: str | None) -> AsyncIterator[RunEvent]:
        """Yield a run's events from where the client is, until the run ends or the connection is to break.

        So it does when the run is not shared any more: a client that comes back is told.
        """
        batches = following.run.afollow(following.after)
        async with aclosing(batches):
            if connection is None:
                async for event in _in_turns(batches):
                    if not following.is_allowed:
                        return
                    yield event
                return
            with self.connections.track(connection) as broken:
                async for event in _in_turns(iterate_until(batches, broken)):
                    if not following.is_allowed:
                        return
                    yield event


async def _in_turns(batches: AsyncIterator[Sequence[RunEvent]]) -> AsyncIterator[RunEvent]:
    """Yield the events one by one, and let others have a turn of the loop among many that nobody waits for."""
    async for batch in batches:
        for number, event in enumerate(batch, start=1):
            yield event
            if number % TURN == 0:
                await asyncio.sleep(0)


def _outcome(run: Run) -> Outcome:
    return outcome(run, run_metrics(run.events))


def _sentence(said: Outcome) -> str:
    return f"{said.sentence} {said.remedy}"


def _cause(run: Run, said: Outcome) -> str:
    """Return what the log is told. An error's own text may hold what was asked: it is in the record only."""
    return f"run {run.id}: {said.kind.name.lower() if said.kind else run.status} {said.detail.partition(':')[0]}"


def _base(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _reject_embedded_get(request: Request) -> None:
    """Raise Refusal where a page's link or element would start a run: only scripts and the address bar may by GET."""
    destination = request.headers.get("sec-fetch-dest", "empty")
    is_typed = destination == "document" and request.headers.get("sec-fetch-site") == "none"
    if destination != "empty" and not is_typed:
        cause = f"destination {destination!r}"
        raise ApiError(403, "A link does not start a run. Open the address itself.", cause=cause)


def _last_seen(text: str) -> int:
    """Read an event's number from `Last-Event-ID` or `after`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise _foreign_id(text)
    return int(text)


def _foreign_id(text: str) -> ApiError:
    return ApiError(422, "The event id is not one of this stream's.", cause=repr(text[:40]))


def _continued(run: Run, visitor: str, after: str) -> RunReader:
    """Go on after an event; raise NothingMore for a client that has the end already."""
    following = RunReader(run, visitor, _last_seen(after))
    if following.after >= len(run.events):
        raise _foreign_id(after) if run.is_live else StreamAlreadyCompleteError
    return following


def _add_streaming_routes(app: FastAPI, api: _Api) -> None:
    def begun(
        request: Request,
        chain: Annotated[str, Query(description="A chain of the catalogue")] = "story",
        topic: Annotated[
            str | None, Query(description="Input of the story chain; further fields are input too")
        ] = None,
        after: Annotated[str | None, Query(description="As Last-RunEvent-ID")] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> RunReader:
        resume = last_event_id or after
        if resume:
            run_id, _, seen = resume.rpartition(":")
            return _continued(api.run(request, run_id), get_caller(request).visitor, seen)
        _reject_embedded_get(request)
        fields = {key: value for key, value in request.query_params.items() if key not in RESERVED}
        del topic  # is one of the fields; named in the signature for the documentation
        return RunReader(api.start(request, chain, fields), get_caller(request).visitor)

    @app.get("/stream", response_class=Response, responses={200: {"content": {"text/plain": {}}}}, tags=["Streaming"])
    async def stream(following: Annotated[RunReader, Depends(begun)]) -> Response:
        """Answer as plain text, chunk by chunk.

        An answer that fails before its first word is a 502. One that fails later ends without the last chunk of the
        transfer encoding, which clients report as an incomplete body.
        """
        texts = _texts(api, following)
        first = await anext(texts, None)
        if first is None:
            said = await asyncio.to_thread(_outcome, following.run)
            if not said.usable_as_history:
                raise ApiError(502, _sentence(said), cause=_cause(following.run, said))
        return AbortableTextResponse(_prepend(first or "", texts), following.run)

    @app.get("/sse", response_class=EventSourceResponse, tags=["Streaming"])
    async def sse(
        following: Annotated[RunReader, Depends(begun)], connection: Connection = None
    ) -> AsyncIterator[ServerSentEvent]:
        """Answer as server-sent events: `message` with `{"content": …}`, then `done`, or `error` with a sentence.

        A browser's EventSource that loses the connection comes back with `Last-Event-ID` and gets what it missed.
        """
        run = following.run
        yield ServerSentEvent(retry=RETRY)
        async for event in api.follow(following, connection):
            if text := root_chunk_text(event):
                yield _sse({"content": text}, event_id=f"{run.id}:{event.seq}")
        if run.is_live or not following.is_allowed:
            return
        said = await asyncio.to_thread(_outcome, run)
        last = f"{run.id}:{len(run.events)}"
        if said.usable_as_history:
            yield _sse({"status": "complete" if run.status == "done" else run.status.value}, "done", last)
        else:
            _LOG.warning("failed [%s] %s", request_id(), _cause(run, said))
            yield _sse({"message": _sentence(said), "reference": request_id()}, "error", last)


def _sse(data: Any, event: str | None = None, event_id: str | None = None) -> ServerSentEvent:
    return ServerSentEvent(raw_data=serialization.dumps(data).decode(), event=event, id=event_id)


async def _texts(api: _Api, following: RunReader) -> AsyncGenerator[str, None]:
    async for event in api.follow(following, None):
        if text := root_chunk_text(event):
            yield serialization.replace_lone_surrogates(text)


async def _prepend(first: str, rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async with aclosing(rest):
        yield first
        async for text in rest:
            yield text


class AbortableTextResponse(StreamingResponse):
    """Plain text that, if its run failed, ends without an end: the client must not take it for the whole."""

    def __init__(self, texts: AsyncGenerator[str, None], run: Run) -> None:
        super().__init__(texts, media_type="text/plain; charset=utf-8", headers=UNBUFFERED | {"X-Run-Id": run.id})
        self._run = run

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for text in self.body_iterator:
            assert isinstance(text, str)
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        if (await asyncio.to_thread(_outcome, self._run)).usable_as_history:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _add_run_routes(app: FastAPI, api: _Api) -> None:
    @app.get("/chains", tags=["Chains"])
    def chains() -> list[ChainResponse]:
        """List the chains that can be run, with the schemas of their inputs."""
        return [ChainResponse.of(chain) for chain in api.registry]

    def invoked(run: Run) -> Response:
        said = _outcome(run)
        if not said.usable_as_history:
            raise ApiError(502, _sentence(said), cause=_cause(run, said))
        return _as_json(InvokeResponse(output=serialization.sendable(_output(run)), id=run.id))

    @app.post("/chains/{name}/invoke", response_model=InvokeResponse, tags=["Chains"])
    async def invoke(request: Request, name: str, body: InvokeRequest) -> Response:
        """Run a chain to its end and return its output."""
        run = await asyncio.to_thread(api.start, request, name, body.input)
        await _ended_or_gone(run, request)
        return await asyncio.to_thread(invoked, run)

    @app.post("/runs", status_code=201, tags=["Runs"])
    def start(request: Request, response: Response, body: RunRequest) -> RunCreated:
        """Start a run. It goes on while somebody reads it, and for the grace period."""
        run = api.start(request, body.chain, body.input)
        links = Links.of(run, _base(request))
        response.headers["Location"] = links.run
        return RunCreated(id=run.id, links=links)

    @app.get("/runs/{run_id}", response_model=RunResponse, tags=["Runs"])
    def show(request: Request, run_id: str) -> Response:
        """Return a run's status, figures and text so far."""
        return _streamed(run_view(api.run(request, run_id), _base(request)), "application/json")

    @app.delete("/runs/{run_id}", response_model=RunResponse, tags=["Runs"])
    def stop(request: Request, run_id: str) -> Response:
        """Stop a run and keep what has arrived.

        A visitor may stop what they have started; a program with the token, or on this machine, every run that it may
        read.
        """
        run = api.stoppable(request, run_id)
        run.stop()
        run.wait(2.0)
        return _streamed(run_view(run, _base(request)), "application/json")

    def followed(
        request: Request,
        run_id: str,
        after: Annotated[str | None, Query(description="As Last-RunEvent-ID")] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> RunReader:
        run, visitor = api.run(request, run_id), get_caller(request).visitor
        resume = last_event_id or after
        return _continued(run, visitor, resume) if resume else RunReader(run, visitor)

    @app.get("/runs/{run_id}/events", response_class=EventSourceResponse, tags=["Runs"])
    async def events(
        following: Annotated[RunReader, Depends(followed)],
        kept: Annotated[EventFilter, Depends(_filter)],
        connection: Connection = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """Return every event, live or from the record, as server-sent events; then `end`.

        The filters are those of LangChain's `astream_events`: includes are ORed, then excludes take away.
        """
        run = following.run
        yield ServerSentEvent(retry=RETRY)
        async for event in api.follow(following, connection):
            if kept.passes(event):
                yield ServerSentEvent(raw_data=encode(event).decode().rstrip(), id=str(event.seq))
        if not run.is_live and following.is_allowed:
            yield _sse({"status": run.status.value}, "end", str(len(run.events)))

    @app.get(
        "/runs/{run_id}/recording",
        response_class=Response,
        responses={200: {"content": {recording_file.MEDIA_TYPE: {}}}},
        tags=["Runs"],
    )
    def download(request: Request, run_id: str) -> Response:
        """Return the run as a `.jsonl` recording."""
        run = api.run(request, run_id)
        visitor = get_caller(request).visitor
        # It ends where the run is taken back, and then has no last line.
        allowed = takewhile(lambda _: run.can_read(visitor), recording_file.jsonl_chunks(run))
        response = _streamed(allowed, recording_file.MEDIA_TYPE)
        response.headers["Content-Disposition"] = f'attachment; filename="weir-{run.id}.jsonl"'
        return response

    @app.get("/health", tags=["Operation"], responses={503: {"model": Health, "description": "No model is ready."}})
    async def health(response: Response) -> Health:
        """Say whether Weir can answer; 503 where it can't."""
        endpoint = api.models.endpoint()
        engine = api.models.engine
        runs = api.recorder.store.runs()
        loading = endpoint is None and engine is not None and engine.state.problem is None
        response.status_code = 200 if endpoint else 503
        return Health(
            status="ready" if endpoint else "loading" if loading else "no model",
            model=endpoint.model if endpoint else None,
            live_runs=sum(run.is_live for run in runs),
            kept_runs=len(runs),
            version=__version__,
        )


def _as_json(view: BaseModel) -> Response:
    """Encode a view here, on a thread: FastAPI would encode what a route returns on the loop."""
    return Response(serialization.dumps(view.model_dump(mode="json")), media_type="application/json")


def _streamed(pieces: Iterator[bytes], media_type: str) -> Response:
    """Answer piece by piece, each when the one before has left; compression would take the loop's time."""
    return StreamingResponse(pieces, media_type=media_type, headers={"Content-Encoding": "identity"})


def _output(run: Run) -> Any:
    """Return what the root returned."""
    return next((event.get("output") for event in reversed(run.events) if event.run_id == run.id), None)


async def _ended_or_gone(run: Run, request: Request) -> None:
    """Wait for the run's end; a client that goes away stops waiting, and with that reading."""

    async def end() -> None:
        async for _ in run.afollow():
            pass

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    waiting = {asyncio.ensure_future(end()), asyncio.ensure_future(gone())}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


Names = Annotated[list[str] | None, Query()]


def _filter(
    include_names: Names = None,
    include_types: Names = None,
    include_tags: Names = None,
    exclude_names: Names = None,
    exclude_types: Names = None,
    exclude_tags: Names = None,
) -> EventFilter:
    given = (include_names, include_types, include_tags, exclude_names, exclude_types, exclude_tags)
    return EventFilter(*(frozenset(names) if names else None for names in given))


def _add_connection_routes(app: FastAPI, api: _Api) -> None:
    @app.post("/connections/{name}/break", status_code=204, tags=["Operation"])
    async def break_connection(name: str) -> Response:
        """Break the server-sent-event connections of that name, so that their clients come back and resume."""
        api.connections.break_all(name)
        return Response(status_code=204)

    @app.get("/ticks", response_class=EventSourceResponse, tags=["Operation"])
    async def ticks(count: Annotated[int, Query(ge=1, le=50)] = 10) -> AsyncIterator[ServerSentEvent]:
        """Send a tick every 200 ms: a client that gets them in bursts sits behind something that buffers."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number * TICK - loop.time()))
            yield _sse({"n": number, "sent": round(loop.time() - begun, 3)}, event_id=str(number))
        yield _sse({"status": "complete"}, "done")


def _add_docs(app: FastAPI) -> None:
    assets = Path(fastapi_offline.__file__).parent / "static"
    app.mount("/assets", StaticFiles(directory=assets), name="assets")

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        base = _base(request)
        page = get_swagger_ui_html(
            openapi_url=f"{base}/openapi.json",
            title="Weir: HTTP API",
            swagger_js_url=f"{base}/assets/swagger-ui-bundle.js",
            swagger_css_url=f"{base}/assets/swagger-ui.css",
            swagger_favicon_url="data:,",
        )
        page.headers["Content-Security-Policy"] = content_security_policy(bytes(page.body).decode())
        return page
