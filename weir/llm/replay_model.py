"""Chat model that replays a recorded answer with its timing, for comparing ways to stream."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from weir.llm.abortable_client import RunAbortedError


class ReplayAbort:
    """Waiting of a thread that replays an answer; `abort` wakes it."""

    def __init__(self) -> None:
        self._aborted = threading.Event()

    def wait(self, seconds: float) -> None:
        """Wait so many seconds. Raises RunAbortedError if the run is aborted meanwhile, or has been."""
        if self._aborted.wait(max(0.0, seconds)):
            raise RunAbortedError

    def abort(self) -> None:
        """Wake the thread that waits."""
        self._aborted.set()

    def close(self) -> None:
        """Do nothing: there is no connection to close."""


class ReplayChatModel(BaseChatModel):
    """Answers any prompt with the recorded pieces; without streaming, with the whole text at the time of the last."""

    pieces: tuple[tuple[float, str], ...]
    """Pairs of the seconds since the call and the text."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    streaming: bool = False
    connections: Any = Field(default_factory=ReplayAbort, exclude=True)

    @property
    def _llm_type(self) -> str:
        return "replayed"

    @property
    def _usage(self) -> UsageMetadata | None:
        if self.input_tokens is None or self.output_tokens is None:
            return None
        total = self.input_tokens + self.output_tokens
        return UsageMetadata(input_tokens=self.input_tokens, output_tokens=self.output_tokens, total_tokens=total)

    def _stream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        started_at = time.monotonic()
        for seconds, text in self.pieces:
            self.connections.wait(started_at + seconds - time.monotonic())
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        yield self._last()

    async def _astream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        started_at = time.monotonic()
        for seconds, text in self.pieces:
            await asyncio.sleep(max(0.0, started_at + seconds - time.monotonic()))
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        yield self._last()

    def _generate(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> ChatResult:
        self.connections.wait(self.pieces[-1][0] if self.pieces else 0.0)
        message = AIMessage(
            content="".join(text for _, text in self.pieces),
            usage_metadata=self._usage,
            response_metadata={"finish_reason": "stop"},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _last(self) -> ChatGenerationChunk:
        message = AIMessageChunk(
            content="", usage_metadata=self._usage, response_metadata={"finish_reason": "stop"}, chunk_position="last"
        )
        return ChatGenerationChunk(message=message)
