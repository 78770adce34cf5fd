"""openai client that hands on each chunk of a chat completion as the dict that the server sent.

The openai client builds five of its models for a chunk, and ChatOpenAI converts them back to dicts at once: 67 of the
217 µs that a streamed token costs (docs/benchmarks.md). ChatOpenAI accepts dicts as well.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import openai
from openai._streaming import ServerSentEvent, SSEDecoder

from weir.llm.completion_objects import Completion
from weir.llm.idle_timeout import asks_for_stream
from weir.llm.invalid_answers import NoAnswerError

_NO_FIELDS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout", "response_format"})
"""Parameters of the client that are not part of the request's body, or that change the type of its answer."""


class DictCompletions(openai.resources.chat.AsyncCompletions):
    """A client's completions, whose streams yield each chunk as a dict.

    Retries, timeouts, errors and closing are the openai client's.
    """

    async def create(self, **request: Any) -> Any:
        if not request.get("stream") or not _NO_FIELDS.isdisjoint(request):
            return await super().create(**request)
        return await self._client.post(
            "/chat/completions", body=request, cast_to=object, stream=True, stream_cls=openai.AsyncStream[object]
        )


class EventDecoder(SSEDecoder):
    """SSE decoder that ignores events without data.

    The openai client's makes an event of each blank line once there has been an `id`. An event without data is none
    (https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage).
    """

    def decode(self, line: str) -> ServerSentEvent | None:
        event = super().decode(line)
        return event if event and event.data else None


def check_answers(client: openai.OpenAI | openai.AsyncOpenAI) -> None:
    """Make a client hand on only well-formed objects of chat completions, whole or chunk by chunk.

    The client itself hands on whatever its server sends, so that LangChain fails on it as if the fault were in the
    chain. Raises AnswerError and APIResponseValidationError instead.
    """
    process = client._process_response_data

    def checked(*, data: object, cast_to: type[Any], response: httpx2.Response) -> Any:
        if not isinstance(data, dict):
            raise openai.APIResponseValidationError(response, data)
        checked_data = _completion_of(response).read(data)
        return process(data=checked_data, cast_to=cast_to, response=response)

    client._process_response_data = checked  # type: ignore[method-assign]
    client._make_sse_decoder = EventDecoder  # type: ignore[method-assign]


def parse_at_end(client: openai.OpenAI | openai.AsyncOpenAI) -> None:
    """Make a client parse a streamed answer of a given class once, at its end.

    The client itself parses all of the text so far at each chunk: 200,000 characters of JSON block the loop for
    minutes. LangChain reads the value at the end only. Raises NoAnswerError where the client asserts that there has
    been a chunk. Uses private names of openai's `lib/streaming/chat/_completions.py`.
    """
    completions: Any = client.beta.chat.completions
    original = completions.stream

    @contextlib.contextmanager
    def stream(**request: Any) -> Iterator[Any]:
        with original(**request) as answer:
            _finish_at_end(answer._state)
            yield answer

    @contextlib.asynccontextmanager
    async def astream(**request: Any) -> AsyncIterator[Any]:
        async with original(**request) as answer:
            _finish_at_end(answer._state)
            yield answer

    completions.stream = stream if isinstance(client, openai.OpenAI) else astream


def _finish_at_end(state: Any) -> None:
    response_format, finish = state._rich_response_format, state.get_final_completion
    if response_format is not openai.omit:
        # `_response_format` is for the event of the whole text, which LangChain does not read.
        state._rich_response_format = state._response_format = openai.omit

    def finish_or_raise() -> Any:
        state._rich_response_format = response_format
        if state._ChatCompletionStreamState__current_completion_snapshot is None:
            raise NoAnswerError("no chunk")
        return finish()

    state.get_final_completion = finish_or_raise


def _completion_of(response: httpx2.Response) -> Completion:
    """Return the Completion that reads the objects of this response."""
    completion: Completion | None = response.extensions.get("completion")
    if completion is None:
        completion = response.extensions["completion"] = Completion(is_stream=asks_for_stream(response.request))
    return completion
