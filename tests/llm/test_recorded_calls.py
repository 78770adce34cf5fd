"""A recording's calls, replayed as a chat model: the same chunks, tool calls and usage."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import BaseModel

from tests.support.planted_faults import planted, recording, sound_plan
from weir.analysis.run_comparison import first_difference
from weir.core.run_event import RunEvent
from weir.llm.replay_model import ReplayChatModel, ReplayedError, recorded_calls
from weir.runs.methods import Method
from weir.runs.recorder import Recorder
from weir.runs.recording_file import to_jsonl
from weir.runs.run import Run, Status

RECORDINGS = Path(__file__).parents[2] / "pages" / "assets" / "recordings"
USAGE = {"input_tokens": 12, "output_tokens": 3, "total_tokens": 15}


class ToolCaller(BaseChatModel):
    """Streams text and a tool call in parts, as OpenAI-compatible servers do."""

    @property
    def _llm_type(self) -> str:
        return "tool-caller"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        parts = [("measure", '{"dep', "call-1"), (None, 'th": 3}', None)]
        yield ChatGenerationChunk(message=AIMessageChunk(content="Let me see."))
        for name, args, call in parts:
            part = {"name": name, "args": args, "id": call, "index": 0, "type": "tool_call_chunk"}
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[part]))
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", usage_metadata=USAGE, response_metadata={"finish_reason": "tool_calls"})
        )


def run_of(recorder: Recorder, chain: Any, method: Method = Method.ASTREAM) -> Run:
    run = recorder.start(chain, "How deep is it?", method=method)
    assert run.wait(30)
    return run


def model_events(run: Run) -> Sequence[RunEvent]:
    return [event for event in run.events if event.event.startswith("on_chat_model_") and "start" not in event.event]


def test_a_replayed_run_has_the_same_chunks_tool_calls_and_usage(recorder: Recorder) -> None:
    first = run_of(recorder, ToolCaller())
    model = ReplayChatModel.from_recording(b"".join(to_jsonl(first)))
    second = run_of(recorder, model)
    parts = [_without_id(event.data) for event in model_events(first)]
    assert [_without_id(event.data) for event in model_events(second)] == parts
    message = model.invoke("How deep is it?")
    assert message.tool_calls[0]["args"] == {"depth": 3}
    assert message.usage_metadata == USAGE
    assert message.response_metadata["finish_reason"] == "tool_calls"


def test_a_replay_of_a_replay_differs_in_nothing(recorder: Recorder) -> None:
    first = run_of(recorder, ReplayChatModel.from_recording(recording(sound_plan(1))))
    second = run_of(recorder, ReplayChatModel.from_recording(first))
    assert first_difference(first.events, second.events) is None


@pytest.mark.parametrize(
    "path", sorted(Path("pages/assets/recordings").glob("[1236]*.jsonl")), ids=lambda path: path.name
)
def test_recordings_that_come_with_weir_replay_to_the_character(path: Path) -> None:
    model = ReplayChatModel.from_recording(path)
    for call in model.calls:
        texts = [chunk.text for chunk in model.stream("")]
        assert texts == [*(fields["content"] for _, fields in call.chunks), ""]


def test_calls_are_answered_in_order_and_then_again() -> None:
    (call,) = ReplayChatModel.from_texts(["one"]).calls
    (other,) = ReplayChatModel.from_texts(["two"]).calls
    model = ReplayChatModel(calls=(call, other), speed=None)
    assert [model.invoke("").text for _ in range(3)] == ["one", "two", "one"]
    chain = model | StrOutputParser()
    assert chain.batch(["", ""], config={"max_concurrency": 1}) == ["two", "one"]


def test_time_is_the_recorded_one_divided_by_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Line:
        def wait(self, seconds: float) -> None:
            waits.append(seconds)

    pieces = [(2.0, "one"), (4.0, "two")]
    for speed in (1.0, 4.0, None):
        list(ReplayChatModel.from_texts(pieces, speed=speed, connections=Line()).stream(""))
    assert waits[:3] == pytest.approx([2.0, 4.0, 4.0], abs=0.5)
    assert waits[3:6] == pytest.approx([0.5, 1.0, 1.0], abs=0.5)
    assert all(wait <= 0 for wait in waits[6:])


async def test_a_call_that_failed_ends_with_its_error() -> None:
    model = ReplayChatModel.from_recording(planted("a model that failed", 1))
    seen: list[str] = []

    async def read() -> None:
        async for chunk in model.astream(""):
            seen.append(chunk.text)  # noqa: PERF401

    with pytest.raises(ReplayedError, match=r"OpenAITimeoutError: Request timed out\."):
        await read()
    assert "".join(seen).startswith("{")
    with pytest.raises(ReplayedError):
        model.invoke("")


def test_a_call_that_was_invoked_is_one_chunk(recorder: Recorder) -> None:
    run = run_of(
        recorder, ReplayChatModel.from_texts(["Once", " upon"], input_tokens=1, output_tokens=2), Method.INVOKE
    )
    (call,) = recorded_calls(run.events)
    assert [fields["content"] for _, fields in call.chunks] == ["Once upon"]
    assert call.chunks[0][1]["usage_metadata"]["output_tokens"] == 2


def test_a_recording_without_a_model_is_refused(recorder: Recorder) -> None:
    run = run_of(recorder, StrOutputParser())
    with pytest.raises(ValueError, match=r"This recording has no call of a chat model\."):
        ReplayChatModel.from_recording(run)


class Depth(BaseModel):
    depth: int


def test_structured_output_comes_from_text_or_from_a_tool_call(recorder: Recorder) -> None:
    by_text = ReplayChatModel.from_texts(['{"depth"', ": 3}"])
    assert by_text.with_structured_output(Depth).invoke("") == Depth(depth=3)
    assert by_text.with_structured_output({"title": "Depth", "type": "object"}).invoke("") == {"depth": 3}
    by_call = ReplayChatModel.from_recording(_as_named(run_of(recorder, ToolCaller())))
    assert by_call.with_structured_output(Depth).invoke("") == Depth(depth=3)


def _as_named(run: Run) -> bytes:
    """Return the recording with a tool of the schema's name."""
    return b"".join(to_jsonl(run)).replace(b'"measure"', b'"Depth"')


def test_stop_ends_a_replayed_run(recorder: Recorder) -> None:
    run = recorder.start(ReplayChatModel.from_texts([(60.0, "late")]), "")
    run.stop()
    assert run.wait(30)
    assert run.status is Status.STOPPED


def _without_id(value: Any) -> Any:
    return json.loads(json.dumps(value), object_hook=lambda found: {k: v for k, v in found.items() if k != "id"})
