"""Trial of what a model can do: two short requests, sent only when somebody asks for it."""

import json
from typing import Any

import openai
from langchain_core.messages import BaseMessage

from weir.config.capabilities import Capabilities, capabilities_of
from weir.llm.provider import ModelOptions, ModelProvider

MAX_TOKENS = 400
"""Of each answer. A model that reasons needs some before it writes."""

REQUESTS = 2
"""Requests of a trial, at most."""

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
_ASK_TOOL = "The water is 3 metres deep. Report it with the tool."
_ASK_JSON = "The water is 3 metres deep. Answer as JSON with the field metres."


class TrialError(Exception):
    """The model could not be tried. Its text says why, for people."""


async def try_capabilities(models: ModelProvider) -> Capabilities:
    """Ask a model for a tool call and for JSON of a schema, as far as that is not known. Call it on the runs' loop.

    A request that the server refuses as such means that it cannot; any other error, TrialError, means nothing.
    """
    known = capabilities_of(models.model)
    tools, tooled = (known.tools, None) if known.tools is not None else await _try(models, _ASK_TOOL, tools=[_TOOL])
    schema, shaped = (
        (known.json_schema, None)
        if known.json_schema is not None
        else await _try(models, _ASK_JSON, response_format=_SCHEMA)
    )
    if tooled is not None:
        tools = any(call["name"] == "report_depth" for call in getattr(tooled, "tool_calls", ()))
    if shaped is not None:
        schema = _fits(shaped.text)
    answers = [answer for answer in (tooled, shaped) if answer is not None]
    reasoning = any(map(_reasons, answers)) if answers and known.reasoning is None else known.reasoning
    return Capabilities(tools=tools, json_schema=schema, reasoning=reasoning)


async def _try(models: ModelProvider, text: str, **given: Any) -> tuple[bool | None, BaseMessage | None]:
    """Return False if the server refuses such a request, else the answer."""
    model = models.create_model(ModelOptions(max_tokens=MAX_TOKENS, retries=0, streaming=True))
    if model is None:
        raise TrialError("the embedded model is not loaded")
    try:
        return None, await model.bind(**given).ainvoke(text)
    except (openai.BadRequestError, openai.UnprocessableEntityError):
        return False, None
    except Exception as error:
        raise TrialError(f"{type(error).__name__}: {error}"[:300]) from error


def _fits(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and list(value) == ["metres"] and isinstance(value["metres"], int)


def _reasons(answer: BaseMessage) -> bool:
    details = (getattr(answer, "usage_metadata", None) or {}).get("output_token_details") or {}
    return bool(answer.additional_kwargs.get("reasoning_content") or details.get("reasoning"))
