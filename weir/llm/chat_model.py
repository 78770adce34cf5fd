"""The chat model of an endpoint: the only place that makes a ChatOpenAI."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import httpx2
import openai
from pydantic import HttpUrl, SecretStr

from weir.config.model_catalogue import CatalogueModel
from weir.config.settings import Settings
from weir.llm.abortable_client import AbortableConnections, tls_context
from weir.llm.idle_timeout import AsyncIdleTimeoutClient
from weir.llm.overrides.checked_chat_openai import CheckedChatOpenAI
from weir.llm.overrides.dict_completions import DictCompletions, check_answers, parse_at_end
from weir.llm.transport_timing import TransportTiming, with_timing

CONNECT_TIMEOUT_SECONDS = 5.0
"""Seconds to connect to the model's server. Waiting for its answer is bounded by `Settings.idle_timeout_seconds`."""

EMBEDDED_MAX_TOKENS = 700
"""Bound of every answer of the embedded model: a model of that size may never end an answer by itself."""

EMBEDDED_MAX_TOKENS_TO_CLASSIFY = 24
"""A category takes ten tokens. Constrained to a JSON schema, a model of that size may write blanks without end."""

PACKAGED_MAX_TOKENS = 300
"""Bound of an answer in prose of the packaged model, which drifts in longer ones."""

PACKAGED_TEMPERATURE = 0.0
"""Of the packaged model, where a person chooses none. From 0.3 on its stories contradict themselves."""

PACKAGED_SAMPLING: dict[str, Any] = {
    "repeat_penalty": 1.0,
    "dry_multiplier": 0.8,
    "dry_base": 1.75,
    "dry_allowed_length": 3,
    "dry_penalty_last_n": 512,
}
"""What llama.cpp's server takes besides OpenAI's parameters, for the packaged model. Without the DRY penalty it repeats
itself after some eighty tokens."""

PACKAGED_STORY_SAMPLING = PACKAGED_SAMPLING | {
    "repeat_penalty": 1.1,
    "repeat_last_n": 256,
    "logit_bias": [[2, 6.5]],
}
"""The same for stories. Token 2 is the end of an answer: a bias lets a story end before it drifts."""

PACKAGED_JSON_SAMPLING = {"repeat_penalty": 1.0}
"""The same for JSON, whose names and signs repeat: against a penalty it puts odd blanks between them."""

EMBEDDED_WINDOW = 2_500
"""Tokens of history. One slot of the embedded engine holds 4,096, for prompt, history and answer together."""

MODEL_NAME = "weir_model"
"""Key in the metadata of a call: the model's name in the catalogue."""

_NO_KEY_NEEDED = SecretStr("none")
"""Local servers (Ollama, vLLM, LM Studio) accept any key, but the openai client requires one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible server, and the name of the model to use there."""

    base_url: str | None
    """None: OpenAI's own server."""
    api_key: SecretStr
    model: str
    host: str
    """The host name as pages show it, or 'embedded'."""
    is_embedded: bool = False
    is_packaged: bool = False
    """Whether the model is the toy-sized one that comes with Weir."""
    name: str = ""
    """The model's name in the catalogue, which its calls have in their metadata; "" where it is the only one."""


def configured_endpoint(settings: Settings) -> Endpoint:
    """Return the endpoint that the settings name."""
    return _endpoint(settings.openai_base_url, settings.openai_api_key, settings.openai_model)


def catalogue_endpoint(model: CatalogueModel, *, name: str = "") -> Endpoint:
    """Return the endpoint of a model of the catalogue, which is not embedded."""
    return _endpoint(model.entry.base_url, model.key, model.model, name)


def _endpoint(url: HttpUrl | None, key: SecretStr | None, model: str, name: str = "") -> Endpoint:
    return Endpoint(
        base_url=str(url) if url else None,
        api_key=key or _NO_KEY_NEEDED,
        model=model,
        host=(f"{url.host}:{url.port}" if url.port not in (80, 443) else str(url.host)) if url else "OpenAI",
        name=name,
    )


def embedded_endpoint(url: str, api_key: str, model: str, *, is_packaged: bool = False, name: str = "") -> Endpoint:
    """Return the endpoint of the embedded engine."""
    address = f"{url.rstrip('/')}/v1"
    return Endpoint(address, SecretStr(api_key), model, "embedded", True, is_packaged, name)


class AnswerKind(Enum):
    """What an answer is, which the packaged model samples differently."""

    TEXT = "text"
    STORY = "story"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Parameters of a model. None leaves a parameter to the endpoint."""

    max_tokens: int | None = None
    """Bound of one answer."""
    temperature: float | None = None
    seed: int | None = None
    model: str | None = None
    """The name of another model of the same endpoint."""
    streaming: bool | None = None
    """Whether the model streams to its callbacks even when it is invoked for a whole answer."""
    kind: AnswerKind = AnswerKind.TEXT
    stop: tuple[str, ...] = ()
    """Texts that end an answer. They are not in it."""
    retries: int | None = None
    """How often a request that fails before its first chunk is retried. None: as the settings have it."""


_SAMPLING = {
    AnswerKind.TEXT: PACKAGED_SAMPLING,
    AnswerKind.STORY: PACKAGED_STORY_SAMPLING,
    AnswerKind.JSON: PACKAGED_JSON_SAMPLING,
}


@functools.cache
def _unused_sync_client() -> httpx2.Client:
    """Return the synchronous client that ChatOpenAI requires even if only asyncio is used. Making one takes 30 ms."""
    return openai.DefaultHttpxClient(verify=tls_context())


def http_client() -> httpx2.AsyncClient:
    """Return an asynchronous client for `chat_model`. It belongs to the loop that first uses it: close it there."""
    return AsyncIdleTimeoutClient(verify=tls_context())


def chat_model(
    endpoint: Endpoint,
    settings: Settings,
    http: httpx2.AsyncClient,
    *,
    max_tokens: int | None = None,
    options: ModelOptions | None = None,
    connections: AbortableConnections | None = None,
    timing: TransportTiming | None = None,
) -> CheckedChatOpenAI:
    """Return the chat model of an endpoint.

    `max_tokens` bounds one answer. Synchronous calls go over `connections`, if given. `timing` records the timing
    of asynchronous calls; `connections` have a TransportTiming themselves.
    """
    options = options or ModelOptions()
    max_tokens = max_tokens or options.max_tokens
    if endpoint.is_embedded:
        is_prose = endpoint.is_packaged and options.kind is not AnswerKind.JSON
        limit = PACKAGED_MAX_TOKENS if is_prose else EMBEDDED_MAX_TOKENS
        max_tokens = min(max_tokens or limit, limit)
    temperature = options.temperature
    if endpoint.is_packaged and temperature is None:
        temperature = PACKAGED_TEMPERATURE
    model = CheckedChatOpenAI(
        model=options.model or endpoint.model,
        base_url=endpoint.base_url,
        api_key=endpoint.api_key,
        max_completion_tokens=max_tokens,
        temperature=temperature,
        seed=options.seed,
        stop_sequences=list(options.stop) or None,
        http_client=connections.http if connections else _unused_sync_client(),
        http_async_client=with_timing(http, timing) if timing else http,
        extra_body=_SAMPLING[options.kind] if endpoint.is_packaged else None,
        stream_usage=True,
        use_responses_api=False,
        max_retries=settings.retries if options.retries is None else options.retries,
        timeout=openai.Timeout(
            settings.idle_timeout_seconds, connect=min(CONNECT_TIMEOUT_SECONDS, settings.idle_timeout_seconds)
        ),
        metadata={MODEL_NAME: endpoint.name} if endpoint.name else None,
        stream_chunk_timeout=None,  # `weir.llm.idle_timeout` bounds all waiting
        # LangChain streams on `invoke` depending on whether the field is set at all, so None must not be passed.
        **({} if options.streaming is None else {"streaming": options.streaming}),
    )
    model.async_client = DictCompletions(model.root_async_client)
    for client in (model.root_client, model.root_async_client):
        check_answers(client)
        parse_at_end(client)
    return model


async def model_names(endpoint: Endpoint, http: httpx2.AsyncClient) -> tuple[str, ...]:
    """Return the names of the endpoint's models. Raises OpenAIError, for example if the server cannot list them."""
    client = openai.AsyncOpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.api_key.get_secret_value(),
        http_client=http,
        max_retries=0,
        timeout=CONNECT_TIMEOUT_SECONDS,
    )
    return tuple(sorted([model.id async for model in client.models.list()]))


def warm_up_model() -> CheckedChatOpenAI:
    """Return a ChatOpenAI whose transport answers in this process.

    Streaming from it once at the start imports and builds what the first real answer would otherwise wait for.
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
