"""Responses of the API: JSON, chunked bodies, the text stream, and the error for a run that failed."""

import asyncio
from collections.abc import AsyncGenerator, Iterator

from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import Send

from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import Outcome, outcome
from weir.api.problem_details import ApiError
from weir.core import serialization
from weir.runs.run import Run

UNBUFFERED_HEADERS = {
    "Cache-Control": "no-cache, no-transform",  # `no-transform` turns off the compression of proxies
    "Content-Encoding": "identity",  # turns off the compression of Weir's own server
    "X-Accel-Buffering": "no",  # turns off nginx's buffering
}


def json_response(body: BaseModel) -> Response:
    """Serialize a body on the caller's thread. FastAPI would serialize what a route returns on the event loop."""
    return Response(serialization.dumps(body.model_dump(mode="json")), media_type="application/json")


def chunked_response(chunks: Iterator[bytes], media_type: str) -> Response:
    """Send chunks one after the other, uncompressed: compression would block the event loop."""
    return StreamingResponse(chunks, media_type=media_type, headers={"Content-Encoding": "identity"})


class AbortableTextResponse(StreamingResponse):
    """Plain text stream. If the run fails, the body has no end, so that the client notices that it is incomplete."""

    def __init__(self, texts: AsyncGenerator[str, None], run: Run) -> None:
        headers = UNBUFFERED_HEADERS | {"X-Run-Id": run.id}
        super().__init__(texts, media_type="text/plain; charset=utf-8", headers=headers)
        self._run = run

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for text in self.body_iterator:
            assert isinstance(text, str)
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        if (await asyncio.to_thread(run_outcome, self._run)).usable_as_history:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def run_outcome(run: Run) -> Outcome:
    """Return how a run ended. Takes time in proportion to its events: call it on a thread."""
    return outcome(run, run_metrics(run.events))


def outcome_message(result: Outcome) -> str:
    """Return what happened and what to do, for the caller."""
    return f"{result.message} {result.hint}"


def log_cause(run: Run, result: Outcome) -> str:
    """Return why a run failed, for the log: the error's type only, because its text may quote the question."""
    kind = result.kind.name.lower() if result.kind else run.status
    return f"run {run.id}: {kind} {result.detail.partition(':')[0]}"


def failed_run_error(run: Run, result: Outcome) -> ApiError:
    """Return the error that answers a request whose run failed."""
    return ApiError(502, outcome_message(result), cause=log_cause(run, result))
