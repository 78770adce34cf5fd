"""Chat model that answers with recorded calls: the same chunks, tool calls and usage, in time or at once."""

import asyncio
import copy
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import BaseModel, Field, PrivateAttr

from weir.core.run_event import RunEvent
from weir.llm.abortable_client import RunAbortedError
from weir.runs.recording_file import from_jsonl

_MESSAGE_FIELDS = frozenset(
    {"content", "additional_kwargs", "response_metadata", "tool_call_chunks", "tool_calls", "usage_metadata"}
    | {"chunk_position", "name"}
)
"""Fields of a recorded message that are replayed. LangChain gives each call an id of its own."""

_LAST = {"content": "", "chunk_position": "last"}
"""Chunk that LangChain adds to a stream without one (`BaseChatModel.astream`)."""


class ReplayedError(Exception):
    """The error with which a recorded call ended."""


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


@dataclass(frozen=True, slots=True)
class ReplayCall:
    """One recorded call of a chat model."""

    chunks: tuple[tuple[float, dict[str, Any]], ...]
    """Pairs of the seconds since the call and the fields of a message chunk."""
    ended: float = 0.0
    """Seconds from the call to its end."""
    error: str = ""
    """Error with which it ended; "" if it ended well."""


class HasEvents(Protocol):
    """A run or a recording: what has events."""

    @property
    def events(self) -> Sequence[RunEvent]: ...


class ReplayChatModel(BaseChatModel):
    """Chat model that answers any prompt with recorded calls, in order; after the last it begins again.

    >>> model = ReplayChatModel.from_texts(["Once", " upon"])
    >>> [chunk.text for chunk in model.stream("Tell a story")]
    ['Once', ' upon', '']
    >>> model.invoke("Tell a story").text
    'Once upon'
    """

    calls: tuple[ReplayCall, ...]
    """Calls, at least one."""
    speed: float | None = 1.0
    """Factor of the recorded speed; None: at once."""
    streaming: bool = False
    connections: Any = Field(default_factory=ReplayAbort, exclude=True)
    _numbers: Any = PrivateAttr(default_factory=itertools.count)

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str | tuple[float, str]],
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        **fields: Any,
    ) -> "ReplayChatModel":
        """Return a model with one answer: its chunks, or pairs of the seconds since the call and the chunk."""
        pieces = [(0.0, text) if isinstance(text, str) else text for text in texts]
        last: dict[str, Any] = {
            "content": "",
            "response_metadata": {"finish_reason": "stop"},
            "chunk_position": "last",
        }
        if input_tokens is not None and output_tokens is not None:
            total = input_tokens + output_tokens
            last["usage_metadata"] = {
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "total_tokens": total,
            }
        end = pieces[-1][0] if pieces else 0.0
        chunks = [*((seconds, {"content": text}) for seconds, text in pieces), (end, last)]
        return cls(calls=(ReplayCall(tuple(chunks), end),), **fields)

    @classmethod
    def from_recording(
        cls, recording: HasEvents | str | Path | bytes, *, speed: float | None = None, **fields: Any
    ) -> "ReplayChatModel":
        """Return a model with the calls of a recording: a file, its content, or a `Recording`.

        A recorded call that failed ends with ReplayedError. Raises RecordingError, OSError, and ValueError if no chat
        model was called.
        """
        if isinstance(recording, str | Path):
            recording = Path(recording).read_bytes()
        recorded: HasEvents = from_jsonl(recording) if isinstance(recording, bytes) else recording
        calls = recorded_calls(recorded.events)
        if not calls:
            raise ValueError("This recording has no call of a chat model.")
        return cls(calls=calls, speed=speed, **fields)

    @property
    def _llm_type(self) -> str:
        return "replayed"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> "ReplayChatModel":  # noqa: ARG002
        """Return the model: its tool calls are the recorded ones."""
        return self

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        """Return a Runnable that parses the recorded tool call, or the recorded JSON text."""
        if include_raw or any(fields.get("tool_call_chunks") or fields.get("tool_calls") for fields in self._fields()):
            return super().with_structured_output(schema, include_raw=include_raw, **kwargs)
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            return self | PydanticOutputParser(pydantic_object=schema)
        return self | JsonOutputParser()

    def _fields(self) -> Iterator[dict[str, Any]]:
        return (fields for call in self.calls for _, fields in call.chunks)

    def _next_call(self) -> ReplayCall:
        number: int = next(self._numbers)
        return self.calls[number % len(self.calls)]

    def _seconds(self, recorded: float) -> float:
        return recorded / self.speed if self.speed else 0.0

    def _stream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        call, started_at = self._next_call(), time.monotonic()
        for seconds, fields in call.chunks:
            self.connections.wait(started_at + self._seconds(seconds) - time.monotonic())
            yield _chunk(fields)
        if call.error:
            raise ReplayedError(call.error)

    async def _astream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        call, started_at = self._next_call(), time.monotonic()
        for seconds, fields in call.chunks:
            await asyncio.sleep(max(0.0, started_at + self._seconds(seconds) - time.monotonic()))
            yield _chunk(fields)
        if call.error:
            raise ReplayedError(call.error)

    def _generate(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> ChatResult:
        call = self._next_call()
        self.connections.wait(self._seconds(call.ended))
        if call.error:
            raise ReplayedError(call.error)
        return generate_from_stream(_chunk(fields) for _, fields in call.chunks)


def recorded_calls(events: Iterable[RunEvent]) -> tuple[ReplayCall, ...]:
    """Return the calls of chat models among the events of a run, in the order of their starts.

    A call that was not streamed has its whole answer as one chunk. The chunk that LangChain adds is left out, as it
    is added to the replayed stream too.
    """
    started: dict[str, float] = {}
    chunks: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    ends: dict[str, tuple[float, str]] = {}
    for event in events:
        if event.event == "on_chat_model_start":
            started[event.run_id], chunks[event.run_id] = event.elapsed, []
        elif event.run_id not in started:
            continue
        elif event.event == "on_chat_model_stream":
            chunks[event.run_id].append((event.elapsed - started[event.run_id], _fields_of(event.get("chunk"))))
        elif event.event == "on_chat_model_end":
            seconds = event.elapsed - started[event.run_id]
            ends[event.run_id] = seconds, ""
            if chunks[event.run_id] and chunks[event.run_id][-1][1] == _LAST:
                chunks[event.run_id].pop()
            chunks[event.run_id] = chunks[event.run_id] or [(seconds, _fields_of(event.get("output")))]
        elif event.event == "on_chat_model_error":
            error = event.get("error")
            text = f"{error.get('type')}: {error.get('message')}" if isinstance(error, dict) else str(error)
            ends[event.run_id] = event.elapsed - started[event.run_id], text
    return tuple(
        ReplayCall(tuple(chunks[run_id]), *ends.get(run_id, (0.0, "The recording ends before this call does.")))
        for run_id in started
    )


def _fields_of(message: Any) -> dict[str, Any]:
    """Return the fields of a recorded message that are replayed; an empty content where it is no message."""
    fields = (
        {key: value for key, value in message.items() if key in _MESSAGE_FIELDS} if isinstance(message, dict) else {}
    )
    return {"content": "", **fields}


def _chunk(fields: dict[str, Any]) -> ChatGenerationChunk:
    # LangChain writes into the message, so each call needs one of its own. Pydantic copies no nested dicts.
    return ChatGenerationChunk(message=AIMessageChunk(**copy.deepcopy(fields)))
