"""Requests of the OpenAI-compatible door: a chat completion, as a run that can be started."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import convert_to_messages
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weir.analysis.method_race import timed_chunks
from weir.analysis.metrics import run_metrics
from weir.api.gateway_errors import GatewayError, invalid
from weir.llm.chain_registry import (
    ChainRegistry,
    ChatInput,
    ModelNotReadyError,
    PreparedRun,
    UnknownChainError,
)
from weir.llm.provider import ModelProvider
from weir.llm.replay_model import ReplayAbort, ReplayChatModel, recorded_calls
from weir.runs.run import Run

CHAIN, REPLAY = "weir/", "replay:"
"""Beginnings of the names of chains and of recorded runs; any other name is a model's."""

PASSED_ON = (
    *("temperature", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty", "logit_bias"),
    *("response_format", "reasoning_effort", "tools", "tool_choice", "parallel_tool_calls", "user"),
)
"""Fields of a request that a plain model gets as they are."""

_REFUSED = ("functions", "function_call", "logprobs", "top_logprobs", "audio", "modalities", "prediction")
"""Fields that change what an answer is, and that Weir cannot serve."""

_ROLES = {"user": "human", "assistant": "ai"}


class StreamOptions(BaseModel):
    """How an answer is streamed."""

    include_usage: bool | None = Field(None, description="Whether a last chunk has the usage")


class ChatRequest(BaseModel):
    """A chat completion as OpenAI's API has it. Fields that are not known are ignored, as clients send many."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=200, description="A name of GET /v1/models", examples=["weir/smart_router"])
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=2_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    max_tokens: int | None = Field(None, ge=1, le=10**9)
    max_completion_tokens: int | None = Field(None, ge=1, le=10**9)

    @property
    def wants_usage(self) -> bool:
        """Whether the last chunk of a stream is to have the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def field(self, name: str) -> Any:
        """Return another field of the request; None if it has none of that name."""
        return (self.model_extra or {}).get(name)


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A run that answers a request, ready to be started."""

    prepared: PreparedRun
    name: str
    is_plain: bool
    """Whether a model answers, whose chunks go to the client as they are; else a chain, whose text goes there."""
    costs_tokens: bool = True


def prepare_call(body: ChatRequest, models: ModelProvider, registry: ChainRegistry) -> PreparedCall:
    """Return the run for a request to a model or a chain. Raises GatewayError, or what `ChainSpec.prepare` raises."""
    if body.n not in (None, 1):
        raise invalid("Weir gives one answer to a request: leave `n` out.", "n")
    for name in _REFUSED:
        if body.field(name):
            raise invalid(f"Weir does not serve `{name}`.", name, "unsupported_parameter")
    if body.model.startswith(CHAIN):
        return _prepare_chain(body, models, registry)
    model = models.catalogue.get(body.model)
    if model is None:
        raise unknown_model(body.model)
    return _prepare_model(body, models.select(model.name))


def unknown_model(name: str) -> GatewayError:
    """Return the error for a model that does not exist."""
    return GatewayError(
        404, f"There is no model {name!r}: GET /v1/models lists them.", "model_not_found", param="model"
    )


def _prepare_model(body: ChatRequest, models: ModelProvider) -> PreparedCall:
    if body.field("tools") and models.capabilities.tools is False:
        raise invalid(f"{models.name} cannot call tools.", "tools", "unsupported_parameter")
    model = models.chat_model()
    if model is None:
        raise ModelNotReadyError
    given = {name: value for name in PASSED_ON if (value := body.field(name)) is not None}
    if longest := body.max_completion_tokens or body.max_tokens:
        given["max_tokens"] = min(longest, model.max_tokens or longest)
    try:
        messages = convert_to_messages(body.messages)
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise invalid(f"The messages cannot be read: {type(error).__name__}.", "messages") from error
    return PreparedCall(PreparedRun(model.bind(**given) if given else model, messages), models.name, is_plain=True)


def _prepare_chain(body: ChatRequest, models: ModelProvider, registry: ChainRegistry) -> PreparedCall:
    try:
        chain = registry.get(body.model.removeprefix(CHAIN))
    except UnknownChainError:
        raise unknown_model(body.model) from None
    if chain.chat is None or not chain.takes_chat:
        raise invalid(f"The chain {chain.name} takes no conversation: run it with POST /api/runs.", "model")
    if body.field("tools"):
        raise invalid(
            f"{body.model} calls no tools of a client: ask a model for that.", "tools", "unsupported_parameter"
        )
    try:
        inputs = chain.inputs_for(chain.chat(conversation(body.messages)))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise invalid(f"{field}: {problem['msg']}", "messages") from None
    return PreparedCall(chain.prepare(models, inputs), chain.name, is_plain=False)


def prepare_replay(run: Run) -> PreparedCall:
    """Return the run that answers as a recorded one did, with its timing and without a model."""
    calls = recorded_calls(run.events)
    is_plain = bool(calls) and run.events[0].event == "on_chat_model_start"
    if is_plain:
        model = ReplayChatModel(calls=calls[-1:], speed=1.0)
    else:
        metrics = run_metrics(run.events)
        model = ReplayChatModel.from_texts(
            timed_chunks(run), input_tokens=metrics.tokens_in, output_tokens=metrics.tokens_out
        )
    connections = ReplayAbort()
    model.connections = connections
    return PreparedCall(
        PreparedRun(model, [("human", f"Replay {run.id}")], connections=connections), "replay", True, costs_tokens=False
    )


def conversation(messages: Sequence[dict[str, Any]]) -> ChatInput:
    """Return the messages as a chain takes them. Raises GatewayError for what a chain cannot take."""
    system: list[str] = []
    history: list[tuple[str, str]] = []
    for number, message in enumerate(messages):
        role, at = message.get("role"), f"messages[{number}]"
        text = _text(message.get("content"), at)
        if role in ("system", "developer"):
            system.append(text)
        elif role in _ROLES:
            history.append((_ROLES[role], text))
        else:
            raise invalid(f"{at}.role: a chain takes system, user and assistant, not {role!r}.", f"{at}.role")
    if not history or history[-1][0] != "human":
        raise invalid("The last message must be the user's.", "messages")
    earlier = tuple((role, text) for role, text in history[:-1] if text.strip())
    return ChatInput(history[-1][1], earlier, "\n\n".join(filter(None, system)))


def _text(content: Any, at: str) -> str:
    """Return the text of a message's content. Raises GatewayError for a part that is none."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = content if isinstance(content, list) else [content]
    for number, part in enumerate(parts):
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise invalid("A chain takes text alone.", f"{at}.content[{number}]", "unsupported_content")
    return "".join(part["text"] for part in parts)
