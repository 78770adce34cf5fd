"""ChatOpenAI that keeps reasoning and a streamed refusal, and raises an error for an answer that is none."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import langchain_openai
import openai
from langchain_core.exceptions import LangChainException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, BaseMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ValidationError

from weir.llm.invalid_answers import MalformedAnswerError, NoAnswerError, ToolCallsOnlyError

MAX_DETAIL = 200
"""Characters of an error's detail: what the server sent instead of an answer."""

_UNEXPECTED_SHAPE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Errors that LangChain and the openai client raise for an object of another shape than they expect."""

_CLEAR_ERRORS = (json.JSONDecodeError, UnicodeDecodeError, ValidationError)
"""Subclasses of those whose own text says what is wrong."""


class CheckedChatOpenAI(langchain_openai.ChatOpenAI):
    """ChatOpenAI that checks each answer.

    LangChain's drops the text of a refusal that is streamed, returns an empty answer as one, and fails with an
    AttributeError or the like where the server's objects have another shape. Raises AnswerError instead. It drops the
    reasoning of OpenAI-compatible servers too, which is kept here as `additional_kwargs["reasoning_content"]`.
    """

    name: str | None = "ChatOpenAI"
    """The name in events: that of LangChain's class."""

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type[BaseMessageChunk], base_generation_info: Any
    ) -> ChatGenerationChunk | None:
        generation = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        choices = chunk.get("choices") or (chunk.get("chunk") or {}).get("choices")
        delta = (choices[0].get("delta") or {}) if choices else {}
        if generation is not None and (refusal := delta.get("refusal")):
            generation.message.additional_kwargs["refusal"] = refusal
        if generation is not None and (reasoning := delta.get("reasoning_content")):
            generation.message.additional_kwargs["reasoning_content"] = reasoning
        return generation

    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        result = super()._create_chat_result(response, generation_info)
        whole = response if isinstance(response, dict) else response.model_dump(include={"choices"}, warnings=False)
        for generation, choice in zip(result.generations, whole["choices"], strict=False):
            if reasoning := choice["message"].get("reasoning_content"):
                generation.message.additional_kwargs["reasoning_content"] = reasoning
        return result

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        check = _AnswerCheck(self, kwargs)
        with check.translate_errors(), contextlib.closing(super()._stream(*args, **kwargs)) as chunks:  # type: ignore[type-var]
            for chunk in chunks:
                check.add(chunk.message)
                yield chunk
        check.raise_if_no_answer()

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        check = _AnswerCheck(self, kwargs)
        with check.translate_errors():
            async with contextlib.aclosing(super()._astream(*args, **kwargs)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    check.add(chunk.message)
                    yield chunk
        check.raise_if_no_answer()

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        check = _AnswerCheck(self, kwargs)
        with check.translate_errors():
            result = super()._generate(*args, **kwargs)
        return check.checked_result(result)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        check = _AnswerCheck(self, kwargs)
        with check.translate_errors():
            result = await super()._agenerate(*args, **kwargs)
        return check.checked_result(result)


class _AnswerCheck:
    """Collects what one answer consists of, and checks it at its end."""

    def __init__(self, model: langchain_openai.ChatOpenAI, kwargs: dict[str, Any]) -> None:
        request = model.model_kwargs | kwargs
        self._offers_tools = bool(request.get("tools") or request.get("functions"))
        self._has_choice = False
        self._has_text = False
        self._tool_names: dict[str, None] = {}

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise MalformedAnswerError where LangChain fails on an object of the server's.

        Errors of the openai client and of LangChain pass as they are.
        """
        try:
            yield
        except (openai.OpenAIError, LangChainException, *_CLEAR_ERRORS):
            raise
        except _UNEXPECTED_SHAPE_ERRORS as error:
            raise MalformedAnswerError(f"{type(error).__name__}: {error}"[:MAX_DETAIL]) from error

    def add(self, message: BaseMessage) -> None:
        """Note what a message or a chunk of it has."""
        # LangChain sets the provider only for a chunk that has a choice.
        self._has_choice = self._has_choice or "model_provider" in message.response_metadata
        self._has_text = self._has_text or bool(message.content or message.additional_kwargs.get("refusal"))
        if isinstance(message, AIMessageChunk):
            # A call without a name counts too: LangChain makes a tool call of it.
            self._tool_names |= {call["name"] or "": None for call in message.tool_call_chunks}
        elif isinstance(message, AIMessage):
            calls = (*message.tool_calls, *message.invalid_tool_calls)
            self._tool_names |= {call["name"] or "": None for call in calls}
        if call := message.additional_kwargs.get("function_call"):
            self._tool_names[call.get("name") or ""] = None

    def raise_if_no_answer(self) -> None:
        """Raise AnswerError if there was no choice, or only calls of tools that the model was not given."""
        if not self._has_choice:
            raise NoAnswerError("no choice")
        if self._tool_names and not self._has_text and not self._offers_tools:
            raise ToolCallsOnlyError(", ".join(filter(None, self._tool_names))[:MAX_DETAIL])

    def checked_result(self, result: ChatResult) -> ChatResult:
        """Return the result of a whole answer. Raises AnswerError if it is none."""
        for generation in result.generations:
            self._has_choice = True
            self.add(generation.message)
        self.raise_if_no_answer()
        return result
