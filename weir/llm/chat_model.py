"""The model that answers, and the only place that names ChatOpenAI."""

import contextlib
import functools
import json
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import langchain_openai
import openai
from langchain_core.exceptions import LangChainException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, BaseMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import SecretStr, ValidationError

from weir.config.settings import Settings
from weir.llm.answer_errors import MalformedAnswerError, NoAnswerError, ToolCallsOnlyError
from weir.llm.idle_timeout import AsyncIdleTimeoutClient, IdleTimeoutClient
from weir.llm.overrides.dict_completions import DictCompletions, check_answers, parse_once
from weir.llm.transport_timing import TransportTiming, with_timing

CONNECT_TIMEOUT = 5.0
"""Seconds to reach the model's server; waiting for its words is `Settings.timeout`."""

EMBEDDED_MAX_TOKENS = 700
"""A toy-sized model may never come to an end by itself."""

EMBEDDED_MAX_TOKENS_TO_CLASSIFY = 24
"""A category takes ten; held to a JSON schema, such a model may also write blanks for ever."""

EMBEDDED_WINDOW = 2_500
"""Tokens of history: one slot of the embedded engine holds 4,096, its answer and its prompt among them."""

MAX_DETAIL = 200
"""Characters kept of what an answer has in place of an answer."""

_NO_KEY_NEEDED = SecretStr("none")
"""Local servers (Ollama, vLLM, LM Studio) take any key, but the client insists on one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible server and the model to ask there."""

    base_url: str | None
    """None is OpenAI's own."""
    api_key: SecretStr
    model: str
    host: str
    """Where it is, for people: a host name or 'embedded'."""
    is_embedded: bool = False


def configured_endpoint(settings: Settings) -> Endpoint:
    """Return the endpoint that the environment names."""
    url = settings.openai_base_url
    return Endpoint(
        base_url=str(url) if url else None,
        api_key=settings.openai_api_key or _NO_KEY_NEEDED,
        model=settings.openai_model,
        host=(f"{url.host}:{url.port}" if url.port not in (80, 443) else str(url.host)) if url else "OpenAI",
    )


def embedded_endpoint(url: str, api_key: str, model: str) -> Endpoint:
    """Return the endpoint of the embedded engine."""
    return Endpoint(f"{url.rstrip('/')}/v1", SecretStr(api_key), model, "embedded", is_embedded=True)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What can be asked of a model; None leaves it to the endpoint."""

    max_tokens: int | None = None
    """Bounds one answer."""
    temperature: float | None = None
    seed: int | None = None
    model: str | None = None
    """Another model of the same endpoint."""
    streaming: bool | None = None
    """Whether the model streams to its callbacks even where it is asked for a whole answer."""


class RunAbortedError(Exception):
    """The request was to be sent on a line that has been cut."""


class AbortableConnections:
    """The connections of one run that waits for its model on a thread, and the knife to cut them.

    Closing a client does not wake a thread that reads from its socket, and closing a chain's generator reads the
    stream to its end. Shutting the socket down does wake the thread, and tells the server at once.
    """

    def __init__(self, connection: TransportTiming | None = None) -> None:
        self._connection = connection or TransportTiming()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False
        self.http = IdleTimeoutClient(cut=self.abort, verify=_tls(), event_hooks={"request": [self._prepare]})

    def abort(self) -> None:
        """Cut all connections now, and let no new ones be made."""
        with self._lock:
            self._is_cut = True
            for connection in self._sockets:
                self._shut_down(connection)

    def close(self) -> None:
        """Close the client, once nobody uses it."""
        self.http.close()

    def _prepare(self, request: httpx2.Request) -> None:
        if self._is_cut:
            raise RunAbortedError(RunAbortedError.__doc__)
        # https://www.encode.io/httpcore/extensions/#trace
        request.extensions["trace"] = self._trace

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        self._connection.trace(event, info)
        # Behind a proxy they have other prefixes.
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        connection = info["return_value"].get_extra_info("socket")
        if connection is None:
            return
        with self._lock:
            self._sockets.append(connection)
            if self._is_cut:
                self._shut_down(connection)

    def _shut_down(self, connection: socket.socket) -> None:
        # Not `SSLSocket.shutdown`, which takes the encryption from under a thread that reads.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
            self._connection.closed()


@functools.cache
def _tls() -> ssl.SSLContext:
    """Making one takes as long as a short answer: all lines share it."""
    return httpx2.create_ssl_context()


@functools.cache
def _unused_sync_client() -> httpx2.Client:
    """A ChatOpenAI wants a blocking client also where nothing blocks; making one each time would take 30 ms."""
    return openai.DefaultHttpxClient(verify=_tls())


def http_client() -> httpx2.AsyncClient:
    """Return a client for `chat_model`. It belongs to the loop that first uses it; close it there."""
    return AsyncIdleTimeoutClient()


_TAKEN_APART = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What LangChain and the openai client fail with where an object is not what they take it for."""

_CLEAR = (json.JSONDecodeError, UnicodeDecodeError, ValidationError)
"""Errors among these that say themselves what is wrong."""


class CheckedChatOpenAI(langchain_openai.ChatOpenAI):
    """LangChain's, which loses the words of a refusal that is streamed, and takes no answer, or any, for one."""

    name: str | None = "ChatOpenAI"
    """What its events are called: as LangChain's class."""

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type[BaseMessageChunk], base_generation_info: Any
    ) -> ChatGenerationChunk | None:
        made = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        delta = (chunk["choices"][0].get("delta") or {}) if chunk.get("choices") else {}
        if made is not None and (refusal := delta.get("refusal")):
            made.message.additional_kwargs["refusal"] = refusal
        return made

    def _stream(self, *given: Any, **asked: Any) -> Iterator[ChatGenerationChunk]:
        answer = _Answer(self, asked)
        with answer.taken_apart(), contextlib.closing(super()._stream(*given, **asked)) as chunks:  # type: ignore[type-var]
            for chunk in chunks:
                answer.add(chunk.message)
                yield chunk
        answer.check()

    async def _astream(self, *given: Any, **asked: Any) -> AsyncIterator[ChatGenerationChunk]:
        answer = _Answer(self, asked)
        with answer.taken_apart():
            async with contextlib.aclosing(super()._astream(*given, **asked)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    answer.add(chunk.message)
                    yield chunk
        answer.check()

    def _generate(self, *given: Any, **asked: Any) -> ChatResult:
        answer = _Answer(self, asked)
        with answer.taken_apart():
            result = super()._generate(*given, **asked)
        return answer.checked(result)

    async def _agenerate(self, *given: Any, **asked: Any) -> ChatResult:
        answer = _Answer(self, asked)
        with answer.taken_apart():
            result = await super()._agenerate(*given, **asked)
        return answer.checked(result)


class _Answer:
    """What one answer has consisted of, to be checked at its end."""

    def __init__(self, model: langchain_openai.ChatOpenAI, asked: dict[str, Any]) -> None:
        wanted = model.model_kwargs | asked
        self._offers_tools = bool(wanted.get("tools") or wanted.get("functions"))
        self._has_begun = False
        self._has_text = False
        self._calls: dict[str, None] = {}

    @contextlib.contextmanager
    def taken_apart(self) -> Iterator[None]:
        """Have what cannot be taken apart be the server's fault. Errors of openai's and LangChain's own pass."""
        try:
            yield
        except (openai.OpenAIError, LangChainException, *_CLEAR):
            raise
        except _TAKEN_APART as error:
            raise MalformedAnswerError(f"{type(error).__name__}: {error}"[:MAX_DETAIL]) from error

    def add(self, message: BaseMessage) -> None:
        """Note what a message, or a part of it, has."""
        # LangChain names the provider of a choice alone: not of a chunk without any.
        self._has_begun = self._has_begun or "model_provider" in message.response_metadata
        self._has_text = self._has_text or bool(message.content or message.additional_kwargs.get("refusal"))
        if isinstance(message, AIMessageChunk):
            # A call without a name is one too: LangChain makes a tool call of it.
            self._calls |= {call["name"] or "": None for call in message.tool_call_chunks}
        elif isinstance(message, AIMessage):
            self._calls |= {call["name"] or "": None for call in (*message.tool_calls, *message.invalid_tool_calls)}
        if call := message.additional_kwargs.get("function_call"):
            self._calls[call.get("name") or ""] = None

    def check(self) -> None:
        """Raise AnswerError for an answer that is none."""
        if not self._has_begun:
            raise NoAnswerError("no choice")
        if self._calls and not self._has_text and not self._offers_tools:
            raise ToolCallsOnlyError(", ".join(filter(None, self._calls))[:MAX_DETAIL])

    def checked(self, result: ChatResult) -> ChatResult:
        """Return a whole answer. Raises AnswerError where it is none."""
        for generation in result.generations:
            self._has_begun = True
            self.add(generation.message)
        self.check()
        return result


def chat_model(
    endpoint: Endpoint,
    settings: Settings,
    http: httpx2.AsyncClient,
    *,
    max_tokens: int | None = None,
    options: ModelOptions | None = None,
    line: AbortableConnections | None = None,
    connection: TransportTiming | None = None,
) -> CheckedChatOpenAI:
    """Return the chat model of an endpoint. `max_tokens` bounds one answer; what blocks goes over `line`.

    `connection` is told what happens to an answer that does not block; a `line` has its own.
    """
    asked = options or ModelOptions()
    max_tokens = max_tokens or asked.max_tokens
    if endpoint.is_embedded:
        max_tokens = min(max_tokens or EMBEDDED_MAX_TOKENS, EMBEDDED_MAX_TOKENS)
    model = CheckedChatOpenAI(
        model=asked.model or endpoint.model,
        base_url=endpoint.base_url,
        api_key=endpoint.api_key,
        max_completion_tokens=max_tokens,
        temperature=asked.temperature,
        seed=asked.seed,
        http_client=line.http if line else _unused_sync_client(),
        http_async_client=with_timing(http, connection) if connection else http,
        stream_usage=True,
        use_responses_api=False,
        max_retries=settings.retries,
        timeout=openai.Timeout(
            settings.idle_timeout_seconds, connect=min(CONNECT_TIMEOUT, settings.idle_timeout_seconds)
        ),
        stream_chunk_timeout=None,  # `chains.patience` bounds all waiting
        # Whether the field is set at all decides whether `invoke` streams.
        **({} if asked.streaming is None else {"streaming": asked.streaming}),
    )
    model.async_client = DictCompletions(model.root_async_client)
    for client in (model.root_client, model.root_async_client):
        check_answers(client)
        parse_once(client)
    return model


async def model_names(endpoint: Endpoint, http: httpx2.AsyncClient) -> tuple[str, ...]:
    """Return the names of the endpoint's models. Raises what the client raises; not every server can list them."""
    client = openai.AsyncOpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.api_key.get_secret_value(),
        http_client=http,
        max_retries=0,
        timeout=CONNECT_TIMEOUT,
    )
    return tuple(sorted([model.id async for model in client.models.list()]))


def warm_up_model() -> CheckedChatOpenAI:
    """Return a real ChatOpenAI whose transport answers in this process.

    Streaming from it once at the start loads and builds all that the first real answer would have to wait for.
    """

    def chunks() -> Iterator[str]:
        for delta, reason in (({"role": "assistant", "content": '{"category": "general"}'}, None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = {"id": "rehearsal", "object": "chat.completion.chunk", "created": 0, "model": "rehearsal"}
            yield f"data: {json.dumps(chunk | {'choices': [choice]})}\n\n"
        yield "data: [DONE]\n\n"

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, text="".join(chunks()))

    return CheckedChatOpenAI(
        model="rehearsal",
        base_url="http://127.0.0.1:9/v1",
        api_key=_NO_KEY_NEEDED,
        http_async_client=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    )
