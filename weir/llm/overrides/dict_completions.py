"""Chat completions as the server sends them, without an object for each part of each chunk.

The openai client builds five of its models for a chunk, and ChatOpenAI takes them apart again at once: a third of all
that a streamed token costs. ChatOpenAI takes plain dicts as well.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import openai
from openai._streaming import ServerSentEvent, SSEDecoder

from weir.llm.completion_objects import Completion
from weir.llm.idle_timeout import asks_for_stream

_NO_FIELDS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout", "response_format"})
"""Parameters of the client that are not simply sent on, or that it answers with an object of another kind."""


class DictCompletions(openai.resources.chat.AsyncCompletions):
    """A client's completions; a stream yields each chunk as the dict that its JSON says.

    Retries, time-outs, errors and closing are the client's own.
    """

    async def create(self, **request: Any) -> Any:
        if not request.get("stream") or not _NO_FIELDS.isdisjoint(request):
            return await super().create(**request)
        return await self._client.post(
            "/chat/completions", body=request, cast_to=object, stream=True, stream_cls=openai.AsyncStream[object]
        )


class EventDecoder(SSEDecoder):
    """The openai client's, which makes an event of each blank line once there has been an `id`.

    An event without data is none (https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage).
    """

    def decode(self, line: str) -> ServerSentEvent | None:
        event = super().decode(line)
        return event if event and event.data else None


def check_answers(client: openai.OpenAI | openai.AsyncOpenAI) -> None:
    """Have a client hand on well-formed objects of chat completions alone, whole or chunk by chunk.

    The client hands on what its server sends, and what takes that apart then fails as if the fault were in the chain.
    """
    process = client._process_response_data

    def checked(*, data: object, cast_to: type[Any], response: httpx2.Response) -> Any:
        if not isinstance(data, dict):
            raise openai.APIResponseValidationError(response, data)
        read = _completion_of(response).read(data)
        return process(data=read, cast_to=cast_to, response=response)

    client._process_response_data = checked  # type: ignore[method-assign]
    client._make_sse_decoder = EventDecoder  # type: ignore[method-assign]


def parse_once(client: openai.OpenAI | openai.AsyncOpenAI) -> None:
    """Have a client parse a streamed answer, where it is asked for a class, when it is whole.

    The client parses all of the text so far at each chunk: 200,000 characters of JSON hold up the loop for minutes.
    LangChain reads the value at the end only. Private names of openai's `lib/streaming/chat/_completions.py`, whose
    change tests/chains/test_structured.py notices.
    """
    completions: Any = client.beta.chat.completions
    begin = completions.stream

    @contextlib.contextmanager
    def stream(**request: Any) -> Iterator[Any]:
        with begin(**request) as answer:
            _parse_at_end(answer._state)
            yield answer

    @contextlib.asynccontextmanager
    async def astream(**request: Any) -> AsyncIterator[Any]:
        async with begin(**request) as answer:
            _parse_at_end(answer._state)
            yield answer

    completions.stream = stream if isinstance(client, openai.OpenAI) else astream


def _parse_at_end(state: Any) -> None:
    asked, final = state._rich_response_format, state.get_final_completion
    if asked is openai.omit:
        return
    # The second one is for the event of the whole text, which LangChain does not read.
    state._rich_response_format = state._response_format = openai.omit

    def parsed() -> Any:
        state._rich_response_format = asked
        return final()

    state.get_final_completion = parsed


def _completion_of(response: httpx2.Response) -> Completion:
    """Return the answer that a response's objects are of."""
    found: Completion | None = response.extensions.get("completion")
    if found is None:
        found = response.extensions["completion"] = Completion(is_stream=asks_for_stream(response.request))
    return found
