"""Fake chat model of a broken server, whose integration checks nothing."""

from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult


class OddModel(BaseChatModel):
    """Chat model that passes any chunks, usage and metadata of its server on."""

    chunks: list[Any]
    usage: Any = None
    about: Any = None

    @property
    def _llm_type(self) -> str:
        return "odd"

    def _message(self, kind: type[BaseMessage], content: Any, *, is_last: bool) -> Any:
        message = kind(content="")
        message.content = content
        if is_last:
            message.usage_metadata = self.usage  # type: ignore[attr-defined]
            message.response_metadata = self.about
        return message

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        message = self._message(AIMessage, self.chunks, is_last=True)
        return ChatResult(generations=[ChatGeneration.model_construct(message=message, text="")])

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for number, content in enumerate(self.chunks, 1):
            message = self._message(AIMessageChunk, content, is_last=number == len(self.chunks))
            yield ChatGenerationChunk.model_construct(message=message, text="")
