"""Chat completions as the server sends them, without an object for each part of each chunk.

The openai client builds five of its models for a chunk, and ChatOpenAI takes them apart again at once: a third of all
that a streamed token costs. ChatOpenAI takes plain dicts as well.
"""

from typing import Any

import httpx2
import openai

_NO_FIELDS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout", "response_format"})
"""Parameters of the client that are not simply sent on, or that it answers with an object of another kind."""


class PlainCompletions(openai.resources.chat.AsyncCompletions):
    """A client's completions; a stream yields each chunk as the dict that its JSON says.

    Retries, time-outs, errors and closing are the client's own.
    """

    async def create(self, **request: Any) -> Any:
        if not request.get("stream") or not _NO_FIELDS.isdisjoint(request):
            return await super().create(**request)
        return await self._client.post(
            "/chat/completions", body=request, cast_to=object, stream=True, stream_cls=openai.AsyncStream[object]
        )


def expect_objects(client: openai.OpenAI | openai.AsyncOpenAI) -> None:
    """Have JSON that is no object, as an answer or as a chunk of one, be an error of the client's own.

    The client hands it on as it is, and what takes it apart then fails as if the fault were in the chain.
    """
    process = client._process_response_data

    def checked(*, data: object, cast_to: type[Any], response: httpx2.Response) -> Any:
        if not isinstance(data, dict):
            raise openai.APIResponseValidationError(response, data)
        return process(data=data, cast_to=cast_to, response=response)

    client._process_response_data = checked  # type: ignore[method-assign]
