"""Trial of what a model can do: short requests, for a tool call and for JSON of a schema."""

import asyncio
import json
import logging
from collections.abc import Callable, Collection
from typing import Any

import openai
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda

from weir.config.capabilities import Capabilities, Capability
from weir.llm.chain_registry import ModelNotReadyError, PreparedRun
from weir.llm.provider import ModelOptions, ModelProvider

MAX_TOKENS = 400
"""Of each answer. A model that reasons needs some before it writes."""

NAME = "trial"
"""Name of the runs that try a model."""

_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "report_depth",
        "description": "Report the depth of the water.",
        "parameters": {"type": "object", "properties": {"metres": {"type": "integer"}}, "required": ["metres"]},
    },
}
_SCHEMA: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "depth",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"metres": {"type": "integer"}},
            "required": ["metres"],
            "additionalProperties": False,
        },
    },
}
_REQUESTS: dict[Capability, tuple[str, dict[str, Any]]] = {
    Capability.TOOLS: ("The water is 3 metres deep. Report it with the tool.", {"tools": [_TOOL]}),
    Capability.JSON_SCHEMA: (
        "The water is 3 metres deep. Answer as JSON with the field metres.",
        {"response_format": _SCHEMA},
    ),
}
_LOG = logging.getLogger(__name__)


class TrialError(Exception):
    """The model could not be tried. Its text says why, for people."""


async def try_capabilities(models: ModelProvider) -> Capabilities:
    """Ask a model to show what is not known of it, and return what that has shown. Call it on the runs' loop.

    Raises TrialError.
    """
    try:
        return await _ask(models, models.capabilities.unknown)
    except Exception as error:
        raise TrialError(f"{type(error).__name__}: {error}"[:300]) from error


def prepare_trial(models: ModelProvider, asked: Collection[Capability]) -> PreparedRun:
    """Return a run that asks a model to show these, and keeps what it finds out. Its output is that."""

    async def trial(_: Any, config: RunnableConfig) -> dict[str, bool]:
        found = await _ask(models, asked, config)
        try:
            await asyncio.to_thread(models.keep_capabilities, found)
        except OSError as error:
            _LOG.warning("what %s can do is known until Weir ends, as it cannot be kept: %s", models.name, error)
        return found.model_dump(exclude_none=True)

    return PreparedRun(RunnableLambda(trial), {"model": models.name, "asked": [str(one) for one in asked]})


async def _ask(
    models: ModelProvider, asked: Collection[Capability], config: RunnableConfig | None = None
) -> Capabilities:
    """Return what the answers show; nothing else is known.

    A request that the server refuses as such means that it cannot; any other error, which is raised, means nothing.
    """
    answers = {one: await _answer(models, one, config) for one in asked}
    found = {one: answer is not None and _SHOWN_BY[one](answer) for one, answer in answers.items()}
    has_thought = any(_has_reasoning(answer) for answer in answers.values() if answer is not None)
    # A grammar may keep a model from thinking.
    is_free = answers.get(Capability.TOOLS) is not None
    return Capabilities(**found, reasoning=has_thought if has_thought or is_free else None)


async def _answer(models: ModelProvider, asked: Capability, config: RunnableConfig | None) -> BaseMessage | None:
    """Return the answer; None if the server refuses such a request."""
    model = models.create_model(ModelOptions(max_tokens=MAX_TOKENS, retries=0, streaming=True))
    if model is None:
        raise ModelNotReadyError
    text, given = _REQUESTS[asked]
    try:
        return await model.bind(**given).ainvoke(text, config)
    except (openai.BadRequestError, openai.UnprocessableEntityError):
        return None


def _has_call(answer: BaseMessage) -> bool:
    return any(call["name"] == "report_depth" for call in getattr(answer, "tool_calls", ()))


def _has_json(answer: BaseMessage) -> bool:
    try:
        value = json.loads(answer.text)
    except ValueError:
        return False
    return isinstance(value, dict) and list(value) == ["metres"] and isinstance(value["metres"], int)


_SHOWN_BY: dict[Capability, Callable[[BaseMessage], bool]] = {
    Capability.TOOLS: _has_call,
    Capability.JSON_SCHEMA: _has_json,
}


def _has_reasoning(answer: BaseMessage) -> bool:
    details = (getattr(answer, "usage_metadata", None) or {}).get("output_token_details") or {}
    return bool(answer.additional_kwargs.get("reasoning_content") or details.get("reasoning"))
