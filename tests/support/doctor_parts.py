"""Parts of chains that spend time on a clock of their own: models, retrievers and tools, so that no test waits."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, AsyncCallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import BaseTool, tool
from pydantic import Field

STORY = "Once upon a time there was a weir in a river, and the water ran over it by day and by night."


TURNS = 20
"""Turns of the event loop in which what needs no time is done."""


class Clock:
    """Clock that goes on only when somebody waits on it. Waits at the same time overlap, as real ones do."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[float] = []

    def __call__(self) -> float:
        self.now += 1e-5
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass: the others first go on as far as they can without time, then who is due first."""
        due = self.now + seconds
        self._due.append(due)
        while self.now < due:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if min(self._due) >= due:
                self.now = due
        self._due.remove(due)


class TimedModel(BaseChatModel):
    """Chat model that writes `text` word by word on a clock."""

    clock: Any
    text: str = STORY
    texts: list[str] = Field(default_factory=list)
    """Other texts, for the first calls."""
    first: float = 0.4
    """Seconds to its first chunk."""
    gap: float = 0.02
    gaps: dict[int, float] = Field(default_factory=dict)
    """Other gaps, by the number of the chunk."""
    finish: str | None = "stop"
    usage: bool = True
    fails: int = 0
    """How many of its calls fail, after `first` seconds."""
    calls: list[dict[str, Any]] = Field(default_factory=list)
    """Tool calls; each is the answer of one call of the model, before the text."""
    disable_streaming: bool = False

    @property
    def _llm_type(self) -> str:
        return "timed"

    def bind_tools(self, tools: Any, **options: Any) -> Runnable[Any, Any]:  # noqa: ARG002
        return self.bind(**options)

    def _messages(self) -> Iterator[AIMessageChunk]:
        if self.calls:
            call = self.calls.pop(0)
            yield AIMessageChunk(content="", tool_call_chunks=[{"type": "tool_call_chunk", "index": 0, **call}])
        else:
            text = self.texts.pop(0) if self.texts else self.text
            for number, word in enumerate(text.split(" ")):
                yield AIMessageChunk(content=word if number == 0 else f" {word}")
        metadata = {"model_provider": "openai", **({"finish_reason": self.finish} if self.finish else {})}
        counted = {"input_tokens": 12, "output_tokens": 20, "total_tokens": 32} if self.usage else None
        yield AIMessageChunk(content="", response_metadata=metadata, usage_metadata=counted, chunk_position="last")

    async def _astream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        await self.clock.sleep(self.first)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("The server is overloaded")
        for number, message in enumerate(self._messages()):
            if number:
                await self.clock.sleep(self.gaps.get(number, self.gap))
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                await run_manager.on_llm_new_token(message.text, chunk=chunk)
            yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, None, **kwargs))

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError


class OtherModel(TimedModel):
    """The same under another name."""


class Docs(BaseRetriever):
    """Retriever that takes `seconds`."""

    clock: Any
    seconds: float = 0.1
    calls: int = 0

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
    ) -> list[Document]:
        await self.clock.sleep(self.seconds)
        return [Document(page_content=f"{query} is on page {number}") for number in range(3)]

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        raise NotImplementedError


def as_text(documents: Sequence[Document]) -> str:
    """Join documents, as LangChain's tutorials do."""
    return "\n\n".join(document.page_content for document in documents)


def lookup(clock: Clock, seconds: float, name: str = "lookup") -> RunnableLambda[Any, Any]:
    """Return a step that takes so long and gives its input on."""

    async def step(value: Any) -> Any:
        await clock.sleep(seconds)
        return value

    return RunnableLambda(step, name=name)


def search_tool(clock: Clock, seconds: float, name: str = "search", *, fails: int = 0) -> BaseTool:
    """Return a tool that takes so long, and fails the first few times."""
    failures = [fails]

    @tool(name)
    async def call(query: str) -> str:
        """Search."""
        await clock.sleep(seconds)
        if failures[0]:
            failures[0] -= 1
            raise ValueError("no such river")
        return f"found {query}"

    return call


def call_of(name: str, query: str, number: int = 0) -> dict[str, Any]:
    """Return a tool call as a model writes it."""
    return {"name": name, "args": f'{{"query": "{query}"}}', "id": f"call-{number}"}


async def upper(chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    """Pass chunks on as they come."""
    async for chunk in chunks:
        yield chunk.upper()
